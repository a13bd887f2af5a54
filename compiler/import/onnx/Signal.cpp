// Fourier transforms, as products with tables of sines and cosines: exact in the sense of rounding once per sum, and
// fast for the lengths that audio models use.
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"

#include <cmath>
#include <numbers>

using namespace mlir;
namespace nnf::onnx {
namespace {

/// The longest transform: its tables have length * bins entries each.
constexpr int64_t longestTransform = 1 << 13;

/// A table [length, bins] of cos or sin of 2 pi n k / length, times `scale`.
TensorId storedTable(Call &call, Type element, int64_t length, int64_t bins, bool isSine, double scale) {
  auto type = RankedTensorType::get({length, bins}, element);
  bool isDouble = element.isF64();
  std::vector<uint8_t> bytes(length * bins * (isDouble ? 8 : 4));
  for (int64_t n = 0; n < length; ++n)
    for (int64_t k = 0; k < bins; ++k) {
      // The angle from the remainder: n * k itself would lose digits.
      double angle = 2 * std::numbers::pi * static_cast<double>(n * k % length) / static_cast<double>(length);
      double value = scale * (isSine ? std::sin(angle) : std::cos(angle));
      float narrow = static_cast<float>(value);
      if (isDouble)
        std::memcpy(bytes.data() + (n * bins + k) * 8, &value, 8);
      else
        std::memcpy(bytes.data() + (n * bins + k) * 4, &narrow, 4);
    }
  return call.hasFailed() ? TensorId()
                          : call.graph().addConstant(call.node.name + (isSine ? ".sin" : ".cos"), type,
                                                     std::move(bytes), "table of " + call.node.name);
}

/// The same, computed by the run, for a length that only the run knows. `divides`: by the length.
TensorId computedTable(Call &call, Type element, Dim length, Dim bins, bool isSine, bool divides) {
  RunTime r(call);
  Type f64 = r.f64();
  Shape shape{length, bins};
  Value steps = r.rem(r.mul(r.iota(shape, 0, r.i64()), r.iota(shape, 1, r.i64())), r.value(length));
  Value size = r.size(length, f64), angle = r.div(r.mul(r.convert(steps, f64), 2 * std::numbers::pi), size);
  Value values = isSine ? r.sin(angle) : r.cos(angle);
  return call.graph().adopt(r.convert(divides ? r.div(values, size) : values, element));
}

/// Real and imaginary part; no imaginary one for a real signal.
struct Complex {
  TensorId real, imaginary;
};

/// sum over n of x[…, n] * exp(-2 pi i n k / length); for the inverse the sign turns, and it is divided by the length.
Complex transform(Call &call, Complex x, Dim length, Dim bins, bool inverse) {
  std::optional<int64_t> size = constantOf(length), count = constantOf(bins);
  if (size && (*size < 1 || *size > longestTransform)) {
    call.error() << "a transform of length " << *size << ", expected 1 to " << longestTransform << " [NNFC-E0213]";
    return {};
  }
  Type element = call.element(x.real);
  if (!element.isF32() && !element.isF64()) {
    call.error() << "elements of type " << dtypeName(element) << ", expected float32 or float64 [NNFC-E0206]";
    return {};
  }
  if (call.hasFailed())
    return {};
  call.require("input", length, length - 1, "a transform of length {value}, expected 1 or more [NNFC-E0213]");
  auto table = [&](bool isSine) {
    double scale = size && inverse ? 1.0 / static_cast<double>(*size) : 1;
    return size && count ? storedTable(call, element, *size, *count, isSine, scale)
                         : computedTable(call, element, length, bins, isSine, inverse);
  };
  TensorId cosines = table(false), sines = table(true);
  auto times = [&](TensorId signal, TensorId matrix) { return call.binary("matmul", signal, matrix); };
  auto turned = [&](TensorId part) { return inverse ? part : call.unary("neg", part); };
  // (a + ib)(c - is) = (ac + bs) + i(bc - as); the inverse has (c + is).
  Complex y{times(x.real, cosines), turned(times(x.real, sines))};
  if (x.imaginary) {
    TensorId crossed = times(x.imaginary, sines);
    y.real = inverse ? call.sub(y.real, crossed) : call.add(y.real, crossed);
    y.imaginary = call.add(y.imaginary, times(x.imaginary, cosines));
  }
  return y;
}

/// x[…, part] without its last dimension.
TensorId partOf(Call &call, TensorId x, int64_t part) {
  Shape shape = call.shape(x);
  int64_t last = static_cast<int64_t>(shape.size()) - 1;
  TensorId slice = call.slice(x, last, call.size(part), call.size(1));
  shape.pop_back();
  return call.reshape(slice, shape);
}

TensorId joined(Call &call, const Complex &x) {
  return call.call("stack", {{"tensors", std::vector<TensorId>{x.real, x.imaginary}}, {"dim", int64_t(-1)}});
}

/// A number among the inputs, known or not; nothing when it is omitted.
std::optional<Scalar> numberInput(Call &call, size_t input, StringRef name) {
  if (call.hasFailed() || !call.has(input))
    return std::nullopt;
  const Known *elements = call.elements(input);
  if (!elements || elements->values.size() != 1 || elements->isFloat()) {
    call.error(name) << "'" << call.node.inputs[input] << "' is no integer, expected one [NNFC-E0213]";
    return std::nullopt;
  }
  return elements->values[0];
}

Dim binsOf(Dim length, bool oneSided) { return oneSided ? simplify(length.floorDiv(2) + 1) : length; }

/// Along dimension `axis` of x, of which the last holds real and imaginary parts. `lengthOf` gives the transform's
/// length for the size that there is.
TensorId dftAlong(Call &call, TensorId x, int64_t axis, llvm::function_ref<Dim(Dim)> lengthOf, bool inverse,
                  bool oneSided) {
  Shape shape = call.shape(x);
  int64_t rank = shape.size();
  Dim length = lengthOf(shape[axis]);
  // Cut, or filled with zeros, to the length of the transform.
  if (std::optional<int64_t> from = constantOf(shape[axis]), to = constantOf(length); from && to && *from != *to) {
    std::vector<int64_t> pairs(2 * (rank - axis), 0);
    pairs.back() = *to - *from;
    x = call.call("pad", {{"input", x}, {"pad", pairs}});
  } else if (!sameDim(shape[axis], length)) {
    RunTime r(call);
    x = call.graph().adopt(r.take(call.graph().value(x), axis, r.iota({length}, 0, r.i64())));
  }
  Ints perm;
  for (int64_t i = 0; i < rank - 1; ++i)
    if (i != axis)
      perm.push_back(i);
  perm.push_back(axis);
  Complex signal{call.permute(partOf(call, x, 0), perm),
                 isConstant(shape.back(), 2) ? call.permute(partOf(call, x, 1), perm) : TensorId()};
  Complex spectrum = transform(call, signal, length, binsOf(length, oneSided), inverse);
  // The axis back to its place.
  Ints back(rank - 1);
  for (auto [to, from] : llvm::enumerate(perm))
    back[from] = to;
  return joined(call, {call.permute(spectrum.real, back), call.permute(spectrum.imaginary, back)});
}

/// Along an axis that only the run knows: what is before it becomes one dimension, and what is behind it.
void dftAtRunTime(Call &call, TensorId x, const Scalar &given, llvm::function_ref<Dim(Dim)> lengthOf, bool inverse,
                  bool oneSided) {
  RunTime r(call);
  Shape shape = call.shape(x);
  int64_t rank = shape.size(), last = rank - 1;
  Value axis = r.axes(given, rank, "axis").front();
  r.check(
      r.lt(axis, static_cast<double>(last)), axis,
      r.message("axis", "{value}, expected one before the last, which holds real and imaginary parts [NNFC-E0210]"));
  auto sizeWhere = [&](CompareKind kind) {
    SmallVector<Value> sizes;
    for (int64_t d = 0; d < last; ++d)
      sizes.push_back(r.select(r.compare(kind, axis, static_cast<double>(d)), r.value(shape[d]), 1));
    return call.graph().addDataSize(call.graph().adopt(r.product(sizes)), call.location());
  };
  Shape flat{sizeWhere(CompareKind::Gt), sizeWhere(CompareKind::Eq), sizeWhere(CompareKind::Lt), shape.back()};
  TensorId y = dftAlong(call, call.reshape(x, flat), 1, lengthOf, inverse, oneSided);
  if (call.hasFailed())
    return;
  Value bins = r.value(call.shape(y)[1]);
  Shape out;
  for (int64_t d = 0; d < last; ++d)
    out.push_back(r.outputSize(r.select(r.eq(axis, static_cast<double>(d)), bins, r.value(shape[d])), d, rank));
  out.push_back(call.size(2));
  call.result(call.reshape(y, out));
}

void dft(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t rank = shape.size(), fallback = call.version >= 20 ? -2 : call.integer("axis", 1);
  std::optional<Scalar> given = call.version >= 20 ? numberInput(call, 2, "axis") : std::nullopt;
  std::optional<Scalar> wanted = numberInput(call, 1, "dft_length");
  bool inverse = call.flag("inverse"), oneSided = call.flag("onesided");
  if (call.hasFailed())
    return;
  if (rank < 2 || !(isConstant(shape.back(), 1) || isConstant(shape.back(), 2)))
    return void(call.error("input") << toString(shape)
                                    << ", expected rank 2 or more, and a last size of 1 or 2 [NNFC-E0208]");
  bool isOpen = given && !given->isKnown();
  int64_t axis = isOpen ? 0 : call.axis(given ? constantOf(given->size).value_or(rank) : fallback, rank);
  if (call.hasFailed())
    return;
  if (axis == rank - 1)
    return void(
        call.error("axis") << axis << " of a tensor of rank " << rank
                           << ", expected one before the last, which holds real and imaginary parts [NNFC-E0210]");
  RunTime r(call);
  auto lengthOf = [&](Dim size) {
    return !wanted              ? size
           : oneSided || isOpen ? call.sizeOf(*wanted, "dft_length")
                                : r.outputSize(*wanted, "dft_length", axis, rank);
  };
  if (isOpen)
    return dftAtRunTime(call, x, *given, lengthOf, inverse, oneSided);
  call.result(dftAlong(call, x, axis, lengthOf, inverse, oneSided));
}

void stft(Call &call) {
  TensorId signal = call.input(0), window = call.inputOrNone(2);
  std::optional<Scalar> step = numberInput(call, 1, "frame_step"), given = numberInput(call, 3, "frame_length");
  bool oneSided = call.flag("onesided", true);
  Shape shape = call.shape(signal);
  if (call.hasFailed())
    return;
  // [N, L] or [N, L, 1 or 2]
  bool hasParts = shape.size() == 3, isComplex = hasParts && isConstant(shape[2], 2);
  if (hasParts)
    shape.pop_back();
  std::optional<int64_t> stride = step && step->isKnown() ? constantOf(step->size) : std::nullopt;
  if (shape.size() != 2 || !step || (step->isKnown() && stride.value_or(0) < 1) || (window && call.rank(window) != 1) ||
      (!window && !given))
    return void(call.error() << "a signal " << toString(call.shape(signal)) << " in frames every "
                             << (stride ? std::to_string(*stride) : "?")
                             << " elements, expected [N, L] or [N, L, 1 or 2], a step of 1 or more, and a window or a "
                                "length of frames [NNFC-E0213]");
  RunTime r(call);
  Dim size = shape[1], length;
  if (window)
    length = call.shape(window)[0];
  else
    length = oneSided ? call.sizeOf(*given, "frame_length") : r.outputSize(*given, "frame_length", 2, 4);
  if (window && given && !given->isKnown())
    r.check(r.eq(r.value(*given), r.value(length)), r.value(*given),
            r.message("frame_length", "{value}, expected " + toString(length) + ", which the window has [NNFC-E0213]"));
  else if (window && given)
    call.requireEqual("frame_length", given->size, length,
                      "{value}, expected " + toString(length) + " as the window [NNFC-E0213]");
  call.require("frame_length", length, length - 1, "{value}, expected 1 or more [NNFC-E0213]");
  call.require("frame_length", length, size - length,
               "{value}, expected at most the signal's " + toString(size) + " [NNFC-E0213]");
  if (call.hasFailed())
    return;
  Value every = r.value(*step);
  Dim frames;
  if (stride) {
    frames = simplify((size - length).floorDiv(*stride) + 1);
  } else {
    r.check(r.ge(every, 1), every, r.message("frame_step", "{value}, expected 1 or more [NNFC-E0213]"));
    Value spare = r.sub(r.value(size), r.value(length));
    frames = r.outputSize(r.add(r.div(spare, r.max(every, 1)), 1), 1, 4);
  }
  Shape places{frames, length};
  Value index = r.add(r.mul(r.iota(places, 0, r.i64()), every), r.iota(places, 1, r.i64()));
  auto framed = [&](TensorId part) -> TensorId {
    if (call.hasFailed())
      return {};
    Value x = call.graph().value(part);
    Value rows = r.gather(x, {index}, {1}, BoundsKind::Fill, "", r.scalar(0, Primitives::elementOf(x)));
    TensorId result = call.graph().adopt(r.transpose(rows, {2, 0, 1}));
    return window ? call.mul(result, window) : result;
  };
  Complex pieces{framed(hasParts ? partOf(call, signal, 0) : signal),
                 isComplex ? framed(partOf(call, signal, 1)) : TensorId()};
  call.result(joined(call, transform(call, pieces, length, binsOf(length, oneSided), false)));
}

/// Triangles over the bins of a spectrum, evenly spaced in mels.
void melWeightMatrix(Call &call) {
  std::optional<Scalar> mels = numberInput(call, 0, "num_mel_bins"), length = numberInput(call, 1, "dft_length"),
                        rate = numberInput(call, 2, "sample_rate");
  TensorId lowest = call.input(3), highest = call.input(4);
  Type element = elementTypeOf(call.context(), static_cast<DataType>(call.integer("output_datatype", 1)));
  if (call.hasFailed())
    return;
  if (!mels || !length || !rate || !element)
    return void(call.error()
                << "expected numbers of bins, a length, a rate, two frequencies, and a supported dtype [NNFC-E0206]");
  RunTime r(call);
  Type f64 = r.f64(), i64 = r.i64();
  auto wide = [&](const Scalar &number) { return r.convert(r.value(number), f64); };
  for (auto [number, name] : {std::pair(*length, "dft_length"), std::pair(*rate, "sample_rate")})
    r.check(r.ge(r.value(number), 1), r.value(number), r.message(name, "{value}, expected 1 or more [NNFC-E0213]"));
  Value bins = r.add(r.div(r.value(*length), 2), 1);
  std::optional<int64_t> fixed = length->isKnown() ? constantOf(length->size) : std::nullopt;
  Shape shape{fixed ? call.size(*fixed / 2 + 1) : r.outputSize(bins, 0, 2), r.outputSize(*mels, "num_mel_bins", 1, 2)};
  auto melOf = [&](Value hertz) { return r.mul(r.log(r.add(r.div(hertz, 700), 1)), 2595 / std::numbers::ln10); };
  Value low = melOf(r.number(lowest, f64)), high = melOf(r.number(highest, f64));
  Value apart = r.div(r.sub(high, low), r.add(wide(*mels), 2));
  /// The bin at the edge `after` of each triangle.
  auto edge = [&](int64_t after) {
    Value number = r.add(r.iota(shape, 1, f64), static_cast<double>(after));
    Value mel = r.add(r.mul(number, apart), low), hertz = r.mul(r.sub(r.pow(10, r.div(mel, 2595)), 1), 700);
    return r.convert(r.div(r.mul(hertz, r.add(wide(*length), 1)), wide(*rate)), i64);
  };
  Value from = edge(0), top = edge(1), to = edge(2), bin = r.iota(shape, 0, i64);
  auto share = [&](Value part, Value whole) { return r.div(r.convert(part, f64), r.convert(r.max(whole, 1), f64)); };
  Value rising = r.select(r.bitAnd(r.ge(bin, from), r.lt(bin, top)), share(r.sub(bin, from), r.sub(top, from)), 0);
  Value falling = r.select(r.bitAnd(r.gt(bin, top), r.lt(bin, to)), share(r.sub(to, bin), r.sub(to, top)), rising);
  call.result(call.graph().adopt(r.convert(r.select(r.eq(bin, top), 1, falling), element)));
}

} // namespace

void addSignals(OpTable &table) {
  table.add("DFT", 17, dft);
  table.add("STFT", 17, stft);
  table.add("MelWeightMatrix", 17, melWeightMatrix);
}

} // namespace nnf::onnx
