// Shape, and the operators that take tensors of sizes apart and put them together. Those that only move elements do it
// with elements that only the run knows, too (Call::elements).
#include "compiler/import/onnx/Evaluate.h"

using namespace mlir;
namespace nnf::onnx {

std::optional<SmallVector<int64_t>> broadcastShape(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  SmallVector<int64_t> shape(std::max(a.size(), b.size()));
  int64_t count = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1)
      return std::nullopt;
    int64_t size = x == 1 ? y : x;
    shape[shape.size() - 1 - i] = size;
    if ((count *= size) > maxKnownElements)
      return std::nullopt;
  }
  return shape;
}

int64_t BroadcastIndex::position(ArrayRef<int64_t> operand, int64_t i) const {
  int64_t position = 0, stride = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    int64_t at = i % shape[shape.size() - 1 - d];
    i /= shape[shape.size() - 1 - d];
    if (d < operand.size()) {
      int64_t size = operand[operand.size() - 1 - d];
      position += size == 1 ? 0 : at * stride;
      stride *= size;
    }
  }
  return position;
}

SliceRange sliceRange(int64_t start, int64_t end, int64_t step, int64_t size) {
  // Halves keep the sums inside 64 bits.
  constexpr int64_t far = INT64_MAX / 4;
  start = std::clamp(start, -far, far);
  end = std::clamp(end, -far, far);
  step = std::clamp(step, -far, far);
  int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
  start = std::clamp(start < 0 ? start + size : start, lowest == -1 ? 0 : lowest, std::max<int64_t>(highest, 0));
  end = std::clamp(end < 0 ? end + size : end, lowest, highest);
  int64_t span = step > 0 ? end - start : start - end;
  return {start, span <= 0 || size == 0 ? 0 : (span - 1) / std::abs(step) + 1};
}

