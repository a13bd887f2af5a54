// Result types of ops that move, cut, join and make data.
#include "dialects/nnf/infer/Movement.h"
#include "llvm/Support/MathExtras.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Movement.h.inc"

using namespace mlir;
namespace nnf {

static Dim sizeOf(Location loc, int64_t size) { return dimOf(loc.getContext(), size); }

// ---- other sizes, same elements

NNF_INFER(ReshapeOp) {
  Shape in = shapeOf(op.getInput()), out;
  std::optional<size_t> open;
  for (auto [i, size] : llvm::enumerate(op.getShape())) {
    if (size < -1 || (size == -1 && open))
      return argumentError(loc, "shape") << "entry " << size << " at " << i
                                         << ", expected sizes of at least 0 and one -1 at most [NNFC-E0213]";
    if (size == -1)
      open = i;
    out.push_back(sizeOf(loc, size == -1 ? 1 : size));
  }
  if (open) {
    Shape asked(out);
    asked[*open] = sizeOf(loc, -1);
    Dim rest = exactQuotient(in, out, loc.getContext());
    if (!rest && (constantsOf(in) || isConstant(productOf(loc.getContext(), out), 0)))
      return argumentError(loc, "shape") << toString(asked) << ", expected sizes that divide those of 'input', "
                                         << toString(in) << " [NNFC-E0216]";
    if (!rest) {
      FailureOr<Dim> quotient =
          requireQuotient(loc, "shape", productOf(loc.getContext(), in), productOf(loc.getContext(), out),
                          toString(asked) + ", expected sizes that divide the {value} elements of 'input', " +
                              toString(in) + " [NNFC-E0216]");
      if (failed(quotient))
        return failure();
      rest = *quotient;
    }
    out[*open] = rest;
  } else if (Dim before = productOf(loc.getContext(), in), after = productOf(loc.getContext(), out);
             !sameDim(before, after)) {
    if (constantOf(before) && constantOf(after))
      return argumentError(loc, "shape") << toString(out) << " has another number of elements than 'input', "
                                         << toString(in) << " [NNFC-E0218]";
    if (failed(requireEqual(loc, "shape", before, after,
                            toString(out) + " has another number of elements than 'input', " + toString(in) +
                                ", which has {value} [NNFC-E0218]")))
      return failure();
  }
  types.push_back(tensorOf(out, elementOf(op.getInput())));
  return success();
}

NNF_INFER(FlattenOp) {
  Shape in = shapeOf(op.getInput());
  FailureOr<int64_t> start = wrapDim(loc, "start_dim", op.getStartDim(), in.size());
  FailureOr<int64_t> end = wrapDim(loc, "end_dim", op.getEndDim(), in.size());
  if (failed(start) || failed(end))
    return failure();
  if (*start > *end)
    return argumentError(loc, "start_dim") << *start << ", expected at most 'end_dim', " << *end << " [NNFC-E0213]";
  Shape out{sizeOf(loc, 1)};
  if (!in.empty()) {
    ArrayRef<Dim> all(in);
    out.assign(all.begin(), all.begin() + *start);
    out.push_back(productOf(loc.getContext(), all.slice(*start, *end - *start + 1)));
    llvm::append_range(out, all.drop_front(*end + 1));
  }
  types.push_back(tensorOf(out, elementOf(op.getInput())));
  return success();
}

NNF_INFER(SqueezeOp) {
  Shape in = shapeOf(op.getInput()), out;
  FailureOr<IntList> dims = wrapDims(loc, "dim", op.getDim().value_or(Ints()), in.size());
  if (failed(dims))
    return failure();
  if (op.getDim() && op.getDim()->empty())
    dims->clear(); // none, which is not all
  for (auto [i, dim] : llvm::enumerate(in))
    if (!isConstant(dim, 1) || !llvm::is_contained(*dims, static_cast<int64_t>(i)))
      out.push_back(dim);
  types.push_back(tensorOf(out, elementOf(op.getInput())));
  return success();
}

NNF_INFER(UnsqueezeOp) {
  Shape shape = shapeOf(op.getInput());
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), shape.size() + 1);
  if (failed(dim))
    return failure();
  shape.insert(shape.begin() + *dim, sizeOf(loc, 1));
  types.push_back(tensorOf(shape, elementOf(op.getInput())));
  return success();
}

