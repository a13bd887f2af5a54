// Reshaping, moving, cutting and joining.
#include "compiler/import/onnx/Declared.h"
#include "compiler/import/onnx/Evaluate.h"
#include "compiler/import/onnx/Importer.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

void reshape(Call &call) {
  TensorId x = call.input(0);
  Shape from = call.shape(x);
  bool keepsZero = call.flag("allowzero");
  std::optional<Shape> target = declaredSizes(call, "shape", [&](Primitives &p, Value given, Value declared) {
    Value fits = p.bitOr(p.eq(given, declared), p.eq(given, -1));
    return keepsZero ? fits : p.bitOr(fits, p.eq(given, 0));
  });
  if (!target)
    return void(call.error("shape") << "missing, expected sizes");
  std::optional<size_t> unknown;
  Shape others;
  for (auto [i, size] : llvm::enumerate(*target)) {
    if (isConstant(size, 0) && !keepsZero) {
      if (i >= from.size())
        return void(call.error("shape") << "0 (the input's size) in dimension " << i << " of an input "
                                        << toString(from));
      size = from[i];
    }
    if (isConstant(size, -1)) {
      if (unknown)
        return void(call.error("shape") << toString(*target) << ", expected at most one -1");
      unknown = i;
      continue;
    }
    if (std::optional<int64_t> number = constantOf(size); number && *number < 0)
      return void(call.error("shape") << *number << ", expected sizes, or one -1");
    others.push_back(size);
  }
  if (unknown) {
    Dim rest = exactQuotient(from, others, call.context());
    if (!rest)
      return void(call.error("shape") << toString(*target) << " for an input " << toString(from)
                                      << ": the size written -1 is no whole number");
    (*target)[*unknown] = rest;
  }
  call.result(call.reshape(x, *target));
}

void flatten(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t rank = shape.size(), axis = call.integer("axis", 1);
  if (axis < -rank || axis > rank)
    return void(call.error("axis") << axis << ", expected " << -rank << " to " << rank);
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
    call.error("perm") << static_cast<int64_t>(perm.size()) << " entries, expected " << rank;
  call.result(call.permute(x, perm));
}

/// Axes that only the run knows: the output has the sizes the model declares, and each axis must be one of size 1 in
/// `shape`. False when there is nothing declared.
bool reshapeAsDeclared(Call &call, TensorId x, std::optional<Shape> shape) {
  std::optional<size_t> input = inputOfParameter(call.node.opType, "axes", call.version);
  std::optional<Shape> declared = call.importer.declaredShape(call.node.outputs.front());
  if (call.hasFailed() || !input || !call.has(*input) || call.known(*input) || !declared)
    return false;
  TensorId axes = call.input(*input);
  Known sizes{IntegerType::get(call.context(), 64), {}, {}};
  for (Dim size : shape ? *shape : *declared)
    sizes.values.push_back({size});
  int64_t rank = sizes.values.size();
  sizes.shape.push_back(rank);
  TensorId known = call.constant(sizes);
  if (call.hasFailed() || rank == 0)
    return false;
  Primitives p(call.graph().ops(), call.location());
  Value given = p.convert(call.graph().value(axes), IntegerType::get(call.context(), 64));
  std::string text = "node '" + call.node.name + "' (" + call.node.opType + "), argument 'axes': ";
  Value wrapped =
      p.select(p.lt(given, 0), p.add(given, p.scalar(static_cast<double>(rank), Primitives::elementOf(given))), given);
  Value size = p.gather(call.graph().value(known), {wrapped}, {0}, BoundsKind::Error,
                        text + "{value}, expected one below {bound}");
  p.check(p.eq(size, 1), given, text + "{value}, expected the dimensions of size 1 that the model declares");
  call.result(call.reshape(x, *declared));
  return true;
}

void squeeze(Call &call) {
  TensorId x = call.input(0);
  if (reshapeAsDeclared(call, x, call.shape(x)))
    return;
  Shape shape = call.shape(x), kept;
  std::optional<Ints> given = call.constants("axes");
  Ints axes = given ? call.axes(*given, shape.size()) : Ints();
  for (auto [i, size] : llvm::enumerate(shape)) {
    bool isNamed = llvm::is_contained(axes, static_cast<int64_t>(i));
    if (isNamed && !isConstant(size, 1))
      return void(call.error("axes") << "dimension " << i << " has size " << toString(size) << ", expected 1");
    if (given ? !isNamed : !isConstant(size, 1))
      kept.push_back(size);
  }
  call.result(call.reshape(x, kept));
}

