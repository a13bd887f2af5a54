// Fractional max pooling as primitives: all taps of all windows gathered, then one reduction.
#include "dialects/nnf/infer/Windows.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Random.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Pooling.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// Where the windows of one dimension begin: [N, C, out] int64, computed in the input's type as torch does. The last
/// one ends with the input.
Value windowStarts(Primitives &p, Value samples, Dim in, Dim out, int64_t kernel) {
  Type i64 = IntegerType::get(p.context(), 64), element = p.elementOf(samples);
  Shape shape(shapeOf(samples));
  shape.push_back(out);
  Value u = p.broadcastOver(samples, shape, {2});
  Value last = p.size(simplify(in - kernel), i64), steps = p.size(simplify(out - 1), element);
  Value distance = p.div(p.convert(last, element), p.select(p.eq(steps, 0), 1, steps));
  auto whole = [&](Value x) { return p.convert(x, i64); };
  Value start = p.sub(whole(p.mul(p.add(p.iota(shape, 2, element), u), distance)), whole(p.mul(u, distance)));
  Value isLast = p.eq(p.iota(shape, 2, i64), p.broadcastTo(p.size(simplify(out - 1), i64), shape));
  return p.select(isLast, p.broadcastTo(last, shape), start);
}

template <typename Op>
Decompositions::Values fractionalMaxPool(Op op, typename Op::Adaptor operands, Primitives &p, int64_t spatial) {
  Type i64 = IntegerType::get(p.context(), 64);
  Value x = operands.getInput(), samples = operands.get_randomSamples();
  if (p.rankOf(x) == spatial + 1)
    x = p.unsqueeze(x, 0);
  Shape in = shapeOf(x), out(ArrayRef<Dim>(shapeOf(op.getOutput())).take_back(spatial));
  IntList kernel = *perDim(op.getLoc(), "kernel_size", op.getKernelSize(), spatial, 1);
  if (!samples)
    samples = p.convert(uniform(p, op, {in[0], in[1], dimOf(p.context(), spatial)}), p.elementOf(x));

  // [N, C, outputs…, taps]: a tap's place in the window is its number, row-major.
  Shape taps{in[0], in[1]}, perWindow{in[0], in[1]};
  llvm::append_range(taps, out);
  llvm::append_range(perWindow, out);
  taps.push_back(dimOf(p.context(), llvm::product_of(kernel)));
  SmallVector<Value> starts, indices{p.iota(taps, 0, i64), p.iota(taps, 1, i64)};
  Value tap = p.iota(taps, spatial + 2, i64);
  int64_t inner = llvm::product_of(kernel);
  // Where tap `number` lies in dimension d, which changes every `each` taps, with window starts spread over `shape`.
  auto position = [&](int64_t d, int64_t each, Value number, ArrayRef<Dim> shape) {
    Value within = p.rem(p.div(number, static_cast<double>(each)), static_cast<double>(kernel[d]));
    return p.add(p.broadcast(starts[d], shape, {0, 1, 2 + d}), within);
  };
  SmallVector<int64_t> inners;
  for (int64_t d = 0; d < spatial; ++d) {
    // Samples come in the order W, H for two dimensions, D, H, W for three.
    int64_t sample = spatial == 2 ? 1 - d : d;
    Value u = p.squeeze(p.sliceDim(samples, 2, dimOf(p.context(), sample), dimOf(p.context(), 1)), 2);
    starts.push_back(windowStarts(p, u, in[2 + d], out[d], kernel[d]));
    inners.push_back(inner /= kernel[d]);
    indices.push_back(position(d, inner, tap, taps));
  }
  Value values = p.gather(x, indices, llvm::to_vector(llvm::seq<int64_t>(0, spatial + 2)), BoundsKind::Clamp);
  Value largest = p.reduce(ReduceKind::Max, values, {spatial + 2});
  Decompositions::Values results{p.reshape(largest, shapeOf(op.getOutput()))};
  if (!op.getReturnIndices())
    return results;
  // Of several NaNs the last one wins; argReduce takes the first of equals.
  Value lastNan = p.reduce(ReduceKind::Max, p.select(p.isNan(values), tap, -1), {spatial + 2});
  Value winner = p.select(p.ge(lastNan, 0), lastNan, p.argReduce(ReduceKind::Max, values, spatial + 2));
  Value flat;
  for (int64_t d = 0; d < spatial; ++d) {
    Value here = position(d, inners[d], winner, perWindow);
    flat = flat ? p.add(p.mul(flat, p.size(in[2 + d], i64)), here) : here;
  }
  results.push_back(p.reshape(flat, shapeOf(op.getOutput())));
  return results;
}

} // namespace

void addFractionalPooling(Decompositions &table) {
  table.add<FractionalMaxPool2dOp>([](auto op, auto x, auto &p) { return fractionalMaxPool(op, x, p, 2); });
  table.add<FractionalMaxPool3dOp>([](auto op, auto x, auto &p) { return fractionalMaxPool(op, x, p, 3); });
}

} // namespace nnf
