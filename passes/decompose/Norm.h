// Norms as building blocks of other functions.
#ifndef NNF_PASSES_DECOMPOSE_NORM_H
#define NNF_PASSES_DECOMPOSE_NORM_H

#include "passes/decompose/Primitives.h"

namespace nnf {

/// The p-norm of x over `dims`, which disappear: p = 0 counts non-zeros, inf is the largest, -inf the smallest
/// absolute value, else (sum |x|^p)^(1/p).
mlir::Value norm(Primitives &p, mlir::Value x, double power, llvm::ArrayRef<int64_t> dims);

} // namespace nnf
#endif
