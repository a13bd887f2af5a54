# How every target of the project is built: LLVM/MLIR 22 as shared libraries, lld, ccache, no RTTI or
# exceptions, and one precompiled header for everything that includes MLIR (22 s once, then ~1 s a file).

set(NNF_LLVM_ROOT /usr/lib/llvm-22 CACHE PATH "Where LLVM and MLIR 22 are installed")
find_package(LLVM 22.1 REQUIRED CONFIG PATHS ${NNF_LLVM_ROOT}/lib/cmake/llvm NO_DEFAULT_PATH)
find_package(MLIR 22.1 REQUIRED CONFIG PATHS ${NNF_LLVM_ROOT}/lib/cmake/mlir NO_DEFAULT_PATH)

find_program(NNF_CCACHE ccache)
if(NNF_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${NNF_CCACHE})
endif()

option(NNF_WARNINGS_AS_ERRORS "Stop at warnings" OFF)
set(NNF_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

add_library(nnf_options INTERFACE)
target_compile_options(nnf_options INTERFACE -Wall -Wextra -Wno-unused-parameter)
target_include_directories(nnf_options INTERFACE ${CMAKE_SOURCE_DIR})
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()
if(NNF_WARNINGS_AS_ERRORS)
  target_compile_options(nnf_options INTERFACE -Werror)
endif()
if(NNF_SANITIZE)
  add_compile_options(-fsanitize=${NNF_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${NNF_SANITIZE})
endif()

# Code that uses MLIR. libMLIR and libLLVM only: a static libMLIR*.a beside them duplicates type ids.
add_library(nnf_mlir INTERFACE)
target_include_directories(nnf_mlir SYSTEM INTERFACE ${NNF_LLVM_ROOT}/include)
target_compile_options(nnf_mlir INTERFACE -fno-rtti -fno-exceptions)
target_compile_definitions(nnf_mlir INTERFACE ${LLVM_DEFINITIONS_LIST})
target_link_directories(nnf_mlir INTERFACE ${NNF_LLVM_ROOT}/lib)
target_link_libraries(nnf_mlir INTERFACE nnf_options MLIR LLVM-22)
target_link_options(nnf_mlir INTERFACE -Wl,-rpath,${NNF_LLVM_ROOT}/lib)

add_library(nnf_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(nnf_pch PRIVATE nnf_mlir)
target_precompile_headers(nnf_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(nnf_pch PRIVATE -Xclang -fno-pch-timestamp)
endif()

# nnf_add_library(name SOURCES... [LINK ...]): a static library that uses MLIR.
function(nnf_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC nnf_mlir ${ARG_LINK})
  target_include_directories(${name} PUBLIC ${CMAKE_BINARY_DIR})
  target_precompile_headers(${name} REUSE_FROM nnf_pch)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${name} PRIVATE -Xclang -fno-pch-timestamp)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# nnf_add_executable(name SOURCES... [LINK ...]): a program that uses MLIR.
function(nnf_add_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE nnf_mlir ${ARG_LINK})
  # -fPIC as in the libraries: CMake gives executables -fPIE, which clang refuses to mix with the precompiled header.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM nnf_pch)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${name} PRIVATE -Xclang -fno-pch-timestamp)
  endif()
endfunction()

# nnf_tablegen(target tool input out1 args1 out2 args2 ...): runs mlir-tblgen or nnf-tblgen over one record
# file into the same folder of the build tree.
function(nnf_tablegen target tool input)
  set(outs)
  set(rest ${ARGN})
  while(rest)
    list(POP_FRONT rest out args)
    separate_arguments(argList UNIX_COMMAND "${args}")
    set(outPath ${CMAKE_CURRENT_BINARY_DIR}/${out})
    get_filename_component(outDir ${outPath} DIRECTORY)
    file(MAKE_DIRECTORY ${outDir})
    set(toolDepends)
    if(TARGET ${tool})
      set(toolPath $<TARGET_FILE:${tool}>)
      set(toolDepends ${tool})
    else()
      set(toolPath ${NNF_LLVM_ROOT}/bin/${tool})
    endif()
    add_custom_command(OUTPUT ${outPath}
      COMMAND ${toolPath} ${argList} -I ${CMAKE_SOURCE_DIR} -I ${NNF_LLVM_ROOT}/include
              ${CMAKE_CURRENT_SOURCE_DIR}/${input} -o ${outPath} -d ${outPath}.d --write-if-changed
      DEPFILE ${outPath}.d
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${input} ${toolDepends}
      COMMENT "tablegen ${out}" VERBATIM)
    list(APPEND outs ${outPath})
  endwhile()
  add_custom_target(${target} DEPENDS ${outs})
endfunction()