// ---- other order

NNF_INFER(PermuteOp) {
  Shape in = shapeOf(op.getInput()), out;
  if (op.getDims().size() != in.size())
    return argumentError(loc, "dims") << op.getDims().size() << " entries, expected " << in.size()
                                      << ", the rank of 'input' [NNFC-E0212]";
  FailureOr<IntList> dims = wrapDims(loc, "dims", op.getDims(), in.size());
  if (failed(dims))
    return failure();
  for (int64_t dim : *dims)
    out.push_back(in[dim]);
  types.push_back(tensorOf(out, elementOf(op.getInput())));
  return success();
}

NNF_INFER(TransposeOp) {
  Shape shape = shapeOf(op.getInput());
  FailureOr<int64_t> a = wrapDim(loc, "dim0", op.getDim0(), shape.size());
  FailureOr<int64_t> b = wrapDim(loc, "dim1", op.getDim1(), shape.size());
  if (failed(a) || failed(b))
    return failure();
  if (!shape.empty())
    std::swap(shape[*a], shape[*b]);
  types.push_back(tensorOf(shape, elementOf(op.getInput())));
  return success();
}

NNF_INFER(FlipOp) {
  if (!op.getDims().empty() && failed(wrapDims(loc, "dims", op.getDims(), rankOf(op.getInput()))))
    return failure();
  return likeInput(loc, op, types);
}

NNF_INFER(RollOp) {
  Ints dims = op.getDims().value_or(Ints());
  if (dims.empty() ? op.getShifts().size() != 1 : op.getShifts().size() != dims.size())
    return argumentError(loc, "shifts") << op.getShifts().size() << " entries, expected "
                                        << std::max<size_t>(dims.size(), 1) << ", one for each of 'dims' [NNFC-E0212]";
  for (int64_t dim : dims)
    if (failed(wrapDim(loc, "dims", dim, rankOf(op.getInput()))))
      return failure();
  return likeInput(loc, op, types);
}

NNF_INFER(ExpandOp) {
  Shape in = shapeOf(op.getInput()), out;
  int64_t added = static_cast<int64_t>(op.getSize().size()) - static_cast<int64_t>(in.size());
  if (added < 0)
    return argumentError(loc, "size") << op.getSize().size() << " entries, expected at least " << in.size()
                                      << ", the rank of 'input' [NNFC-E0212]";
  for (auto [i, size] : llvm::enumerate(op.getSize())) {
    int64_t source = static_cast<int64_t>(i) - added;
    if (size < -1 || (size == -1 && source < 0))
      return argumentError(loc, "size") << size << " at " << i << ", expected at least "
                                        << (source < 0 ? "0, since the dimension is new" : "-1") << " [NNFC-E0213]";
    Dim target = size == -1 ? in[source] : sizeOf(loc, size);
    if (source >= 0 && !isConstant(in[source], 1) && !sameDim(in[source], target)) {
      if (constantOf(in[source]))
        return argumentError(loc, "size") << size << " at " << i << ", expected " << toString(in[source])
                                          << " as 'input' has, which is not 1 [NNFC-E0208]";
      if (failed(requireRepeats(loc, "input", in[source], target, source)))
        return failure();
    }
    out.push_back(target);
  }
  types.push_back(tensorOf(out, elementOf(op.getInput())));
  return success();
}

