// Result types of elementwise tensor ops.
#include "dialects/nnf/infer/Promotion.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Elementwise.h.inc"

using namespace mlir;
namespace nnf {

static Type boolType(Location loc) { return IntegerType::get(loc.getContext(), 1); }

/// Tensors and numbers that may stand for tensors: at least one is a tensor or all are scalars.
static FailureOr<Shape> joinShapes(Location loc, Value input, StringRef name, Value other) {
  return broadcastAll(loc, {"input", name}, {input, other});
}

// ---- one operand

template <typename Adaptor> static LogicalResult likeNumber(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  types.push_back(op.getInput().getType());
  if (isBool(elementOf(op.getInput())))
    return argumentError(loc, "input") << "dtype bool, expected a number [NNFC-E0206]";
  return success();
}
template <typename Adaptor> static LogicalResult boolOfInput(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  types.push_back(tensorOf(shapeOf(op.getInput()), boolType(loc)));
  return success();
}

NNF_INFER_BY(NegOp, likeNumber)
NNF_INFER_BY(AbsOp, likeNumber)
NNF_INFER_BY(FloorOp, likeNumber)
NNF_INFER_BY(CeilOp, likeNumber)
NNF_INFER_BY(TruncOp, likeNumber)
NNF_INFER_BY(SignOp, likeInput)
NNF_INFER_BY(ExpOp, floatOfInput)
NNF_INFER_BY(Expm1Op, floatOfInput)
NNF_INFER_BY(LogOp, floatOfInput)
NNF_INFER_BY(Log2Op, floatOfInput)
NNF_INFER_BY(Log1pOp, floatOfInput)
NNF_INFER_BY(SqrtOp, floatOfInput)
NNF_INFER_BY(RsqrtOp, floatOfInput)
NNF_INFER_BY(ReciprocalOp, floatOfInput)
NNF_INFER_BY(SinOp, floatOfInput)
NNF_INFER_BY(CosOp, floatOfInput)
NNF_INFER_BY(TanOp, floatOfInput)
NNF_INFER_BY(AtanOp, floatOfInput)
NNF_INFER_BY(ErfOp, floatOfInput)
NNF_INFER_BY(LogicalNotOp, boolOfInput)
NNF_INFER_BY(IsnanOp, boolOfInput)
NNF_INFER_BY(IsinfOp, boolOfInput)

NNF_INFER(SquareOp) {
  Type element = elementOf(op.getInput());
  if (isBool(element))
    element = IntegerType::get(loc.getContext(), 64);
  types.push_back(tensorOf(shapeOf(op.getInput()), element));
  return success();
}

NNF_INFER(RoundOp) {
  if (op.getDecimals() != 0 && !isFloat(elementOf(op.getInput())))
    return argumentError(loc, "decimals") << op.getDecimals() << ", expected 0 for integers [NNFC-E0213]";
  return likeNumber(loc, op, types);
}

NNF_INFER(ToOp) {
  types.push_back(tensorOf(shapeOf(op.getInput()), op.getDtype()));
  return success();
}

// ---- two operands

template <typename Adaptor> static LogicalResult promoted(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  FailureOr<Shape> shape = joinShapes(loc, op.getInput(), "other", op.getOther());
  if (failed(shape))
    return failure();
  types.push_back(tensorOf(*shape, promoteTypes({op.getInput(), op.getOther()})));
  return success();
}
template <typename Adaptor> static LogicalResult compared(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  FailureOr<Shape> shape = joinShapes(loc, op.getInput(), "other", op.getOther());
  if (failed(shape))
    return failure();
  types.push_back(tensorOf(*shape, boolType(loc)));
  return success();
}
template <typename Adaptor>
static LogicalResult promotedWithAlpha(Location loc, Adaptor op, SmallVectorImpl<Type> &types, bool takesBool) {
  if (failed(promoted(loc, op, types)))
    return failure();
  for (auto [name, value] : {std::pair(StringRef("input"), op.getInput()), {"other", op.getOther()}})
    if (!takesBool && isBool(elementOf(value)))
      return argumentError(loc, name) << "dtype bool, expected a number [NNFC-E0206]";
  Type result = cast<RankedTensorType>(types[0]).getElementType();
  if (!isFloat(result) && op.getAlpha() != std::trunc(op.getAlpha()))
    return argumentError(loc, "alpha") << toString(op.getAlpha())
                                       << ", expected an integer for integer tensors [NNFC-E0213]";
  return success();
}

NNF_INFER_BY(AddOp, promotedWithAlpha, true)
NNF_INFER_BY(SubOp, promotedWithAlpha, false)
NNF_INFER_BY(MulOp, promoted)
NNF_INFER_BY(MinimumOp, promoted)
NNF_INFER_BY(MaximumOp, promoted)
NNF_INFER_BY(EqOp, compared)
NNF_INFER_BY(NeOp, compared)
NNF_INFER_BY(LtOp, compared)
NNF_INFER_BY(LeOp, compared)
NNF_INFER_BY(GtOp, compared)
NNF_INFER_BY(GeOp, compared)
NNF_INFER_BY(LogicalAndOp, compared)
NNF_INFER_BY(LogicalOrOp, compared)
NNF_INFER_BY(LogicalXorOp, compared)

NNF_INFER(LogaddexpOp) {
  Type element = promoteTypes({op.getInput(), op.getOther()});
  if (!isFloat(element))
    return argumentError(loc, "input") << "dtype " << dtypeName(element) << ", expected a float [NNFC-E0206]";
  return promoted(loc, op, types);
}

NNF_INFER(DivOp) {
  if (op.getRoundingMode() && failed(expectWord(loc, "rounding_mode", *op.getRoundingMode(), {"trunc", "floor"})))
    return failure();
  FailureOr<Shape> shape = joinShapes(loc, op.getInput(), "other", op.getOther());
  if (failed(shape))
    return failure();
  Type element = promoteTypes({op.getInput(), op.getOther()});
  if (!op.getRoundingMode() && !isFloat(element))
    element = Float32Type::get(loc.getContext());
  if (isBool(element))
    return argumentError(loc, "input") << "dtype bool, expected a number with a rounding_mode [NNFC-E0206]";
  types.push_back(tensorOf(*shape, element));
  return success();
}

NNF_INFER(PowOp) {
  FailureOr<Shape> shape = joinShapes(loc, op.getInput(), "exponent", op.getExponent());
  if (failed(shape))
    return failure();
  Type element = promoteTypes({op.getInput(), op.getExponent()});
  if (isBool(element))
    return argumentError(loc, "input") << "dtype bool, expected a number [NNFC-E0206]";
  if (std::optional<double> exponent = numberAsDouble(op.getExponent()); exponent && !isFloat(element) && *exponent < 0)
    return argumentError(loc, "exponent") << toString(*exponent) << ", expected at least 0 for integers [NNFC-E0213]";
  types.push_back(tensorOf(*shape, element));
  return success();
}

NNF_INFER(ClampOp) {
  if (!op.getMin() && !op.getMax())
    return argumentError(loc, "min") << "missing, expected 'min' or 'max' or both [NNFC-E0204]";
  FailureOr<Shape> shape = broadcastAll(loc, {"input", "min", "max"}, {op.getInput(), op.getMin(), op.getMax()});
  if (failed(shape))
    return failure();
  Type element = promoteTypes({op.getInput(), op.getMin(), op.getMax()});
  if (isBool(element))
    return argumentError(loc, "input") << "dtype bool, expected a number [NNFC-E0206]";
  types.push_back(tensorOf(*shape, element));
  if (isFloat(element))
    return success();
  // A bound beyond all that an integer type holds does nothing; one that nothing meets would be no number of the type.
  auto [least, largest] = rangeOf(element);
  std::optional<double> low = numberAsDouble(op.getMin()), high = numberAsDouble(op.getMax());
  bool isLowHeld = !low || *low <= largest;
  if (!isLowHeld || (high && *high < least))
    return argumentError(loc, isLowHeld ? "max" : "min")
           << toString(isLowHeld ? *high : *low) << ", expected a number that " << dtypeName(element)
           << " can hold [NNFC-E0213]";
  return success();
}

NNF_INFER(WhereOp) {
  bool isByte = elementOf(op.getCondition()).isUnsignedInteger(8); // what masks were before there was bool
  if (!isByte && failed(expectBool(loc, "condition", op.getCondition())))
    return failure();
  FailureOr<Shape> shape =
      broadcastAll(loc, {"condition", "input", "other"}, {op.getCondition(), op.getInput(), op.getOther()});
  if (failed(shape))
    return failure();
  types.push_back(tensorOf(*shape, promoteTypes({op.getInput(), op.getOther()})));
  return success();
}

NNF_INFER(MaskedFillOp) {
  if (failed(expectBool(loc, "mask", op.getMask())))
    return failure();
  FailureOr<Shape> shape = broadcastAll(loc, {"input", "mask"}, {op.getInput(), op.getMask()});
  if (failed(shape))
    return failure();
  if (rankOf(op.getValue()) != 0)
    return argumentError(loc, "value") << "rank " << rankOf(op.getValue())
                                       << ", expected a number or a scalar [NNFC-E0207]";
  types.push_back(tensorOf(*shape, elementOf(op.getInput())));
  return expectHeld(loc, "value", numberAsDouble(op.getValue()).value_or(0), elementOf(op.getInput()));
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Elementwise.cpp.inc"

void nnf::addElementwiseOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Elementwise.cpp.inc"
      >();
}
