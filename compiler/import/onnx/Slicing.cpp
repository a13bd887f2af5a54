// Cutting out and filling up: slices, padding, crops.
#include "compiler/import/onnx/Evaluate.h"
#include "compiler/import/onnx/RunTime.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// Start and length of a slice over one dimension with symbols in it; nothing after an error.
struct SymbolicRange {
  Dim start, length;
};
std::optional<SymbolicRange> symbolicRange(Call &call, Dim start, Dim end, int64_t step, Dim size) {
  std::optional<int64_t> first = constantOf(start), last = constantOf(end), fixed = constantOf(size);
  if (first && last && fixed) {
    SliceRange range = sliceRange(*first, *last, step, *fixed);
    return SymbolicRange{call.size(range.start), call.size(range.length)};
  }
  constexpr int64_t far = int64_t(1) << 31;
  // "To the end" is written as a number beyond any size; other numbers, as positions that must be inside.
  auto resolve = [&](Dim at, std::optional<int64_t> number, Dim whenHigh, Dim whenLow) -> Dim {
    if (!number)
      return at;
    if (*number >= far)
      return whenHigh;
    if (*number <= -far)
      return whenLow;
    return *number < 0 ? simplify(size + *number) : at;
  };
  start = resolve(start, first, step > 0 ? size : size - 1, call.size(0));
  end = resolve(end, last, step > 0 ? size : size - 1, step > 0 ? call.size(0) : call.size(-1));
  // A fixed end beyond a size that is only known later would be cut there.
  if (step > 0 && isAtMost(size, end))
    end = size;
  Dim span = simplify(step > 0 ? end - start : start - end);
  Dim length = std::abs(step) == 1 ? span : span.ceilDiv(std::abs(step));
  return SymbolicRange{simplify(start), simplify(length)};
}

/// start + i * step for i below `length`, as ONNX clamps them to a dimension.
struct RunTimeRange {
  Value start, step, length;
};
RunTimeRange runTimeRange(RunTime &r, Value start, Value end, Value step, Dim dim) {
  Value size = r.value(dim), isBack = r.lt(step, 0);
  auto fromFront = [&](Value at) { return r.select(r.lt(at, 0), r.add(at, size), at); };
  // Counting down, the last place is the one before the first element.
  Value high = r.select(isBack, r.sub(size, 1), size), low = r.select(isBack, -1, r.value(0));
  start = r.min(r.max(fromFront(start), 0), high);
  end = r.min(r.max(fromFront(end), low), high);
  Value span = r.select(isBack, r.sub(start, end), r.sub(end, start));
  Value length = r.add(r.div(r.sub(span, 1), r.max(r.abs(step), 1)), 1);
  return {start, step, r.select(r.gt(span, 0), length, 0)};
}

/// The range's elements of one dimension. `start` and `step` are null where only the run knows them.
TensorId cut(Call &call, RunTime &r, TensorId x, int64_t dim, const RunTimeRange &range, Dim start,
             std::optional<int64_t> step) {
  Dim length = r.outputSize(range.length, dim, call.rank(x));
  if (call.hasFailed())
    return {};
  Value input = call.graph().value(x);
  // Of a computed length, it is inside.
  if (start && isNotNegative(start) && step && *step > 0 && dependsOnData(length))
    return call.graph().adopt(r.sliceDim(input, dim, start, length, *step));
  Value index = r.add(r.mul(r.iota({length}, 0, r.i64()), range.step), range.start);
  return call.graph().adopt(r.take(input, dim, index));
}

/// Only the run knows which dimensions are cut: each may be.
void sliceAlongRunTimeAxes(Call &call, TensorId x, ArrayRef<Scalar> starts, ArrayRef<Scalar> ends,
                           ArrayRef<Scalar> axes, ArrayRef<Scalar> steps) {
  RunTime r(call);
  Shape shape = call.shape(x);
  SmallVector<Value> dims = r.axes(axes, shape.size());
  for (auto [d, size] : llvm::enumerate(shape)) {
    Value start = r.value(0), end = r.value(size), step = r.value(1);
    for (auto [i, dim] : llvm::enumerate(dims)) {
      Value isThis = r.eq(dim, static_cast<double>(d));
      start = r.select(isThis, r.value(starts[i]), start);
      end = r.select(isThis, r.value(ends[i]), end);
      step = r.select(isThis, r.value(steps[i]), step);
    }
    x = cut(call, r, x, d, runTimeRange(r, start, end, step, size), Dim(), std::nullopt);
  }
  call.result(x);
}

