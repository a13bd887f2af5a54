// Adaptive pooling as primitives: plain windows where they have one size, else gathered ones.
#include "passes/decompose/AdaptivePooling.h"
#include "dialects/nnf/infer/Windows.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Pooling.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// Window i of `count` over `length` elements is [floor(i*length/count), ceil((i+1)*length/count)).
struct FixedWindows {
  IntList starts, sizes;
  int64_t longest = 0;

  FixedWindows(int64_t length, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      starts.push_back(i * length / count);
      sizes.push_back(llvm::divideCeilSigned((i + 1) * length, count) - starts.back());
      longest = std::max(longest, sizes.back());
    }
  }
  /// The distance from each to the next, where all are alike.
  std::optional<int64_t> step() const {
    int64_t step = starts.size() > 1 ? starts[1] : 1;
    for (auto [i, start] : llvm::enumerate(starts))
      if (step == 0 || start != static_cast<int64_t>(i) * step || sizes[i] != longest)
        return std::nullopt;
    return step;
  }
};

/// Elements of a window, at most.
Dim longestWindow(Dim length, Dim count) {
  if (auto l = constantOf(length), c = constantOf(count); l && c)
    return dimOf(length.getContext(), FixedWindows(*l, *c).longest);
  return simplify(length.ceilDiv(count) + 1);
}

/// Where each window starts and ends.
std::pair<Value, Value> windowBounds(Primitives &p, Dim length, Dim count) {
  Type i64 = IntegerType::get(p.context(), 64);
  Value i = p.iota({count}, 0, i64), size = p.size(length, i64), windows = p.size(count, i64);
  Value start = p.div(p.mul(i, size), windows);
  Value end = p.div(p.add(p.mul(p.add(i, 1), size), p.sub(p.broadcastTo(windows, {count}), 1)), windows);
  return {start, end};
}

/// The positions of each window's elements, [windows, longest] int64, the last one repeated.
Value repeatingWindows(Primitives &p, Dim length, Dim count) {
  Type i64 = IntegerType::get(p.context(), 64);
  Dim longest = longestWindow(length, count);
  Shape shape{count, longest};
  if (auto l = constantOf(length), c = constantOf(count); l && c) {
    FixedWindows fixed(*l, *c);
    IntList index;
    for (auto [start, size] : llvm::zip_equal(fixed.starts, fixed.sizes))
      for (int64_t tap = 0; tap < fixed.longest; ++tap)
        index.push_back(start + std::min(tap, size - 1));
    return p.reshape(p.vector(index, i64), shape);
  }
  auto [start, end] = windowBounds(p, length, count);
  return p.min(p.add(p.broadcastAlong(start, shape, 0), p.iota(shape, 1, i64)),
               p.broadcastAlong(p.sub(end, 1), shape, 0));
}

/// Windows of `size` elements at a distance of `step` in one dimension.
WindowDims along(int64_t dim, int64_t rank, int64_t size, int64_t step) {
  SmallVector<int64_t> ones(rank, 1), zeros(rank, 0), sizes(ones), steps(ones);
  sizes[dim] = size;
  steps[dim] = step;
  return {sizes, steps, ones, zeros, zeros};
}

/// Along `dim`, where all windows are of one size and at one distance; else null.
std::optional<WindowDims> evenWindows(Value x, int64_t dim, Dim count) {
  Shape shape = shapeOf(x);
  auto length = constantOf(shape[dim]), windows = constantOf(count);
  if (!length || !windows)
    return std::nullopt;
  FixedWindows fixed(*length, *windows);
  std::optional<int64_t> step = fixed.step();
  if (!step)
    return std::nullopt;
  return along(dim, shape.size(), fixed.longest, *step);
}

/// x with dimension `dim` replaced by two: the windows and their elements.
Value gatherWindows(Primitives &p, Value x, int64_t dim, Value index) {
  int64_t rank = p.rankOf(x);
  Value taps = p.gather(x, index, {dim}, BoundsKind::Clamp);
  IntList perm;
  for (int64_t d = 0; d < rank; ++d) {
    if (d == dim)
      perm.append({0, 1});
    else
      perm.push_back(2 + (d < dim ? d : d - 1));
  }
  return p.transpose(taps, perm);
}

