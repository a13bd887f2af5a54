// The dimension softmax works along.
#ifndef NNF_DIALECTS_NNF_INFER_SOFTMAX_H
#define NNF_DIALECTS_NNF_INFER_SOFTMAX_H

#include "dialects/nnf/infer/Arguments.h"

namespace nnf {

/// `dim` counted from 0; left out it is 0 for ranks 0, 1 and 3, else 1 (torch's legacy rule).
llvm::FailureOr<int64_t> softmaxDim(mlir::Location loc, std::optional<int64_t> dim, int64_t rank);

} // namespace nnf
#endif