void slice(Call &call) {
  TensorId x = call.input(0);
  std::optional<SmallVector<Scalar>> starts = call.numbers("starts"), ends = call.numbers("ends"),
                                     axes = call.numbers("axes"), steps = call.numbers("steps");
  if (call.hasFailed())
    return;
  if (!starts || !ends || starts->size() != ends->size())
    return void(call.error("starts") << "expected as many entries in 'starts' as in 'ends' [NNFC-E0212]");
  size_t count = starts->size();
  if (!steps)
    steps = SmallVector<Scalar>(count, Scalar{call.size(1)});
  if ((axes && axes->size() != count) || steps->size() != count)
    return void(call.error("axes") << "expected as many entries in 'axes' and 'steps' as in 'starts' [NNFC-E0212]");
  RunTime r(call);
  for (const Scalar &step : *steps)
    if (!step.isKnown())
      r.check(r.ne(r.value(step), 0), r.value(step),
              r.message("steps", "{value}, expected another number [NNFC-E0213]"));
  if (axes && isRunTime(*axes))
    return sliceAlongRunTimeAxes(call, x, *starts, *ends, *axes, *steps);
  Ints dims = call.axes(axes ? *call.constants("axes") : llvm::to_vector(llvm::seq<int64_t>(0, count)), call.rank(x));
  for (size_t i = 0; i < count && !call.hasFailed(); ++i) {
    Scalar start = (*starts)[i], end = (*ends)[i], step = (*steps)[i];
    std::optional<int64_t> stride = step.isKnown() ? constantOf(step.size) : std::nullopt;
    if (step.isKnown() && (!stride || *stride == 0))
      return void(call.error("steps") << toString(step.size) << ", expected another number [NNFC-E0213]");
    Dim size = call.shape(x)[dims[i]];
    if (!stride || isRunTime({start, end})) {
      RunTimeRange range = runTimeRange(r, r.value(start), r.value(end), r.value(step), size);
      x = cut(call, r, x, dims[i], range, start.size, stride);
    } else if (auto first = constantOf(start.size), last = constantOf(end.size);
               first && last && *stride > 0 && dependsOnData(size)) {
      // The data may decide less than that: cut as torch cuts.
      x = call.call("slice", {{"input", x}, {"dim", dims[i]}, {"start", *first}, {"end", *last}, {"step", *stride}});
    } else if (std::optional<SymbolicRange> range = symbolicRange(call, start.size, end.size, *stride, size)) {
      x = call.slice(x, dims[i], range->start, range->length, *stride);
    }
  }
  call.result(x);
}

// ---- padding

/// Where element i of a padded dimension of `size` elements is read, for i counted from the input's first.
Value paddedPosition(RunTime &r, const std::string &mode, Value i, Dim dim) {
  Value size = r.value(dim);
  if (mode == "constant")
    return i;
  if (mode == "edge")
    return r.clamp(i, r.value(0), r.sub(size, 1));
  Value period = mode == "wrap" ? size : r.max(r.mul(r.sub(size, 1), 2), 1);
  Value at = r.rem(r.add(r.rem(i, period), period), period);
  return mode == "wrap" ? at : r.select(r.lt(at, size), at, r.sub(period, at));
}

/// What a dimension grows by at its two ends.
struct Pads {
  Scalar low, high;
  std::optional<int64_t> numberOf(const Scalar &amount) const {
    return amount.isKnown() ? constantOf(amount.size) : std::nullopt;
  }
  bool areConstant() const { return numberOf(low) && numberOf(high); }
  bool areNone() const { return numberOf(low) == 0 && numberOf(high) == 0; }
};

/// The number that is given for the elements outside; null when none is.
Value fillOf(Call &call, RunTime &r, TensorId x, const ArgumentValue &value) {
  if (auto *tensor = std::get_if<TensorId>(&value))
    return r.number(*tensor, call.element(x));
  if (auto *number = std::get_if<double>(&value))
    return r.scalar(*number, call.element(x));
  if (auto *whole = std::get_if<int64_t>(&value))
    return r.scalar(static_cast<double>(*whole), call.element(x));
  return {};
}

