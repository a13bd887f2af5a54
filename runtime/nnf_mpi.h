/* data_parallel over the ranks of MPI: nnf_ranks of nnf.h with a communicator of MPI's. For C and C++, and for
 * whichever MPI the program is built with: nothing of it is in nnfc's libraries.
 *
 *   nnf_mpi *ranks;                                     // all ranks
 *   nnf_mpi_create(MPI_COMM_WORLD, program, NULL, &ranks);
 *   status = rank == 0 ? nnf_mpi_run(ranks, in, 1, NULL, 0, out, 1, NULL) : nnf_mpi_run(ranks, NULL, 0, NULL, 0, NULL,
 * 0, NULL); if (status != NNF_OK) puts(nnf_error_message(NULL)); // the same on each: "rank 1 on node7: …"
 *   nnf_mpi_destroy(ranks);                             // all ranks, before MPI_Finalize
 */
#ifndef NNF_NNF_MPI_H
#define NNF_NNF_MPI_H
#include "nnf.h"
#include <mpi.h>
#include <stdlib.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The ranks of a communicator with one program. */
typedef struct nnf_mpi {
  MPI_Comm communicator; /* a duplicate of the caller's: messages do not meet the caller's own */
  nnf_ranks *ranks;
  MPI_Request *begun; /* sends that are not finished */
  int num_begun, room;
} nnf_mpi;

/* Not to be called. MPI counts in int; its error handler decides whether a failed call comes back. */
static inline int32_t nnf_mpi_send_(void *user, int32_t to, const void *data, uint64_t bytes) {
  const uint64_t most = (uint64_t)1 << 30;
  const char *at = (const char *)data;
  int status = MPI_SUCCESS;
  while (bytes > 0 && status == MPI_SUCCESS) {
    uint64_t piece = bytes < most ? bytes : most;
    status = MPI_Send((void *)(uintptr_t)at, (int)piece, MPI_BYTE, to, 0, ((nnf_mpi *)user)->communicator);
    at += piece;
    bytes -= piece;
  }
  return status == MPI_SUCCESS ? 0 : status;
}
static inline int32_t nnf_mpi_receive_(void *user, int32_t from, void *data, uint64_t bytes) {
  const uint64_t most = (uint64_t)1 << 30;
  char *at = (char *)data;
  int status = MPI_SUCCESS;
  while (bytes > 0 && status == MPI_SUCCESS) {
    uint64_t piece = bytes < most ? bytes : most;
    status = MPI_Recv(at, (int)piece, MPI_BYTE, from, 0, ((nnf_mpi *)user)->communicator, MPI_STATUS_IGNORE);
    at += piece;
    bytes -= piece;
  }
  return status == MPI_SUCCESS ? 0 : status;
}

static inline int32_t nnf_mpi_begin_send_(void *user, int32_t to, const void *data, uint64_t bytes) {
  const uint64_t most = (uint64_t)1 << 30;
  nnf_mpi *own = (nnf_mpi *)user;
  const char *at = (const char *)data;
  int status = MPI_SUCCESS;
  while (bytes > 0 && status == MPI_SUCCESS) {
    uint64_t piece = bytes < most ? bytes : most;
    if (own->num_begun == own->room) {
      int room = own->room ? 2 * own->room : 64;
      MPI_Request *larger = (MPI_Request *)realloc(own->begun, (size_t)room * sizeof(MPI_Request));
      if (!larger) /* then this one is waited for: behind those to the same rank, as it is sent in order */
        return nnf_mpi_send_(user, to, at, bytes);
      own->begun = larger;
      own->room = room;
    }
    status =
        MPI_Isend((void *)(uintptr_t)at, (int)piece, MPI_BYTE, to, 0, own->communicator, own->begun + own->num_begun);
    if (status == MPI_SUCCESS)
      ++own->num_begun;
    at += piece;
    bytes -= piece;
  }
  return status == MPI_SUCCESS ? 0 : status;
}
static inline int32_t nnf_mpi_finish_sends_(void *user) {
  nnf_mpi *own = (nnf_mpi *)user;
  int status = MPI_Waitall(own->num_begun, own->begun, MPI_STATUSES_IGNORE);
  own->num_begun = 0;
  return status == MPI_SUCCESS ? 0 : status;
}
/* How `own`, whose communicator is there, reaches the others. `host` has room for MPI_MAX_PROCESSOR_NAME + 1. */
static inline nnf_communicator nnf_mpi_link_(nnf_mpi *own, char *host) {
  nnf_communicator link;
  int rank = 0, size = 1, length = 0;
  MPI_Comm_rank(own->communicator, &rank);
  MPI_Comm_size(own->communicator, &size);
  host[0] = 0;
  MPI_Get_processor_name(host, &length);
  link.struct_size = sizeof link;
  link.rank = rank;
  link.size = size;
  link.reserved = 0;
  link.host = host;
  link.user = own;
  link.send = nnf_mpi_send_;
  link.receive = nnf_mpi_receive_;
  link.begin_send = nnf_mpi_begin_send_;
  link.finish_sends = nnf_mpi_finish_sends_;
  return link;
}

/* nnf_ranks_create for all ranks of a communicator. MPI has been started, at least with MPI_THREAD_FUNNELED: calls of
 * MPI are made on the thread that calls. NNF_ERROR_MEMORY without a message: there was none for this struct. */
static inline int32_t nnf_mpi_create(MPI_Comm communicator, nnf_program *program, const nnf_ranks_options *options,
                                     nnf_mpi **result) {
  char host[MPI_MAX_PROCESSOR_NAME + 1];
  int32_t status;
  nnf_communicator link;
  nnf_mpi *own = (nnf_mpi *)malloc(sizeof(nnf_mpi));
  *result = NULL;
  if (!own)
    return NNF_ERROR_MEMORY;
  own->ranks = NULL;
  own->begun = NULL;
  own->num_begun = own->room = 0;
  if (MPI_Comm_dup(communicator, &own->communicator) != MPI_SUCCESS) {
    free(own);
    return NNF_ERROR_ARGUMENT;
  }
  link = nnf_mpi_link_(own, host);
  status = nnf_ranks_create(&link, program, options, &own->ranks);
  if (status != NNF_OK) {
    MPI_Comm_free(&own->communicator);
    free(own->begun);
    free(own);
    return status;
  }
  *result = own;
  return NNF_OK;
}

/* All ranks call it, before MPI_Finalize. NULL is fine. */
static inline void nnf_mpi_destroy(nnf_mpi *ranks) {
  if (!ranks)
    return;
  nnf_ranks_destroy(ranks->ranks);
  MPI_Comm_free(&ranks->communicator);
  free(ranks->begun);
  free(ranks);
}

/* nnf_ranks_run: rank 0 gives the tensors and gets the results. */
static inline int32_t nnf_mpi_run(nnf_mpi *ranks, DLTensor *const in[], uint32_t n_in,
                                  const nnf_named_tensor *module_kwargs, uint32_t n_kwargs, DLTensor *const out[],
                                  uint32_t n_out, const nnf_run_options *options) {
  return nnf_ranks_run(ranks->ranks, in, n_in, module_kwargs, n_kwargs, out, n_out, options);
}

#ifdef __cplusplus
}
#endif
#endif
