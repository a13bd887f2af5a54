// Constants of the model file that a program may set: --swappable-weights.
#ifndef NNF_DIALECTS_NNF_RAWWEIGHTS_H
#define NNF_DIALECTS_NNF_RAWWEIGHTS_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

/// Of a module, a list of {name, type, weight}: a constant of the model file, and the nnf.weight that it has become.
/// Without this attribute weights cannot be set.
constexpr llvm::StringLiteral rawWeightsAttr = "nnf.raw_weights";

/// Whether the module's list has this weight: its numbers are not to be looked at.
bool canBeSet(WeightOp weight);

} // namespace nnf
#endif
