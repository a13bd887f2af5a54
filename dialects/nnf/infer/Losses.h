// What the reduction parameters of losses mean.
#ifndef NNF_DIALECTS_NNF_INFER_LOSSES_H
#define NNF_DIALECTS_NNF_INFER_LOSSES_H

#include "dialects/nnf/infer/Promotion.h"

namespace nnf {

enum class LossReduction { None, Mean, Sum, BatchMean };

/// `reduction`, unless size_average or reduce are given: then a missing one counts as true; reduce false is none,
/// else size_average false is sum, true mean.
llvm::FailureOr<LossReduction> lossReduction(mlir::Location loc, llvm::StringRef reduction,
                                             std::optional<bool> sizeAverage, std::optional<bool> reduce,
                                             bool hasBatchMean = false);

template <typename Adaptor>
llvm::FailureOr<LossReduction> lossReductionOf(mlir::Location loc, Adaptor op, bool hasBatchMean = false) {
  if constexpr (requires { op.getSizeAverage(); })
    return lossReduction(loc, op.getReduction(), op.getSizeAverage(), op.getReduce(), hasBatchMean);
  else
    return lossReduction(loc, op.getReduction(), std::nullopt, std::nullopt, hasBatchMean);
}

} // namespace nnf
#endif
