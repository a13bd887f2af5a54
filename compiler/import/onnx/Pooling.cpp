// Pooling: windows of maxima, means and norms.
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"
#include "compiler/import/onnx/Window.h"

#include <cmath>

using namespace mlir;
namespace nnf::onnx {
namespace {

Window poolWindow(Call &call) {
  int64_t rank = call.inputRank(0);
  Ints kernel = call.integers("kernel_shape");
  if (!call.hasFailed() && (rank < 3 || static_cast<int64_t>(kernel.size()) != rank - 2))
    call.error("kernel_shape") << static_cast<int64_t>(kernel.size()) << " entries for an input of rank " << rank
                               << ", expected rank 3 to 5, and one entry for each spatial dimension [NNFC-E0212]";
  return windowOf(call, call.hasFailed() ? Ints(1, 1) : kernel);
}

/// torch allows padding up to half of the kernel, the same on both ends.
bool fitsTorch(const Window &w) {
  for (size_t i = 0; i < w.kernel.size(); ++i)
    if (w.low[i] > w.kernel[i] / 2)
      return false;
  return w.isSymmetric();
}

/// Padding to be written out, with what the last window of ceil mode needs, so that floor mode gives the same windows.
void padForCeil(Call &call, Window &w) {
  Shape shape = call.inputShape(0);
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    int64_t span = w.span(i), stride = w.stride[i], high = w.high[i];
    // SAME leaves nothing over where windows meet.
    if (w.length[i] && span >= stride)
      continue;
    if (w.length[i])
      return void(call.error("ceil_mode") << "with 'auto_pad' and gaps between windows over the symbolic size "
                                          << toString(shape[2 + i]) << ", expected a fixed size [NNFC-E0219]");
    Dim before = shape[2 + i] + w.low[i], count = (before + (high - span)).ceilDiv(stride) + 1;
    // The last window starts inside the input or its low padding.
    if (high > span - stride)
      count = minOf(count, before.ceilDiv(stride));
    Dim length = simplify((count - 1) * stride + span);
    if (std::optional<int64_t> fixed = constantOf(length)) {
      w.high[i] = std::max(high, *fixed - constantOf(before).value_or(0));
      continue;
    }
    w.high[i] = high + stride - 1;
    w.start[i] = call.size(0);
    w.length[i] = length;
  }
}

/// The sums over the windows of a tensor that has its padding.
TensorId windowSums(Call &call, TensorId x, const Window &w) {
  Shape shape = call.shape(x);
  for (size_t i = 0; i < w.kernel.size() && !call.hasFailed(); ++i)
    call.require("kernel_shape", shape[2 + i], shape[2 + i] - w.span(i),
                 "a window of " + Twine(w.span(i)) +
                     " over size {value} with its padding, expected at most that [NNFC-E0217]");
  if (call.hasFailed())
    return {};
  Type element = call.element(x);
  TensorId sums = call.primitives({call.cast(x, Call::computed(element))}, [&](Primitives &p, ArrayRef<Value> in) {
    int64_t rank = Primitives::rankOf(in[0]);
    WindowDims window{Ints(rank, 1), Ints(rank, 1), Ints(rank, 1), Ints(rank, 0), Ints(rank, 0)};
    for (size_t i = 0; i < w.kernel.size(); ++i) {
      window.size[2 + i] = w.kernel[i];
      window.stride[2 + i] = w.stride[i];
      window.dilation[2 + i] = w.dilation[i];
    }
    return p.reduceWindow(ReduceKind::Add, in[0], window);
  });
  return call.cast(sums, element);
}

/// Positions in the planes, as torch counts them, to positions in the whole tensor, as ONNX does.
TensorId wholeIndices(Call &call, TensorId indices, bool columnMajor) {
  Shape input = call.inputShape(0), shape = call.shape(indices);
  if (columnMajor && input.size() != 4) {
    call.notThereYet("storage_order 1 for other than two spatial dimensions");
    return {};
  }
  return call.primitives({indices}, [&](Primitives &p, ArrayRef<Value> in) {
    Type i64 = IntegerType::get(call.context(), 64);
    Value index = in[0];
    if (columnMajor) {
      Value width = p.size(input[3], i64), height = p.size(input[2], i64);
      index = p.add(p.mul(p.rem(index, width), height), p.div(index, width));
    }
    Value plane = p.add(p.mul(p.iota(shape, 0, i64), p.size(input[1], i64)), p.iota(shape, 1, i64));
    Dim planeSize = productOf(call.context(), ArrayRef(input).drop_front(2));
    return p.add(index, p.mul(plane, p.size(planeSize, i64)));
  });
}

void maxPool(Call &call) {
  Window w = poolWindow(call);
  std::string function = withDimensions(call, "max_pool", w.kernel.size());
  bool ceil = call.flag("ceil_mode"), wantsIndices = call.wants(1);
  TensorId x = call.input(0);
  if (call.hasFailed())
    return;
  Type element = call.element(x);
  // Small integers are exact in float32, and have no pooling of their own.
  bool isInteger = !call.isFloat(x);
  if (isInteger && element.getIntOrFloatBitWidth() > 16)
    return void(call.error() << "elements of type " << dtypeName(element)
                             << ", expected floats or 8-bit integers [NNFC-E0206]");
  if (isInteger)
    x = call.cast(x, Float32Type::get(call.context()));
  if (!fitsTorch(w)) {
    if (wantsIndices)
      return call.notThereYet("Indices with uneven or wide padding");
    if (ceil)
      padForCeil(call, w);
    x = padSpatial(call, x, w, -std::numeric_limits<double>::infinity());
    w.low.assign(w.low.size(), 0);
    ceil = false;
  }
  SmallVector<TensorId> results = call.callAll(function, {{"input", x},
                                                          {"kernel_size", list(w.kernel)},
                                                          {"stride", list(w.stride)},
                                                          {"padding", list(w.low)},
                                                          {"dilation", list(w.dilation)},
                                                          {"ceil_mode", ceil},
                                                          {"return_indices", wantsIndices}});
  if (call.hasFailed())
    return;
  call.output(0, call.cast(results[0], element));
  if (wantsIndices)
    call.output(1, wholeIndices(call, results[1], call.flag("storage_order")));
}

void averagePool(Call &call) {
  Window w = poolWindow(call);
  std::string function = withDimensions(call, "avg_pool", w.kernel.size());
  bool ceil = call.flag("ceil_mode"), countsPadding = call.flag("count_include_pad");
  TensorId x = call.input(0);
  if (call.hasFailed())
    return;
  bool isDilated = llvm::any_of(w.dilation, [](int64_t d) { return d != 1; });
  if (fitsTorch(w) && !isDilated)
    return call.result(call.call(function, {{"input", x},
                                            {"kernel_size", list(w.kernel)},
                                            {"stride", list(w.stride)},
                                            {"padding", list(w.low)},
                                            {"ceil_mode", ceil},
                                            {"count_include_pad", countsPadding}}));
  // The sums of the padded windows, over what counts in each.
  Window given = w;
  if (ceil)
    padForCeil(call, w);
  Shape ones{call.size(1), call.size(1)}, shape = call.shape(x);
  ones.append(shape.begin() + 2, shape.end());
  Known one{call.element(x), {}, {}};
  one.values.push_back(one.ofNumber(1));
  // Padding may count; what ceil mode adds never does.
  TensorId share = padSpatial(call, call.full(ones, one), given, countsPadding);
  Window more = w;
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    more.low[i] = 0;
    more.high[i] -= given.high[i];
    if (given.length[i])
      more.length[i] = {};
  }
  share = padSpatial(call, share, more, 0);
  call.result(call.div(windowSums(call, padSpatial(call, x, w, 0), w), windowSums(call, share, w)));
}

