# What `cmake --install` puts where, and the Debian packages. Components:
#   runtime   the shared runtime and nnf-run                              libnnfc-runtime
#   dev       headers, the static runtime, find_package(nnfc)             libnnfc-dev
#   compiler  nnfc and the tools that need LLVM, the builder's library    nnfc
#   mpi       nnf_mpi.h; what nnf-run --data-parallel needs of MPI         libnnfc-mpi
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(headers ${CMAKE_INSTALL_INCLUDEDIR}/nnfc)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/nnfc)

# The target names of find_package(nnfc): nnfc::runtime is the static library, which needs nothing but libc and libm.
set_target_properties(nnfRuntime PROPERTIES EXPORT_NAME runtime)
set_target_properties(nnfRuntimeShared PROPERTIES EXPORT_NAME runtime_shared)
install(TARGETS nnfRuntimeShared EXPORT nnfcRuntime
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
install(TARGETS nnfRuntime EXPORT nnfcRuntime ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(TARGETS nnf-run RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(FILES ${CMAKE_BINARY_DIR}/man/nnf-run.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime)
if(TARGET nnf-mpi) # tools/run/Ranks.cpp looks for it from the folder of nnf-run
  install(TARGETS nnf-mpi LIBRARY DESTINATION lib/nnfc COMPONENT mpi)
endif()
# A header, for whichever MPI a program is built with.
install(FILES runtime/nnf_mpi.h DESTINATION ${headers} COMPONENT mpi)
install(FILES cmake/package/nnfcMpi.cmake DESTINATION ${package} COMPONENT mpi)
install(EXPORT nnfcRuntime NAMESPACE nnfc:: FILE nnfcRuntime.cmake DESTINATION ${package} COMPONENT dev)

# nnf.h needs dlpack.h, which few machines have: it comes along.
find_path(NNF_DLPACK dlpack/dlpack.h REQUIRED)
install(FILES runtime/abi.h runtime/nnf.h runtime/nnf.hpp runtime/typed.hpp DESTINATION ${headers} COMPONENT dev)
install(FILES ${NNF_DLPACK}/dlpack/dlpack.h DESTINATION ${headers}/dlpack COMPONENT dev)
configure_package_config_file(cmake/package/nnfcConfig.cmake.in ${CMAKE_BINARY_DIR}/package/nnfcConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/nnfcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/package/nnfcConfig.cmake ${CMAKE_BINARY_DIR}/package/nnfcConfigVersion.cmake
  cmake/package/NnfcAddModel.cmake cmake/package/model_main.c
  DESTINATION ${package} COMPONENT dev)
file(RELATIVE_PATH NNF_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # from the file to the prefix, which may move
configure_file(cmake/package/nnfc.pc.in ${CMAKE_BINARY_DIR}/package/nnfc.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/nnfc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

# LLVM's and MLIR's libraries are not in a folder that the loader searches.
set_target_properties(nnfc nnf-opt nnf-lsp-server nnfCompilerShared PROPERTIES INSTALL_RPATH ${NNF_LLVM_ROOT}/lib)
set_target_properties(nnfCompilerShared PROPERTIES EXPORT_NAME compiler)
install(TARGETS nnfCompilerShared EXPORT nnfcCompiler LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT compiler)
install(FILES ${CMAKE_BINARY_DIR}/include/nnfc/builder.h ${CMAKE_BINARY_DIR}/include/nnfc/functions.inc
  DESTINATION ${headers} COMPONENT compiler)
foreach(program nnfc nnf-opt nnf-lsp-server)
  install(FILES ${CMAKE_BINARY_DIR}/man/${program}.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT compiler)
endforeach()
install(TARGETS nnfc EXPORT nnfcCompiler RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT compiler)
install(TARGETS nnf-opt nnf-lsp-server RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT compiler)
# What the tutorials read.
install(FILES examples/digits/digits.onnx examples/digits/images.npy examples/digits/labels.npy
  DESTINATION ${CMAKE_INSTALL_DATADIR}/nnfc/examples/digits COMPONENT compiler)
install(EXPORT nnfcCompiler NAMESPACE nnfc:: FILE nnfcCompiler.cmake DESTINATION ${package} COMPONENT compiler)

# `cpack` in the build folder: a package for each component.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME nnfc)
set(NNF_MAINTAINER "the nnfc authors <nnfc@localhost>" CACHE STRING "Who answers for the Debian packages")
set(CPACK_PACKAGE_CONTACT "${NNF_MAINTAINER}")
# cpack would put the folder's modes as the umask made them into the package.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package/debian/Documents.cmake)
file(STRINGS cmake/package/debian/changelog NNF_CHANGELOG LIMIT_COUNT 1)
if(NOT NNF_CHANGELOG MATCHES "^nnfc \\(${PROJECT_VERSION}\\) ")
  message(FATAL_ERROR "cmake/package/debian/changelog begins with '${NNF_CHANGELOG}', expected version ${PROJECT_VERSION}")
endif()
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime dev compiler)
if(TARGET nnf-mpi)
  list(APPEND CPACK_COMPONENTS_ALL mpi)
endif()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libnnfc-runtime)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/cmake/package/debian/triggers)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "runtime of models compiled by nnfc
The shared library libnnf, and nnf-run, which runs and measures compiled
models.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libnnfc-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libnnfc-runtime (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_DEV_DESCRIPTION "headers and static runtime of models compiled by nnfc
What a program needs to be built with a compiled model: nnf.h, nnf.hpp,
libnnf.a, and find_package(nnfc).")
set(CPACK_DEBIAN_COMPILER_PACKAGE_NAME nnfc)
set(CPACK_DEBIAN_COMPILER_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/cmake/package/debian/triggers)
# dpkg-shlibdeps may find LLVM's library through a link of the package llvm-*-dev, and then knows nothing of it.
set(CPACK_DEBIAN_COMPILER_PACKAGE_DEPENDS
  "libnnfc-dev (= ${PROJECT_VERSION}), libllvm${LLVM_VERSION_MAJOR} (>= 1:${LLVM_VERSION_MAJOR}.${LLVM_VERSION_MINOR})")
set(CPACK_COMPONENT_COMPILER_DESCRIPTION "ahead-of-time compiler for neural networks
Compiles models (ONNX, graph files) to native libraries that depend on
nothing but libc. With the library and header for programs that build graphs
and compile them.")
set(CPACK_DEBIAN_MPI_PACKAGE_NAME libnnfc-mpi)
set(CPACK_DEBIAN_MPI_PACKAGE_DEPENDS "libnnfc-runtime (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_MPI_DESCRIPTION "batches over MPI's ranks for models compiled by nnfc
The header nnf_mpi.h, and what mpirun nnf-run --data-parallel needs of MPI.")
set(CPACK_DEBIAN_MPI_PACKAGE_SUGGESTS "libnnfc-dev")
set(CPACK_DEBIAN_MPI_PACKAGE_SHLIBDEPS ON)
# The runtime and the compiler link shared libraries: dpkg-shlibdeps knows their packages.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPILER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
include(CPack)
