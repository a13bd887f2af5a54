// Pooling with windows of one size as primitives.
#include "dialects/nnf/infer/Windows.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Pooling.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// The window over all dimensions of x: the leading ones are left alone.
WindowDims overAll(const Window &w, int64_t rank) {
  int64_t leading = rank - w.size.size();
  auto extend = [&](Ints list, int64_t neutral) {
    SmallVector<int64_t> all(leading, neutral);
    llvm::append_range(all, list);
    return all;
  };
  return {extend(w.size, 1), extend(w.stride, 1), extend(w.dilation, 1), extend(w.low, 0), extend(w.high, 0)};
}

/// Elements in window i of one dimension of `length` elements, as a float vector: with padding the part of
/// [a, a + size) below length + padding, a = i*stride - padding; else the part inside the input.
Value elementsOfWindows(Primitives &p, Dim length, Dim windows, const Window &w, size_t d, bool countPadding,
                        Type element) {
  Type i64 = IntegerType::get(p.context(), 64);
  Shape shape{windows};
  Value start = p.sub(p.mul(p.iota(shape, 0, i64), static_cast<double>(w.stride[d])), static_cast<double>(w.low[d]));
  Value bound = p.size(countPadding ? length + w.low[d] : length, i64);
  Value end = p.min(p.add(start, static_cast<double>(w.size[d])), bound);
  return p.convert(p.sub(end, countPadding ? start : p.max(start, 0)), element);
}

/// The sum of every window divided by the number of its elements.
Value meanOfWindows(Primitives &p, Value x, const Window &w, bool ceilMode, bool countPadding,
                    std::optional<int64_t> divisor) {
  Value total = p.reduceWindow(ReduceKind::Add, x, overAll(w, p.rankOf(x)));
  if (divisor)
    return p.div(total, static_cast<double>(*divisor));
  // Where every window is full, the divisor is one number.
  bool padded = llvm::any_of(w.low, [](int64_t n) { return n != 0; });
  if (!ceilMode && (countPadding || !padded))
    return p.div(total, static_cast<double>(llvm::product_of(w.size)));
  Shape in = shapeOf(x), out = shapeOf(total);
  int64_t first = in.size() - w.size.size();
  Value divisors;
  for (size_t d = 0; d < w.size.size(); ++d) {
    Value counts = elementsOfWindows(p, in[first + d], out[first + d], w, d, countPadding, p.elementOf(x));
    Value spread = p.broadcastAlong(counts, out, first + d);
    divisors = divisors ? p.mul(divisors, spread) : spread;
  }
  return p.div(total, divisors);
}

template <typename Op> Value avgPool(Op op, typename Op::Adaptor x, Primitives &p, int64_t spatial) {
  Window w = *poolWindow(op.getLoc(), x.getInput(), op.getKernelSize(), op.getStride(), op.getPadding(), {1},
                         op.getCeilMode(), spatial);
  std::optional<int64_t> divisor;
  if constexpr (requires { op.getDivisorOverride(); })
    divisor = op.getDivisorOverride();
  return meanOfWindows(p, x.getInput(), w, op.getCeilMode(), op.getCountIncludePad(), divisor);
}

template <typename Op> Decompositions::Values maxPool(Op op, typename Op::Adaptor x, Primitives &p, int64_t spatial) {
  Window w = *poolWindow(op.getLoc(), x.getInput(), op.getKernelSize(), op.getStride(), op.getPadding(),
                         op.getDilation(), op.getCeilMode(), spatial);
  int64_t rank = p.rankOf(x.getInput());
  WindowDims window = overAll(w, rank);
  if (!op.getReturnIndices())
    return {p.reduceWindow(ReduceKind::Max, x.getInput(), window)};
  auto [values, indices] =
      p.maxWindowWithIndex(x.getInput(), window, llvm::to_vector(llvm::seq<int64_t>(rank - spatial, rank)));
  return {values, indices};
}

/// (mean of x^p * kernel volume)^(1/p), where torch takes the root of the absolute value with the mean's sign.
template <typename Op> Value lpPool(Op op, typename Op::Adaptor x, Primitives &p, int64_t spatial) {
  Window w =
      *poolWindow(op.getLoc(), x.getInput(), op.getKernelSize(), op.getStride(), {0}, {1}, op.getCeilMode(), spatial);
  double power = op.getNormType();
  Value mean = meanOfWindows(p, p.power(x.getInput(), power), w, op.getCeilMode(), true, std::nullopt);
  // sign(m)*relu(|m|) is m, so what is left is the scale; the root of a negative one is NaN but for power 1.
  Value total = p.mul(mean, static_cast<double>(llvm::product_of(w.size)));
  return p.power(total, 1 / power);
}

} // namespace

void addPooling(Decompositions &table) {
  table.add<AvgPool1dOp>([](auto op, auto x, auto &p) { return avgPool(op, x, p, 1); });
  table.add<AvgPool2dOp>([](auto op, auto x, auto &p) { return avgPool(op, x, p, 2); });
  table.add<AvgPool3dOp>([](auto op, auto x, auto &p) { return avgPool(op, x, p, 3); });
  table.add<MaxPool1dOp>([](auto op, auto x, auto &p) { return maxPool(op, x, p, 1); });
  table.add<MaxPool2dOp>([](auto op, auto x, auto &p) { return maxPool(op, x, p, 2); });
  table.add<MaxPool3dOp>([](auto op, auto x, auto &p) { return maxPool(op, x, p, 3); });
  table.add<LpPool1dOp>([](auto op, auto x, auto &p) { return lpPool(op, x, p, 1); });
  table.add<LpPool2dOp>([](auto op, auto x, auto &p) { return lpPool(op, x, p, 2); });
  table.add<LpPool3dOp>([](auto op, auto x, auto &p) { return lpPool(op, x, p, 3); });
}

} // namespace nnf