NNF_INFER(PixelShuffleOp) {
  Shape shape = shapeOf(op.getInput());
  int64_t r = op.getUpscaleFactor();
  if (shape.size() < 3)
    return argumentError(loc, "input") << "rank " << shape.size()
                                       << ", expected at least 3 [..., C, H, W] [NNFC-E0207]";
  if (r < 1 || r > (1 << 20))
    return argumentError(loc, "upscale_factor") << r << ", expected 1 to " << (1 << 20) << " [NNFC-E0213]";
  Dim &channels = shape[shape.size() - 3];
  FailureOr<Dim> fewer = requireQuotient(loc, "input", channels, sizeOf(loc, r * r),
                                         "{value} channels, expected a multiple of " + Twine(r * r) +
                                             ", the square of 'upscale_factor' [NNFC-E0216]");
  if (failed(fewer))
    return failure();
  channels = *fewer;
  shape[shape.size() - 2] = shape[shape.size() - 2] * r;
  shape[shape.size() - 1] = shape[shape.size() - 1] * r;
  types.push_back(tensorOf(shape, elementOf(op.getInput())));
  return success();
}

NNF_INFER(PixelUnshuffleOp) {
  Shape shape = shapeOf(op.getInput());
  int64_t r = op.getDownscaleFactor();
  if (shape.size() < 3)
    return argumentError(loc, "input") << "rank " << shape.size()
                                       << ", expected at least 3 [..., C, H, W] [NNFC-E0207]";
  if (r < 1 || r > (1 << 20))
    return argumentError(loc, "downscale_factor") << r << ", expected 1 to " << (1 << 20) << " [NNFC-E0213]";
  for (Dim *dim : {&shape[shape.size() - 2], &shape[shape.size() - 1]}) {
    FailureOr<Dim> fewer =
        requireQuotient(loc, "input", *dim, sizeOf(loc, r),
                        "a size of {value}, expected a multiple of " + Twine(r) + ", 'downscale_factor' [NNFC-E0216]");
    if (failed(fewer))
      return failure();
    *dim = *fewer;
  }
  shape[shape.size() - 3] = shape[shape.size() - 3] * (r * r);
  types.push_back(tensorOf(shape, elementOf(op.getInput())));
  return success();
}

NNF_INFER(ChannelShuffleOp) {
  Shape shape = shapeOf(op.getInput());
  int64_t groups = op.getGroups();
  if (shape.size() < 3)
    return argumentError(loc, "input") << "rank " << shape.size() << ", expected at least 3 [N, C, ...] [NNFC-E0207]";
  if (groups < 1)
    return argumentError(loc, "groups") << groups << ", expected at least 1 [NNFC-E0213]";
  if (failed(requireQuotient(loc, "groups", shape[1], sizeOf(loc, groups),
                             Twine(groups) + ", expected a divisor of the {value} channels [NNFC-E0216]")))
    return failure();
  return likeInput(loc, op, types);
}

template <typename Adaptor> static LogicalResult triangle(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  if (rankOf(op.getInput()) < 2)
    return argumentError(loc, "input") << "rank " << rankOf(op.getInput()) << ", expected at least 2 [NNFC-E0207]";
  return likeInput(loc, op, types);
}
NNF_INFER_BY(TrilOp, triangle)
NNF_INFER_BY(TriuOp, triangle)

// ---- join

SmallVector<Value> catOperands(ValueRange tensors) {
  auto counts = [](Value tensor) {
    Shape shape = shapeOf(tensor);
    return shape.size() != 1 || !isConstant(shape[0], 0);
  };
  SmallVector<Value> counting = llvm::to_vector(llvm::make_filter_range(tensors, counts));
  return counting.empty() ? SmallVector<Value>{tensors.front()} : counting;
}

NNF_INFER(CatOp) {
  if (op.getTensors().empty())
    return argumentError(loc, "tensors") << "none, expected at least 1 [NNFC-E0213]";
  SmallVector<Value> tensors = catOperands(op.getTensors());
  Shape shape = shapeOf(tensors[0]);
  if (shape.empty())
    return argumentError(loc, "tensors") << "rank 0, expected at least 1 [NNFC-E0207]";
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), shape.size());
  if (failed(dim))
    return failure();
  Dim total = shape[*dim];
  for (Value tensor : ArrayRef<Value>(tensors).drop_front()) {
    Shape other = shapeOf(tensor);
    if (other.size() != shape.size())
      return argumentError(loc, "tensors")
             << "ranks " << shape.size() << " and " << other.size() << ", expected equal ones [NNFC-E0207]";
    total = total + other[*dim];
    other[*dim] = shape[*dim];
    if (!agree(loc, "tensors", other, shape))
      return argumentError(loc, "tensors")
             << "shapes " << toString(shapeOf(tensors[0])) << " and " << toString(shapeOf(tensor))
             << ", expected equal sizes but at dimension " << *dim << " [NNFC-E0208]";
  }
  shape[*dim] = total;
  types.push_back(tensorOf(shape, promoteTypes(llvm::to_vector(op.getTensors()))));
  return success();
}

