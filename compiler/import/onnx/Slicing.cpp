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
    return void(call.error("starts") << "expected as many entries in 'starts' as in 'ends'");
  size_t count = starts->size();
  if (!steps)
    steps = SmallVector<Scalar>(count, Scalar{call.size(1)});
  if ((axes && axes->size() != count) || steps->size() != count)
    return void(call.error("axes") << "expected as many entries in 'axes' and 'steps' as in 'starts'");
  RunTime r(call);
  for (const Scalar &step : *steps)
    if (!step.isKnown())
      r.check(r.ne(r.value(step), 0), r.value(step), r.message("steps", "{value}, expected another number"));
  if (axes && isRunTime(*axes))
    return sliceAlongRunTimeAxes(call, x, *starts, *ends, *axes, *steps);
  Ints dims = call.axes(axes ? *call.constants("axes") : llvm::to_vector(llvm::seq<int64_t>(0, count)), call.rank(x));
  for (size_t i = 0; i < count && !call.hasFailed(); ++i) {
    Scalar start = (*starts)[i], end = (*ends)[i], step = (*steps)[i];
    std::optional<int64_t> stride = step.isKnown() ? constantOf(step.size) : std::nullopt;
    if (step.isKnown() && (!stride || *stride == 0))
      return void(call.error("steps") << toString(step.size) << ", expected another number");
    Dim size = call.shape(x)[dims[i]];
    if (!stride || isRunTime({start, end})) {
      RunTimeRange range = runTimeRange(r, r.value(start), r.value(end), r.value(step), size);
      x = cut(call, r, x, dims[i], range, start.size, stride);
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

/// One dimension after the other: rows at computed positions. `low` and `high` have one entry for each dimension.
void padAtRunTime(Call &call, RunTime &r, TensorId input, const std::string &mode, Value fill, ArrayRef<Value> low,
                  ArrayRef<Value> high, ArrayRef<Dim> sizes) {
  Value x = call.graph().value(input);
  for (auto [d, size] : llvm::enumerate(Primitives::shapeOf(x))) {
    if (sizes[d] && sameDim(sizes[d], size) && !low[d])
      continue;
    if (mode != "constant")
      call.require("data", size, size - 1, "size {value} in dimension " + std::to_string(d) + ", expected at least 1");
    Dim length = sizes[d];
    if (!length)
      length = r.outputSize(r.max(r.add(r.add(low[d], r.value(size)), high[d]), 0), d, sizes.size());
    Value i = r.sub(r.iota({length}, 0, r.i64()), low[d]);
    x = r.take(x, d, paddedPosition(r, mode, i, size), mode == "constant" ? fill : Value());
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
    return void(call.error("mode") << "'" << mode << "', expected 'constant', 'reflect', 'edge' or 'wrap'");
  std::optional<SmallVector<Scalar>> pads, given = call.numbers("axes");
  if (call.version < 2 && call.hasAttribute("paddings"))
    pads = llvm::map_to_vector(call.integers("paddings"), [&](int64_t amount) { return Scalar{call.size(amount)}; });
  else
    pads = call.numbers("pads");
  ArgumentValue value = call.numberOrTensor("value");
  if (call.hasFailed())
    return;
  size_t count = given ? given->size() : rank;
  if (!pads || pads->size() != 2 * count)
    return void(call.error("pads") << "expected " << static_cast<int64_t>(2 * count)
                                   << " entries, a low and a high one for each dimension");
  RunTime r(call);
  Value fill;
  if (auto *tensor = std::get_if<TensorId>(&value))
    fill = r.number(*tensor, call.element(x));
  else if (auto *number = std::get_if<double>(&value))
    fill = r.scalar(*number, call.element(x));
  else if (auto *whole = std::get_if<int64_t>(&value))
    fill = r.scalar(static_cast<double>(*whole), call.element(x));
  SmallVector<Value> lowValues(rank), highValues(rank);
  Shape sizes(rank, Dim());
  if (given && isRunTime(*given)) {
    SmallVector<Value> axes = r.axes(*given, rank);
    for (int64_t d = 0; d < rank; ++d) {
      lowValues[d] = highValues[d] = r.value(0);
      for (auto [i, axis] : llvm::enumerate(axes)) {
        Value isThis = r.eq(axis, static_cast<double>(d));
        lowValues[d] = r.select(isThis, r.value((*pads)[i]), lowValues[d]);
        highValues[d] = r.select(isThis, r.value((*pads)[count + i]), highValues[d]);
      }
    }
    return padAtRunTime(call, r, x, mode, fill, lowValues, highValues, sizes);
  }
  Ints axes = call.axes(given ? *call.constants("axes") : llvm::to_vector(llvm::seq<int64_t>(0, rank)), rank);
  if (call.hasFailed())
    return;
  Ints low(rank, 0), high(rank, 0);
  bool isFixed = true;
  for (int64_t d = 0; d < rank; ++d)
    sizes[d] = shape[d];
  for (auto [i, axis] : llvm::enumerate(axes)) {
    const Scalar &before = (*pads)[i], &after = (*pads)[count + i];
    for (auto [amount, amounts] : {std::pair(&before, &low), std::pair(&after, &high)}) {
      std::optional<int64_t> number = amount->isKnown() ? constantOf(amount->size) : std::nullopt;
      isFixed &= number.has_value();
      (*amounts)[axis] = number.value_or(0);
      if (std::abs((*amounts)[axis]) > (int64_t(1) << 31))
        return void(call.error("pads") << (*amounts)[axis] << ", expected less");
    }
    bool isKnown = before.isKnown() && after.isKnown(),
         stays = isKnown && low[axis] == 0 && high[axis] == 0 && constantOf(before.size) && constantOf(after.size);
    if (stays)
      continue;
    // Rows of a table need a size.
    isFixed &= mode == "constant" || constantOf(shape[axis]).value_or(0) > 0;
    lowValues[axis] = r.value(before);
    highValues[axis] = r.value(after);
    sizes[axis] = isKnown ? simplify(shape[axis] + before.size + after.size) : Dim();
  }
  if (isFixed)
    return padByConstants(call, x, mode, value, low, high);
  padAtRunTime(call, r, x, mode, fill, lowValues, highValues, sizes);
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
    return void(call.error("shape") << "expected one size for each axis");
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
