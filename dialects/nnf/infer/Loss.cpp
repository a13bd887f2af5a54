// Result types of losses of one element or one vector each.
#include "dialects/nnf/infer/Losses.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Loss.h.inc"

using namespace mlir;
namespace nnf {

FailureOr<LossReduction> lossReduction(Location loc, StringRef reduction, std::optional<bool> sizeAverage,
                                       std::optional<bool> reduce, bool hasBatchMean) {
  SmallVector<StringRef> words{"none", "mean", "sum"};
  if (hasBatchMean)
    words.push_back("batchmean");
  if (failed(expectWord(loc, "reduction", reduction, words)))
    return failure();
  if (sizeAverage || reduce)
    return !reduce.value_or(true)       ? LossReduction::None
           : sizeAverage.value_or(true) ? LossReduction::Mean
                                        : LossReduction::Sum;
  return reduction == "none"   ? LossReduction::None
         : reduction == "mean" ? LossReduction::Mean
         : reduction == "sum"  ? LossReduction::Sum
                               : LossReduction::BatchMean;
}

static LogicalResult reducedLoss(const FailureOr<LossReduction> &reduction, ArrayRef<Dim> shape, Type element,
                                 SmallVectorImpl<Type> &types) {
  if (failed(reduction))
    return failure();
  types.push_back(tensorOf(*reduction == LossReduction::None ? shape : ArrayRef<Dim>(), element));
  return success();
}

/// The promoted type of several operands, which is a float.
static FailureOr<Type> promotedFloat(Location loc, ArrayRef<Value> values) {
  Type element = promoteTypes(values);
  if (!isFloat(element))
    return argumentError(loc, "input") << "dtype " << dtypeName(element) << ", expected a float [NNFC-E0206]";
  return element;
}

/// Losses of two tensors that broadcast and promote.
template <typename Adaptor> static LogicalResult broadcastLoss(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  Value input = op.getInput(), target = op.getTarget();
  FailureOr<Shape> shape = broadcastAll(loc, {"input", "target"}, {input, target});
  FailureOr<Type> element = promotedFloat(loc, {input, target});
  if (failed(shape) || failed(element))
    return failure();
  return reducedLoss(lossReductionOf(loc, op), *shape, *element, types);
}

NNF_INFER(L1LossOp) {
  Value input = op.getInput(), target = op.getTarget();
  FailureOr<Shape> shape = broadcastAll(loc, {"input", "target"}, {input, target});
  FailureOr<LossReduction> reduction = lossReductionOf(loc, op);
  if (failed(shape) || failed(reduction))
    return failure();
  Type element = promoteTypes({input, target});
  if (!isFloat(element) && (*reduction == LossReduction::Mean || isBool(element)))
    return argumentError(loc, "input") << "dtype " << dtypeName(element) << ", expected a float"
                                       << (isBool(element) ? "" : " with reduction 'mean'") << " [NNFC-E0206]";
  // A sum of integers is int64.
  if (!isFloat(element) && *reduction == LossReduction::Sum)
    element = IntegerType::get(loc.getContext(), 64);
  return reducedLoss(reduction, *shape, element, types);
}
NNF_INFER_BY(MseLossOp, broadcastLoss)
NNF_INFER_BY(SoftMarginLossOp, broadcastLoss)
NNF_INFER_BY(HingeEmbeddingLossOp, broadcastLoss)
NNF_INFER_BY(PoissonNllLossOp, broadcastLoss)

NNF_INFER(SmoothL1LossOp) {
  if (!(op.getBeta() >= 0))
    return argumentError(loc, "beta") << toString(op.getBeta()) << ", expected at least 0 [NNFC-E0213]";
  return broadcastLoss(loc, op, types);
}

NNF_INFER(HuberLossOp) {
  if (!(op.getDelta() > 0))
    return argumentError(loc, "delta") << toString(op.getDelta()) << ", expected above 0 [NNFC-E0213]";
  return broadcastLoss(loc, op, types);
}

NNF_INFER(KlDivOp) {
  Value input = op.getInput(), target = op.getTarget();
  if (failed(expectFloat(loc, "input", input)) || failed(expectFloat(loc, "target", target)))
    return failure();
  FailureOr<Shape> shape = broadcastAll(loc, {"input", "target"}, {input, target});
  if (failed(shape))
    return failure();
  return reducedLoss(lossReductionOf(loc, op, /*hasBatchMean=*/true), *shape, promoteTypes({input, target}), types);
}

NNF_INFER(BinaryCrossEntropyOp) {
  Value input = op.getInput(), target = op.getTarget();
  Shape shape = shapeOf(input);
  FailureOr<Type> element = promotedFloat(loc, {input, target});
  if (failed(element) || failed(expectFloat(loc, "input", input)) ||
      failed(expectShape(loc, "target", target, shape, "the shape of 'input'")) ||
      failed(expectBroadcastsTo(loc, "weight", op.getWeight(), shape)))
    return failure();
  return reducedLoss(lossReductionOf(loc, op), shape, *element, types);
}

NNF_INFER(BinaryCrossEntropyWithLogitsOp) {
  Value input = op.getInput(), target = op.getTarget();
  Shape shape = shapeOf(input);
  FailureOr<Type> element = promotedFloat(loc, {input, target});
  if (failed(element) || failed(expectFloat(loc, "input", input)) ||
      failed(expectShape(loc, "target", target, shape, "the shape of 'input'")) ||
      failed(expectBroadcastsTo(loc, "weight", op.getWeight(), shape)) ||
      failed(expectBroadcastsTo(loc, "pos_weight", op.getPosWeight(), shape)))
    return failure();
  return reducedLoss(lossReductionOf(loc, op), shape, *element, types);
}

NNF_INFER(MarginRankingLossOp) {
  Value a = op.getInput1(), b = op.getInput2(), target = op.getTarget();
  for (auto [name, value] : {std::pair<StringRef, Value>{"input2", b}, {"target", target}})
    if (rankOf(value) != rankOf(a))
      return argumentError(loc, name) << "rank " << rankOf(value) << ", expected " << rankOf(a)
                                      << " as 'input1' has [NNFC-E0207]";
  FailureOr<Shape> shape = broadcastAll(loc, {"input1", "input2", "target"}, {a, b, target});
  FailureOr<Type> element = promotedFloat(loc, {a, b, target});
  if (failed(shape) || failed(element))
    return failure();
  return reducedLoss(lossReductionOf(loc, op), *shape, *element, types);
}

NNF_INFER(CosineEmbeddingLossOp) {
  Value a = op.getInput1(), b = op.getInput2(), target = op.getTarget();
  FailureOr<Type> element = promotedFloat(loc, {a, b});
  if (failed(element) || failed(expectRank(loc, "target", target, {0, 1}, "[] or [N]")) ||
      failed(expectRank(loc, "input1", a, {rankOf(target) + 1}, "[D] or [N, D]")) ||
      failed(expectRank(loc, "input2", b, {rankOf(target) + 1}, "[D] or [N, D]")))
    return failure();
  FailureOr<Shape> shape = broadcastAll(loc, {"input1", "input2"}, {a, b});
  if (failed(shape))
    return failure();
  shape->pop_back();
  shape = broadcastShapes(loc, "target", *shape, shapeOf(target));
  if (failed(shape))
    return failure();
  return reducedLoss(lossReductionOf(loc, op), *shape, *element, types);
}

template <typename Adaptor> static LogicalResult tripletLoss(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  Value anchor = op.getAnchor(), positive = op.getPositive(), negative = op.getNegative();
  for (auto [name, value] : {std::pair<StringRef, Value>{"positive", positive}, {"negative", negative}})
    if (rankOf(value) != rankOf(anchor))
      return argumentError(loc, name) << "rank " << rankOf(value) << ", expected " << rankOf(anchor)
                                      << " as 'anchor' has [NNFC-E0207]";
  FailureOr<Shape> shape = broadcastAll(loc, {"anchor", "positive", "negative"}, {anchor, positive, negative});
  FailureOr<Type> element = promotedFloat(loc, {anchor, positive, negative});
  if (failed(shape) || failed(element))
    return failure();
  if (!shape->empty()) // a scalar counts as a vector of one
    shape->pop_back();
  return reducedLoss(lossReductionOf(loc, op), *shape, *element, types);
}
NNF_INFER_BY(TripletMarginLossOp, tripletLoss)
NNF_INFER_BY(TripletMarginWithDistanceLossOp, tripletLoss)

NNF_INFER(MultilabelSoftMarginLossOp) {
  Value input = op.getInput(), target = op.getTarget();
  Shape shape = shapeOf(input);
  FailureOr<Type> element = promotedFloat(loc, {input, target});
  if (failed(element) || failed(expectShape(loc, "target", target, shape, "the shape of 'input'")) ||
      failed(expectBroadcastsTo(loc, "weight", op.getWeight(), shape)))
    return failure();
  if (shape.empty())
    return argumentError(loc, "input") << "rank 0, expected at least 1 [NNFC-E0207]";
  shape.pop_back();
  return reducedLoss(lossReductionOf(loc, op), shape, *element, types);
}

NNF_INFER(GaussianNllLossOp) {
  Value input = op.getInput(), target = op.getTarget(), var = op.getVar();
  FailureOr<Shape> shape = broadcastAll(loc, {"input", "target"}, {input, target});
  FailureOr<Type> element = promotedFloat(loc, {input, target, var});
  if (failed(shape) || failed(element))
    return failure();
  Shape in = shapeOf(input), given = shapeOf(var), withOne(in);
  if (!in.empty())
    withOne.back() = dimOf(loc.getContext(), 1);
  bool hasOne = !given.empty() && isConstant(given.back(), 1);
  bool fits = agree(loc, "var", given, hasOne ? withOne : in) ||
              (!in.empty() && agree(loc, "var", given, ArrayRef<Dim>(in).drop_back()));
  if (!fits)
    return argumentError(loc, "var") << "shape " << toString(given) << ", expected " << toString(in)
                                     << ", or that with a last size of 1 or without the last dimension [NNFC-E0208]";
  return reducedLoss(lossReductionOf(loc, op), *shape, *element, types);
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Loss.cpp.inc"

void nnf::addLossOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Loss.cpp.inc"
      >();
}