Value meanAlong(Primitives &p, Value x, int64_t dim, Dim count) {
  if (isConstant(count, 1))
    return p.mean(x, {dim}, /*keep=*/true);
  if (auto window = evenWindows(x, dim, count))
    return p.div(p.reduceWindow(ReduceKind::Add, x, *window), static_cast<double>(window->size[dim]));
  // Windows of one length that do not leave the dimension: some begin before, or end after the one they stand for.
  // Formulas rather than tables, since kernels see by them that a window's elements lie side by side.
  Dim length = shapeOf(x)[dim], longest = longestWindow(length, count);
  Type i64 = IntegerType::get(p.context(), 64), i32 = IntegerType::get(p.context(), 32);
  auto [start, end] = windowBounds(p, length, count);
  Value first = p.min(start, p.broadcastTo(p.sub(p.size(length, i64), p.size(longest, i64)), {count}));
  Shape one{count, longest};
  Value index = p.add(p.broadcastAlong(first, one, 0), p.iota(one, 1, i64));
  Value taps = gatherWindows(p, x, dim, index);
  auto isBeyond = [&](Value bound) { return p.broadcastAlong(p.convert(p.sub(bound, first), i32), one, 0); };
  Value tap = p.iota(one, 1, i32);
  Value inside = p.bitAnd(p.ge(tap, isBeyond(start)), p.lt(tap, isBeyond(end)));
  Value total = p.sum(p.select(p.broadcast(inside, shapeOf(taps), {dim, dim + 1}), taps, 0), {dim + 1});
  return p.div(total, p.broadcastAlong(p.convert(p.sub(end, start), p.elementOf(x)), shapeOf(total), dim));
}

/// The largest of each window of one dimension and its position there.
std::pair<Value, Value> maxWithPosition(Primitives &p, Value x, int64_t dim, Dim count) {
  if (auto window = evenWindows(x, dim, count))
    return p.maxWindowWithIndex(x, *window, {dim});
  Value index = repeatingWindows(p, shapeOf(x)[dim], count);
  Dim longest = shapeOf(index)[1];
  Type i64 = p.elementOf(index);
  if (auto size = constantOf(longest)) {
    // The windows' elements one window after the other, which are read twice from there.
    int64_t rank = p.rankOf(x);
    Value table = p.reshape(index, {simplify(count * longest)});
    IntList perm = llvm::to_vector(llvm::seq<int64_t>(1, rank));
    perm.insert(perm.begin() + dim, 0);
    Value taps = p.transpose(p.gather(x, table, {dim}, BoundsKind::Clamp), perm);
    auto [values, taken] = p.maxWindowWithIndex(taps, along(dim, rank, *size, *size), {dim});
    return {values, p.gather(table, taken, {0}, BoundsKind::Clamp)};
  }
  Value taps = gatherWindows(p, x, dim, index);
  Value values = p.reduce(ReduceKind::Max, taps, {dim + 1}), number = p.iota(shapeOf(taps), dim + 1, i64);
  Value last = p.reduce(ReduceKind::Max, p.select(p.isNan(taps), number, -1), {dim + 1});
  Value winner = p.select(p.ge(last, 0), last, p.argReduce(ReduceKind::Max, taps, dim + 1));
  Value which = p.iota(shapeOf(values), dim, i64);
  return {values, p.gather(index, {which, winner}, {0, 1}, BoundsKind::Clamp)};
}

/// The largest of each window of one dimension.
Value maxAlong(Primitives &p, Value x, int64_t dim, Dim count) {
  if (isConstant(count, 1))
    return p.reduce(ReduceKind::Max, x, {dim}, /*keep=*/true);
  if (auto window = evenWindows(x, dim, count))
    return p.reduceWindow(ReduceKind::Max, x, *window);
  Value index = repeatingWindows(p, shapeOf(x)[dim], count);
  return p.reduce(ReduceKind::Max, gatherWindows(p, x, dim, index), {dim + 1});
}

/// The windows' common size in each dimension, where they have one and do not overlap; empty otherwise.
IntList commonSizes(ArrayRef<Dim> in, ArrayRef<Dim> out) {
  IntList sizes;
  for (auto [length, count] : llvm::zip_equal(in, out)) {
    auto l = constantOf(length), o = constantOf(count);
    if (sameDim(length, count))
      sizes.push_back(1);
    else if (l && o && *o > 0 && *l % *o == 0)
      sizes.push_back(*l / *o);
    else
      return {};
  }
  return sizes;
}

/// An output size of 0 was asked for.
bool isEmpty(ArrayRef<Dim> counts) {
  return llvm::any_of(counts, [](Dim count) { return isConstant(count, 0); });
}

/// Windows of these sizes, side by side, over the trailing dimensions.
WindowDims sideBySide(Ints sizes, int64_t rank) {
  SmallVector<int64_t> all(rank - sizes.size(), 1), ones(rank, 1), zeros(rank, 0);
  llvm::append_range(all, sizes);
  return {all, all, ones, zeros, zeros};
}

} // namespace