namespace {

Type i64(Call &call) { return IntegerType::get(call.context(), 64); }

Known listOf(Call &call, ArrayRef<Dim> sizes) {
  Known known{i64(call), {static_cast<int64_t>(sizes.size())}, {}};
  for (Dim size : sizes)
    known.values.push_back({size});
  return known;
}

bool shape(Call &call) {
  Shape sizes = call.inputShape(0);
  int64_t rank = sizes.size(), start = call.integer("start", 0), end = call.integer("end", rank);
  auto clamped = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  start = clamped(start);
  end = std::max(clamped(end), start);
  call.output(0, listOf(call, ArrayRef(sizes).slice(start, end - start)));
  return true;
}

bool size(Call &call) {
  Known known{i64(call), {}, {{productOf(call.context(), call.inputShape(0))}}};
  call.output(0, std::move(known));
  return true;
}

/// Outer, axis and inner extents of a row-major tensor around an axis.
struct Around {
  int64_t outer = 1, size = 1, inner = 1;
  Around(ArrayRef<int64_t> shape, int64_t axis)
      : outer(llvm::product_of(shape.take_front(axis))), size(shape[axis]),
        inner(llvm::product_of(shape.drop_front(axis + 1))) {}
};

/// An axis in range, without an error: what is out of range is the mapping's to refuse.
std::optional<int64_t> axisOf(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return std::nullopt;
  return axis < 0 ? axis + rank : axis;
}

bool gather(Call &call) {
  const Known *x = call.elements(0), *index = call.known(1);
  if (!x || !index)
    return false;
  std::optional<int64_t> axis = axisOf(call.integer("axis", 0), x->shape.size());
  std::optional<SmallVector<int64_t>> at = index->integers();
  if (!axis || !at)
    return false;
  Around around(x->shape, *axis);
  Known result{x->element, {}, {}};
  result.shape.append(x->shape.begin(), x->shape.begin() + *axis);
  result.shape.append(index->shape.begin(), index->shape.end());
  result.shape.append(x->shape.begin() + *axis + 1, x->shape.end());
  if (around.outer * static_cast<int64_t>(at->size()) * around.inner > maxKnownElements)
    return false;
  for (int64_t outer = 0; outer < around.outer; ++outer)
    for (int64_t i : *at) {
      if (i < -around.size || i >= around.size)
        return false;
      int64_t row = outer * around.size + (i < 0 ? i + around.size : i);
      for (int64_t inner = 0; inner < around.inner; ++inner)
        result.values.push_back(x->values[row * around.inner + inner]);
    }
  call.output(0, std::move(result));
  return true;
}

bool slice(Call &call) {
  const Known *x = call.elements(0);
  if (!x)
    return false;
  auto numbers = [&](StringRef name) -> std::optional<Ints> {
    std::optional<size_t> input = inputOfParameter("Slice", name, call.version);
    if (!input)
      return call.integers(name);
    const Known *values = call.known(*input);
    std::optional<SmallVector<int64_t>> integers = values ? values->integers() : std::nullopt;
    return integers ? std::optional<Ints>(*integers) : std::nullopt;
  };
  std::optional<Ints> starts = numbers("starts"), ends = numbers("ends");
  Ints axes, steps;
  for (auto [name, list] : {std::pair("axes", &axes), std::pair("steps", &steps)})
    if (call.hasParameter(name)) {
      std::optional<Ints> values = numbers(name);
      if (!values)
        return false;
      *list = *values;
    }
  if (!starts || !ends || starts->size() != ends->size())
    return false;
  if (axes.empty())
    axes = llvm::to_vector(llvm::seq<int64_t>(0, starts->size()));
  steps.resize(steps.empty() ? starts->size() : steps.size(), 1);
  if (axes.size() != starts->size() || steps.size() != starts->size())
    return false;
  Known result = *x;
  for (auto [start, end, axisValue, step] : llvm::zip(*starts, *ends, axes, steps)) {
    std::optional<int64_t> axis = axisOf(axisValue, result.shape.size());
    if (!axis || step == 0)
      return false;
    Around around(result.shape, *axis);
    SliceRange range = sliceRange(start, end, step, around.size);
    SmallVector<Scalar> values;
    for (int64_t outer = 0; outer < around.outer; ++outer)
      for (int64_t i = 0; i < range.length; ++i)
        for (int64_t inner = 0; inner < around.inner; ++inner)
          values.push_back(result.values[(outer * around.size + range.start + i * step) * around.inner + inner]);
    result.values = std::move(values);
    result.shape[*axis] = range.length;
  }
  call.output(0, std::move(result));
  return true;
}

bool concat(Call &call) {
  SmallVector<const Known *> parts;
  for (size_t i = 0; i < call.numInputs(); ++i) {
    parts.push_back(call.elements(i));
    if (!parts.back() || parts.back()->element != parts[0]->element ||
        parts.back()->shape.size() != parts[0]->shape.size())
      return false;
  }
  if (parts.empty())
    return false;
  std::optional<int64_t> axis = axisOf(call.integer("axis", 1), parts[0]->shape.size());
  if (!axis)
    return false;
  Known result{parts[0]->element, parts[0]->shape, {}};
  result.shape[*axis] = 0;
  int64_t total = 0;
  for (const Known *part : parts) {
    for (size_t d = 0; d < part->shape.size(); ++d)
      if (static_cast<int64_t>(d) != *axis && part->shape[d] != result.shape[d])
        return false;
    result.shape[*axis] += part->shape[*axis];
    total += part->values.size();
  }
  if (total > maxKnownElements)
    return false;
  int64_t outers = llvm::product_of(ArrayRef(result.shape).take_front(*axis));
  for (int64_t outer = 0; outer < outers; ++outer)
    for (const Known *part : parts) {
      int64_t block = part->values.size() / outers;
      result.values.append(part->values.begin() + outer * block, part->values.begin() + (outer + 1) * block);
    }
  call.output(0, std::move(result));
  return true;
}

/// The same elements with other sizes; nothing when their counts differ.
bool reshaped(Call &call, const Known &x, ArrayRef<int64_t> shape) {
  if (llvm::product_of(shape) != static_cast<int64_t>(x.values.size()))
    return false;
  Known result = x;
  result.shape.assign(shape.begin(), shape.end());
  call.output(0, std::move(result));
  return true;
}

std::optional<Ints> axesOf(Call &call) {
  std::optional<size_t> input = inputOfParameter(call.node.opType, "axes", call.version);
  if (!input)
    return call.integers("axes");
  const Known *values = call.known(*input);
  std::optional<SmallVector<int64_t>> integers = values ? values->integers() : std::nullopt;
  return integers ? std::optional<Ints>(*integers) : std::nullopt;
}

bool unsqueeze(Call &call) {
  const Known *x = call.elements(0);
  std::optional<Ints> axes = axesOf(call);
  if (!x || !axes)
    return false;
  int64_t rank = x->shape.size() + axes->size();
  SmallVector<bool> isNew(rank, false);
  for (int64_t value : *axes) {
    std::optional<int64_t> axis = axisOf(value, rank);
    if (!axis || isNew[*axis])
      return false;
    isNew[*axis] = true;
  }
  SmallVector<int64_t> shape;
  auto old = x->shape.begin();
  for (bool added : isNew)
    shape.push_back(added ? 1 : *old++);
  return reshaped(call, *x, shape);
}

bool squeeze(Call &call) {
  const Known *x = call.elements(0);
  if (!x)
    return false;
  SmallVector<bool> gone(x->shape.size(), false);
  if (call.hasParameter("axes")) {
    std::optional<Ints> axes = axesOf(call);
    if (!axes)
      return false;
    for (int64_t value : *axes) {
      std::optional<int64_t> axis = axisOf(value, x->shape.size());
      if (!axis || x->shape[*axis] != 1)
        return false;
      gone[*axis] = true;
    }
  } else {
    for (auto [i, size] : llvm::enumerate(x->shape))
      gone[i] = size == 1;
  }
  SmallVector<int64_t> shape;
  for (auto [i, size] : llvm::enumerate(x->shape))
    if (!gone[i])
      shape.push_back(size);
  return reshaped(call, *x, shape);
}

bool reshape(Call &call) {
  const Known *x = call.elements(0), *target = call.version >= 5 ? call.known(1) : nullptr;
  std::optional<SmallVector<int64_t>> sizes = target ? target->integers() : std::nullopt;
  if (!x || !sizes || call.integer("allowzero", 0))
    return false;
  int64_t others = 1, unknown = -1;
  for (auto [i, size] : llvm::enumerate(*sizes)) {
    if (size == 0 && i < x->shape.size())
      size = x->shape[i];
    if (size < -1 || size > maxKnownElements || (size == -1 && unknown >= 0))
      return false;
    size == -1 ? void(unknown = i) : void(others = std::min<int64_t>(others * size, maxKnownElements + 1));
  }
  if (unknown >= 0 && others == 0)
    return false;
  if (unknown >= 0)
    (*sizes)[unknown] = x->values.size() / others;
  return reshaped(call, *x, *sizes);
}

bool flatten(Call &call) {
  const Known *x = call.elements(0);
  return x && x->shape.size() == 1 && call.integer("axis", 1) == 1 && reshaped(call, *x, {x->shape[0], 1});
}

bool transpose(Call &call) {
  const Known *x = call.known(0);
  if (!x)
    return false;
  int64_t rank = x->shape.size();
  Ints reversed = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  Ints perm = call.integers("perm", reversed), sorted = perm;
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank)))
    return false;
  Known result{x->element, {}, {}};
  Ints strides;
  for (int64_t dim : perm) {
    result.shape.push_back(x->shape[dim]);
    strides.push_back(llvm::product_of(ArrayRef(x->shape).drop_front(dim + 1)));
  }
  for (int64_t i = 0, count = x->values.size(); i < count; ++i) {
    int64_t rest = i, position = 0;
    for (int64_t dim = rank; dim-- > 0; rest /= result.shape[dim])
      position += rest % result.shape[dim] * strides[dim];
    result.values.push_back(x->values[position]);
  }
  call.output(0, std::move(result));
  return true;
}

