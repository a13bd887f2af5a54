// Result types of random zeros: evaluation is the identity.
#include "dialects/nnf/infer/Arguments.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Dropout.h.inc"

using namespace mlir;
namespace nnf {

template <typename Adaptor>
static LogicalResult dropped(Location loc, Adaptor op, SmallVectorImpl<Type> &types, int64_t leastRank) {
  if (failed(expectProbability(loc, "p", op.getP())))
    return failure();
  if (rankOf(op.getInput()) < leastRank)
    return argumentError(loc, "input") << "rank " << rankOf(op.getInput()) << ", expected at least " << leastRank
                                       << " [NNFC-E0207]";
  if (op.getTraining() && op.getP() != 0 && failed(expectFloat(loc, "input", op.getInput())))
    return failure();
  types.push_back(op.getInput().getType());
  return success();
}
NNF_INFER_BY(DropoutOp, dropped, 0)
NNF_INFER_BY(Dropout1dOp, dropped, 2)
NNF_INFER_BY(Dropout2dOp, dropped, 2)
NNF_INFER_BY(Dropout3dOp, dropped, 1)
NNF_INFER_BY(AlphaDropoutOp, dropped, 0)
NNF_INFER(FeatureAlphaDropoutOp) { return dropped(loc, op, types, op.getTraining() && op.getP() != 0 ? 2 : 0); }

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Dropout.cpp.inc"

void nnf::addDropoutOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Dropout.cpp.inc"
      >();
}
