// How losses are reduced.
#ifndef NNF_PASSES_DECOMPOSE_LOSSES_H
#define NNF_PASSES_DECOMPOSE_LOSSES_H

#include "dialects/nnf/infer/Losses.h"
#include "passes/decompose/Primitives.h"

namespace nnf {

/// The loss of each element reduced to what is asked for; `mean` divides by the number of elements, `batchmean` by the
/// first size of `input`, and of a scalar by nothing.
mlir::Value reduceLoss(Primitives &p, mlir::Value loss, LossReduction reduction, llvm::ArrayRef<Dim> input = {});
/// The sum of all elements.
mlir::Value total(Primitives &p, mlir::Value x);

} // namespace nnf
#endif
