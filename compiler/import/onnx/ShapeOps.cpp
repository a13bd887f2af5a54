// Reshaping, moving, joining and repeating.
#include "compiler/import/onnx/Broadcast.h"
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// Sizes of which only the run knows some. Where one alone is open, the others decide it.
void reshapeAtRunTime(Call &call, TensorId x, ArrayRef<Scalar> target, bool keepsZero) {
  Shape from = call.shape(x), shape, others;
  SmallVector<size_t> open;
  for (auto [i, size] : llvm::enumerate(target)) {
    shape.push_back(size.size);
    if (!size.isKnown() || isConstant(size.size, -1))
      open.push_back(i);
    else if (isConstant(size.size, 0) && !keepsZero && i < from.size())
      shape[i] = from[i];
    if (!llvm::is_contained(open, i))
      others.push_back(shape[i]);
  }
  RunTime r(call);
  Dim total = productOf(call.context(), from);
  Dim rest = open.size() == 1 ? exactQuotient(from, others, call.context()) : Dim();
  auto inputsSize = [&](size_t i, Value given) -> Value {
    bool isMeant = !target[i].isKnown() && !keepsZero && i < from.size();
    return isMeant ? r.select(r.eq(given, 0), r.value(from[i]), given) : given;
  };
  if (rest) {
    Value given = r.value(target[open[0]]), meant = inputsSize(open[0], given);
    r.check(r.bitOr(r.eq(meant, r.value(rest)), r.eq(meant, -1)), given,
            r.message("shape", "{value}, expected " + toString(rest) + " or -1 [NNFC-E0213]"));
    shape[open[0]] = rest;
  } else {
    SmallVector<Value> given, known;
    for (auto [i, size] : llvm::enumerate(target)) {
      bool isOpen = llvm::is_contained(open, i);
      given.push_back(isOpen ? inputsSize(i, r.value(size)) : r.value(shape[i]));
      known.push_back(isOpen ? r.select(r.eq(given[i], -1), 1, given[i]) : given[i]);
    }
    Value left = r.div(r.value(total), r.max(r.product(known), 1));
    for (size_t i : open)
      shape[i] = r.outputSize(r.select(r.eq(given[i], -1), left, given[i]), i, target.size());
    call.requireEqual("shape", productOf(call.context(), shape), total,
                      "{value} elements, expected the " + toString(total) + " of an input " + toString(from) +
                          " [NNFC-E0218]");
  }
  if (!call.hasFailed())
    call.result(call.graph().adopt(r.reshape(call.graph().value(x), shape)));
}

void reshape(Call &call) {
  TensorId x = call.input(0);
  Shape from = call.shape(x);
  bool keepsZero = call.flag("allowzero");
  std::optional<SmallVector<Scalar>> given = call.numbers("shape");
  if (!given)
    return void(call.error("shape") << "missing, expected sizes [NNFC-E0204]");
  if (isRunTime(*given))
    return reshapeAtRunTime(call, x, *given, keepsZero);
  Shape target = llvm::map_to_vector<6>(*given, [](const Scalar &size) { return size.size; });
  std::optional<size_t> unknown;
  Shape others;
  for (auto [i, size] : llvm::enumerate(target)) {
    if (isConstant(size, 0) && !keepsZero) {
      if (i >= from.size())
        return void(call.error("shape") << "0 (the input's size) in dimension " << i << " of an input "
                                        << toString(from) << " [NNFC-E0213]");
      size = from[i];
    }
    if (isConstant(size, -1)) {
      if (unknown)
        return void(call.error("shape") << toString(target) << ", expected at most one -1 [NNFC-E0213]");
      unknown = i;
      continue;
    }
    if (std::optional<int64_t> number = constantOf(size); number && *number < 0)
      return void(call.error("shape") << *number << ", expected sizes, or one -1 [NNFC-E0213]");
    others.push_back(size);
  }
  if (unknown) {
    Dim rest = exactQuotient(from, others, call.context());
    target[*unknown] =
        rest
            ? rest
            : call.requireQuotient("shape", productOf(call.context(), from), productOf(call.context(), others),
                                   toString(target) + ", expected sizes that divide the {value} elements of an input " +
                                       toString(from) + " [NNFC-E0216]");
  }
  call.result(call.reshape(x, target));
}