NNF_INFER(StackOp) {
  if (op.getTensors().empty())
    return argumentError(loc, "tensors") << "none, expected at least 1 [NNFC-E0213]";
  Shape shape = shapeOf(op.getTensors()[0]);
  for (Value tensor : op.getTensors())
    if (!agree(loc, "tensors", shapeOf(tensor), shape))
      return argumentError(loc, "tensors") << "shapes " << toString(shape) << " and " << toString(shapeOf(tensor))
                                           << ", expected equal ones [NNFC-E0208]";
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), shape.size() + 1);
  if (failed(dim))
    return failure();
  shape.insert(shape.begin() + *dim, sizeOf(loc, op.getTensors().size()));
  types.push_back(tensorOf(shape, promoteTypes(llvm::to_vector(op.getTensors()))));
  return success();
}

// ---- cut

/// More results than any model has; a file of a few bytes could ask for 2^62.
constexpr int64_t maxPieces = 1 << 16;

FailureOr<IntList> splitLengths(Location loc, Dim size, Ints sections) {
  int64_t total = 0;
  for (int64_t section : sections) {
    if (section < 0)
      return argumentError(loc, "split_size_or_sections") << section << ", expected at least 0 [NNFC-E0213]";
    if (llvm::AddOverflow(total, section, total))
      return argumentError(loc, "split_size_or_sections") << "sections whose sum is no 64-bit number [NNFC-E0222]";
  }
  if (sections.size() != 1) {
    if (failed(requireEqual(loc, "split_size_or_sections", size, sizeOf(loc, total),
                            "sections of " + Twine(total) + " in all, expected {value} [NNFC-E0213]")))
      return failure();
    return IntList(sections);
  }
  std::optional<int64_t> length = constantOf(size);
  if (!length)
    return argumentError(loc, "input") << "size " << toString(size)
                                       << " is symbolic, expected a number to split [NNFC-E0219]";
  if (sections[0] == 0 && *length != 0)
    return argumentError(loc, "split_size_or_sections") << "0, expected at least 1 [NNFC-E0213]";
  if (sections[0] != 0 && *length / sections[0] > maxPieces)
    return argumentError(loc, "split_size_or_sections") << sections[0] << " cuts size " << *length << " into more than "
                                                        << maxPieces << " pieces, expected fewer [NNFC-E0222]";
  IntList lengths;
  for (int64_t rest = *length; rest > 0; rest -= sections[0])
    lengths.push_back(std::min(rest, sections[0]));
  return lengths.empty() ? IntList{0} : lengths;
}

FailureOr<IntList> chunkLengths(Location loc, Dim size, int64_t chunks) {
  if (chunks < 1)
    return argumentError(loc, "chunks") << chunks << ", expected at least 1 [NNFC-E0213]";
  if (chunks > maxPieces)
    return argumentError(loc, "chunks") << chunks << ", expected at most " << maxPieces << " [NNFC-E0213]";
  std::optional<int64_t> length = constantOf(size);
  if (!length)
    return argumentError(loc, "input") << "size " << toString(size)
                                       << " is symbolic, expected a number to cut [NNFC-E0219]";
  if (*length == 0)
    return IntList(chunks, 0);
  return splitLengths(loc, size, {(*length + chunks - 1) / chunks});
}

static LogicalResult pieces(Location loc, Value input, int64_t dim, const FailureOr<IntList> &lengths,
                            SmallVectorImpl<Type> &types) {
  if (failed(lengths))
    return failure();
  Shape shape = shapeOf(input);
  for (int64_t length : *lengths) {
    shape[dim] = sizeOf(loc, length);
    types.push_back(tensorOf(shape, elementOf(input)));
  }
  return success();
}

