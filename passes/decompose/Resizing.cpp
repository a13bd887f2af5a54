// Resampling as primitives: one dimension after the other, each output a weighted sum of gathered taps.
#include "dialects/nnf/infer/Resizing.h"
#include "passes/decompose/AdaptivePooling.h"
#include "passes/decompose/Cubic.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Resizing.h.inc"

using namespace mlir;
namespace nnf {

std::array<Value, 4> cubicWeights(Primitives &p, Value t) {
  constexpr double a = -0.75;
  // Within distance 1: (a + 2) d^3 - (a + 3) d^2 + 1; to 2: a d^3 - 5a d^2 + 8a d - 4a.
  auto near = [&](Value d) { return p.add(p.mul(p.mul(p.sub(p.mul(a + 2, d), a + 3), d), d), 1); };
  auto far = [&](Value d) { return p.sub(p.mul(p.add(p.mul(p.sub(p.mul(a, d), 5 * a), d), 8 * a), d), 4 * a); };
  Value rest = p.sub(1, t);
  return {far(p.add(t, 1)), near(t), near(rest), far(p.add(rest, 1))};
}

namespace {

/// One resampled dimension: its lengths before and after, and how far apart two outputs are in the input.
struct Axis {
  int64_t dim;
  Dim in, out;
  Value step; // rank 0
};

/// (in - 1) / (out - 1) with aligned corners; else 1 / factor as the user gave it, or in / out.
Value stepOf(Primitives &p, const Resampling &plan, size_t d, Dim in, Dim out, Type type) {
  auto known = [](Dim dim) { return constantOf(dim); };
  if (plan.alignCorners) {
    if (isConstant(out, 1))
      return p.scalar(0, type);
    if (known(in) && known(out))
      return p.scalar(static_cast<double>(*known(in) - 1) / static_cast<double>(*known(out) - 1), type);
    Value steps = p.size(simplify(out - 1), type);
    return p.select(p.eq(steps, 0), 0, p.div(p.size(simplify(in - 1), type), steps));
  }
  if (!plan.factors.empty())
    return p.scalar(1 / plan.factors[d], type);
  if (known(in) && known(out))
    return p.scalar(static_cast<double>(*known(in)) / static_cast<double>(*known(out)), type);
  return p.div(p.size(in, type), p.size(out, type));
}

/// min(floor((i + offset) * step), in - 1). The product is rounded to float32, which decides at whole multiples.
Value nearest(Primitives &p, Value x, const Axis &axis, double offset) {
  Type f32 = Float32Type::get(p.context()), i64 = IntegerType::get(p.context(), 64);
  Value i = p.iota({axis.out}, 0, p.elementOf(axis.step));
  if (offset != 0)
    i = p.add(i, offset);
  Value source = p.convert(p.floor(p.convert(p.mul(i, axis.step), f32)), i64);
  return p.pick(x, axis.dim, p.min(source, p.sub(p.size(axis.in, i64), 1)), BoundsKind::Clamp);
}

/// Multiples by a power of 2, whose step is exact, are a broadcast.
Value repeated(Primitives &p, Value x, int64_t dim, int64_t factor) {
  Shape shape = shapeOf(x), wide(shape);
  wide.insert(wide.begin() + dim + 1, dimOf(p.context(), factor));
  IntList kept;
  for (int64_t d = 0, rank = wide.size(); d < rank; ++d)
    if (d != dim + 1)
      kept.push_back(d);
  shape[dim] = simplify(shape[dim] * factor);
  return p.reshape(p.broadcast(x, wide, kept), shape);
}

/// Where output i lies in the input, counted in elements.
Value coordinate(Primitives &p, const Axis &axis, bool alignCorners) {
  Value i = p.iota({axis.out}, 0, p.elementOf(axis.step));
  if (alignCorners)
    return p.mul(i, axis.step);
  return p.sub(p.mul(p.add(i, 0.5), axis.step), 0.5);
}

/// weight * x, the weight along one dimension.
Value weighted(Primitives &p, Value x, int64_t dim, Value weight) {
  return p.mul(x, p.broadcastAlong(p.convert(weight, p.elementOf(x)), shapeOf(x), dim));
}

Value linear(Primitives &p, Value x, const Axis &axis, bool alignCorners) {
  Type i64 = IntegerType::get(p.context(), 64);
  Value c = coordinate(p, axis, alignCorners);
  if (!alignCorners)
    c = p.select(p.lt(c, 0), 0, c);
  Value whole = p.floor(c), low = p.convert(whole, i64), share = p.sub(c, whole);
  Value high = p.min(p.add(low, 1), p.sub(p.size(axis.in, i64), 1));
  return p.add(weighted(p, p.pick(x, axis.dim, low, BoundsKind::Clamp), axis.dim, p.sub(1, share)),
               weighted(p, p.pick(x, axis.dim, high, BoundsKind::Clamp), axis.dim, share));
}

Value cubic(Primitives &p, Value x, const Axis &axis, bool alignCorners) {
  Type i64 = IntegerType::get(p.context(), 64);
  Value c = coordinate(p, axis, alignCorners);
  Value whole = p.floor(c), base = p.convert(whole, i64);
  Value total;
  for (auto [k, weight] : llvm::enumerate(cubicWeights(p, p.sub(c, whole)))) {
    Value tap =
        weighted(p, p.pick(x, axis.dim, p.add(base, static_cast<double>(k) - 1), BoundsKind::Clamp), axis.dim, weight);
    total = total ? p.add(total, tap) : tap;
  }
  return total;
}

/// The step as a number: what it must be where the number of taps follows from it.
double knownStep(const Resampling &plan, size_t d, Dim in, Dim out) {
  if (!plan.alignCorners && !plan.factors.empty())
    return 1 / plan.factors[d];
  double from = static_cast<double>(*constantOf(in)), to = static_cast<double>(*constantOf(out));
  if (!plan.alignCorners)
    return from / to;
  return to == 1 ? 0 : (from - 1) / (to - 1);
}

/// The kernel at distance x: a triangle, or Keys' with a = -0.5.
Value filter(Primitives &p, Value x, bool isCubic) {
  Value d = p.abs(x);
  if (!isCubic)
    return p.select(p.lt(d, 1), p.sub(1, d), 0);
  constexpr double a = -0.5;
  Value near = p.add(p.mul(p.mul(p.sub(p.mul(a + 2, d), a + 3), d), d), 1);
  Value far = p.sub(p.mul(p.add(p.mul(p.sub(p.mul(a, d), 5 * a), d), 8 * a), d), 4 * a);
  return p.select(p.lt(d, 1), near, p.select(p.lt(d, 2), far, 0));
}

/// Output i is the mean of the taps around (i + 0.5) * step, weighted by a kernel stretched by the step where that is
/// above 1.
Value antialiased(Primitives &p, Value x, const Axis &axis, double step, bool isCubic) {
  Type type = p.elementOf(axis.step), i64 = IntegerType::get(p.context(), 64);
  double stretch = std::max(step, 1.0), support = (isCubic ? 2 : 1) * stretch;
  int64_t most = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  Shape taps{axis.out, dimOf(p.context(), most)};
  Value centre = p.mul(p.add(p.iota(taps, 0, type), 0.5), axis.step);
  Value low = p.convert(p.floor(p.add(p.sub(centre, support), 0.5)), i64);
  Value high = p.convert(p.floor(p.add(p.add(centre, support), 0.5)), i64);
  Value first = p.max(low, 0), end = p.min(high, p.broadcastTo(p.size(axis.in, i64), taps));
  Value index = p.add(first, p.iota(taps, 1, i64));
  Value distance = p.add(p.sub(p.convert(index, type), centre), 0.5);
  Value weight = p.select(p.lt(index, end), filter(p, p.div(distance, stretch), isCubic), 0);
  Value share = p.convert(p.div(weight, p.broadcastOver(p.sum(weight, {1}), taps, {1})), p.elementOf(x));

  Value gathered = p.gather(x, {index}, {axis.dim}, BoundsKind::Clamp); // [out, taps, the rest…]
  Value products = p.mul(gathered, p.broadcast(share, shapeOf(gathered), {0, 1}));
  // What is no tap counts nothing, NaN or not.
  products = p.select(p.broadcast(p.lt(index, end), shapeOf(gathered), {0, 1}), products, 0);
  Value total = p.sum(products, {1});
  IntList perm;
  for (int64_t d = 0, rank = p.rankOf(x); d < rank; ++d)
    perm.push_back(d == axis.dim ? 0 : d < axis.dim ? d + 1 : d);
  return p.transpose(total, perm);
}

Value resample(Primitives &p, Value x, const Resampling &plan, bool isDouble) {
  if (plan.mode == Resample::Area)
    return adaptiveMean(p, x, plan.sizes);
  Type type = isDouble ? Type(Float64Type::get(p.context())) : Float32Type::get(p.context());
  for (auto [d, out] : llvm::enumerate(plan.sizes)) {
    int64_t dim = 2 + d;
    Dim in = shapeOf(x)[dim];
    bool asGiven = !plan.factors.empty() && !plan.alignCorners;
    bool isNearest = plan.mode == Resample::Nearest || plan.mode == Resample::NearestExact;
    // The same length at a step of 1 is the input itself; a factor of 1.1 of 4 is not.
    if (bool isSame = sameDim(in, out) && (!asGiven || plan.factors[d] == 1); isSame && isNearest) {
      continue;
    } else if (isSame && plan.mode == Resample::Linear && !plan.antialias) {
      x = p.add(x, p.mul(x, 0)); // both taps are the element, the second of weight 0: an infinity makes NaN
      continue;
    }
    if (Dim factor = exactQuotient({out}, {in}, p.context()); isNearest && factor && constantOf(factor) &&
                                                              (!asGiven || plan.factors[d] == *constantOf(factor)) &&
                                                              llvm::isPowerOf2_64(*constantOf(factor))) {
      x = repeated(p, x, dim, *constantOf(factor));
      continue;
    }
    Axis axis{dim, in, out, stepOf(p, plan, d, in, out, type)};
    if (plan.antialias) {
      x = antialiased(p, x, axis, knownStep(plan, d, in, out), plan.mode == Resample::Cubic);
      continue;
    }
    switch (plan.mode) {
    case Resample::Nearest: x = nearest(p, x, axis, 0); break;
    case Resample::NearestExact: x = nearest(p, x, axis, 0.5); break;
    case Resample::Linear: x = linear(p, x, axis, plan.alignCorners); break;
    case Resample::Cubic: x = cubic(p, x, axis, plan.alignCorners); break;
    case Resample::Area: break;
    }
  }
  return x;
}

template <typename Op> Value resampleOp(Op op, Value x, ResamplingArguments arguments, Primitives &p) {
  return resample(p, x, *resampling(op.getLoc(), op.getInput(), arguments), elementOf(op.getInput()).isF64());
}

} // namespace

void addResizing(Decompositions &table) {
  table.add<InterpolateOp>(
      [](auto op, auto x, auto &p) { return resampleOp(op, x.getInput(), resamplingArguments(op), p); });
  table.add<UpsampleOp>(
      [](auto op, auto x, auto &p) { return resampleOp(op, x.getInput(), resamplingArguments(op), p); });
  table.add<UpsampleNearestOp>(
      [](auto op, auto x, auto &p) { return resampleOp(op, x.getInput(), resamplingArguments(op), p); });
  table.add<UpsampleBilinearOp>([](auto op, auto x, auto &p) {
    ResamplingArguments arguments = resamplingArguments(op);
    arguments.mode = "bilinear";
    arguments.alignCorners = true;
    return resampleOp(op, x.getInput(), arguments, p);
  });
}

} // namespace nnf
