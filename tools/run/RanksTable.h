/* What nnf-run asks of MPI: a table that lib/nnfc/nnf-mpi.so gives, which is built where MPI is. nnf-run itself needs
 * none. */
#ifndef NNF_TOOLS_RUN_RANKSTABLE_H
#define NNF_TOOLS_RUN_RANKSTABLE_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct nnf_ranks_table {
  uint32_t struct_size;
  int32_t rank, size;
  const char *host; /* that this rank runs on */
  /* Of messages between two ranks the order is kept. MPI ends all ranks where one cannot be reached. */
  void (*send)(int32_t to, const void *data, uint64_t bytes);
  void (*receive)(int32_t from, void *data, uint64_t bytes);
  void (*close)(void); /* all ranks call it, at their end */
} nnf_ranks_table;

/* Starts MPI. NULL: it has been started before. */
const nnf_ranks_table *nnf_ranks_open(void);

#ifdef __cplusplus
}
#endif
#endif