/// The dimension that is cut; a scalar has none.
static FailureOr<int64_t> cutDim(Location loc, Value input, int64_t dim) {
  if (rankOf(input) == 0)
    return argumentError(loc, "input") << "rank 0, expected at least 1 [NNFC-E0207]";
  return wrapDim(loc, "dim", dim, rankOf(input));
}

NNF_INFER(SplitOp) {
  FailureOr<int64_t> dim = cutDim(loc, op.getInput(), op.getDim());
  if (failed(dim))
    return failure();
  return pieces(loc, op.getInput(), *dim, splitLengths(loc, shapeOf(op.getInput())[*dim], op.getSplitSizeOrSections()),
                types);
}

NNF_INFER(ChunkOp) {
  FailureOr<int64_t> dim = cutDim(loc, op.getInput(), op.getDim());
  if (failed(dim))
    return failure();
  return pieces(loc, op.getInput(), *dim, chunkLengths(loc, shapeOf(op.getInput())[*dim], op.getChunks()), types);
}

FailureOr<Range> sliceRange(Location loc, Dim size, std::optional<int64_t> start, std::optional<int64_t> end,
                            int64_t step) {
  constexpr int64_t theEnd = std::numeric_limits<int32_t>::max(); // what exporters write for "all of it"
  if (step == 0)
    return argumentError(loc, "step") << "0, expected any other number [NNFC-E0213]";
  if (std::optional<int64_t> n = constantOf(size)) {
    // As Python: bounds of a backward walk are one lower.
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? *n : *n - 1;
    auto bound = [&](std::optional<int64_t> value, int64_t none) {
      if (!value)
        return none;
      int64_t position = *value < 0 ? std::max(*value, -*n - 1) + *n : *value;
      return std::clamp(position, low, high);
    };
    int64_t from = bound(start, step > 0 ? low : high), to = bound(end, step > 0 ? high : low);
    int64_t span = step > 0 ? to - from : from - to, stride = std::abs(step);
    int64_t length = span <= 0 ? 0 : (span - 1) / stride + 1;
    return Range{sizeOf(loc, length ? from : 0), sizeOf(loc, length), step};
  }
  Dim zero = sizeOf(loc, 0);
  // Positions are counted in the order of the walk, so that both directions have the bounds 0 and size.
  auto bound = [&](std::optional<int64_t> value, Dim none) {
    if (!value || *value >= theEnd)
      return !value ? none : step > 0 ? size : zero;
    if (*value <= -theEnd)
      return step > 0 ? zero : size;
    if (step > 0)
      return *value < 0 ? maxOf(size + *value, zero) : minOf(sizeOf(loc, *value), size);
    return *value < 0 ? minOf(sizeOf(loc, -1 - *value), size) : maxOf(size - (*value + 1), zero);
  };
  Dim from = bound(start, zero), to = bound(end, size);
  int64_t stride = step < 0 ? -std::max(step, -theEnd) : std::min(step, theEnd);
  Dim length = maxOf((to - from + (stride - 1)).floorDiv(stride), zero);
  return Range{simplify(step > 0 ? from : size - 1 - from), length, step < 0 ? -stride : stride};
}