void flatten(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t rank = shape.size(), axis = call.integer("axis", 1);
  if (axis < -rank || axis > rank)
    return void(call.error("axis") << axis << ", expected " << -rank << " to " << rank << " [NNFC-E0210]");
  axis = axis < 0 ? axis + rank : axis;
  // torch's flatten keeps the dimensions before; with one of them, or none, that is ONNX's.
  if (axis == 1 && rank >= 2)
    return call.result(call.call("flatten", {{"input", x}, {"start_dim", int64_t(1)}}));
  call.result(call.reshape(x, {productOf(call.context(), ArrayRef(shape).take_front(axis)),
                               productOf(call.context(), ArrayRef(shape).drop_front(axis))}));
}

void transpose(Call &call) {
  TensorId x = call.input(0);
  int64_t rank = call.rank(x);
  Ints reversed = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  Ints perm = call.axes(call.integers("perm", reversed), rank, "perm");
  if (!call.hasFailed() && static_cast<int64_t>(perm.size()) != rank)
    call.error("perm") << static_cast<int64_t>(perm.size()) << " entries, expected " << rank << " [NNFC-E0212]";
  call.result(call.permute(x, perm));
}

void squeeze(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x), kept;
  std::optional<SmallVector<Scalar>> given = call.numbers("axes");
  if (call.hasFailed())
    return;
  if (given && isRunTime(*given)) {
    RunTime r(call);
    SmallVector<Value> sizes, isNamed, axes = r.axes(*given, shape.size());
    for (auto [i, size] : llvm::enumerate(shape)) {
      sizes.push_back(r.value(size));
      isNamed.push_back(r.isAmong(i, axes));
      r.check(r.bitOr(r.eq(sizes[i], 1), r.logicalNot(isNamed[i])), sizes[i],
              r.message("axes", "dimension " + std::to_string(i) + " has size {value}, expected 1 [NNFC-E0208]"));
    }
    Shape left = r.outputShape(r.without(sizes, isNamed, shape.size() - axes.size()));
    return call.result(call.graph().adopt(r.reshape(call.graph().value(x), left)));
  }
  std::optional<Ints> numbers = call.constants("axes");
  Ints axes = numbers ? call.axes(*numbers, shape.size()) : Ints();
  for (auto [i, size] : llvm::enumerate(shape)) {
    bool isNamed = llvm::is_contained(axes, static_cast<int64_t>(i));
    if (isNamed)
      call.requireEqual("axes", size, call.size(1),
                        "dimension " + std::to_string(i) + " has size {value}, expected 1 [NNFC-E0208]");
    if (given ? !isNamed : !isConstant(size, 1))
      kept.push_back(size);
  }
  call.result(call.reshape(x, kept));
}

void unsqueeze(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x), result;
  std::optional<SmallVector<Scalar>> given = call.numbers("axes");
  if (!given)
    return void(call.error("axes") << "missing, expected positions of new dimensions [NNFC-E0204]");
  int64_t rank = shape.size() + given->size();
  if (isRunTime(*given)) {
    RunTime r(call);
    SmallVector<Value> sizes, axes = r.axes(*given, rank);
    Value place = r.value(0); // of the next of the input's dimensions
    for (int64_t i = 0; i < rank; ++i) {
      Value isNew = r.isAmong(i, axes), size = r.value(1);
      for (auto [d, old] : llvm::enumerate(shape))
        size = r.select(r.bitAnd(r.logicalNot(isNew), r.eq(place, static_cast<double>(d))), r.value(old), size);
      sizes.push_back(size);
      place = r.add(place, r.convert(r.logicalNot(isNew), r.i64()));
    }
    r.check(r.eq(place, static_cast<double>(shape.size())), place,
            r.message("axes", "{value} dimensions are left, expected " + std::to_string(shape.size()) +
                                  " (is one named twice?) [NNFC-E0504]"));
    return call.result(call.graph().adopt(r.reshape(call.graph().value(x), r.outputShape(sizes))));
  }
  Ints axes = call.axes(call.constants("axes").value_or(Ints()), rank);
  if (call.hasFailed())
    return;
  auto next = shape.begin();
  for (int64_t i = 0; i < rank; ++i)
    result.push_back(llvm::is_contained(axes, i) ? call.size(1) : *next++);
  call.result(call.reshape(x, result));
}

