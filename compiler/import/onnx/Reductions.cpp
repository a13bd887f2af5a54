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
  bool isIdentity = false;       ///< an empty list means "nothing is reduced"
  SmallVector<Scalar> atRunTime; ///< in the place of `dims`, where only the run knows them
};

Axes axesOf(Call &call) {
  Axes axes;
  int64_t rank = call.inputRank(0);
  axes.keep = call.flag("keepdims", true);
  std::optional<SmallVector<Scalar>> given = call.numbers("axes");
  if (call.hasFailed())
    return axes;
  if (given && isRunTime(*given)) {
    axes.atRunTime = *given;
    if (static_cast<int64_t>(given->size()) > rank)
      call.error("axes") << static_cast<int64_t>(given->size()) << " entries for a tensor of rank " << rank
                         << " [NNFC-E0212]";
  } else if (given && !given->empty()) {
    axes.dims = call.axes(call.constants("axes").value_or(Ints()), rank);
    llvm::sort(axes.dims);
  } else if (call.flag("noop_with_empty_axes")) {
    axes.isIdentity = true;
  } else {
    axes.dims = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  }
  return axes;
}

/// Over axes that only the run knows: each dimension in turn is reduced and its result repeated along it, or stays as
/// it is; of what is repeated, the first is picked in the end.
class RunTimeReduction {
public:
  RunTimeReduction(Call &call, TensorId x, const Axes &axes)
      : call(call), r(call), keep(axes.keep), shape(call.shape(x)), named(r.axes(axes.atRunTime, shape.size())) {
    for (size_t d = 0; d < shape.size(); ++d)
      isReduced.push_back(r.isAmong(d, named));
  }

  TensorId reduce(StringRef function, TensorId tensor) {
    Type element = call.element(tensor), f32 = Float32Type::get(call.context());
    bool isNarrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
    Value x = r.convert(call.graph().value(tensor), isNarrow ? f32 : element);
    return picked(r.convert(repeated(function, x), element));
  }

private:
  Value repeated(StringRef function, Value x) {
    if (function == "mean") {
      Value sum = repeated(ReduceKind::Add, padded(ReduceKind::Add, x));
      SmallVector<Value> counts;
      for (auto [size, flag] : llvm::zip(shape, isReduced))
        counts.push_back(r.select(flag, r.value(size), 1));
      return r.div(sum, r.convert(r.product(counts), Primitives::elementOf(x)));
    }
    if (function == "logsumexp") {
      // Of infinities nothing is subtracted: their difference would be NaN.
      x = padded(ReduceKind::Max, x);
      Value largest = repeated(ReduceKind::Max, x);
      Value isFinite = r.lt(r.abs(largest), std::numeric_limits<double>::infinity());
      Value shift = r.select(isFinite, largest, 0);
      return r.add(r.log(repeated(ReduceKind::Add, r.exp(r.sub(x, shift)))), shift);
    }
    ReduceKind kind = function == "sum"    ? ReduceKind::Add
                      : function == "prod" ? ReduceKind::Mul
                      : function == "amax" ? ReduceKind::Max
                                           : ReduceKind::Min;
    return repeated(kind, padded(kind, x));
  }

  /// A result cannot be repeated along no elements at all: a dimension that may be empty gets a neutral element more.
  Value padded(ReduceKind kind, Value x) {
    Type element = Primitives::elementOf(x);
    SmallVector<int64_t> low(shape.size(), 0), high;
    for (Dim size : shape)
      high.push_back(!constantOf(size) || isConstant(size, 0));
    if (!llvm::is_contained(high, 1))
      return x;
    return r.pad(x, r.reduce(kind, r.full({call.size(0)}, 0, element), {0}), low, high);
  }

  Value repeated(ReduceKind kind, Value x) {
    Shape wide = Primitives::shapeOf(x);
    for (int64_t d = 0, rank = wide.size(); d < rank; ++d)
      x = r.select(r.broadcast(isReduced[d], wide, {}), r.broadcastOver(r.reduce(kind, x, {d}), wide, {d}), x);
    return x;
  }

