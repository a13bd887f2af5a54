// Result types of softmax and its kin.
#include "dialects/nnf/infer/Softmax.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Softmax.h.inc"

using namespace mlir;
namespace nnf {

FailureOr<int64_t> softmaxDim(Location loc, std::optional<int64_t> dim, int64_t rank) {
  if (!dim)
    return rank == 0 || rank == 1 || rank == 3 ? 0 : 1;
  return wrapDim(loc, "dim", *dim, rank);
}

template <typename Adaptor> static LogicalResult inferSoftmax(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  Value input = op.getInput();
  Type element = op.getDtype().value_or(elementOf(input));
  if (op.getDtype() && !isFloat(element))
    return argumentError(loc, "dtype") << dtypeName(element) << ", expected a float [NNFC-E0206]";
  if ((!op.getDtype() && failed(expectFloat(loc, "input", input))) ||
      failed(softmaxDim(loc, op.getDim(), rankOf(input))))
    return failure();
  types.push_back(tensorOf(shapeOf(input), element));
  return success();
}

NNF_INFER_BY(SoftmaxOp, inferSoftmax)
NNF_INFER(SoftminOp) {
  if (isBool(elementOf(op.getInput())))
    return argumentError(loc, "input") << "dtype bool, expected a number [NNFC-E0206]";
  return inferSoftmax(loc, op, types);
}
NNF_INFER_BY(LogSoftmaxOp, inferSoftmax)

NNF_INFER(GumbelSoftmaxOp) {
  Value logits = op.getLogits();
  if (failed(expectFloat(loc, "logits", logits)) || failed(wrapDim(loc, "dim", op.getDim(), rankOf(logits))))
    return failure();
  types.push_back(logits.getType());
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Softmax.cpp.inc"

void nnf::addSoftmaxOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Softmax.cpp.inc"
      >();
}
