// The parts of a softmax and its kin among a kernel's primitives, and what they allow.
#ifndef NNF_PASSES_KERNELS_SOFTMAXPARTS_H
#define NNF_PASSES_KERNELS_SOFTMAXPARTS_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

/// x - max(x), the largest being that of a row: not positive.
bool isMinusMax(mlir::Value value);

/// e / sum(e) with e = exp(x - max(x)): the divisor lies between 1 and the number of elements, or is NaN.
bool isShareOfTotal(PrimDivOp division);

/// The largest of a row that may overlook NaNs: whatever depends on it also depends on the total of the row's
/// exponentials, which a NaN makes NaN anyway (softmax, log_softmax).
bool mayOverlookNaN(PrimReduceOp reduce);

} // namespace nnf
#endif
