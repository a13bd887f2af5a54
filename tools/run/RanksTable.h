/* What nnf-run asks of MPI: a table that lib/nnfc/nnf-mpi.so gives, which is built where MPI is. nnf-run itself needs
 * none. */
#ifndef NNF_TOOLS_RUN_RANKSTABLE_H
#define NNF_TOOLS_RUN_RANKSTABLE_H
#include "runtime/nnf.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct nnf_ranks_table {
  uint32_t struct_size;
  nnf_communicator link; /* all processes; MPI ends them where one cannot be reached */
  void (*close)(void);   /* all ranks call it, at their end */
} nnf_ranks_table;

/* Starts MPI. NULL: it has been started before. */
const nnf_ranks_table *nnf_ranks_open(void);

#ifdef __cplusplus
}
#endif
#endif
