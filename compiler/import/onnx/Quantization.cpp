// Integers that stand for reals: value = (integer - zero point) * scale.
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"
#include "compiler/import/onnx/Window.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// A scale or zero point: one number, or one along `axis` of a tensor of this rank.
TensorId alongAxis(Call &call, TensorId x, int64_t axis, int64_t rank) {
  Shape shape = call.shape(x);
  if (call.hasFailed() || shape.size() != 1)
    return x;
  if (isConstant(shape[0], 1))
    return call.reshape(x, {});
  axis = call.axis(axis, rank);
  if (call.hasFailed())
    return x;
  Shape spread(rank, call.size(1));
  spread[axis] = shape[0];
  return call.reshape(x, spread);
}

Type f32(Call &call) { return Float32Type::get(call.context()); }

/// round(x) + zero, held inside the integer type, as conversions do.
TensorId saturated(Call &call, TensorId x, TensorId zero, Type integer) {
  TensorId whole = call.unary("round", x);
  if (zero)
    whole = call.add(whole, call.cast(zero, call.element(x)));
  return call.cast(whole, integer);
}

/// The scales or zero points of x: one, one along an axis, or one for each block of elements along it.
struct Steps {
  Steps(Call &call, TensorId x) : call(call), shape(call.shape(x)), block(call.integer("block_size", 0)) {
    // A scalar has none, and needs none.
    axis = call.integer("axis", 1);
    if (block)
      axis = call.axis(axis, shape.size());
    if (block < 0)
      call.error("block_size") << block << ", expected 0 or more [NNFC-E0213]";
  }

  TensorId spread(StringRef argument, TensorId steps) {
    if (call.hasFailed() || !steps)
      return {};
    Shape given = call.shape(steps);
    if (!block && given.size() > 1)
      call.error(argument) << "rank " << given.size() << " without a 'block_size', expected 0 or 1 [NNFC-E0207]";
    if (!block || call.hasFailed())
      return alongAxis(call, steps, axis, shape.size());
    if (given.size() != shape.size()) {
      call.error(argument) << "rank " << given.size() << " with a 'block_size', expected the input's " << shape.size()
                           << " [NNFC-E0207]";
      return {};
    }
    call.require(argument, given[axis], given[axis] * block - shape[axis],
                 "{value} blocks of " + Twine(block) + ", expected enough for a size of " + toString(shape[axis]) +
                     " [NNFC-E0208]");
    if (call.hasFailed())
      return {};
    RunTime r(call);
    return call.graph().adopt(r.pick(call.graph().value(steps), axis,
                                     r.div(r.iota({shape[axis]}, 0, r.i64()), static_cast<double>(block)),
                                     BoundsKind::Clamp));
  }

  Call &call;
  Shape shape;
  int64_t axis, block;
};

void quantizeLinear(Call &call) {
  TensorId x = call.input(0), scale = call.input(1), zero = call.inputOrNone(2);
  auto wanted = static_cast<DataType>(call.integer("output_dtype", 0));
  Steps steps(call, x);
  if (call.hasFailed())
    return;
  Type integer = wanted != DataType::Undefined ? elementTypeOf(call.context(), wanted)
                 : zero                        ? call.element(zero)
                                               : IntegerType::get(call.context(), 8, IntegerType::Unsigned);
  if (!isa_and_present<IntegerType>(integer))
    return void(call.error() << "to " << (integer ? dtypeName(integer) : dataTypeName(wanted))
                             << ", expected integers [NNFC-E0206]");
  if (zero && call.element(zero) != integer)
    return void(call.error("y_zero_point") << "dtype " << dtypeName(call.element(zero)) << ", expected the output's "
                                           << dtypeName(integer) << " [NNFC-E0206]");
  TensorId ratio = call.div(call.cast(x, f32(call)), steps.spread("y_scale", scale));
  call.result(saturated(call, ratio, steps.spread("y_zero_point", zero), integer));
}

