// Neighbours of a kernel's choice that are worth a try.
#ifndef NNF_COMPILER_TUNING_MOVES_H
#define NNF_COMPILER_TUNING_MOVES_H

#include "passes/kernels/Tunable.h"

namespace nnf {

/// One way to change a choice; none where it does not apply to the kernel, or leads to what it has.
struct Move {
  const char *name;
  std::optional<KernelChoice> (*of)(const TunableKernel &kernel);
};

/// In the order they are tried, each from the best choice so far.
llvm::ArrayRef<Move> blockMoves();

/// Tasks of one batch entry.
int64_t tasksOf(const TunableKernel &kernel, const KernelChoice &choice);

} // namespace nnf
#endif
