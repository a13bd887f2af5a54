// How much a kernel computes, and how many bytes have to move for it.
#ifndef NNF_COMPILER_SEEING_WORK_H
#define NNF_COMPILER_SEEING_WORK_H

#include "mlir/IR/BuiltinOps.h"

namespace nnf {

/// Gives each nnf.launch `nnf.flops` and `nnf.bytes`, by what is in its kernel: the module is of the phase `groups`.
/// Floating-point and integer operations count alike: 2 for each term of a contraction by the direct method, whatever
/// algorithm the kernel has, and 1 for each element of what is computed element by element, exp as well as add. Bytes
/// are those of operands and results, each once; of an operand that is only gathered from, as many as are read. A
/// launch with a size that only the run knows gets neither.
void recordWork(mlir::ModuleOp module);

} // namespace nnf
#endif
