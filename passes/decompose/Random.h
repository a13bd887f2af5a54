// Draws of random nodes, as building blocks of functions.
#ifndef NNF_PASSES_DECOMPOSE_RANDOM_H
#define NNF_PASSES_DECOMPOSE_RANDOM_H

#include "passes/decompose/Primitives.h"

namespace nnf {

/// A float32 in [0, 1) for each element, a multiple of 2^-24: the draws of node `op`, which has one such tensor.
mlir::Value uniform(Primitives &p, mlir::Operation *op, llvm::ArrayRef<Dim> shape);
/// A float32 in (0, 1) for each element, an odd multiple of 2^-24: its logarithm is finite and not 0.
mlir::Value openUniform(Primitives &p, mlir::Operation *op, llvm::ArrayRef<Dim> shape);
/// Zeroes each element of x with probability `probability`, and divides the others by 1 - probability.
mlir::Value dropped(Primitives &p, mlir::Operation *op, mlir::Value x, double probability);

} // namespace nnf
#endif
