// Losses of classes, as primitives.
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Losses.h"
#include "passes/decompose/Softmax.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/ClassLoss.h.inc"

using namespace mlir;
namespace nnf {
namespace {

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }

std::string classRange(Primitives &p) {
  return p.message("target", "class {value}, expected 0 <= class < {bound} [NNFC-E0501]");
}

/// Class numbers, where those to be ignored are 0, and which are ignored.
struct Classes {
  Value number, ignored;
};

Classes classes(Primitives &p, Value target, int64_t ignoreIndex) {
  Value number = p.convert(target, i64Of(p));
  Value ignored = p.eq(number, static_cast<double>(ignoreIndex));
  return {p.select(ignored, 0, number), ignored};
}

/// x[n, number[n, …], …] for x of N,C,* (or C): its value at each class. A class outside is a failed check.
Value atClass(Primitives &p, Value x, Value number) {
  int64_t rank = p.rankOf(x), classDim = rank == 1 ? 0 : 1;
  Shape shape = shapeOf(number);
  SmallVector<Value> indices;
  for (int64_t d = 0; d < rank; ++d)
    indices.push_back(d == classDim ? number : p.iota(shape, d < classDim ? d : d - 1, i64Of(p)));
  return p.gather(x, indices, llvm::to_vector(llvm::seq<int64_t>(0, rank)), BoundsKind::Error, classRange(p));
}

/// The same of an x that is computed and stored nowhere: found while its row is read for other sums.
Value atClassInRow(Primitives &p, Value x, Value number) {
  Shape shape = shapeOf(x);
  int64_t classDim = shape.size() == 1 ? 0 : 1;
  std::optional<int64_t> count = constantOf(shape[classDim]);
  Type type = count && *count <= INT32_MAX ? Type(IntegerType::get(p.context(), 32)) : i64Of(p);
  // Looked up among all classes, a class is itself, and checked.
  Value all = p.iota({shape[classDim]}, 0, type);
  Value known = p.gather(all, {number}, {0}, BoundsKind::Error, classRange(p));
  Value isHere = p.eq(p.iota(shape, classDim, type), p.broadcastOver(known, shape, {classDim}));
  return p.sum(p.select(isHere, x, 0), {classDim});
}

/// Whether x of N,C,* (or C) is known to have no classes: then none can be looked up, and all targets must be ignored.
bool hasNoClasses(Value x) {
  Shape shape = shapeOf(x);
  return isConstant(shape[shape.size() == 1 ? 0 : 1], 0);
}

Value ofNoClasses(Primitives &p, Value target, const Classes &c, Type element) {
  p.check(c.ignored, p.convert(target, i64Of(p)),
          p.message("target", "class {value}, expected ignore_index, for there are no classes [NNFC-E0501]"));
  return p.full(shapeOf(c.number), 0, element);
}

/// weight[number], 1 without a weight; 0 where ignored.
Value weightOf(Primitives &p, Value weight, const Classes &c, Type element) {
  Value w = weight && !isConstant(shapeOf(weight)[0], 0) ? p.gather(weight, {c.number}, {0}, BoundsKind::Clamp)
                                                         : p.full(shapeOf(c.number), 1, element);
  return p.select(c.ignored, 0, w);
}

/// Losses that are 0 where ignored; `mean` divides by the sum of weights.
Value reduceWeighted(Primitives &p, Value loss, Value weights, LossReduction reduction) {
  if (reduction != LossReduction::Mean)
    return reduceLoss(p, loss, reduction);
  return p.div(total(p, loss), total(p, weights));
}

/// -weight * logp of the target, and what counts in the mean.
struct Likelihood {
  Value loss, weights;
};

Likelihood negativeLikelihood(Primitives &p, Value chosen, const Classes &c, Value weight) {
  Value weights = weightOf(p, weight, c, p.elementOf(chosen));
  return {p.select(c.ignored, 0, p.neg(p.mul(weights, chosen))), weights};
}

Value nllLoss(NllLossOp op, NllLossOp::Adaptor x, Primitives &p) {
  Classes c = classes(p, x.getTarget(), op.getIgnoreIndex());
  Value input = x.getInput();
  Value chosen =
      hasNoClasses(input) ? ofNoClasses(p, x.getTarget(), c, p.elementOf(input)) : atClass(p, input, c.number);
  auto [loss, weights] = negativeLikelihood(p, chosen, c, x.getWeight());
  return reduceWeighted(p, loss, weights, *lossReductionOf(op.getLoc(), op));
}

/// (1 - smoothing) * nll + smoothing / C * sum over classes of -weight * logp.
Value ofClasses(Primitives &p, CrossEntropyOp op, CrossEntropyOp::Adaptor x) {
  Shape shape = shapeOf(x.getInput());
  int64_t classDim = shape.size() == 1 ? 0 : 1;
  Classes c = classes(p, x.getTarget(), op.getIgnoreIndex());
  auto [shifted, logTotal] = logSoftmaxParts(p, x.getInput(), classDim);
  Value chosen = hasNoClasses(x.getInput()) ? ofNoClasses(p, x.getTarget(), c, p.elementOf(shifted))
                                            : p.sub(atClassInRow(p, shifted, c.number), logTotal);
  auto [loss, weights] = negativeLikelihood(p, chosen, c, x.getWeight());
  if (double smoothing = op.getLabelSmoothing(); smoothing != 0) {
    Value each = p.sub(shifted, p.broadcastOver(logTotal, shape, {classDim}));
    if (x.getWeight())
      each = p.mul(each, p.broadcastAlong(x.getWeight(), shape, classDim));
    Value uniform = p.select(c.ignored, 0, p.neg(p.sum(each, {classDim})));
    Value share = p.div(smoothing, p.broadcastTo(p.size(shape[classDim], p.elementOf(each)), shapeOf(uniform)));
    loss = p.add(p.mul(1 - smoothing, loss), p.mul(share, uniform));
  }
  return reduceWeighted(p, loss, weights, *lossReductionOf(op.getLoc(), op));
}

Value crossEntropy(CrossEntropyOp op, CrossEntropyOp::Adaptor x, Primitives &p) {
  Value input = x.getInput();
  Shape shape = shapeOf(input);
  int64_t classDim = shape.size() == 1 ? 0 : 1;
  if (!isFloat(elementOf(op.getTarget())))
    return ofClasses(p, op, x);
  Value logp = logSoftmax(p, input, classDim);
  double smoothing = op.getLabelSmoothing();
  Value q = x.getTarget();
  if (smoothing != 0) {
    Value share = p.div(smoothing, p.broadcastTo(p.size(shape[classDim], p.elementOf(q)), shape));
    q = p.add(p.mul(1 - smoothing, q), share);
  }
  Value each = p.mul(q, logp);
  if (x.getWeight())
    each = p.mul(each, p.broadcastAlong(x.getWeight(), shape, classDim));
  return reduceLoss(p, p.neg(p.sum(each, {classDim})), *lossReductionOf(op.getLoc(), op));
}

/// Inputs of one sample get a batch dimension; the result is reshaped at the end.
/// A sample as a batch of one, and a scalar as a sample of one class.
Value asBatch(Primitives &p, Value x, int64_t rank) {
  while (p.rankOf(x) < rank)
    x = p.unsqueeze(x, 0);
  return x;
}

Value multiMargin(MultiMarginLossOp op, MultiMarginLossOp::Adaptor operands, Primitives &p) {
  Value x = asBatch(p, operands.getInput(), 2), target = asBatch(p, operands.getTarget(), 1);
  Shape shape = shapeOf(x);
  auto overClasses = [&](Value perSample) { return p.broadcastOver(perSample, shape, {1}); };
  Value chosen = atClass(p, x, target);
  Value z = p.add(p.sub(op.getMargin(), overClasses(chosen)), x);
  Value hinge = p.select(p.gt(z, 0), z, 0); // a NaN counts as nothing, as in PyTorch
  if (op.getP() == 2)
    hinge = p.square(hinge);
  if (operands.getWeight())
    hinge = p.mul(hinge, overClasses(p.gather(operands.getWeight(), {target}, {0}, BoundsKind::Clamp)));
  Value isTarget = p.eq(p.iota(shape, 1, i64Of(p)), overClasses(target));
  Value loss = p.mean(p.select(isTarget, 0, hinge), {1});
  return reduceLoss(p, p.reshape(loss, shapeOf(op.getTarget())), *lossReductionOf(op.getLoc(), op));
}

/// Pairs (sample, t, j): label t of the sample against class j.
Value multilabelMargin(MultilabelMarginLossOp op, MultilabelMarginLossOp::Adaptor operands, Primitives &p) {
  Value x = asBatch(p, operands.getInput(), 2), target = asBatch(p, operands.getTarget(), 2);
  Shape shape = shapeOf(x), pairs{shape[0], shape[1], shape[1]};
  Type i64 = i64Of(p);
  Value count = p.size(shape[1], i64);
  p.check(p.bitAnd(p.ge(target, -1), p.lt(target, count)), target,
          p.message("target", "label {value}, expected -1 or a class below " + toString(shape[1])) + " [NNFC-E0501]");
  // Labels end at the first -1.
  Value isEnd = p.convert(p.eq(target, -1), i64);
  Value end = p.argReduce(ReduceKind::Max, isEnd, 1);
  Value hasEnd = p.ne(p.reduce(ReduceKind::Max, isEnd, {1}), 0);
  Value labels = p.select(hasEnd, end, p.broadcastTo(count, shapeOf(end)));
  Value isLabel = p.lt(p.iota(shape, 1, i64), p.broadcastOver(labels, shape, {1})); // [N, t]

  Value perLabel = p.broadcastOver(isLabel, pairs, {2});
  Value number = p.broadcastOver(target, pairs, {2});
  Value matches = p.bitAnd(perLabel, p.eq(number, p.iota(pairs, 2, i64)));
  Value isTarget = p.reduce(ReduceKind::Or, matches, {1}); // [N, j]

  Value safe = p.select(isLabel, target, 0);
  Value chosen = p.gather(x, {p.iota(shape, 0, i64), safe}, {0, 1}, BoundsKind::Clamp); // [N, t]
  Value z = p.add(p.sub(1, p.broadcastOver(chosen, pairs, {2})), p.broadcastOver(x, pairs, {1}));
  Value counts = p.bitAnd(perLabel, p.logicalNot(p.broadcastOver(isTarget, pairs, {1})));
  Value hinge = p.select(p.bitAnd(counts, p.gt(z, 0)), z, 0);
  Value loss = p.div(p.sum(hinge, {1, 2}), p.size(shape[1], p.elementOf(x)));
  Shape each;
  if (p.rankOf(operands.getInput()) == 2)
    each.push_back(shape[0]);
  return reduceLoss(p, p.reshape(loss, each), *lossReductionOf(op.getLoc(), op));
}

} // namespace

void addClassLosses(Decompositions &table) {
  table.add<NllLossOp>(nllLoss);
  table.add<CrossEntropyOp>(crossEntropy);
  table.add<MultiMarginLossOp>(multiMargin);
  table.add<MultilabelMarginLossOp>(multilabelMargin);
}

} // namespace nnf