/// One dimension grows: rows at computed positions. Without `length` it is a size that the run computes.
Value padded(Call &call, RunTime &r, const std::string &mode, Value fill, Value x, int64_t dim, Value low, Value high,
             Dim length = {}) {
  Shape shape = Primitives::shapeOf(x);
  Dim size = shape[dim];
  if (mode != "constant")
    call.require("data", size, size - 1,
                 "size {value} in dimension " + std::to_string(dim) + ", expected at least 1 [NNFC-E0217]");
  if (!length)
    length = r.outputSize(r.max(r.add(r.add(low, r.value(size)), high), 0), dim, shape.size());
  Value i = r.sub(r.iota({length}, 0, r.i64()), low);
  return r.take(x, dim, paddedPosition(r, mode, i, size), mode == "constant" ? fill : Value());
}

/// Only the run knows which dimensions grow: each may.
void padAlongRunTimeAxes(Call &call, TensorId input, const std::string &mode, const ArgumentValue &value,
                         ArrayRef<Scalar> axes, ArrayRef<Pads> pads) {
  RunTime r(call);
  Value x = call.graph().value(input), fill = fillOf(call, r, input, value);
  int64_t rank = call.rank(input);
  SmallVector<Value> dims = r.axes(axes, rank);
  for (int64_t d = 0; d < rank; ++d) {
    Value low = r.value(0), high = low;
    for (auto [dim, amounts] : llvm::zip(dims, pads)) {
      Value isThis = r.eq(dim, static_cast<double>(d));
      low = r.select(isThis, r.value(amounts.low), low);
      high = r.select(isThis, r.value(amounts.high), high);
    }
    x = padded(call, r, mode, fill, x, d, low, high);
  }
  if (!call.hasFailed())
    call.result(call.graph().adopt(x));
}

/// Amounts that only the run knows, symbolic ones, and tables over symbolic sizes.
void padAtRunTime(Call &call, TensorId input, const std::string &mode, const ArgumentValue &value,
                  ArrayRef<Pads> pads) {
  RunTime r(call);
  Value x = call.graph().value(input), fill = fillOf(call, r, input, value);
  for (auto [d, amounts] : llvm::enumerate(pads)) {
    if (amounts.areNone())
      continue;
    Dim length;
    if (amounts.low.isKnown() && amounts.high.isKnown())
      length = simplify(call.shape(input)[d] + amounts.low.size + amounts.high.size);
    x = padded(call, r, mode, fill, x, d, r.value(amounts.low), r.value(amounts.high), length);
  }
  if (!call.hasFailed())
    call.result(call.graph().adopt(x));
}

/// Numbers of elements that are known, added to dimensions of known size.
void padByConstants(Call &call, TensorId x, const std::string &mode, ArgumentValue value, ArrayRef<int64_t> low,
                    ArrayRef<int64_t> high) {
  int64_t rank = low.size();
  if (mode == "constant") {
    if (std::holds_alternative<TensorId>(value)) {
      TensorId fill = std::get<TensorId>(value);
      fill = call.reshape(fill, {});
      return call.result(call.primitives(
          {x, fill}, [&](Primitives &p, ArrayRef<Value> in) { return p.pad(in[0], in[1], low, high); }));
    }
    // Dimensions that stay, at the front, are left out of torch's list.
    std::vector<int64_t> pairs;
    int64_t first = 0;
    while (first < rank && !low[first] && !high[first])
      ++first;
    for (int64_t i = rank; i-- > first;)
      pairs.insert(pairs.end(), {low[i], high[i]});
    if (pairs.empty())
      return call.outputIsInput(0, 0);
    double fill = 0;
    if (auto *number = std::get_if<double>(&value))
      fill = *number;
    else if (auto *whole = std::get_if<int64_t>(&value))
      fill = static_cast<double>(*whole);
    return call.result(call.call("pad", {{"input", x}, {"pad", pairs}, {"mode", "constant"}, {"value", fill}}));
  }
  // One dimension after the other: rows picked by a table.
  for (int64_t d = 0; d < rank && !call.hasFailed(); ++d) {
    if (!low[d] && !high[d])
      continue;
    int64_t size = *constantOf(call.shape(x)[d]);
    Ints rows;
    int64_t period = mode == "wrap" ? size : std::max<int64_t>(2 * (size - 1), 1);
    for (int64_t i = -low[d]; i < size + high[d]; ++i) {
      int64_t at = ((i % period) + period) % period;
      rows.push_back(mode == "edge"      ? std::clamp<int64_t>(i, 0, size - 1)
                     : mode == "reflect" ? (at < size ? at : period - at)
                                         : at);
    }
    TensorId index = call.constant(IntegerType::get(call.context(), 64), rows);
    x = call.call("index_select", {{"input", x}, {"dim", d}, {"index", index}});
  }
  call.result(x);
}