void concat(Call &call) {
  SmallVector<TensorId> parts;
  for (size_t i = 0; i < call.numInputs(); ++i)
    parts.push_back(call.input(i));
  if (parts.empty())
    return void(call.error() << "no inputs, expected at least one [NNFC-E0312]");
  int64_t axis = call.axis(call.integer("axis", 1), call.rank(parts.front()));
  alignDataSizes(call, parts, axis);
  call.result(call.concat(parts, axis));
}

/// Equal pieces; since version 18 the last ones may be shorter.
Shape equalPieces(Call &call, Dim size, int64_t count) {
  Shape pieces;
  if (Dim each = exactQuotient({size}, {call.size(count)}, call.context())) {
    pieces.assign(count, each);
  } else if (call.version >= 18) {
    Dim each = size.ceilDiv(count);
    for (int64_t i = 0; i < count; ++i)
      pieces.push_back(maxOf(minOf(size - each * i, each), call.size(0)));
  } else {
    std::string pieceCount = std::to_string(count);
    pieces.assign(count,
                  call.requireQuotient("input", size, call.size(count),
                                       "size {value} in " + pieceCount + " equal pieces, expected a multiple of " +
                                           pieceCount + " [NNFC-E0216]"));
  }
  return pieces;
}

void split(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x), pieces;
  int64_t axis = call.axis(call.integer("axis", 0), shape.size()), count = call.node.outputs.size();
  std::optional<SmallVector<Scalar>> given = call.numbers("split");
  if (call.hasFailed() || count == 0)
    return;
  int64_t wanted = given ? given->size() : call.version >= 18 ? call.integer("num_outputs", count) : count;
  if (wanted != count)
    return void(call.error(given ? "split" : "num_outputs")
                << wanted << " pieces for " << count << " outputs [NNFC-E0312]");
  RunTime r(call);
  if (given) {
    Dim total = call.size(0);
    for (auto [i, piece] : llvm::enumerate(*given)) {
      pieces.push_back(r.outputSize(piece, "split", axis, shape.size(), i));
      if (std::optional<int64_t> size = constantOf(pieces.back()); size && *size < 0)
        return void(call.error("split") << *size << ", expected 0 or more [NNFC-E0213]");
      total = total + pieces.back();
    }
    call.requireEqual("split", total, shape[axis],
                      "{value} in all, expected the size " + toString(shape[axis]) + " of dimension " +
                          std::to_string(axis) + " [NNFC-E0213]");
  } else {
    pieces = equalPieces(call, shape[axis], count);
  }
  if (std::optional<SmallVector<int64_t>> sizes = constantsOf(pieces); sizes && constantOf(shape[axis])) {
    SmallVector<TensorId> parts =
        call.callAll("split", {{"input", x}, {"split_size_or_sections", list(*sizes)}, {"dim", axis}});
    for (auto [i, part] : llvm::enumerate(parts))
      call.output(i, part);
    return;
  }
  Dim start = call.size(0);
  for (auto [i, piece] : llvm::enumerate(pieces)) {
    if (!call.hasFailed())
      call.output(i, call.graph().adopt(r.sliceDim(call.graph().value(x), axis, simplify(start), piece)));
    start = start + piece;
  }
}

