// Images sampled at computed positions, as primitives.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/decompose/Cubic.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Sampling.h.inc"

using namespace mlir;
namespace nnf {
namespace {

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }

/// Pixel centres of one dimension in -1..1: from -1 to 1 if aligned, else (2i + 1)/n - 1.
Value centres(Primitives &p, int64_t n, bool alignCorners, Type element) {
  Shape shape{dimOf(p.context(), n)};
  Value i = p.iota(shape, 0, element);
  if (alignCorners)
    return n == 1 ? p.full(shape, 0, element) : p.sub(p.mul(2.0 / static_cast<double>(n - 1), i), 1);
  return p.sub(p.div(p.add(p.mul(2, i), 1), static_cast<double>(n)), 1);
}

Value affineGrid(AffineGridOp op, AffineGridOp::Adaptor x, Primitives &p) {
  Value theta = x.getTheta();
  Type element = p.elementOf(theta);
  Shape out = shapeOf(op.getOutput()), matrix = shapeOf(theta);
  int64_t spatial = out.size() - 2, last = out.size() - 1;
  Value total;
  // Column j of theta belongs to x, y, z: the last spatial dimension first; the last column is the offset.
  for (int64_t j = 0; j <= spatial; ++j) {
    Value column = p.squeeze(p.sliceDim(theta, 2, dimOf(p.context(), j), dimOf(p.context(), 1)), 2);
    Value term = p.broadcast(column, out, {0, last});
    if (j < spatial) {
      int64_t dim = spatial - j;
      Value position = centres(p, *constantOf(out[dim]), op.getAlignCorners().value_or(false), element);
      term = p.mul(term, p.broadcastAlong(position, out, dim));
    }
    total = total ? p.add(total, term) : term;
  }
  return total;
}

/// How positions along one dimension become pixels.
struct Axis {
  Dim length;
  Value size; // the length, in the type to compute in
  bool alignCorners;
  StringRef padding;
};

/// (g + 1)/2 * (n - 1) if aligned, else ((g + 1)*n - 1)/2.
Value pixel(Primitives &p, Value g, const Axis &axis) {
  Value shifted = p.add(g, 1);
  if (axis.alignCorners)
    return p.mul(p.mul(0.5, shifted), p.sub(axis.size, 1));
  return p.mul(0.5, p.sub(p.mul(shifted, axis.size), 1));
}

/// The nearest position inside; NaN is 0.
Value clamped(Primitives &p, Value c, const Axis &axis) {
  Value raised = p.select(p.gt(c, 0), c, 0);
  Value high = p.broadcastTo(p.sub(axis.size, 1), shapeOf(c));
  return p.select(p.lt(raised, high), raised, high);
}

/// Folded at 0 and n - 1 if aligned, else at the outer edges of the pixels.
Value reflected(Primitives &p, Value c, const Axis &axis) {
  double low = axis.alignCorners ? 0 : -0.5;
  Shape shape = shapeOf(c);
  Value span = p.broadcastTo(axis.alignCorners ? p.sub(axis.size, 1) : axis.size, shape);
  Value distance = p.abs(p.sub(c, low));
  Value turns = p.floor(p.div(distance, span));
  Value rest = p.sub(distance, p.mul(turns, span));
  Value isEven = p.eq(p.sub(turns, p.mul(2, p.floor(p.mul(0.5, turns)))), 0);
  Value folded = p.add(low, p.select(isEven, rest, p.sub(span, rest)));
  return axis.alignCorners ? p.select(p.eq(span, 0), 0, folded) : folded;
}

/// What padding_mode makes of a position.
Value padded(Primitives &p, Value c, const Axis &axis) {
  if (axis.padding == "zeros")
    return c;
  return clamped(p, axis.padding == "reflection" ? reflected(p, c, axis) : c, axis);
}

/// The whole number as an index; NaN is none.
Value asIndex(Primitives &p, Value c) { return p.select(p.isNan(c), -1, p.convert(c, i64Of(p))); }

/// input[n, :, index…] at every position, 0 outside: [N, positions…, C].
Value tap(Primitives &p, Value input, ArrayRef<Value> indices) {
  SmallVector<Value> all{p.iota(shapeOf(indices[0]), 0, i64Of(p))};
  llvm::append_range(all, indices);
  IntList dims{0};
  for (int64_t d = 0, count = indices.size(); d < count; ++d)
    dims.push_back(2 + d);
  return p.gather(input, all, dims, BoundsKind::Fill, "", p.scalar(0, p.elementOf(input)));
}

/// A tap or two in each dimension: index and weight.
using Taps = SmallVector<std::pair<Value, Value>>;

/// The sum over all combinations of taps of the product of weights times the pixel.
Value combined(Primitives &p, Value input, ArrayRef<Taps> axes) {
  Value total;
  SmallVector<size_t> choice(axes.size(), 0);
  while (true) {
    SmallVector<Value> indices;
    Value weight;
    for (auto [axis, k] : llvm::zip_equal(axes, choice)) {
      indices.push_back(axis[k].first);
      if (Value w = axis[k].second)
        weight = weight ? p.mul(weight, w) : w;
    }
    Value value = tap(p, input, indices);
    if (weight)
      value = p.mul(value, p.broadcastOver(weight, shapeOf(value), {p.rankOf(value) - 1}));
    total = total ? p.add(total, value) : value;
    size_t d = 0;
    for (; d < axes.size() && ++choice[d] == axes[d].size(); ++d)
      choice[d] = 0;
    if (d == axes.size())
      return total;
  }
}

Value gridSample(GridSampleOp op, GridSampleOp::Adaptor operands, Primitives &p) {
  Value input = operands.getInput(), grid = operands.getGrid();
  Shape in = shapeOf(input), at = shapeOf(grid);
  Type element = p.elementOf(input);
  int64_t spatial = in.size() - 2, last = at.size() - 1;
  StringRef mode = op.getMode();
  SmallVector<Taps> axes;
  for (int64_t d = 0; d < spatial; ++d) {
    // The grid's last dimension is x, y, z: the reverse of the input's.
    Value g = p.squeeze(p.sliceDim(grid, last, dimOf(p.context(), spatial - 1 - d), dimOf(p.context(), 1)), last);
    Axis axis{in[2 + d], p.size(in[2 + d], element), op.getAlignCorners().value_or(false), op.getPaddingMode()};
    Value c = pixel(p, g, axis);
    if (mode == "nearest") {
      axes.push_back({{asIndex(p, p.roundEven(padded(p, c, axis))), Value()}});
      continue;
    }
    if (mode == "bilinear") {
      c = padded(p, c, axis);
      Value whole = p.floor(c), share = p.sub(c, whole);
      axes.push_back({{asIndex(p, whole), p.sub(1, share)}, {asIndex(p, p.add(whole, 1)), share}});
      continue;
    }
    // Bicubic: the share comes from the position as it is, each tap is padded by itself.
    Value whole = p.floor(c);
    Taps taps;
    for (auto [k, weight] : llvm::enumerate(cubicWeights(p, p.sub(c, whole))))
      taps.push_back({asIndex(p, padded(p, p.add(whole, static_cast<double>(k) - 1), axis)), weight});
    axes.push_back(taps);
  }
  Value result = combined(p, input, axes); // [N, positions…, C]
  IntList perm{0, spatial + 1};
  for (int64_t d = 0; d < spatial; ++d)
    perm.push_back(1 + d);
  return p.transpose(result, perm);
}

} // namespace

void addSampling(Decompositions &table) {
  table.add<AffineGridOp>(affineGrid);
  table.add<GridSampleOp>(gridSample);
}

} // namespace nnf
