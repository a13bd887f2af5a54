// nnf-mpi.so: the table of RanksTable.h over MPI's C interface.
#include "tools/run/RanksTable.h"
#include <algorithm>
#include <mpi.h>

namespace {

constexpr uint64_t maxMessage = uint64_t(1) << 30; // MPI counts in int

template <typename Byte, typename Transfer> void inPieces(Byte *data, uint64_t bytes, Transfer transfer) {
  do {
    uint64_t piece = std::min(bytes, maxMessage);
    transfer(data, int(piece));
    data += piece;
    bytes -= piece;
  } while (bytes > 0);
}

void send(int32_t to, const void *data, uint64_t bytes) {
  inPieces(static_cast<const char *>(data), bytes,
           [&](const char *piece, int count) { MPI_Send(piece, count, MPI_BYTE, to, 0, MPI_COMM_WORLD); });
}

void receive(int32_t from, void *data, uint64_t bytes) {
  inPieces(static_cast<char *>(data), bytes, [&](char *piece, int count) {
    MPI_Recv(piece, count, MPI_BYTE, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  });
}

void close() { MPI_Finalize(); }

} // namespace

extern "C" __attribute__((visibility("default"))) const nnf_ranks_table *nnf_ranks_open(void) {
  static char host[MPI_MAX_PROCESSOR_NAME + 1];
  static nnf_ranks_table table = {sizeof table, 0, 1, host, send, receive, close};
  int isStarted = 0, length = 0;
  MPI_Initialized(&isStarted);
  // The thread that runs the command makes all calls.
  int level;
  if (isStarted || MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
    return nullptr;
  MPI_Comm_rank(MPI_COMM_WORLD, &table.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &table.size);
  MPI_Get_processor_name(host, &length);
  return &table;
}
