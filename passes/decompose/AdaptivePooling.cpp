// Adaptive pooling as primitives: plain windows where they have one size, else gathered ones.
#include "passes/decompose/AdaptivePooling.h"
#include "dialects/nnf/infer/Windows.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Pooling.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// The windows of one dimension, padded to the longest: which elements, and which of them count.
struct Windows {
  Value index;  // [o, W] int64
  Value inside; // [o, W] bool
};

/// Window i of `count` over `length` elements is [floor(i*length/count), ceil((i+1)*length/count)).
Windows adaptiveWindows(Primitives &p, Dim length, Dim count) {
  Type i64 = IntegerType::get(p.context(), 64);
  // A window is never longer than ceil(length/count) + 1, nor than the input.
  Dim longest = simplify(length.ceilDiv(count) + 1);
  if (auto all = constantOf(length), most = constantOf(longest); all && most)
    longest = dimOf(p.context(), std::min(*all, *most));
  Shape shape{count, longest};
  Value i = p.iota(shape, 0, i64), size = p.size(length, i64), windows = p.size(count, i64);
  Value start = p.div(p.mul(i, size), windows);
  Value end = p.div(p.add(p.mul(p.add(i, 1), size), p.sub(p.broadcastTo(windows, shape), 1)), windows);
  Value index = p.add(start, p.iota(shape, 1, i64));
  return {index, p.lt(index, end)};
}

/// x with dimension `dim` replaced by two: the windows and their elements.
Value gatherWindows(Primitives &p, Value x, int64_t dim, const Windows &windows) {
  int64_t rank = p.rankOf(x);
  Value taps = p.gather(x, windows.index, {dim}, BoundsKind::Clamp);
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
  Windows windows = adaptiveWindows(p, shapeOf(x)[dim], count);
  Value taps = gatherWindows(p, x, dim, windows);
  Value inside = p.broadcast(windows.inside, shapeOf(taps), {dim, dim + 1});
  Value total = p.sum(p.select(inside, taps, 0), {dim + 1});
  Value sizes = p.sum(p.convert(windows.inside, p.elementOf(x)), {1});
  return p.div(total, p.broadcastAlong(sizes, shapeOf(total), dim));
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

/// All taps of all windows in one trailing dimension, and beside them their flat positions; -1 outside a window.
std::pair<Value, Value> allTaps(Primitives &p, Value x, ArrayRef<Dim> out, int64_t spatial) {
  Type i64 = IntegerType::get(p.context(), 64);
  Shape in = shapeOf(x);
  int64_t rank = in.size(), first = rank - spatial;
  SmallVector<Windows> windows;
  Shape outer, inner; // counts, longest windows
  for (int64_t d = 0; d < spatial; ++d) {
    windows.push_back(adaptiveWindows(p, in[first + d], out[first + d]));
    Shape shape = shapeOf(windows.back().index);
    outer.push_back(shape[0]);
    inner.push_back(shape[1]);
  }
  Shape taps(outer);
  llvm::append_range(taps, inner);
  SmallVector<Value> indices;
  Value flat, inside;
  for (int64_t d = 0; d < spatial; ++d) {
    Value index = p.broadcast(windows[d].index, taps, {d, spatial + d});
    Value here = p.broadcast(windows[d].inside, taps, {d, spatial + d});
    indices.push_back(index);
    flat = flat ? p.add(p.mul(flat, p.size(in[first + d], i64)), index) : index;
    inside = inside ? p.bitAnd(inside, here) : here;
  }
  Value gathered = p.gather(x, indices, llvm::to_vector(llvm::seq<int64_t>(first, rank)), BoundsKind::Clamp);
  // [o…, W…, N, C] to [N, C, o…, W…], then one dimension of taps.
  IntList perm = llvm::to_vector(llvm::seq<int64_t>(2 * spatial, 2 * spatial + first));
  llvm::append_range(perm, llvm::seq<int64_t>(0, 2 * spatial));
  Value values = p.transpose(gathered, perm);
  Shape joined(out);
  Dim perWindow = productOf(p.context(), inner);
  joined.push_back(perWindow);
  Shape positions(outer);
  positions.push_back(perWindow);
  Value masked = p.select(inside, flat, p.broadcast(p.scalar(-1, i64), taps, {}));
  return {p.reshape(values, joined), p.reshape(masked, positions)};
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
  auto [taps, flat] = allTaps(p, x, out, spatial);
  Shape shape = shapeOf(taps);
  IntList trailing = llvm::to_vector(llvm::seq<int64_t>(first, rank + 1));
  Value positions = p.broadcast(flat, shape, trailing);
  Value masked = p.select(p.ge(positions, 0), taps, -std::numeric_limits<double>::infinity());
  Value values = p.reduce(ReduceKind::Max, masked, {rank});
  if (!op.getReturnIndices())
    return {values};
  // Of several NaNs the last one wins; argReduce takes the first of equals.
  Type i64 = IntegerType::get(p.context(), 64);
  Value last = p.reduce(ReduceKind::Max, p.select(p.isNan(masked), p.iota(shape, rank, i64), -1), {rank});
  Value winner = p.select(p.ge(last, 0), last, p.argReduce(ReduceKind::Max, masked, rank));
  // The winner's flat position: `flat` is [o…, W], the winner [N, C, o…].
  SmallVector<Value> indices;
  for (int64_t d = 0; d < spatial; ++d)
    indices.push_back(p.iota(out, first + d, IntegerType::get(p.context(), 64)));
  indices.push_back(winner);
  Value found = p.gather(flat, indices, llvm::to_vector(llvm::seq<int64_t>(0, spatial + 1)), BoundsKind::Clamp);
  return {values, found};
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