void unsqueeze(Call &call) {
  TensorId x = call.input(0);
  if (reshapeAsDeclared(call, x, std::nullopt))
    return;
  Shape shape = call.shape(x), result;
  std::optional<Ints> given = call.constants("axes");
  if (!given)
    return void(call.error("axes") << "missing, expected positions of new dimensions");
  int64_t rank = shape.size() + given->size();
  Ints axes = call.axes(*given, rank);
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
    return void(call.error() << "no inputs, expected at least one");
  int64_t axis = call.axis(call.integer("axis", 1), call.rank(parts.front()));
  call.result(call.concat(parts, axis));
}

void split(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t axis = call.axis(call.integer("axis", 0), shape.size()), count = call.node.outputs.size();
  std::optional<Shape> pieces = call.sizes("split");
  if (call.hasFailed() || count == 0)
    return;
  if (!pieces) {
    // Equal pieces; since version 18 the last one may be shorter.
    int64_t wanted = call.version >= 18 ? call.integer("num_outputs", count) : count;
    if (wanted != count)
      return void(call.error("num_outputs") << wanted << " for " << count << " outputs");
    pieces.emplace();
    if (Dim each = exactQuotient({shape[axis]}, {call.size(count)}, call.context())) {
      pieces->assign(count, each);
    } else if (std::optional<int64_t> size = constantOf(shape[axis]); size && call.version >= 18) {
      int64_t each = llvm::divideCeil(*size, count);
      for (int64_t i = 0; i < count; ++i)
        pieces->push_back(call.size(std::clamp<int64_t>(*size - i * each, 0, each)));
    } else {
      return void(call.error() << "size " << toString(shape[axis]) << " in " << count
                               << " equal pieces, expected a multiple of " << count);
    }
  }
  Dim total = call.size(0);
  for (Dim piece : *pieces) {
    if (std::optional<int64_t> size = constantOf(piece); size && *size < 0)
      return void(call.error("split") << *size << ", expected 0 or more");
    total = total + piece;
  }
  if (static_cast<int64_t>(pieces->size()) != count || !sameDim(total, shape[axis]))
    return void(call.error("split") << toString(*pieces) << ", expected " << count << " sizes with the sum "
                                    << toString(shape[axis]));
  if (std::optional<SmallVector<int64_t>> sizes = constantsOf(*pieces)) {
    SmallVector<TensorId> parts =
        call.callAll("split", {{"input", x}, {"split_size_or_sections", list(*sizes)}, {"dim", axis}});
    for (auto [i, part] : llvm::enumerate(parts))
      call.output(i, part);
    return;
  }
  Dim start = call.size(0);
  for (auto [i, piece] : llvm::enumerate(*pieces)) {
    call.output(i, call.slice(x, axis, start, piece));
    start = start + piece;
  }
}

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

void slice(Call &call) {
  TensorId x = call.input(0);
  std::optional<Shape> starts = call.sizes("starts"), ends = call.sizes("ends");
  std::optional<Ints> axes = call.constants("axes"), steps = call.constants("steps");
  if (call.hasFailed())
    return;
  if (!starts || !ends || starts->size() != ends->size())
    return void(call.error("starts") << "expected as many entries in 'starts' as in 'ends'");
  size_t count = starts->size();
  if (!axes)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, count));
  if (!steps)
    steps = Ints(count, 1);
  if (axes->size() != count || steps->size() != count)
    return void(call.error("axes") << "expected as many entries in 'axes' and 'steps' as in 'starts'");
  Ints dims = call.axes(*axes, call.rank(x));
  for (size_t i = 0; i < count && !call.hasFailed(); ++i) {
    int64_t step = (*steps)[i];
    if (step == 0)
      return void(call.error("steps") << "0, expected another number");
    Dim size = call.shape(x)[dims[i]];
    std::optional<SymbolicRange> range = symbolicRange(call, (*starts)[i], (*ends)[i], step, size);
    if (range)
      x = call.slice(x, dims[i], range->start, range->length, step);
  }
  call.result(x);
}

