// softmax as a building block of other functions.
#ifndef NNF_PASSES_DECOMPOSE_SOFTMAX_H
#define NNF_PASSES_DECOMPOSE_SOFTMAX_H

#include "passes/decompose/Primitives.h"

namespace nnf {

/// exp(x - max) / sum along `dim`.
mlir::Value softmax(Primitives &p, mlir::Value x, int64_t dim);
/// x - max and log(sum(exp(x - max))) along `dim`, which the second one has not.
struct LogSoftmaxParts {
  mlir::Value shifted, logTotal;
};
LogSoftmaxParts logSoftmaxParts(Primitives &p, mlir::Value x, int64_t dim);
/// x - max - log(sum(exp(x - max))) along `dim`.
mlir::Value logSoftmax(Primitives &p, mlir::Value x, int64_t dim);

} // namespace nnf
#endif
