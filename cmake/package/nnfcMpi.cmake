# find_package(nnfc COMPONENTS mpi): nnfc::mpi, the header nnf_mpi.h with the MPI that CMake finds here.
include(CMakeFindDependencyMacro)
find_dependency(MPI)
if(NOT TARGET nnfc::mpi)
  add_library(nnfc::mpi INTERFACE IMPORTED)
  set_property(TARGET nnfc::mpi PROPERTY INTERFACE_LINK_LIBRARIES nnfc::runtime
    $<IF:$<TARGET_EXISTS:MPI::MPI_C>,MPI::MPI_C,MPI::MPI_CXX>)
endif()