void expand(Call &call) {
  TensorId x = call.input(0);
  Shape from = call.shape(x);
  std::optional<Shape> target = declaredSizes(call, "shape", [](Primitives &p, Value given, Value declared) {
    return p.bitOr(p.eq(given, declared), p.eq(given, 1));
  });
  if (!target)
    return;
  // Both sides broadcast: a 1 in the target keeps the input's size.
  while (target->size() < from.size())
    target->insert(target->begin(), call.size(1));
  for (size_t i = 0; i < from.size(); ++i) {
    Dim &size = (*target)[target->size() - from.size() + i];
    if (isConstant(size, 1) || isConstant(size, -1))
      size = from[i];
  }
  call.result(call.expand(x, *target));
}

/// How often each dimension is repeated, from the sizes that the model declares for the output.
std::optional<Shape> declaredRepeats(Call &call, ArrayRef<Dim> from) {
  std::optional<Shape> declared = call.importer.declaredShape(call.node.outputs.front());
  if (!declared || declared->size() != from.size())
    return call.sizes("repeats"); // reports
  Shape repeats;
  for (auto [in, out] : llvm::zip(from, *declared)) {
    repeats.push_back(exactQuotient({out}, {in}, call.context()));
    if (!repeats.back())
      return call.sizes("repeats"); // reports
  }
  checkAgainst(call, "repeats", repeats,
               [](Primitives &p, Value given, Value declared) { return p.eq(given, declared); });
  return repeats;
}