/// The p-norm of each window.
void lpPool(Call &call) {
  Window w = poolWindow(call);
  double p =
      call.hasAttribute("p") && call.version >= 2 ? static_cast<double>(call.integer("p", 2)) : call.number("p", 2);
  TensorId x = call.input(0);
  if (call.hasFailed())
    return;
  if (call.flag("ceil_mode"))
    padForCeil(call, w);
  TensorId powers = call.call("pow", {{"input", call.unary("abs", x)}, {"exponent", p}});
  TensorId sum = windowSums(call, padSpatial(call, powers, w, 0), w);
  call.result(call.call("pow", {{"input", sum}, {"exponent", 1 / p}}));
}

Ints spatialDims(Call &call) {
  int64_t rank = call.inputRank(0);
  if (!call.hasFailed() && rank < 3)
    call.error() << "input of rank " << rank << ", expected 3 or more [NNFC-E0207]";
  return llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(rank, 2)));
}

void globalAveragePool(Call &call) {
  TensorId x = call.input(0);
  call.result(call.call("mean", {{"input", x}, {"dim", list(spatialDims(call))}, {"keepdim", true}}));
}

void globalMaxPool(Call &call) {
  TensorId x = call.input(0);
  call.result(call.call("amax", {{"input", x}, {"dim", list(spatialDims(call))}, {"keepdim", true}}));
}

