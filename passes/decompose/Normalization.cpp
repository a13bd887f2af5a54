// Normalizations as primitives. Variances take two passes: mean((x - mean)^2), never mean(x^2) - mean^2.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Norm.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Normalization.h.inc"

using namespace mlir;
namespace nnf {

Value norm(Primitives &p, Value x, double power, ArrayRef<int64_t> dims) {
  if (power == 0)
    return p.sum(p.convert(p.ne(x, 0), p.elementOf(x)), dims);
  if (power == 2)
    return p.sqrt(p.sum(p.square(x), dims));
  Value size = p.abs(x);
  // Over nothing every norm is 0, also where the formula gives an infinity.
  auto unlessEmpty = [&](Value result) -> Value {
    Shape reduced;
    for (int64_t d : dims)
      reduced.push_back(shapeOf(x)[d]);
    Dim count = productOf(p.context(), reduced);
    if (std::optional<int64_t> known = constantOf(count))
      return *known == 0 ? p.full(shapeOf(result), 0, p.elementOf(result)) : result;
    Value isEmpty = p.eq(p.size(count, IntegerType::get(p.context(), 64)), 0);
    return p.select(p.broadcastTo(isEmpty, shapeOf(result)), 0, result);
  };
  if (std::isinf(power))
    return unlessEmpty(p.reduce(power > 0 ? ReduceKind::Max : ReduceKind::Min, size, dims));
  Value root = p.power(p.sum(p.power(size, power), dims), 1 / power);
  return power > 0 ? root : unlessEmpty(root);
}

namespace {

/// What is left when the mean over `dims` is taken away, and the mean and the biased variance over them.
struct Centred {
  Value difference, mean, variance;
};

Centred centre(Primitives &p, Value x, Ints dims) {
  Value mean = p.mean(x, dims);
  Value difference = p.sub(x, p.broadcastOver(mean, shapeOf(x), dims));
  return {difference, mean, p.mean(p.square(difference), dims)};
}

/// difference / sqrt(variance + eps)
Value scaled(Primitives &p, const Centred &c, double eps, Ints dims) {
  Value factor = p.div(1, p.sqrt(p.add(c.variance, eps)));
  return p.mul(c.difference, p.broadcastOver(factor, shapeOf(c.difference), dims));
}

/// y * weight + bias, each along dimension 1 of y and each optional.
Value affineChannels(Primitives &p, Value y, Value weight, Value bias) {
  if (weight)
    y = p.mul(y, p.broadcastAlong(weight, shapeOf(y), 1));
  if (bias)
    y = p.add(y, p.broadcastAlong(bias, shapeOf(y), 1));
  return y;
}

/// x * scale + shift, both made of [C] vectors, so that they merge into a convolution before or after.
template <typename Adaptor> Value evaluate(Primitives &p, Adaptor x, double eps) {
  Value input = x.getInput();
  Value deviation = p.sqrt(p.add(x.getRunningVar(), eps));
  Value scale = x.getWeight() ? p.div(x.getWeight(), deviation) : p.div(1, deviation);
  Value centre = p.mul(x.getRunningMean(), scale);
  Value shift = x.getBias() ? p.sub(x.getBias(), centre) : p.neg(centre);
  return affineChannels(p, input, scale, shift);
}

/// (1 - momentum) * running + momentum * statistic; the statistic itself where nothing runs.
Value moved(Primitives &p, Value running, Value statistic, double momentum) {
  if (!running)
    return statistic;
  return p.add(p.mul(1 - momentum, running), p.mul(momentum, statistic));
}

/// variance * n / (n - 1) for a variance over n elements.
Value unbiased(Primitives &p, Value variance, ArrayRef<Dim> counted) {
  Type element = p.elementOf(variance);
  Value n = p.size(productOf(p.context(), counted), element);
  return p.mul(variance, p.div(n, p.sub(n, 1)));
}

Decompositions::Values batchNorm(BatchNormOp op, BatchNormOp::Adaptor x, Primitives &p) {
  if (!op.getTraining())
    return {evaluate(p, x, op.getEps())};
  Value input = x.getInput();
  Shape shape = shapeOf(input);
  IntList dims{0};
  Shape counted{shape[0]};
  for (int64_t d = 2, rank = shape.size(); d < rank; ++d) {
    dims.push_back(d);
    counted.push_back(shape[d]);
  }
  Centred c = centre(p, input, dims);
  Value y = affineChannels(p, scaled(p, c, op.getEps(), dims), x.getWeight(), x.getBias());
  Value newMean = moved(p, x.getRunningMean(), c.mean, op.getMomentum());
  Value newVar = moved(p, x.getRunningVar(), unbiased(p, c.variance, counted), op.getMomentum());
  // An empty batch has no statistics to move towards; NaN must not get into the running ones.
  Value isEmpty = p.eq(p.size(productOf(p.context(), shape), IntegerType::get(p.context(), 64)), 0);
  auto keep = [&](Value running, Value moved) {
    bool known = constantOf(productOf(p.context(), shape)).value_or(0) != 0;
    return running && !known ? p.select(p.broadcast(isEmpty, shapeOf(moved), {}), running, moved) : moved;
  };
  return {y, keep(x.getRunningMean(), newMean), keep(x.getRunningVar(), newVar)};
}

Decompositions::Values instanceNorm(InstanceNormOp op, InstanceNormOp::Adaptor x, Primitives &p) {
  if (!op.getUseInputStats())
    return {evaluate(p, x, op.getEps())};
  Value input = x.getInput();
  Shape shape = shapeOf(input);
  IntList dims = llvm::to_vector(llvm::seq<int64_t>(2, shape.size()));
  Centred c = centre(p, input, dims);
  Value y = affineChannels(p, scaled(p, c, op.getEps(), dims), x.getWeight(), x.getBias());
  if (op.getNumResults() == 1)
    return {y};
  Value variance = unbiased(p, c.variance, ArrayRef<Dim>(shape).drop_front(2));
  return {y, moved(p, x.getRunningMean(), p.mean(c.mean, {0}), op.getMomentum()),
          moved(p, x.getRunningVar(), p.mean(variance, {0}), op.getMomentum())};
}

/// The last `count` dimensions of a tensor of this rank.
IntList lastDims(int64_t rank, size_t count) { return llvm::to_vector(llvm::seq<int64_t>(rank - count, rank)); }

Value layerNorm(LayerNormOp op, LayerNormOp::Adaptor x, Primitives &p) {
  Value input = x.getInput();
  IntList dims = lastDims(p.rankOf(input), op.getNormalizedShape().size());
  Value y = scaled(p, centre(p, input, dims), op.getEps(), dims);
  if (x.getWeight())
    y = p.mul(y, p.broadcastTo(x.getWeight(), shapeOf(y)));
  if (x.getBias())
    y = p.add(y, p.broadcastTo(x.getBias(), shapeOf(y)));
  return y;
}

Value rmsNorm(RmsNormOp op, RmsNormOp::Adaptor x, Primitives &p) {
  Value input = x.getInput();
  IntList dims = lastDims(p.rankOf(input), op.getNormalizedShape().size());
  // Left out, eps is the dtype's own, also where the function computes in float32.
  auto &semantics = cast<FloatType>(elementOf(op.getInput())).getFloatSemantics();
  double machine = std::ldexp(1.0, 1 - static_cast<int>(llvm::APFloat::semanticsPrecision(semantics)));
  Value squares = p.add(p.mean(p.square(input), dims), op.getEps() ? *op.getEps() : machine);
  Value factor = p.div(1, p.sqrt(squares));
  Value y = p.mul(input, p.broadcastOver(factor, shapeOf(input), dims));
  return x.getWeight() ? p.mul(y, p.broadcastTo(x.getWeight(), shapeOf(y))) : y;
}

Value groupNorm(GroupNormOp op, GroupNormOp::Adaptor x, Primitives &p) {
  Value input = x.getInput();
  Shape shape = shapeOf(input);
  int64_t groups = op.getNumGroups();
  // N,C,* as N,groups,C/groups,*.
  Shape split{shape[0], dimOf(p.context(), groups), shape[1].floorDiv(groups)};
  llvm::append_range(split, ArrayRef<Dim>(shape).drop_front(2));
  IntList dims = llvm::to_vector(llvm::seq<int64_t>(2, split.size()));
  Value y = scaled(p, centre(p, p.reshape(input, split), dims), op.getEps(), dims);
  // The affine map of channels before the shape is the input's again: it belongs to the rows that are normalised.
  auto ofChannels = [&](Value v) { return p.broadcast(p.reshape(v, {split[1], split[2]}), split, {1, 2}); };
  if (x.getWeight())
    y = p.mul(y, ofChannels(x.getWeight()));
  if (x.getBias())
    y = p.add(y, ofChannels(x.getBias()));
  return p.reshape(y, shape);
}

Value localResponseNorm(LocalResponseNormOp op, LocalResponseNormOp::Adaptor x, Primitives &p) {
  Value input = x.getInput();
  int64_t rank = p.rankOf(input), size = op.getSize();
  SmallVector<int64_t> ones(rank, 1), sizes(rank, 1), low(rank, 0), high(rank, 0);
  sizes[1] = size;
  low[1] = size / 2;
  high[1] = (size - 1) / 2;
  Value total = p.reduceWindow(ReduceKind::Add, p.square(input), {sizes, ones, ones, low, high});
  Value base = p.add(op.getK(), p.mul(op.getAlpha(), p.div(total, static_cast<double>(size))));
  return p.div(input, p.power(base, op.getBeta()));
}

Value normalize(NormalizeOp op, NormalizeOp::Adaptor x, Primitives &p) {
  Value input = x.getInput();
  Shape shape = shapeOf(input);
  IntList dims = *wrapDims(op.getLoc(), "dim", op.getDim(), shape.size());
  Value length = norm(p, input, op.getP(), dims);
  // Not max, which would halve a gradient; a NaN norm stays NaN.
  Value divisor = p.select(p.lt(length, op.getEps()), op.getEps(), length);
  return p.div(input, p.broadcastOver(divisor, shape, dims));
}

} // namespace

void addNormalizations(Decompositions &table) {
  table.add<BatchNormOp>(batchNorm);
  table.add<InstanceNormOp>(instanceNorm);
  table.add<LayerNormOp>(layerNorm);
  table.add<RmsNormOp>(rmsNorm);
  table.add<GroupNormOp>(groupNorm);
  table.add<LocalResponseNormOp>(localResponseNorm);
  table.add<NormalizeOp>(normalize);
}

} // namespace nnf
