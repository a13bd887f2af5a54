// Losses of one element or one vector each, as primitives.
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Losses.h"
#include "passes/decompose/Norm.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Loss.h.inc"

using namespace mlir;
namespace nnf {

Value total(Primitives &p, Value x) { return p.sum(x, llvm::to_vector(llvm::seq<int64_t>(0, p.rankOf(x)))); }

Value reduceLoss(Primitives &p, Value loss, LossReduction reduction, ArrayRef<Dim> input) {
  Shape shape = shapeOf(loss);
  switch (reduction) {
  case LossReduction::None: return loss;
  case LossReduction::Sum: return total(p, loss);
  case LossReduction::Mean: return p.mean(loss, llvm::to_vector(llvm::seq<int64_t>(0, shape.size())));
  case LossReduction::BatchMean: break;
  }
  Value sum = total(p, loss);
  return input.empty() ? sum : p.div(sum, p.size(input[0], p.elementOf(sum)));
}

namespace {

template <typename Op> Value reduced(Op op, Value loss, Primitives &p) {
  return reduceLoss(p, loss, *lossReductionOf(op.getLoc(), op));
}

/// The values in the type and shape they are computed in: promoted, at least float32, broadcast with each other.
SmallVector<Value> joined(Primitives &p, ValueRange originals, ValueRange values) {
  Type element = promoteTypes(llvm::to_vector(originals));
  if (isHalf(element))
    element = Float32Type::get(p.context());
  Shape shape;
  for (Value value : values)
    shape = *broadcastShapes(p.location(), "input", shape, shapeOf(value));
  SmallVector<Value> result;
  for (Value value : values)
    result.push_back(p.broadcastTo(p.convert(value, element), shape));
  return result;
}

/// x and y of an elementwise loss.
template <typename Op> std::pair<Value, Value> pair(Op op, typename Op::Adaptor x, Primitives &p) {
  auto both = joined(p, {op.getInput(), op.getTarget()}, {x.getInput(), x.getTarget()});
  return {both[0], both[1]};
}

/// max(x, 0) whose derivative at 0 is that of x.
Value positive(Primitives &p, Value x) { return p.select(p.lt(x, 0), 0, x); }

/// log(1 + exp(x)) without overflow.
Value softplus(Primitives &p, Value x) { return p.add(p.log1p(p.exp(p.neg(p.abs(x)))), p.select(p.gt(x, 0), x, 0)); }

Value l1(L1LossOp op, L1LossOp::Adaptor x, Primitives &p) {
  auto [a, b] = pair(op, x, p);
  Value difference = p.sub(a, b);
  Value loss = isUnsigned(p.elementOf(a)) ? difference : p.abs(difference);
  if (!isFloat(p.elementOf(loss)))
    loss = p.convert(loss, elementOf(op.getOutput()));
  return reduced(op, loss, p);
}

Value smoothL1(SmoothL1LossOp op, SmoothL1LossOp::Adaptor x, Primitives &p) {
  auto [a, b] = pair(op, x, p);
  Value d = p.abs(p.sub(a, b));
  double beta = op.getBeta();
  if (beta == 0)
    return reduced(op, d, p);
  Value near = p.div(p.mul(0.5, p.square(d)), beta);
  return reduced(op, p.select(p.lt(d, beta), near, p.sub(d, beta / 2)), p);
}

Value huber(HuberLossOp op, HuberLossOp::Adaptor x, Primitives &p) {
  auto [a, b] = pair(op, x, p);
  Value d = p.abs(p.sub(a, b));
  double delta = op.getDelta();
  Value far = p.mul(delta, p.sub(d, delta / 2));
  return reduced(op, p.select(p.le(d, delta), p.mul(0.5, p.square(d)), far), p);
}

Value binaryCrossEntropy(BinaryCrossEntropyOp op, BinaryCrossEntropyOp::Adaptor operands, Primitives &p) {
  auto [x, y] = pair(op, operands, p);
  p.check(p.bitAnd(p.ge(x, 0), p.le(x, 1)), p.full(shapeOf(x), 0, IntegerType::get(p.context(), 64)),
          p.message("input", "a value outside 0 to 1, expected a probability [NNFC-E0503]"));
  auto limited = [&](Value log) { return p.select(p.lt(log, -100), -100, log); };
  Value loss = p.neg(p.add(p.mul(y, limited(p.log(x))), p.mul(p.sub(1, y), limited(p.log1p(p.neg(x))))));
  if (Value weight = operands.getWeight())
    loss = p.mul(loss, p.broadcastTo(p.convert(weight, p.elementOf(loss)), shapeOf(loss)));
  return reduced(op, loss, p);
}

Value withLogits(BinaryCrossEntropyWithLogitsOp op, BinaryCrossEntropyWithLogitsOp::Adaptor operands, Primitives &p) {
  auto [x, y] = pair(op, operands, p);
  Shape shape = shapeOf(x);
  Type element = p.elementOf(x);
  Value tail = softplus(p, p.neg(x));
  if (Value positiveWeight = operands.getPosWeight()) {
    Value excess = p.sub(p.broadcastTo(p.convert(positiveWeight, element), shape), 1);
    tail = p.mul(p.add(1, p.mul(excess, y)), tail);
  }
  Value loss = p.add(p.mul(p.sub(1, y), x), tail);
  if (Value weight = operands.getWeight())
    loss = p.mul(loss, p.broadcastTo(p.convert(weight, element), shape));
  return reduced(op, loss, p);
}

Value poisson(PoissonNllLossOp op, PoissonNllLossOp::Adaptor operands, Primitives &p) {
  auto [x, y] = pair(op, operands, p);
  Value loss = op.getLogInput() ? p.sub(p.exp(x), p.mul(y, x)) : p.sub(x, p.mul(y, p.log(p.add(x, op.getEps()))));
  if (op.getFull()) {
    Value stirling = p.add(p.sub(p.mul(y, p.log(y)), y), p.mul(0.5, p.log(p.mul(2 * M_PI, y))));
    loss = p.add(loss, p.select(p.gt(y, 1), stirling, 0));
  }
  return reduced(op, loss, p);
}

Value klDiv(KlDivOp op, KlDivOp::Adaptor operands, Primitives &p) {
  auto [x, y] = pair(op, operands, p);
  Value loss;
  if (op.getLogTarget()) {
    loss = p.mul(p.exp(y), p.sub(y, x));
  } else {
    Value entropy = p.select(p.eq(y, 0), 0, p.mul(y, p.log(y)));
    loss = p.sub(entropy, p.mul(y, x));
  }
  // The batch is input's own, also where target broadcasts it.
  return reduceLoss(p, loss, *lossReductionOf(op.getLoc(), op, /*hasBatchMean=*/true), shapeOf(op.getInput()));
}

Value hingeEmbedding(HingeEmbeddingLossOp op, HingeEmbeddingLossOp::Adaptor operands, Primitives &p) {
  auto [x, y] = pair(op, operands, p);
  Value unlike = p.select(p.ne(y, 1), positive(p, p.sub(op.getMargin(), x)), 0);
  return reduced(op, p.add(unlike, p.select(p.ne(y, -1), x, 0)), p);
}

Value marginRanking(MarginRankingLossOp op, MarginRankingLossOp::Adaptor x, Primitives &p) {
  auto v = joined(p, {op.getInput1(), op.getInput2(), op.getTarget()}, {x.getInput1(), x.getInput2(), x.getTarget()});
  Value order = p.mul(p.neg(v[2]), p.sub(v[0], v[1]));
  return reduced(op, positive(p, p.add(order, op.getMargin())), p);
}

Value cosineEmbedding(CosineEmbeddingLossOp op, CosineEmbeddingLossOp::Adaptor x, Primitives &p) {
  auto v = joined(p, {op.getInput1(), op.getInput2()}, {x.getInput1(), x.getInput2()});
  IntList last{p.rankOf(v[0]) - 1};
  constexpr double eps = 1e-12;
  Value squares = p.mul(p.add(p.sum(p.square(v[0]), last), eps), p.add(p.sum(p.square(v[1]), last), eps));
  Value cosine = p.div(p.sum(p.mul(v[0], v[1]), last), p.sqrt(squares));
  Value target = p.convert(x.getTarget(), p.elementOf(cosine));
  Shape shape = *broadcastShapes(op.getLoc(), "target", shapeOf(cosine), shapeOf(target));
  Value c = p.broadcastTo(cosine, shape), y = p.broadcastTo(target, shape);
  Value unlike = p.select(p.eq(y, -1), positive(p, p.sub(c, op.getMargin())), 0);
  return reduced(op, p.select(p.eq(y, 1), p.sub(1, c), unlike), p);
}

struct Triplet {
  double margin, power, eps;
  bool swap;
};

template <typename Op> Value triplet(Op op, typename Op::Adaptor x, Primitives &p, const Triplet &t) {
  auto v = joined(p, {op.getAnchor(), op.getPositive(), op.getNegative()},
                  {x.getAnchor(), x.getPositive(), x.getNegative()});
  for (Value &vector : v) // a scalar counts as a vector of one
    if (p.rankOf(vector) == 0)
      vector = p.unsqueeze(vector, 0);
  auto distance = [&](Value a, Value b) { return norm(p, p.add(p.sub(a, b), t.eps), t.power, {p.rankOf(a) - 1}); };
  Value like = distance(v[0], v[1]), unlike = distance(v[0], v[2]);
  if (t.swap)
    unlike = p.min(unlike, distance(v[1], v[2]));
  return reduced(op, positive(p, p.add(p.sub(like, unlike), t.margin)), p);
}

Value multilabelSoftMargin(MultilabelSoftMarginLossOp op, MultilabelSoftMarginLossOp::Adaptor operands, Primitives &p) {
  auto [x, y] = pair(op, operands, p);
  // -logsigmoid(x) is softplus(-x).
  Value loss = p.add(p.mul(y, softplus(p, p.neg(x))), p.mul(p.sub(1, y), softplus(p, x)));
  if (Value weight = operands.getWeight())
    loss = p.mul(loss, p.broadcastTo(p.convert(weight, p.elementOf(loss)), shapeOf(loss)));
  return reduced(op, p.mean(loss, {p.rankOf(loss) - 1}), p);
}

Value gaussian(GaussianNllLossOp op, GaussianNllLossOp::Adaptor operands, Primitives &p) {
  auto [x, y] = pair(op, operands, p);
  // Of integers with a variance that is a float, or of floats with a wider one, the variance decides.
  Type element = promoteTypes({op.getInput(), op.getTarget(), op.getVar()});
  element = isHalf(element) ? Float32Type::get(p.context()) : element;
  x = p.convert(x, element);
  y = p.convert(y, element);
  Value variance = p.convert(operands.getVar(), p.elementOf(x));
  p.check(p.ge(variance, 0), p.full(shapeOf(variance), 0, IntegerType::get(p.context(), 64)),
          p.message("var", "a value below 0 or NaN, expected at least 0 [NNFC-E0503]"));
  if (p.rankOf(variance) + 1 == rankOf(op.getInput()))
    variance = p.unsqueeze(variance, p.rankOf(variance));
  Value v = p.broadcastTo(p.select(p.lt(variance, op.getEps()), op.getEps(), variance), shapeOf(x));
  Value loss = p.mul(0.5, p.add(p.log(v), p.div(p.square(p.sub(x, y)), v)));
  if (op.getFull())
    loss = p.add(loss, 0.5 * std::log(2 * M_PI));
  return reduced(op, loss, p);
}

} // namespace

void addLosses(Decompositions &table) {
  table.add<L1LossOp>(l1);
  table.add<MseLossOp>([](auto op, auto x, auto &p) {
    auto [a, b] = pair(op, x, p);
    return reduced(op, p.square(p.sub(a, b)), p);
  });
  table.add<SmoothL1LossOp>(smoothL1);
  table.add<HuberLossOp>(huber);
  table.add<BinaryCrossEntropyOp>(binaryCrossEntropy);
  table.add<BinaryCrossEntropyWithLogitsOp>(withLogits);
  table.add<PoissonNllLossOp>(poisson);
  table.add<KlDivOp>(klDiv);
  table.add<SoftMarginLossOp>([](auto op, auto x, auto &p) {
    auto [a, y] = pair(op, x, p);
    return reduced(op, softplus(p, p.mul(p.neg(y), a)), p);
  });
  table.add<HingeEmbeddingLossOp>(hingeEmbedding);
  table.add<MarginRankingLossOp>(marginRanking);
  table.add<CosineEmbeddingLossOp>(cosineEmbedding);
  table.add<TripletMarginLossOp>([](auto op, auto x, auto &p) {
    return triplet(op, x, p, {op.getMargin(), op.getP(), op.getEps(), op.getSwap()});
  });
  table.add<TripletMarginWithDistanceLossOp>(
      [](auto op, auto x, auto &p) { return triplet(op, x, p, {op.getMargin(), 2, 1e-6, op.getSwap()}); });
  table.add<MultilabelSoftMarginLossOp>(multilabelSoftMargin);
  table.add<GaussianNllLossOp>(gaussian);
}

} // namespace nnf