void globalLpPool(Call &call) {
  TensorId x = call.input(0);
  double p = call.version >= 2 ? static_cast<double>(call.integer("p", 2)) : call.number("p", 2);
  TensorId powers = call.call("pow", {{"input", call.unary("abs", x)}, {"exponent", p}});
  TensorId sum = call.call("sum", {{"input", powers}, {"dim", list(spatialDims(call))}, {"keepdim", true}});
  call.result(call.call("pow", {{"input", sum}, {"exponent", 1 / p}}));
}

void maxUnpool(Call &call) {
  Window w = poolWindow(call);
  std::string function = withDimensions(call, "max_unpool", w.kernel.size());
  TensorId x = call.input(0), indices = call.input(1);
  std::optional<SmallVector<Scalar>> given = call.numbers("output_shape");
  if (call.hasFailed())
    return;
  if (!w.isSymmetric())
    return call.notThereYet("uneven padding");
  // ONNX counts positions in the whole tensor of the default size, torch in each plane.
  Shape shape = call.shape(x);
  int64_t rank = shape.size(), spatial = rank - 2;
  Dim plane = call.size(1);
  for (int64_t i = 0; i < spatial; ++i)
    plane = plane * ((shape[2 + i] - 1) * w.stride[i] + w.kernel[i] - 2 * w.low[i]);
  TensorId inPlane = call.primitives({indices}, [&](Primitives &p, ArrayRef<Value> in) {
    Value size = p.size(simplify(plane), Primitives::elementOf(in[0]));
    return p.rem(in[0], size);
  });
  std::vector<Argument> arguments{{"input", x},
                                  {"indices", inPlane},
                                  {"kernel_size", list(w.kernel)},
                                  {"stride", list(w.stride)},
                                  {"padding", list(w.low)}};
  if (!given)
    return call.result(call.call(function, std::move(arguments)));
  if (static_cast<int64_t>(given->size()) != spatial && static_cast<int64_t>(given->size()) != rank)
    return void(call.error("output_shape")
                << static_cast<int64_t>(given->size()) << " entries, expected " << rank << " [NNFC-E0212]");
  RunTime r(call);
  Shape out(shape.begin(), shape.begin() + 2);
  for (auto [i, size] : llvm::enumerate(ArrayRef(*given).take_back(spatial)))
    out.push_back(r.outputSize(size, "output_shape", 2 + static_cast<int64_t>(i), rank));
  if (std::optional<SmallVector<int64_t>> sizes = constantsOf(ArrayRef(out).drop_front(2))) {
    arguments.push_back({"output_size", list(*sizes)});
    return call.result(call.call(function, std::move(arguments)));
  }
  if (call.hasFailed())
    return;
  // Planes as one dimension each.
  auto flat = [&](ArrayRef<Dim> sizes) {
    return Shape{sizes[0], sizes[1], productOf(call.context(), sizes.drop_front(2))};
  };
  Value values = r.reshape(call.graph().value(x), flat(shape)), place = call.graph().value(inPlane);
  place = r.reshape(r.convert(place, r.i64()), flat(shape));
  Value zeros = r.full(flat(out), 0, Primitives::elementOf(values));
  Value result = r.scatter(ScatterKind::Set, zeros,
                           {r.iota(flat(shape), 0, r.i64()), r.iota(flat(shape), 1, r.i64()), place}, values, {0, 1, 2},
                           BoundsKind::Error, r.message("I", "index {value}, expected one below {bound} [NNFC-E0501]"));
  call.result(call.graph().adopt(r.reshape(result, out)));
}

} // namespace

void addPooling(OpTable &table) {
  table.add("MaxPool", 1, maxPool);
  table.add("AveragePool", 1, averagePool);
  table.add("LpPool", 1, lpPool);
  table.add("GlobalAveragePool", 1, globalAveragePool);
  table.add("GlobalMaxPool", 1, globalMaxPool);
  table.add("GlobalLpPool", 1, globalLpPool);
  table.add("MaxUnpool", 9, maxUnpool, "max_unpool2d");
}

} // namespace nnf::onnx
