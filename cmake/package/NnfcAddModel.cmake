# nnfc_add_model(TARGET name MODEL file
#                [NAME name]              in symbols and file names; default: the target
#                [CLASS Class]            of the C++ header; default: NAME in camel case
#                [DIM N=8 M=1:32 ...]     named sizes to fix, or their bounds
#                [CPU x86-64-v3 ...]      default: the machine's that compiles; of several the best that runs is chosen
#                [CUDA sm_80 ...]         kernels for GPUs
#                [WEIGHTS embed|external] external: in a file beside the library; the target is a shared library then, and
#                                         install(TARGETS ... LIBRARY DESTINATION d RESOURCE DESTINATION d) takes both
#                [TEST_DIM N=4 ...]       sizes that the smoke test takes; default: the smallest that the model says
#                [DEPENDS file ...]       more that the model is made of; what nnfc itself reads is known
#                [OPTIONS ...])           more for nnfc compile
#
# A library target with the compiled model, made at build time, anew when the model, a file it names or the compiler has
# changed. It brings NAME.h (C), NAME.hpp (the class, C++20) and the runtime. Beside it, built when asked for:
#   <target>_smoke_test   runs the model on made-up inputs, twice; known to ctest where testing is enabled
#   <target>_benchmark    measures it
cmake_policy(VERSION 3.20...3.25)

# What is wrong with a call that can be seen before the build; nnfc finds the rest.
function(_nnfc_check_model)
  if(ARG_UNPARSED_ARGUMENTS OR ARG_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "nnfc_add_model: found '${ARG_UNPARSED_ARGUMENTS}${ARG_KEYWORDS_MISSING_VALUES}', expected "
      "TARGET, MODEL, NAME, CLASS, DIM, CPU, CUDA, WEIGHTS, TEST_DIM, DEPENDS or OPTIONS, each with a value")
  endif()
  foreach(needed TARGET MODEL)
    if(NOT ARG_${needed})
      message(FATAL_ERROR "nnfc_add_model: no ${needed} given")
    endif()
  endforeach()
  if(NOT TARGET nnfc::nnfc)
    message(FATAL_ERROR "nnfc_add_model: the compiler is not there, expected find_package(nnfc COMPONENTS compiler)")
  endif()
  if(ARG_WEIGHTS AND NOT ARG_WEIGHTS MATCHES "^(embed|external)$")
    message(FATAL_ERROR "nnfc_add_model: found WEIGHTS ${ARG_WEIGHTS}, expected embed or external")
  endif()
  if(ARG_NAME AND NOT ARG_NAME MATCHES "^[A-Za-z_][A-Za-z0-9_]*$")
    message(FATAL_ERROR "nnfc_add_model: found NAME ${ARG_NAME}, expected a name that C takes")
  endif()
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if(NOT "C" IN_LIST languages)
    message(FATAL_ERROR "nnfc_add_model: found a project of ${languages}, expected C among its languages: project(${PROJECT_NAME} LANGUAGES C CXX)")
  endif()
endfunction()

# detector_v2 -> DetectorV2
function(_nnfc_class_name name result)
  string(REGEX MATCHALL "[A-Za-z0-9]+" words ${name})
  foreach(word IN LISTS words)
    string(SUBSTRING ${word} 0 1 first)
    string(SUBSTRING ${word} 1 -1 rest)
    string(TOUPPER ${first} first)
    string(APPEND class ${first}${rest})
  endforeach()
  set(${result} ${class} PARENT_SCOPE)
endfunction()