/// Both sides broadcast: a 1 in the target keeps the input's size, of which the run may learn that it is 1.
void expand(Call &call) {
  TensorId x = call.input(0);
  Shape from = call.shape(x), shape;
  std::optional<SmallVector<Scalar>> target = call.numbers("shape");
  if (!target)
    return;
  while (target->size() < from.size())
    target->insert(target->begin(), Scalar{call.size(1)});
  RunTime r(call);
  int64_t rank = target->size(), added = rank - from.size();
  for (auto [i, wanted] : llvm::enumerate(*target)) {
    int64_t d = static_cast<int64_t>(i) - added;
    Dim old = d < 0 ? call.size(1) : from[d];
    if (wanted.isKnown()) {
      bool isKept = isConstant(wanted.size, 1) || isConstant(wanted.size, -1);
      shape.push_back(isKept ? old : wanted.size);
      continue;
    }
    if (isConstant(old, 1)) {
      shape.push_back(r.outputSize(wanted, "shape", i, rank));
      continue;
    }
    Value given = r.value(wanted), size = r.value(old), isOne = r.eq(size, 1);
    r.check(r.bitOr(r.bitOr(isOne, r.eq(given, 1)), r.eq(given, size)), given,
            r.message("shape", "{value}, expected 1 or " + toString(old) + " in dimension " + std::to_string(i)) +
                " [NNFC-E0213]");
    if (constantOf(old)) {
      shape.push_back(old);
      continue;
    }
    shape.push_back(r.outputSize(r.select(isOne, given, size), i, rank));
    Value position = r.iota({shape.back()}, 0, r.i64());
    if (!call.hasFailed())
      x = call.graph().adopt(r.take(call.graph().value(x), d, r.mul(position, r.convert(r.ne(size, 1), r.i64()))));
  }
  call.result(call.expand(x, shape));
}

/// How often a dimension is repeated where only the run knows it: what the model declares for the output may say it.
Dim repeatsAtRunTime(Call &call, const Scalar &times, Dim size, int64_t dim, int64_t rank) {
  RunTime r(call);
  Dim declared = r.declaredSize(dim, rank), repeats;
  if (declared)
    repeats = exactQuotient({declared}, {size}, call.context());
  if (!repeats)
    return call.sizeOf(times, "repeats");
  Value given = r.value(times);
  r.check(r.eq(given, r.value(repeats)), given,
          r.message("repeats", "{value}, expected " + toString(repeats) +
                                   ", which gives the size that the model declares [NNFC-E0213]"));
  return repeats;
}

/// [2, 3] repeats of [a, b]: [1, a, 1, b] becomes [2, a, 3, b], then [2a, 3b].
void tile(Call &call) {
  TensorId x = call.input(0);
  Shape from = call.shape(x), repeats;
  if (call.version >= 6) {
    std::optional<SmallVector<Scalar>> given = call.numbers("repeats");
    for (auto [i, times] : llvm::enumerate(given.value_or(SmallVector<Scalar>())))
      repeats.push_back(times.isKnown() || i >= from.size() ? call.sizeOf(times, "repeats")
                                                            : repeatsAtRunTime(call, times, from[i], i, from.size()));
  } else {
    // Version 1: how often, and along which axis.
    const Known *times = call.elements(1), *along = call.known(2);
    std::optional<int64_t> axis = along && along->values.size() == 1 ? along->integer(0) : std::nullopt;
    if (!times || times->values.size() != 1 || times->isFloat() || !axis)
      return void(call.error() << "expected one number in 'tiles', and a constant in 'axis' [NNFC-E0213]");
    repeats = Shape(from.size(), call.size(1));
    if (int64_t dim = call.axis(*axis, from.size()); !call.hasFailed())
      repeats[dim] = call.sizeOf(times->values[0], "tiles");
  }
  if (call.hasFailed())
    return;
  if (repeats.size() != from.size())
    return void(call.error("repeats") << "expected " << static_cast<int64_t>(from.size())
                                      << " entries, one for each dimension [NNFC-E0212]");
  Shape split, spread, joined;
  for (auto [size, times] : llvm::zip(from, repeats)) {
    if (std::optional<int64_t> number = constantOf(times); number && *number < 0)
      return void(call.error("repeats") << *number << ", expected 0 or more [NNFC-E0213]");
    if (!isConstant(times, 1)) {
      split.push_back(call.size(1));
      spread.push_back(times);
    }
    split.push_back(size);
    spread.push_back(size);
    joined.push_back(simplify(size * times));
  }
  call.result(call.reshape(call.expand(call.reshape(x, split), spread), joined));
}

