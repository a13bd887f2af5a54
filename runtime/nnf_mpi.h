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

/* nnf_ranks_create for all ranks of a communicator. MPI has been started, at least with MPI_THREAD_FUNNELED: calls of
 * MPI are made on the thread that calls. NNF_ERROR_MEMORY without a message: there was none for this struct. */
static inline int32_t nnf_mpi_create(MPI_Comm communicator, nnf_program *program, const nnf_ranks_options *options,
                                     nnf_mpi **result) {
  char host[MPI_MAX_PROCESSOR_NAME + 1] = "";
  int rank = 0, size = 1, length = 0;
  int32_t status;
  nnf_communicator link;
  nnf_mpi *own = (nnf_mpi *)malloc(sizeof(nnf_mpi));
  *result = NULL;
  if (!own)
    return NNF_ERROR_MEMORY;
  own->ranks = NULL;
  if (MPI_Comm_dup(communicator, &own->communicator) != MPI_SUCCESS) {
    free(own);
    return NNF_ERROR_ARGUMENT;
  }
  MPI_Comm_rank(own->communicator, &rank);
  MPI_Comm_size(own->communicator, &size);
  MPI_Get_processor_name(host, &length);
  link.struct_size = sizeof link;
  link.rank = rank;
  link.size = size;
  link.reserved = 0;
  link.host = host;
  link.user = own;
  link.send = nnf_mpi_send_;
  link.receive = nnf_mpi_receive_;
  status = nnf_ranks_create(&link, program, options, &own->ranks);
  if (status != NNF_OK) {
    MPI_Comm_free(&own->communicator);
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
