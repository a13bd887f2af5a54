// Adaptive means as a building block: resampling by area.
#ifndef NNF_PASSES_DECOMPOSE_ADAPTIVE_POOLING_H
#define NNF_PASSES_DECOMPOSE_ADAPTIVE_POOLING_H

#include "passes/decompose/Primitives.h"

namespace nnf {

/// The mean of window i, [floor(i*L/o), ceil((i+1)*L/o)), of every trailing dimension, `counts` of them.
mlir::Value adaptiveMean(Primitives &p, mlir::Value x, llvm::ArrayRef<Dim> counts);

} // namespace nnf
#endif