/// N, C, H, W to N, C*b*b, H/b, W/b or back. `blocksFirst`: the block's position counts before the channel.
void depthToSpace(Call &call) {
  TensorId x = call.input(0);
  Shape s = call.shape(x);
  int64_t b = call.integer("blocksize", 0);
  std::string mode = call.text("mode", "DCR");
  if (call.hasFailed())
    return;
  if (s.size() != 4 || b < 1 || b >= (1 << 15) || (mode != "DCR" && mode != "CRD"))
    return void(call.error("blocksize") << b << " and mode '" << mode << "' for an input " << toString(s)
                                        << ", expected [N, C, H, W], 1 or more, and mode 'DCR' or 'CRD' [NNFC-E0213]");
  Dim channels =
      call.requireQuotient("input", s[1], call.size(b * b),
                           "{value} channels, expected a multiple of " + std::to_string(b * b) + " [NNFC-E0216]");
  Dim block = call.size(b);
  if (call.hasFailed())
    return;
  if (mode == "CRD")
    return call.result(call.call("pixel_shuffle", {{"input", x}, {"upscale_factor", b}}));
  x = call.permute(call.reshape(x, {s[0], block, block, channels, s[2], s[3]}), {0, 3, 4, 1, 5, 2});
  call.result(call.reshape(x, {s[0], channels, s[2] * b, s[3] * b}));
}

void spaceToDepth(Call &call) {
  TensorId x = call.input(0);
  Shape s = call.shape(x);
  int64_t b = call.integer("blocksize", 0);
  if (call.hasFailed())
    return;
  if (s.size() != 4 || b < 1 || b >= (1 << 15))
    return void(call.error("blocksize") << b << " for an input " << toString(s)
                                        << ", expected [N, C, H, W], and 1 or more [NNFC-E0213]");
  std::string text = "size {value}, expected a multiple of " + std::to_string(b);
  Dim block = call.size(b), height = call.requireQuotient("input", s[2], block, text + " [NNFC-E0216]"),
      width = call.requireQuotient("input", s[3], block, text + " [NNFC-E0216]");
  x = call.permute(call.reshape(x, {s[0], s[1], height, block, width, block}), {0, 3, 5, 1, 2, 4});
  call.result(call.reshape(x, {s[0], simplify(s[1] * (b * b)), height, width}));
}

void trilu(Call &call) {
  TensorId x = call.input(0);
  bool upper = call.flag("upper", true);
  const Known *number = call.has(1) ? call.known(1) : nullptr;
  if (call.has(1) && !(number && number->integers())) { // data, or a size
    TensorId diagonal = call.input(1);
    return call.result(call.primitives({x, diagonal}, [&](Primitives &p, ArrayRef<Value> in) {
      Shape shape = Primitives::shapeOf(in[0]);
      int64_t rank = shape.size();
      Type i64 = IntegerType::get(call.context(), 64);
      Value offset = p.sub(p.iota(shape, rank - 1, i64), p.iota(shape, rank - 2, i64)), k = p.reshape(in[1], {});
      Value isKept = upper ? p.ge(offset, k) : p.le(offset, k);
      return p.select(isKept, in[0], p.full(shape, 0, Primitives::elementOf(in[0])));
    }));
  }
  std::optional<Ints> k = call.constants("k");
  int64_t diagonal = k && k->size() == 1 ? k->front() : 0;
  call.result(call.call(upper ? "triu" : "tril", {{"input", x}, {"diagonal", diagonal}}));
}

} // namespace

void addShapeOps(OpTable &table) {
  table.add("Shape", 1, nullptr); // always evaluated
  table.add("Size", 1, nullptr);
  table.add("Reshape", 1, reshape);
  table.add("Flatten", 1, flatten);
  table.add("Transpose", 1, transpose);
  table.add("Squeeze", 1, squeeze);
  table.add("Unsqueeze", 1, unsqueeze);
  table.add("Concat", 1, concat);
  table.add("Split", 1, split);
  table.add("Expand", 8, expand);
  table.add("Tile", 1, tile);
  table.add("DepthToSpace", 1, depthToSpace);
  table.add("SpaceToDepth", 1, spaceToDepth);
  table.add("Trilu", 14, trilu);
}

} // namespace nnf::onnx