bool expand(Call &call) {
  const Known *x = call.elements(0), *target = call.known(1);
  std::optional<SmallVector<int64_t>> sizes = target ? target->integers() : std::nullopt;
  if (!x || !sizes)
    return false;
  std::optional<SmallVector<int64_t>> shape = broadcastShape(x->shape, *sizes);
  if (!shape || llvm::any_of(*shape, [](int64_t size) { return size < 0; }))
    return false;
  Known result{x->element, *shape, {}};
  BroadcastIndex of(*shape);
  for (int64_t i = 0; i < of.count(); ++i)
    result.values.push_back(x->values[of.position(x->shape, i)]);
  call.output(0, std::move(result));
  return true;
}

bool constantOfShape(Call &call) {
  const Known *target = call.known(0);
  std::optional<SmallVector<int64_t>> sizes = target ? target->integers() : std::nullopt;
  if (!sizes)
    return false;
  int64_t count = 1;
  for (int64_t size : *sizes)
    if (size < 0 || (count *= size) > maxKnownElements)
      return false;
  Known result{Float32Type::get(call.context()), *sizes, {}};
  Scalar fill = result.ofNumber(0);
  if (const Attribute *value = call.attribute("value", Attribute::Kind::Tensor)) {
    std::optional<Known> stored = knownOf(call.context(), value->tensor->type, value->tensor->dims,
                                          {value->tensor->bytes.data(), value->tensor->bytes.size()});
    if (!stored || stored->values.size() != 1)
      return false;
    result.element = stored->element;
    fill = stored->values[0];
  }
  result.values.assign(count, fill);
  call.output(0, std::move(result));
  return true;
}

bool range(Call &call) {
  const Known *start = call.known(0), *limit = call.known(1), *delta = call.known(2);
  if (!start || !limit || !delta || start->values.size() != 1 || limit->values.size() != 1 || delta->values.size() != 1)
    return false;
  auto first = start->integer(0), end = limit->integer(0), step = delta->integer(0);
  if (!first || !end || !step || *step == 0)
    return false;
  Known result{start->element, {0}, {}};
  for (int64_t i = *first; *step > 0 ? i < *end : i > *end; i += *step) {
    if (++result.shape[0] > maxKnownElements || std::abs(i) > (int64_t(1) << 48))
      return false;
    result.values.push_back({call.size(i)});
  }
  call.output(0, std::move(result));
  return true;
}