/// [2, 3] repeats of [a, b]: [1, a, 1, b] becomes [2, a, 3, b], then [2a, 3b].
void tile(Call &call) {
  TensorId x = call.input(0);
  Shape from = call.shape(x);
  std::optional<Shape> repeats;
  if (call.version >= 6) {
    repeats = call.known(1) ? call.sizes("repeats") : declaredRepeats(call, from);
  } else {
    // Version 1: how often, and along which axis.
    const Known *times = call.known(1), *along = call.known(2);
    std::optional<int64_t> axis = along && along->values.size() == 1 ? along->integer(0) : std::nullopt;
    if (!times || times->values.size() != 1 || times->isFloat() || !axis)
      return void(call.error() << "'tiles' and 'axis' are known at run time only, expected constants");
    repeats = Shape(from.size(), call.size(1));
    if (int64_t dim = call.axis(*axis, from.size()); !call.hasFailed())
      (*repeats)[dim] = times->values[0].size;
  }
  if (call.hasFailed())
    return;
  if (!repeats || repeats->size() != from.size())
    return void(call.error("repeats") << "expected " << static_cast<int64_t>(from.size())
                                      << " entries, one for each dimension");
  Shape split, spread, joined;
  for (auto [size, times] : llvm::zip(from, *repeats)) {
    if (std::optional<int64_t> number = constantOf(times); number && *number < 0)
      return void(call.error("repeats") << *number << ", expected 0 or more");
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

void pad(Call &call) {
  TensorId x = call.input(0);
  int64_t rank = call.rank(x);
  std::string mode = call.text("mode", "constant");
  std::optional<Ints> pads = call.version < 2 && call.hasAttribute("paddings")
                                 ? std::optional<Ints>(call.integers("paddings"))
                                 : call.constants("pads");
  std::optional<Ints> given = call.constants("axes");
  Ints axes = given ? call.axes(*given, rank) : llvm::to_vector(llvm::seq<int64_t>(0, rank));
  ArgumentValue value = call.numberOrTensor("value");
  if (call.hasFailed())
    return;
  if (!pads || pads->size() != 2 * axes.size())
    return void(call.error("pads") << "expected " << static_cast<int64_t>(2 * axes.size())
                                   << " entries, a low and a high one for each dimension");
  Ints low(rank, 0), high(rank, 0);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    low[axis] = (*pads)[i];
    high[axis] = (*pads)[axes.size() + i];
    for (int64_t amount : {low[axis], high[axis]})
      if (std::abs(amount) > (int64_t(1) << 31))
        return void(call.error("pads") << amount << ", expected less");
  }
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
  if (mode != "reflect" && mode != "edge" && mode != "wrap")
    return void(call.error("mode") << "'" << mode << "', expected 'constant', 'reflect', 'edge' or 'wrap'");
  // One dimension after the other: rows picked by a table.
  for (int64_t d = 0; d < rank && !call.hasFailed(); ++d) {
    if (!low[d] && !high[d])
      continue;
    Dim dim = call.shape(x)[d];
    std::optional<int64_t> size = constantOf(dim);
    if (!size || *size < 1)
      return void(call.error("pads") << "mode '" << mode << "' over size " << toString(dim)
                                     << ", expected a fixed size, 1 or more");
    Ints rows;
    int64_t period = mode == "wrap" ? *size : std::max<int64_t>(2 * (*size - 1), 1);
    for (int64_t i = -low[d]; i < *size + high[d]; ++i) {
      int64_t at = ((i % period) + period) % period;
      rows.push_back(mode == "edge"      ? std::clamp<int64_t>(i, 0, *size - 1)
                     : mode == "reflect" ? (at < *size ? at : period - at)
                                         : at);
    }
    TensorId index = call.constant(IntegerType::get(call.context(), 64), rows);
    x = call.call("index_select", {{"input", x}, {"dim", d}, {"index", index}});
  }
  call.result(x);
}

/// N, C, H, W to N, C*b*b, H/b, W/b or back. `blocksFirst`: the block's position counts before the channel.
void depthToSpace(Call &call) {
  TensorId x = call.input(0);
  Shape s = call.shape(x);
  int64_t b = call.integer("blocksize", 0);
  std::string mode = call.text("mode", "DCR");
  if (call.hasFailed())
    return;
  Dim channels =
      s.size() == 4 && b > 0 && b < (1 << 15) ? exactQuotient({s[1]}, {call.size(b * b)}, call.context()) : Dim();
  if (!channels || (mode != "DCR" && mode != "CRD"))
    return void(call.error("blocksize") << b << " and mode '" << mode << "' for an input " << toString(s)
                                        << ", expected [N, C, H, W], C a multiple of blocksize^2, mode 'DCR' or 'CRD'");
  Dim block = call.size(b);
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
  bool fits = s.size() == 4 && b > 0 && b < (1 << 15);
  Dim height = fits ? exactQuotient({s[2]}, {call.size(b)}, call.context()) : Dim(),
      width = fits ? exactQuotient({s[3]}, {call.size(b)}, call.context()) : Dim();
  if (!height || !width)
    return void(call.error("blocksize") << b << " for an input " << toString(s)
                                        << ", expected [N, C, H, W], H and W multiples of it");
  Dim block = call.size(b);
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

/// Crops, or fills with zeros, evenly on both sides.
void centerCropPad(Call &call) {
  TensorId x = call.input(0);
  std::optional<Ints> target = call.constants("shape");
  Ints axes = call.axes(call.integers("axes", llvm::to_vector(llvm::seq<int64_t>(0, call.rank(x)))), call.rank(x));
  if (call.hasFailed())
    return;
  if (!target || target->size() != axes.size())
    return void(call.error("shape") << "expected one size for each axis");
  std::vector<int64_t> pairs(2 * call.rank(x), 0);
  for (auto [axis, wanted] : llvm::zip(axes, *target)) {
    std::optional<int64_t> size = constantOf(call.shape(x)[axis]);
    if (!size)
      return void(call.error("shape") << "over the symbolic size " << toString(call.shape(x)[axis])
                                      << ", expected a fixed size");
    int64_t spare = *size - wanted, low = spare >= 0 ? spare / 2 : -(-spare / 2);
    size_t pair = 2 * (call.rank(x) - 1 - axis);
    pairs[pair] = -low;
    pairs[pair + 1] = -(spare - low);
  }
  call.result(call.call("pad", {{"input", x}, {"pad", pairs}}));
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
  table.add("Slice", 1, slice);
  table.add("Expand", 8, expand);
  table.add("Tile", 1, tile);
  table.add("Pad", 1, pad);
  table.add("DepthToSpace", 1, depthToSpace);
  table.add("SpaceToDepth", 1, spaceToDepth);
  table.add("Trilu", 14, trilu);
  table.add("CenterCropPad", 18, centerCropPad);
}

} // namespace nnf::onnx