NNF_INFER(SliceOp) {
  Value input = op.getInput();
  Shape shape = shapeOf(input);
  Ints starts = op.getStart().value_or(Ints()), ends = op.getEnd().value_or(Ints()), steps = op.getStep();
  size_t count = op.getDim().size();
  std::pair<StringRef, Ints> lists[] = {{"start", starts}, {"end", ends}};
  for (auto [name, list] : lists)
    if (!list.empty() && list.size() != count)
      return argumentError(loc, name) << list.size() << " entries, expected " << count
                                      << ", one for each of 'dim' [NNFC-E0212]";
  if (steps.size() != 1 && steps.size() != count)
    return argumentError(loc, "step") << steps.size() << " entries, expected 1 or " << count << " [NNFC-E0212]";
  if (count == 0)
    return likeInput(loc, op, types);
  FailureOr<IntList> dims = wrapDims(loc, "dim", op.getDim(), shape.size());
  if (failed(dims))
    return failure();
  if (shape.empty())
    return argumentError(loc, "input") << "rank 0, expected at least 1 [NNFC-E0207]";
  for (auto [i, dim] : llvm::enumerate(*dims)) {
    FailureOr<Range> range =
        sliceRange(loc, shape[dim], starts.empty() ? std::nullopt : std::optional(starts[i]),
                   ends.empty() ? std::nullopt : std::optional(ends[i]), steps[steps.size() == 1 ? 0 : i]);
    if (failed(range))
      return failure();
    shape[dim] = range->length;
  }
  types.push_back(tensorOf(shape, elementOf(input)));
  return success();
}

// ---- make

FailureOr<Steps> arangeSteps(Location loc, Value start, Value end, Value step, std::optional<Type> dtype) {
  std::pair<StringRef, Value> numbers[] = {{"start", start}, {"end", end}, {"step", step}};
  bool anyFloat = false;
  for (auto [name, value] : numbers) {
    if (value && !numberOf(value))
      return argumentError(loc, name) << "a tensor, expected a number [NNFC-E0213]";
    anyFloat |= value && isFloat(elementOf(value));
  }
  MLIRContext *context = loc.getContext();
  Type element = dtype.value_or(anyFloat ? Type(Float32Type::get(context)) : IntegerType::get(context, 64));
  double from = numberAsDouble(start).value_or(0), to = *numberAsDouble(end), by = numberAsDouble(step).value_or(1);
  if (element.isInteger(64)) { // PyTorch counts in that type; in narrower ones as the numbers were given
    from = std::trunc(from);
    to = std::trunc(to);
    by = std::trunc(by);
  }
  if (by == 0 || !std::isfinite(by))
    return argumentError(loc, "step") << toString(by) << ", expected a finite number other than 0 [NNFC-E0213]";
  if (!std::isfinite(from) || !std::isfinite(to) || (to - from) / by < 0)
    return argumentError(loc, "end") << toString(to) << ", expected a finite number that " << toString(by)
                                     << " leads to from " << toString(from) << " [NNFC-E0213]";
  double count = std::ceil((to - from) / by);
  if (count > 0x1p40)
    return argumentError(loc, "end") << toString(to) << " makes " << toString(count)
                                     << " elements, expected at most 2^40 [NNFC-E0222]";
  return Steps{from, by, static_cast<int64_t>(count), element};
}

NNF_INFER(ArangeOp) {
  FailureOr<Steps> steps = arangeSteps(loc, op.getStart(), op.getEnd(), op.getStep(), op.getDtype());
  if (failed(steps))
    return failure();
  types.push_back(tensorOf({sizeOf(loc, steps->count)}, steps->element));
  return success();
}

/// The dtype torch gives a tensor that is made of a number, or of a scalar tensor's number.
static Type dtypeOfNumber(Value number) {
  Type element = elementOf(number);
  MLIRContext *context = element.getContext();
  if (isFloat(element))
    return Float32Type::get(context);
  return isBool(element) ? element : IntegerType::get(context, 64);
}

NNF_INFER(FullOp) {
  Shape shape;
  for (int64_t size : op.getSize()) {
    if (size < 0)
      return argumentError(loc, "size") << size << ", expected at least 0 [NNFC-E0213]";
    shape.push_back(sizeOf(loc, size));
  }
  if (rankOf(op.getFillValue()) != 0)
    return argumentError(loc, "fill_value")
           << "rank " << rankOf(op.getFillValue()) << ", expected a number [NNFC-E0207]";
  Type element = op.getDtype().value_or(dtypeOfNumber(op.getFillValue()));
  types.push_back(tensorOf(shape, element));
  return expectHeld(loc, "fill_value", numberAsDouble(op.getFillValue()).value_or(0), element);
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Movement.cpp.inc"

void nnf::addMovementOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Movement.cpp.inc"
      >();
}
