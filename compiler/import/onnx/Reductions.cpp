// Reductions over axes, positions of extremes, running sums.
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"

#include <limits>

using namespace mlir;
namespace nnf::onnx {
namespace {

struct Axes {
  Ints dims;
  bool keep = true;
  bool isIdentity = false; ///< an empty list means "nothing is reduced"
};

Axes axesOf(Call &call) {
  Axes axes;
  int64_t rank = call.inputRank(0);
  axes.keep = call.flag("keepdims", true);
  std::optional<Ints> given = call.constants("axes");
  if (call.hasFailed())
    return axes;
  if (given && !given->empty()) {
    axes.dims = call.axes(*given, rank);
    llvm::sort(axes.dims);
  } else if (call.flag("noop_with_empty_axes")) {
    axes.isIdentity = true;
  } else {
    axes.dims = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  }
  return axes;
}

/// One of torch's reductions that take several dimensions. Integers keep their type, as ONNX has it.
TensorId reduceWith(Call &call, StringRef function, TensorId x, const Axes &axes) {
  // A scalar has nothing to reduce, and torch's lists of dimensions none to name.
  if (call.hasFailed() || axes.isIdentity || axes.dims.empty())
    return x;
  Type element = call.element(x);
  return call.cast(call.call(function, {{"input", x}, {"dim", list(axes.dims)}, {"keepdim", axes.keep}}), element);
}

template <const char *const &function> void reduce(Call &call) {
  Axes axes = axesOf(call);
  call.result(reduceWith(call, function, call.input(0), axes));
}
constexpr const char *sum = "sum", *amax = "amax", *amin = "amin";

TensorId reduceSum(Call &call, TensorId x, const Axes &axes) { return reduceWith(call, sum, x, axes); }

void reduceMean(Call &call) {
  Axes axes = axesOf(call);
  TensorId x = call.input(0);
  if (call.isFloat(x))
    return call.result(reduceWith(call, "mean", x, axes));
  // The mean of integers is truncated.
  Type element = call.element(x);
  TensorId mean = reduceWith(call, "mean", call.cast(x, Float64Type::get(call.context())), axes);
  call.result(call.cast(mean, element));
}

void reduceProd(Call &call) {
  Axes axes = axesOf(call);
  TensorId x = call.input(0);
  Type element = call.element(x);
  // torch takes one dimension at a time; from the last, so that the others keep their numbers.
  for (int64_t dim : llvm::reverse(axes.dims))
    x = call.cast(call.call("prod", {{"input", x}, {"dim", dim}, {"keepdim", axes.keep}}), element);
  call.result(x);
}

void reduceL1(Call &call) {
  Axes axes = axesOf(call);
  call.result(reduceSum(call, call.unary("abs", call.input(0)), axes));
}

TensorId sumOfSquares(Call &call, TensorId x) {
  Axes axes = axesOf(call);
  return reduceSum(call, call.mul(x, x), axes);
}

void reduceL2(Call &call) {
  TensorId x = call.input(0);
  Type element = call.element(x);
  if (!call.isFloat(x))
    x = call.cast(x, Float64Type::get(call.context()));
  call.result(call.cast(call.unary("sqrt", sumOfSquares(call, x)), element));
}

void reduceSumSquare(Call &call) { call.result(sumOfSquares(call, call.input(0))); }

void reduceLogSum(Call &call) {
  Axes axes = axesOf(call);
  call.result(call.unary("log", reduceSum(call, call.input(0), axes)));
}

void reduceLogSumExp(Call &call) {
  Axes axes = axesOf(call);
  TensorId x = call.input(0);
  if (axes.isIdentity || axes.dims.empty())
    return call.result(x);
  call.result(call.call("logsumexp", {{"input", x}, {"dim", list(axes.dims)}, {"keepdim", axes.keep}}));
}

template <const char *const &function> void argReduce(Call &call) {
  TensorId x = call.input(0);
  int64_t axis = call.axis(call.integer("axis", 0), call.inputRank(0));
  bool keep = call.flag("keepdims", true), last = call.flag("select_last_index");
  if (call.hasFailed())
    return;
  if (last)
    x = call.call("flip", {{"input", x}, {"dims", std::vector<int64_t>{axis}}});
  TensorId index = call.call(function, {{"input", x}, {"dim", axis}, {"keepdim", keep}});
  if (!last)
    return call.result(index);
  Dim size = call.inputShape(0)[axis];
  call.result(call.primitives({index}, [&](Primitives &p, ArrayRef<Value> in) {
    return p.sub(p.size(simplify(size - 1), Primitives::elementOf(in[0])), in[0]);
  }));
}
constexpr const char *argmax = "argmax", *argmin = "argmin";

void cumSum(Call &call) {
  TensorId x = call.input(0);
  std::optional<Ints> given = call.constants("axis");
  if (!given || given->size() != 1)
    return void(call.error("axis") << "missing, expected one number");
  int64_t axis = call.axis(given->front(), call.inputRank(0));
  bool reverse = call.flag("reverse"), exclusive = call.flag("exclusive");
  auto flipped = [&](TensorId tensor) {
    return reverse ? call.call("flip", {{"input", tensor}, {"dims", std::vector<int64_t>{axis}}}) : tensor;
  };
  Type element = call.element(x);
  TensorId sums = call.cast(call.call("cumsum", {{"input", flipped(x)}, {"dim", axis}}), element);
  // Without the element itself.
  if (exclusive)
    sums = call.sub(sums, flipped(x));
  call.result(flipped(sums));
}

void topK(Call &call) {
  TensorId x = call.input(0);
  int64_t axis = call.axis(call.integer("axis", -1), call.inputRank(0));
  bool largest = call.flag("largest", true);
  std::optional<SmallVector<Scalar>> k = call.numbers("k");
  if (call.hasFailed())
    return;
  if (!k || k->size() != 1)
    return void(call.error("k") << "missing, expected one number");
  Shape shape = call.shape(x);
  RunTime r(call);
  Dim count = r.outputSize(k->front(), "k", axis, shape.size(), call.wants(0) ? 0 : 1);
  SmallVector<TensorId> results;
  if (std::optional<int64_t> number = constantOf(count)) {
    results =
        call.callAll("topk", {{"input", x}, {"k", *number}, {"dim", axis}, {"largest", largest}, {"sorted", true}});
  } else {
    r.require("k", count, shape[axis] - count, "{value}, expected at most the size " + toString(shape[axis]));
    auto [values, indices] = r.sort(call.graph().value(x), axis, largest, count);
    results = {call.graph().adopt(values), call.graph().adopt(indices)};
  }
  for (auto [i, result] : llvm::enumerate(results))
    call.output(i, result);
}

} // namespace

void addReductions(OpTable &table) {
  table.add("ReduceSum", 1, reduce<sum>);
  table.add("ReduceMax", 1, reduce<amax>);
  table.add("ReduceMin", 1, reduce<amin>);
  table.add("ReduceMean", 1, reduceMean);
  table.add("ReduceProd", 1, reduceProd);
  table.add("ReduceL1", 1, reduceL1);
  table.add("ReduceL2", 1, reduceL2);
  table.add("ReduceSumSquare", 1, reduceSumSquare);
  table.add("ReduceLogSum", 1, reduceLogSum);
  table.add("ReduceLogSumExp", 1, reduceLogSumExp, "logsumexp");
  table.add("ArgMax", 1, argReduce<argmax>);
  table.add("ArgMin", 1, argReduce<argmin>);
  table.add("CumSum", 11, cumSum, "cumsum");
  table.add("TopK", 1, topK, "topk");
}

} // namespace nnf::onnx