void dequantizeLinear(Call &call) {
  TensorId x = call.input(0), scale = call.input(1), zero = call.inputOrNone(2);
  Steps steps(call, x);
  Type i32 = IntegerType::get(call.context(), 32);
  TensorId centred = call.cast(x, i32);
  if (zero)
    centred = call.sub(centred, call.cast(steps.spread("x_zero_point", zero), i32));
  if (!call.hasFailed())
    call.result(call.mul(call.cast(centred, call.element(scale)), steps.spread("x_scale", scale)));
}

/// An 8-bit operand less its zero point, in float64, where sums of products are exact.
TensorId centred(Call &call, size_t input, size_t zeroInput, int64_t axis) {
  Type f64 = Float64Type::get(call.context());
  TensorId x = call.cast(call.input(input), f64);
  if (!call.has(zeroInput))
    return x;
  TensorId zero = alongAxis(call, call.input(zeroInput), axis, call.rank(x));
  return call.sub(x, call.cast(zero, f64));
}

/// The sums of products of integers, which wrap in int32. Written in floats that hold them.
TensorId wrapped(Call &call, TensorId sums) {
  IntegerType i64 = IntegerType::get(call.context(), 64), i32 = IntegerType::get(call.context(), 32);
  return call.cast(call.cast(sums, i64), i32);
}

TensorId integerConv(Call &call, TensorId x, TensorId weight, size_t weightInput) {
  Ints kernel = kernelOf(call, weightInput);
  Window w = windowOf(call, kernel);
  std::string function = withDimensions(call, "conv", kernel.size());
  if (!w.isSymmetric())
    x = padSpatial(call, x, w, 0);
  return wrapped(call, call.call(function, {{"input", x},
                                            {"weight", weight},
                                            {"stride", list(w.stride)},
                                            {"padding", list(w.isSymmetric() ? w.low : Ints(w.low.size(), 0))},
                                            {"dilation", list(w.dilation)},
                                            {"groups", call.integer("group", 1)}}));
}

void convInteger(Call &call) {
  TensorId x = centred(call, 0, 2, 0), weight = centred(call, 1, 3, 0);
  call.result(integerConv(call, x, weight, 1));
}

void qLinearConv(Call &call) {
  TensorId x = centred(call, 0, 2, 0), weight = centred(call, 3, 5, 0), bias = call.inputOrNone(8);
  TensorId sum = integerConv(call, x, weight, 3);
  if (bias)
    sum = call.add(sum, alongAxis(call, bias, 1, call.rank(sum)));
  sum = call.cast(sum, f32(call));
  TensorId weightScale = alongAxis(call, call.input(4), 1, call.rank(sum));
  TensorId scale =
      call.div(call.mul(weightScale, alongAxis(call, call.input(1), 0, 1)), alongAxis(call, call.input(6), 0, 1));
  TensorId zero = call.input(7);
  if (call.hasFailed())
    return;
  Type integer = call.element(zero);
  call.result(saturated(call, call.mul(sum, scale), alongAxis(call, zero, 0, 1), integer));
}

void qLinearMatMul(Call &call) {
  int64_t rankA = call.inputRank(0), rankB = call.inputRank(3);
  TensorId a = centred(call, 0, 2, rankA - 2), b = centred(call, 3, 5, rankB - 1);
  TensorId sum = call.cast(wrapped(call, call.binary("matmul", a, b)), f32(call));
  if (call.hasFailed())
    return;
  int64_t rank = call.rank(sum);
  TensorId scale =
      call.div(call.mul(alongAxis(call, call.input(1), rank - 2, rank), alongAxis(call, call.input(4), rank - 1, rank)),
               alongAxis(call, call.input(6), rank - 2, rank));
  TensorId zero = call.input(7);
  if (call.hasFailed())
    return;
  Type integer = call.element(zero);
  call.result(saturated(call, call.mul(sum, scale), alongAxis(call, zero, rank - 2, rank), integer));
}

} // namespace

void addQuantization(OpTable &table) {
  table.add("QuantizeLinear", 10, quantizeLinear);
  table.add("DequantizeLinear", 10, dequantizeLinear);
  table.add("ConvInteger", 10, convInteger);
  table.add("QLinearConv", 10, qLinearConv);
  table.add("QLinearMatMul", 10, qLinearMatMul);
}

} // namespace nnf::onnx
