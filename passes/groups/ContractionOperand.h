// What a contraction reads an operand from.
#ifndef NNF_PASSES_GROUPS_CONTRACTIONOPERAND_H
#define NNF_PASSES_GROUPS_CONTRACTIONOPERAND_H

#include "dialects/nnf/Nnf.h"
#include "passes/TargetInfo.h"

namespace nnf {

/// The tensor that the contraction (nnf.prim.dot, nnf.prim.conv) reads this operand from: what lies behind views of it,
/// or the operand itself, which has to be stored then, where its kernel does not take their strides.
mlir::Value memoryOf(mlir::Operation *contraction, mlir::Value operand, const TargetInfo &target);

} // namespace nnf
#endif