template <char kind> Dim joined(Dim a, Dim b) {
  return kind == '+' ? a + b : kind == '*' ? a * b : kind == '<' ? minOf(a, b) : maxOf(a, b);
}
template <char kind> double joined(double a, double b) {
  return kind == '+' ? a + b : kind == '*' ? a * b : kind == '<' ? std::min(a, b) : std::max(a, b);
}

/// Sum, product, smallest, largest of all elements of a list.
template <char kind> bool reduce(Call &call) {
  const Known *x = call.known(0);
  if (!x || x->shape.size() != 1 || x->values.empty())
    return false;
  if (call.hasParameter("axes")) {
    std::optional<Ints> axes = axesOf(call);
    if (!axes || axes->size() != 1)
      return false;
  } else if (call.integer("noop_with_empty_axes", 0)) {
    return false;
  }
  Known result{x->element, {}, {x->values.front()}};
  for (size_t i = 1; i < x->values.size(); ++i) {
    Scalar &total = result.values.front();
    if (!x->isFloat()) {
      total.size = simplify(joined<kind>(total.size, x->values[i].size));
      continue;
    }
    std::optional<double> before = result.number(0), next = x->number(i);
    if (!before || !next || std::isnan(*before) || std::isnan(*next))
      return false;
    total = result.ofNumber(joined<kind>(*before, *next));
  }
  if (call.integer("keepdims", 1))
    result.shape.push_back(1);
  call.output(0, std::move(result));
  return true;
}

bool split(Call &call) {
  const Known *x = call.elements(0);
  if (!x || x->shape.size() != 1)
    return false;
  Ints pieces;
  if (call.hasParameter("split")) {
    std::optional<size_t> input = inputOfParameter("Split", "split", call.version);
    const Known *given = input ? call.known(*input) : nullptr;
    std::optional<SmallVector<int64_t>> integers = given ? given->integers() : std::nullopt;
    if (input && !integers)
      return false;
    pieces = input ? Ints(*integers) : call.integers("split");
  } else {
    int64_t count = call.node.outputs.size(), each = llvm::divideCeil(x->shape[0], count);
    for (int64_t i = 0; i < count; ++i)
      pieces.push_back(std::max<int64_t>(0, std::min(each, x->shape[0] - i * each)));
  }
  if (llvm::any_of(pieces, [](int64_t n) { return n < 0 || n > maxKnownElements; }) ||
      llvm::sum_of(pieces) != x->shape[0] || pieces.size() != call.node.outputs.size())
    return false;
  int64_t at = 0;
  for (auto [i, length] : llvm::enumerate(pieces)) {
    call.output(i, Known{x->element, {length}, SmallVector<Scalar>(ArrayRef(x->values).slice(at, length))});
    at += length;
  }
  return true;
}

bool nonZero(Call &call) {
  const Known *x = call.known(0);
  if (!x || x->shape.empty())
    return false;
  SmallVector<int64_t> places;
  for (auto [i, value] : llvm::enumerate(x->values)) {
    std::optional<double> number = x->number(i);
    if (!number)
      return false;
    if (*number != 0)
      places.push_back(i);
  }
  int64_t rank = x->shape.size(), count = places.size(), stride = x->values.size();
  if (rank * count > maxKnownElements)
    return false;
  Known result{i64(call), {rank, count}, {}};
  for (int64_t size : x->shape) {
    stride /= std::max<int64_t>(size, 1);
    for (int64_t place : places)
      result.values.push_back({call.size(place / stride % size)});
  }
  call.output(0, std::move(result));
  return true;
}

} // namespace

void addShapeEvaluations(OpTable &table) {
  table.addEvaluation("Shape", shape);
  table.addEvaluation("Size", size);
  table.addEvaluation("Gather", gather);
  table.addEvaluation("Slice", slice);
  table.addEvaluation("Concat", concat);
  table.addEvaluation("Unsqueeze", unsqueeze);
  table.addEvaluation("Squeeze", squeeze);
  table.addEvaluation("Reshape", reshape);
  table.addEvaluation("Transpose", transpose);
  table.addEvaluation("Flatten", flatten);
  table.addEvaluation("Expand", expand);
  table.addEvaluation("ConstantOfShape", constantOfShape);
  table.addEvaluation("Range", range);
  table.addEvaluation("ReduceSum", reduce<'+'>);
  table.addEvaluation("ReduceProd", reduce<'*'>);
  table.addEvaluation("ReduceMin", reduce<'<'>);
  table.addEvaluation("ReduceMax", reduce<'>'>);
  table.addEvaluation("Split", split);
  table.addEvaluation("NonZero", nonZero);
}

void addEvaluations(OpTable &table) {
  addElementwiseEvaluations(table);
  addShapeEvaluations(table);
}

} // namespace nnf::onnx
