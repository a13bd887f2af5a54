// Result types of activations.
#include "dialects/nnf/infer/Arguments.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Activation.h.inc"

using namespace mlir;
namespace nnf {

/// "dtype bool, expected ", to which the caller adds what.
static InFlightDiagnostic dtypeError(Location loc, Value input) {
  return argumentError(loc, "input") << "dtype " << dtypeName(elementOf(input)) << ", expected ";
}

template <typename Adaptor>
static LogicalResult likeNumericInput(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  types.push_back(op.getInput().getType());
  if (isBool(elementOf(op.getInput())))
    return dtypeError(loc, op.getInput()) << "a float or an integer [NNFC-E0206]";
  return success();
}

NNF_INFER(ThresholdOp) {
  Type element = elementOf(op.getInput());
  if (failed(likeNumericInput(loc, op, types)) || failed(expectHeld(loc, "threshold", op.getThreshold(), element)))
    return failure();
  return expectHeld(loc, "value", op.getValue(), element);
}
NNF_INFER_BY(ReluOp, likeNumericInput)
NNF_INFER_BY(Relu6Op, likeNumericInput)
NNF_INFER(HardtanhOp) {
  types.push_back(op.getInput().getType());
  Type element = elementOf(op.getInput());
  if (isUnsigned(element))
    return dtypeError(loc, op.getInput()) << "a float or a signed integer [NNFC-E0206]";
  if (failed(expectHeld(loc, "min_val", op.getMinVal(), element)))
    return failure();
  return expectHeld(loc, "max_val", op.getMaxVal(), element);
}

NNF_INFER_BY(EluOp, likeFloatInput)
NNF_INFER_BY(SeluOp, likeFloatInput)
NNF_INFER(CeluOp) {
  if (op.getAlpha() == 0)
    return argumentError(loc, "alpha") << "0, expected any other number [NNFC-E0213]";
  return likeFloatInput(loc, op, types);
}
NNF_INFER_BY(LeakyReluOp, likeFloatInput)

NNF_INFER(PreluOp) {
  Value input = op.getInput(), weight = op.getWeight();
  if (failed(likeFloatInput(loc, op, types)) || failed(expectElement(loc, "weight", weight, elementOf(input))) ||
      failed(expectRank(loc, "weight", weight, {0, 1}, "[], [1] or [C]")))
    return failure();
  if (rankOf(weight) == 0 || isConstant(shapeOf(weight)[0], 1))
    return success();
  Dim channels = rankOf(input) < 2 ? dimOf(loc.getContext(), 1) : shapeOf(input)[1];
  return expectShape(loc, "weight", weight, {channels}, "[C]");
}

NNF_INFER(RreluOp) {
  if (op.getLower() > op.getUpper())
    return argumentError(loc, "lower") << toString(op.getLower()) << ", expected at most 'upper', "
                                       << toString(op.getUpper()) << " [NNFC-E0213]";
  return likeFloatInput(loc, op, types);
}

NNF_INFER(GeluOp) {
  if (failed(expectWord(loc, "approximate", op.getApproximate(), {"none", "tanh"})))
    return failure();
  return likeFloatInput(loc, op, types);
}

NNF_INFER(SoftshrinkOp) {
  if (!(op.getLambd() >= 0))
    return argumentError(loc, "lambd") << toString(op.getLambd()) << ", expected at least 0 [NNFC-E0213]";
  return likeFloatInput(loc, op, types);
}

NNF_INFER_BY(LogsigmoidOp, likeFloatInput)
NNF_INFER_BY(HardshrinkOp, likeFloatInput)
template <typename Adaptor> static LogicalResult floatOfNumber(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  if (isBool(elementOf(op.getInput())))
    return dtypeError(loc, op.getInput()) << "a float or an integer [NNFC-E0206]";
  return floatOfInput(loc, op, types);
}
NNF_INFER_BY(TanhshrinkOp, floatOfNumber)
NNF_INFER_BY(SoftsignOp, floatOfNumber)
NNF_INFER_BY(SoftplusOp, likeFloatInput)
NNF_INFER_BY(TanhOp, floatOfInput)
NNF_INFER_BY(SigmoidOp, floatOfInput)
NNF_INFER_BY(SiluOp, likeFloatInput)
NNF_INFER_BY(MishOp, likeFloatInput)
NNF_INFER_BY(HardswishOp, likeFloatInput)
NNF_INFER_BY(HardsigmoidOp, likeFloatInput)

NNF_INFER(GluOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  if (rankOf(input) == 0)
    return argumentError(loc, "input") << "rank 0, expected at least 1 [NNFC-E0207]";
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), rankOf(input));
  if (failed(dim))
    return failure();
  Shape shape = shapeOf(input);
  FailureOr<Dim> half =
      requireQuotient(loc, "input", shape[*dim], dimOf(loc.getContext(), 2),
                      "size {value} at dimension " + Twine(*dim) + ", expected an even size [NNFC-E0216]");
  if (failed(half))
    return failure();
  shape[*dim] = *half;
  types.push_back(tensorOf(shape, elementOf(input)));
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Activation.cpp.inc"

void nnf::addActivationOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Activation.cpp.inc"
      >();
}
