# Run by cpack before a package is closed: what Debian wants in /usr/share/doc of each, and why lintian is overruled.
# An installation by `cmake --install` has none of it.
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(root ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share)
  if(NOT EXISTS ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr)
    message(FATAL_ERROR "${CPACK_TEMPORARY_DIRECTORY}/${component}/usr is not there, expected component ${component}")
  endif()
  file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright DESTINATION ${root}/doc/${package})
  execute_process(COMMAND gzip -9nc ${CMAKE_CURRENT_LIST_DIR}/changelog
    OUTPUT_FILE ${root}/doc/${package}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)

  file(GLOB pages ${root}/man/man1/*.1)
  if(pages)
    execute_process(COMMAND gzip -9nf ${pages} COMMAND_ERROR_IS_FATAL ANY)
  endif()

  # A line for one package begins with its name in brackets; lintian wants that name before a colon, or none.
  file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/lintian-overrides lines)
  set(overrides "")
  foreach(line IN LISTS lines)
    if(line MATCHES "^\\[([a-z-]+)\\] (.*)$")
      if(NOT CMAKE_MATCH_1 STREQUAL package)
        continue()
      endif()
      set(line "${CMAKE_MATCH_2}")
    endif()
    string(APPEND overrides "${line}\n")
  endforeach()
  file(WRITE ${root}/lintian/overrides/${package} "${overrides}")
endforeach()

# The compiler's programs contain these: their notices come along.
foreach(library liblld-22-dev libcli11-dev nlohmann-json3-dev)
  if(EXISTS /usr/share/doc/${library}/copyright)
    file(COPY /usr/share/doc/${library}/copyright
      DESTINATION ${CPACK_TEMPORARY_DIRECTORY}/compiler/usr/share/doc/nnfc/contained/${library})
  endif()
endforeach()
