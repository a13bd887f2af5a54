// nnf-mpi.so: the table of RanksTable.h, with what nnf_mpi.h makes of MPI's C interface.
#include "runtime/nnf_mpi.h"
#include "tools/run/RanksTable.h"

namespace {

nnf_mpi world = {};

void close() {
  MPI_Finalize();
  free(world.begun);
}

} // namespace

extern "C" __attribute__((visibility("default"))) const nnf_ranks_table *nnf_ranks_open(void) {
  static char host[MPI_MAX_PROCESSOR_NAME + 1];
  static nnf_ranks_table table = {sizeof table, {}, close};
  int isStarted = 0, level;
  MPI_Initialized(&isStarted);
  // The thread that runs the command makes all calls.
  if (isStarted || MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
    return nullptr;
  world.communicator = MPI_COMM_WORLD; // nobody else in these processes sends there
  table.link = nnf_mpi_link_(&world, host);
  return &table;
}