# The smoke test, with the arguments after `name`, and the benchmark.
function(_nnfc_add_programs target name)
  foreach(program smoke_test benchmark)
    add_executable(${target}_${program} EXCLUDE_FROM_ALL ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/model_main.c)
    target_link_libraries(${target}_${program} PRIVATE ${target})
    target_compile_definitions(${target}_${program} PRIVATE "MODEL_HEADER=\"${name}.h\"" MODEL=nnf_model_${name})
  endforeach()
  target_compile_definitions(${target}_benchmark PRIVATE BENCHMARK)
  # ctest builds what it runs; two builds in one folder must not meet.
  add_test(NAME ${target}_smoke_test_build
    COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --config $<CONFIG> --target ${target}_smoke_test)
  add_test(NAME ${target}_smoke_test COMMAND ${target}_smoke_test ${ARGN})
  set_tests_properties(${target}_smoke_test_build PROPERTIES
    FIXTURES_SETUP ${target}_smoke_test RESOURCE_LOCK nnfc_build)
  set_tests_properties(${target}_smoke_test PROPERTIES FIXTURES_REQUIRED ${target}_smoke_test)
endfunction()

function(nnfc_add_model)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "TARGET;MODEL;NAME;CLASS;WEIGHTS" "DIM;CPU;CUDA;TEST_DIM;DEPENDS;OPTIONS")
  _nnfc_check_model()
  if(NOT ARG_WEIGHTS)
    set(ARG_WEIGHTS embed)
  endif()
  if(NOT ARG_NAME)
    string(MAKE_C_IDENTIFIER ${ARG_TARGET} ARG_NAME)
  endif()
  if(NOT ARG_CLASS)
    _nnfc_class_name(${ARG_NAME} ARG_CLASS)
  endif()

  get_filename_component(model ${ARG_MODEL} ABSOLUTE)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${ARG_TARGET}.nnfc)
  file(MAKE_DIRECTORY ${folder})
  set(object ${folder}/${ARG_NAME}.o)
  set(made ${object} ${folder}/${ARG_NAME}.h ${folder}/${ARG_NAME}.hpp)
  set(flags --name=${ARG_NAME} --cxx-class=${ARG_CLASS} --depfile=${object}.d --weights=${ARG_WEIGHTS})
  foreach(dim IN LISTS ARG_DIM)
    list(APPEND flags --dim=${dim})
  endforeach()
  if(ARG_CPU)
    list(JOIN ARG_CPU "," cpus)
    list(APPEND flags --cpu=${cpus})
  endif()
  if(ARG_CUDA)
    list(JOIN ARG_CUDA "," architectures)
    list(APPEND flags --target=cuda --cuda-arch=${architectures})
  endif()
  set(touch)
  if(ARG_WEIGHTS STREQUAL "external")
    list(APPEND made ${object}.weights)
    set(touch COMMAND ${CMAKE_COMMAND} -E touch ${object}.weights) # there even for a model without weights
  endif()
  add_custom_command(OUTPUT ${made}
    COMMAND nnfc::nnfc compile ${model} -o ${object} ${flags} ${ARG_OPTIONS} ${touch}
    DEPENDS ${model} ${ARG_DEPENDS} nnfc::nnfc DEPFILE ${object}.d
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} # files that OPTIONS name are beside CMakeLists.txt, as the model is
    COMMENT "nnfc ${ARG_NAME}" VERBATIM)
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)

  if(ARG_WEIGHTS STREQUAL "external")
    # The runtime looks for them beside the file that the model is in: here, and where install() puts both.
    add_library(${ARG_TARGET} SHARED ${made})
    set_target_properties(${ARG_TARGET} PROPERTIES LIBRARY_OUTPUT_DIRECTORY $<1:${folder}> RESOURCE ${object}.weights)
  else()
    add_library(${ARG_TARGET} STATIC ${made})
  endif()
  set_target_properties(${ARG_TARGET} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${ARG_TARGET} INTERFACE ${folder})
  target_link_libraries(${ARG_TARGET} INTERFACE nnfc::runtime)
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("CXX" IN_LIST languages) # the class, for those who include it
    target_compile_features(${ARG_TARGET} INTERFACE cxx_std_20)
  endif()
  _nnfc_add_programs(${ARG_TARGET} ${ARG_NAME} ${ARG_TEST_DIM})
endfunction()