Value adaptiveMean(Primitives &p, Value x, ArrayRef<Dim> counts) {
  Shape in = shapeOf(x), out(in);
  int64_t rank = in.size(), first = rank - counts.size();
  llvm::copy(counts, out.begin() + first);
  if (isEmpty(counts))
    return p.full(out, 0, p.elementOf(x));
  if (llvm::all_of(counts, [](Dim count) { return isConstant(count, 1); }))
    return p.mean(x, llvm::to_vector(llvm::seq<int64_t>(first, rank)), /*keep=*/true);
  if (IntList sizes = commonSizes(ArrayRef<Dim>(in).drop_front(first), counts); !sizes.empty()) {
    Value total = p.reduceWindow(ReduceKind::Add, x, sideBySide(sizes, rank));
    return p.div(total, static_cast<double>(llvm::product_of(sizes)));
  }
  // The mean over a box is the mean of means: all windows of one dimension have the same other sizes.
  for (int64_t dim = first; dim < rank; ++dim)
    if (!sameDim(in[dim], out[dim]))
      x = meanAlong(p, x, dim, out[dim]);
  return x;
}

namespace {

template <typename Op> Value adaptiveAvgPool(Op op, typename Op::Adaptor x, Primitives &p, int64_t spatial) {
  Shape out = shapeOf(op.getOutput());
  return adaptiveMean(p, x.getInput(), ArrayRef<Dim>(out).take_back(spatial));
}

template <typename Op>
Decompositions::Values adaptiveMaxPool(Op op, typename Op::Adaptor operands, Primitives &p, int64_t spatial) {
  Value x = operands.getInput();
  Shape in = shapeOf(x), out = shapeOf(op.getOutput());
  int64_t rank = in.size(), first = rank - spatial;
  IntList planes = llvm::to_vector(llvm::seq<int64_t>(first, rank));
  if (isEmpty(ArrayRef<Dim>(out).drop_front(first))) {
    Decompositions::Values empty{p.full(out, 0, p.elementOf(x))};
    if (op.getReturnIndices())
      empty.push_back(p.full(out, 0, IntegerType::get(p.context(), 64)));
    return empty;
  }
  if (IntList sizes = commonSizes(ArrayRef<Dim>(in).drop_front(first), ArrayRef<Dim>(out).drop_front(first));
      !sizes.empty()) {
    WindowDims window = sideBySide(sizes, rank);
    if (!op.getReturnIndices())
      return {p.reduceWindow(ReduceKind::Max, x, window)};
    auto [values, indices] = p.maxWindowWithIndex(x, window, planes);
    return {values, indices};
  }
  // The largest of a box is the largest of largest.
  if (!op.getReturnIndices()) {
    for (int64_t dim = first; dim < rank; ++dim)
      if (!sameDim(in[dim], out[dim]))
        x = maxAlong(p, x, dim, out[dim]);
    return {x};
  }
  // From the last dimension on, so that the first of equals, and the last of NaNs, are so in row-major order.
  Type i64 = IntegerType::get(p.context(), 64);
  Value flat;
  Dim stride = dimOf(p.context(), 1);
  for (int64_t dim = rank - 1; dim >= first; --dim) {
    auto [values, position] = maxWithPosition(p, x, dim, out[dim]);
    Value scaled = isConstant(stride, 1) ? position : p.mul(position, p.size(stride, i64));
    if (flat) {
      // Where the winner of this dimension came from in the later ones.
      SmallVector<Value> from;
      for (int64_t d = 0; d < rank; ++d)
        from.push_back(d == dim ? position : p.iota(shapeOf(values), d, i64));
      scaled = p.add(scaled, p.gather(flat, from, llvm::to_vector(llvm::seq<int64_t>(0, rank)), BoundsKind::Clamp));
    }
    flat = scaled;
    x = values;
    stride = simplify(stride * in[dim]);
  }
  return {x, flat};
}

} // namespace

void addAdaptivePooling(Decompositions &table) {
  table.add<AdaptiveAvgPool1dOp>([](auto op, auto x, auto &p) { return adaptiveAvgPool(op, x, p, 1); });
  table.add<AdaptiveAvgPool2dOp>([](auto op, auto x, auto &p) { return adaptiveAvgPool(op, x, p, 2); });
  table.add<AdaptiveAvgPool3dOp>([](auto op, auto x, auto &p) { return adaptiveAvgPool(op, x, p, 3); });
  table.add<AdaptiveMaxPool1dOp>([](auto op, auto x, auto &p) { return adaptiveMaxPool(op, x, p, 1); });
  table.add<AdaptiveMaxPool2dOp>([](auto op, auto x, auto &p) { return adaptiveMaxPool(op, x, p, 2); });
  table.add<AdaptiveMaxPool3dOp>([](auto op, auto x, auto &p) { return adaptiveMaxPool(op, x, p, 3); });
}

} // namespace nnf