  TensorId picked(Value x) {
    SmallVector<Value> sizes;
    for (auto [size, flag] : llvm::zip(shape, isReduced))
      sizes.push_back(keep ? r.select(flag, 1, r.value(size)) : r.value(size));
    Shape result = r.outputShape(keep ? sizes : r.without(sizes, isReduced, shape.size() - named.size()));
    SmallVector<Value> positions;
    Value place = r.value(0); // of the next dimension that stays
    for (size_t d = 0; d < shape.size(); ++d) {
      Value isKept = r.logicalNot(isReduced[d]), position = r.broadcast(r.value(0), result, {});
      for (size_t i = 0; i < result.size(); ++i) {
        Value isHere = keep ? r.scalar(i == d, IntegerType::get(call.context(), 1))
                            : r.bitAnd(isKept, r.eq(place, static_cast<double>(i)));
        position = r.select(r.broadcast(isHere, result, {}), r.iota(result, i, r.i64()), position);
      }
      positions.push_back(position);
      place = r.add(place, r.convert(isKept, r.i64()));
    }
    return call.graph().adopt(r.gather(x, positions, llvm::to_vector(llvm::seq<int64_t>(0, shape.size())),
                                       BoundsKind::Fill, "", r.scalar(0, Primitives::elementOf(x))));
  }

  Call &call;
  RunTime r;
  bool keep;
  Shape shape;
  SmallVector<Value> named, isReduced;
};

/// One of torch's reductions that take several dimensions. Integers keep their type, as ONNX has it.
TensorId reduceWith(Call &call, StringRef function, TensorId x, const Axes &axes) {
  if (!call.hasFailed() && !axes.atRunTime.empty())
    return RunTimeReduction(call, x, axes).reduce(function, x);
  // A scalar has nothing to reduce, and torch's lists of dimensions none to name.
  if (call.hasFailed() || axes.isIdentity || axes.dims.empty())
    return x;
  Type element = call.element(x);
  Shape shape = call.shape(x);
  bool isMax = function == "amax", isExtreme = isMax || function == "amin";
  // Of no elements ONNX has the least or the largest number, where torch has an error.
  if (isExtreme && !llvm::all_of(axes.dims, [&](int64_t d) { return constantOf(shape[d]).value_or(0) > 0; }))
    return call.cast(call.primitives({call.cast(x, Call::computed(element))},
                                     [&](Primitives &p, ArrayRef<Value> in) {
                                       return p.reduce(isMax ? ReduceKind::Max : ReduceKind::Min, in[0], axes.dims,
                                                       axes.keep);
                                     }),
                     element);
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
  if (!axes.atRunTime.empty())
    return call.result(reduceWith(call, "prod", x, axes));
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
  call.result(reduceWith(call, "logsumexp", x, axes));
}

template <const char *const &function> void argReduce(Call &call) {
  TensorId x = call.input(0);
  bool keep = call.flag("keepdims", true), last = call.flag("select_last_index");
  int64_t axis = call.axis(call.integer("axis", 0), call.inputRank(0), "axis", /*scalarOk=*/!last);
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

/// Sums along each dimension, of which the run picks one.
void cumSumAtRunTime(Call &call, TensorId x, const Scalar &axis, bool reverse, bool exclusive) {
  RunTime r(call);
  Shape shape = call.shape(x);
  Value given = r.axes(axis, shape.size(), "axis").front(), input = call.graph().value(x), sums = input;
  Type element = Primitives::elementOf(input);
  bool isNarrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  Value wide = isNarrow ? r.convert(input, Float32Type::get(call.context())) : input;
  for (int64_t d = 0, rank = shape.size(); d < rank; ++d) {
    Value isThis = r.broadcast(r.eq(given, static_cast<double>(d)), shape, {});
    sums = r.select(isThis, r.convert(r.cumulate(ReduceKind::Add, wide, d, reverse), element), sums);
  }
  call.result(call.graph().adopt(exclusive ? r.sub(sums, input) : sums));
}

void cumSum(Call &call) {
  TensorId x = call.input(0);
  std::optional<SmallVector<Scalar>> given = call.numbers("axis");
  bool reverse = call.flag("reverse"), exclusive = call.flag("exclusive");
  if (!given || given->size() != 1)
    return void(call.error("axis") << "missing, expected one number [NNFC-E0204]");
  if (isRunTime(*given))
    return cumSumAtRunTime(call, x, given->front(), reverse, exclusive);
  int64_t axis =
      call.axis(call.constants("axis").value_or(Ints{0}).front(), call.inputRank(0), "axis", /*scalarOk=*/true);
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
    return void(call.error("k") << "missing, expected one number [NNFC-E0204]");
  Shape shape = call.shape(x);
  RunTime r(call);
  Dim count = r.outputSize(k->front(), "k", axis, shape.size(), call.wants(0) ? 0 : 1);
  SmallVector<TensorId> results;
  if (std::optional<int64_t> number = constantOf(count)) {
    results =
        call.callAll("topk", {{"input", x}, {"k", *number}, {"dim", axis}, {"largest", largest}, {"sorted", true}});
  } else {
    call.require("k", count, shape[axis] - count,
                 "{value}, expected at most the size " + toString(shape[axis]) + " [NNFC-E0213]");
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