void pad(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t rank = shape.size();
  std::string mode = call.text("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    return void(call.error("mode") << "'" << mode
                                   << "', expected 'constant', 'reflect', 'edge' or 'wrap' [NNFC-E0214]");
  std::optional<SmallVector<Scalar>> amounts, axes = call.numbers("axes");
  if (call.version < 2 && call.hasAttribute("paddings"))
    amounts = llvm::map_to_vector(call.integers("paddings"), [&](int64_t amount) { return Scalar{call.size(amount)}; });
  else
    amounts = call.numbers("pads");
  ArgumentValue value = call.numberOrTensor("value");
  if (call.hasFailed())
    return;
  size_t count = axes ? axes->size() : rank;
  if (!amounts || amounts->size() != 2 * count)
    return void(call.error("pads") << "expected " << static_cast<int64_t>(2 * count)
                                   << " entries, a low and a high one for each dimension [NNFC-E0212]");
  SmallVector<Pads> given, pads(rank, Pads{{call.size(0)}, {call.size(0)}});
  for (size_t i = 0; i < count; ++i)
    given.push_back({(*amounts)[i], (*amounts)[count + i]});
  if (axes && isRunTime(*axes))
    return padAlongRunTimeAxes(call, x, mode, value, *axes, given);
  Ints dims = call.axes(axes ? *call.constants("axes") : llvm::to_vector(llvm::seq<int64_t>(0, rank)), rank);
  if (call.hasFailed())
    return;
  for (auto [dim, each] : llvm::zip(dims, given))
    pads[dim] = each;
  Ints low, high;
  for (auto [size, each] : llvm::zip(shape, pads)) {
    // Other modes have a table of rows.
    bool isFixed = each.areConstant() && (mode == "constant" || each.areNone() || constantOf(size).value_or(0) > 0);
    if (!isFixed)
      return padAtRunTime(call, x, mode, value, pads);
    low.push_back(*constantOf(each.low.size));
    high.push_back(*constantOf(each.high.size));
    for (int64_t amount : {low.back(), high.back()})
      if (std::abs(amount) > (int64_t(1) << 31))
        return void(call.error("pads") << amount << ", expected less [NNFC-E0213]");
  }
  padByConstants(call, x, mode, value, low, high);
}

/// Crops, or fills with zeros, evenly on both sides.
void centerCropPad(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t rank = shape.size();
  std::optional<SmallVector<Scalar>> target = call.numbers("shape");
  Ints axes = call.axes(call.integers("axes", llvm::to_vector(llvm::seq<int64_t>(0, rank))), rank);
  if (call.hasFailed())
    return;
  if (!target || target->size() != axes.size())
    return void(call.error("shape") << "expected one size for each axis [NNFC-E0213]");
  RunTime r(call);
  std::vector<int64_t> pairs(2 * rank, 0);
  for (auto [axis, wanted] : llvm::zip(axes, *target)) {
    Dim length = r.outputSize(wanted, "shape", axis, rank);
    std::optional<int64_t> size = constantOf(shape[axis]), cropped = constantOf(length);
    if (call.hasFailed())
      return;
    if (size && cropped) {
      int64_t spare = *size - *cropped, low = spare / 2;
      size_t pair = 2 * (rank - 1 - axis);
      pairs[pair] = -low;
      pairs[pair + 1] = low - spare;
      continue;
    }
    Value first = r.div(r.sub(r.value(shape[axis]), r.value(length)), 2);
    x = call.graph().adopt(r.take(call.graph().value(x), axis, r.add(r.iota({length}, 0, r.i64()), first)));
  }
  call.result(call.call("pad", {{"input", x}, {"pad", pairs}}));
}

} // namespace

void addSlicing(OpTable &table) {
  table.add("Slice", 1, slice);
  table.add("Pad", 1, pad);
  table.add("CenterCropPad", 18, centerCropPad);
}

} // namespace nnf::onnx
