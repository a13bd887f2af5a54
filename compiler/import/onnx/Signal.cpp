// Fourier transforms, as products with tables of sines and cosines: exact in the sense of rounding once per sum, and
// fast for the lengths that audio models use. Lengths are fixed.
#include "compiler/import/onnx/OpTable.h"

#include <cmath>
#include <numbers>

using namespace mlir;
namespace nnf::onnx {
namespace {

/// The longest transform: its tables have length * bins entries each.
constexpr int64_t longestTransform = 1 << 13;

/// A table [length, bins] of cos or sin of 2 pi n k / length, times `scale`.
TensorId table(Call &call, Type element, int64_t length, int64_t bins, bool isSine, double scale) {
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

/// Real and imaginary part; no imaginary one for a real signal.
struct Complex {
  TensorId real, imaginary;
};

/// sum over n of x[…, n] * exp(-2 pi i n k / length), times `scale`; the sign turns for the inverse.
Complex transform(Call &call, Complex x, int64_t length, int64_t bins, bool inverse, double scale) {
  if (length < 1 || length > longestTransform) {
    call.error() << "a transform of length " << length << ", expected 1 to " << longestTransform;
    return {};
  }
  Type element = call.element(x.real);
  if (!element.isF32() && !element.isF64()) {
    call.error() << "elements of type " << dtypeName(element) << ", expected float32 or float64";
    return {};
  }
  TensorId cosines = table(call, element, length, bins, false, scale),
           sines = table(call, element, length, bins, true, inverse ? -scale : scale);
  auto times = [&](TensorId signal, TensorId matrix) { return call.binary("matmul", signal, matrix); };
  // (a + ib)(c - is) = (ac + bs) + i(bc - as)
  Complex y{times(x.real, cosines), call.unary("neg", times(x.real, sines))};
  if (x.imaginary) {
    y.real = call.add(y.real, times(x.imaginary, sines));
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

/// A number among the inputs that must be known, or `fallback` when it is omitted.
int64_t knownNumber(Call &call, size_t input, StringRef name, int64_t fallback) {
  if (!call.has(input))
    return fallback;
  const Known *known = call.known(input);
  std::optional<int64_t> value = known && known->values.size() == 1 ? known->integer(0) : std::nullopt;
  if (!value)
    call.error(name) << "'" << call.node.inputs[input] << "' is known at run time only, expected a constant";
  return value.value_or(fallback);
}

std::optional<int64_t> fixedSize(Call &call, Dim size) {
  std::optional<int64_t> number = constantOf(size);
  if (!number && !call.hasFailed())
    call.error() << "a signal of length " << toString(size) << ", expected a fixed length";
  return call.hasFailed() ? std::nullopt : number;
}

void dft(Call &call) {
  TensorId x = call.input(0);
  int64_t rank = call.rank(x);
  int64_t given = call.version >= 20 ? knownNumber(call, 2, "axis", -2) : call.integer("axis", 1);
  int64_t axis = call.axis(given, rank);
  bool inverse = call.flag("inverse"), oneSided = call.flag("onesided");
  if (call.hasFailed())
    return;
  if (rank < 2 || axis == rank - 1)
    return void(call.error("axis") << axis << " of a tensor of rank " << rank
                                   << ", expected one before the last, which holds real and imaginary parts");
  std::optional<int64_t> size = fixedSize(call, call.shape(x)[axis]), parts = constantOf(call.shape(x).back());
  if (!size)
    return;
  if (parts != 1 && parts != 2)
    return void(call.error("input") << toString(call.shape(x)) << ", expected a last size of 1 or 2");
  int64_t length = knownNumber(call, 1, "dft_length", *size);
  if (call.hasFailed())
    return;
  // Cut, or filled with zeros, to the length of the transform.
  if (length != *size) {
    std::vector<int64_t> pairs(2 * (rank - axis), 0);
    pairs.back() = length - *size;
    x = call.call("pad", {{"input", x}, {"pad", pairs}});
  }
  int64_t bins = oneSided ? length / 2 + 1 : length;
  Ints perm;
  for (int64_t i = 0; i < rank - 1; ++i)
    if (i != axis)
      perm.push_back(i);
  perm.push_back(axis);
  Complex signal{call.permute(partOf(call, x, 0), perm),
                 parts == 2 ? call.permute(partOf(call, x, 1), perm) : TensorId()};
  Complex spectrum = transform(call, signal, length, bins, inverse, inverse ? 1.0 / static_cast<double>(length) : 1);
  // The axis back to its place.
  Ints back(rank - 1);
  for (auto [to, from] : llvm::enumerate(perm))
    back[from] = to;
  call.result(joined(call, {call.permute(spectrum.real, back), call.permute(spectrum.imaginary, back)}));
}

void stft(Call &call) {
  TensorId signal = call.input(0);
  int64_t step = knownNumber(call, 1, "frame_step", 0);
  Shape shape = call.shape(signal);
  if (call.hasFailed())
    return;
  // [N, L] or [N, L, 1 or 2]
  bool isComplex = shape.size() == 3 && isConstant(shape[2], 2);
  if (shape.size() == 3)
    shape.pop_back();
  std::optional<int64_t> size = shape.size() == 2 ? fixedSize(call, shape[1]) : std::nullopt;
  int64_t length = knownNumber(call, 3, "frame_length", 0);
  TensorId window = call.inputOrNone(2);
  if (window && !length && !call.hasFailed() && call.rank(window) == 1)
    length = constantOf(call.shape(window)[0]).value_or(0);
  if (call.hasFailed())
    return;
  if (!size || step < 1 || length < 1 || length > *size)
    return void(call.error() << "a signal " << toString(call.shape(signal)) << " in frames of " << length
                             << " elements every " << step
                             << ", expected [N, L] or [N, L, 1 or 2], and frames inside it");
  int64_t frames = (*size - length) / step + 1;
  Ints positions;
  for (int64_t frame = 0; frame < frames; ++frame)
    for (int64_t i = 0; i < length; ++i)
      positions.push_back(frame * step + i);
  TensorId index = call.constant(IntegerType::get(call.context(), 64), positions);
  auto framed = [&](TensorId part) {
    TensorId rows = call.call("index_select", {{"input", part}, {"dim", int64_t(1)}, {"index", index}});
    rows = call.reshape(rows, {shape[0], call.size(frames), call.size(length)});
    return window ? call.mul(rows, window) : rows;
  };
  bool hasParts = call.rank(signal) == 3;
  Complex pieces{framed(hasParts ? partOf(call, signal, 0) : signal),
                 isComplex ? framed(partOf(call, signal, 1)) : TensorId()};
  int64_t bins = call.flag("onesided", true) ? length / 2 + 1 : length;
  call.result(joined(call, transform(call, pieces, length, bins, false, 1)));
}

/// Triangles over the bins of a spectrum, evenly spaced in mels.
void melWeightMatrix(Call &call) {
  int64_t mels = knownNumber(call, 0, "num_mel_bins", 0), length = knownNumber(call, 1, "dft_length", 0),
          rate = knownNumber(call, 2, "sample_rate", 0);
  const Known *low = call.known(3), *high = call.known(4);
  std::optional<double> lowest = low && low->values.size() == 1 ? low->number(0) : std::nullopt,
                        highest = high && high->values.size() == 1 ? high->number(0) : std::nullopt;
  Type element = elementTypeOf(call.context(), static_cast<DataType>(call.integer("output_datatype", 1)));
  if (call.hasFailed())
    return;
  if (!lowest || !highest || mels < 1 || length < 1 || rate < 1 || mels > 4096 || length > (1 << 20) || !element)
    return void(
        call.error() << "expected constants: numbers of bins, lengths and rates of at least 1, and two frequencies");
  int64_t bins = length / 2 + 1;
  auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  SmallVector<int64_t> edges;
  for (int64_t i = 0; i < mels + 2; ++i) {
    double at = mel(*lowest) + static_cast<double>(i) * (mel(*highest) - mel(*lowest)) / static_cast<double>(mels + 2);
    double hertz = 700 * (std::pow(10.0, at / 2595) - 1);
    edges.push_back(static_cast<int64_t>(static_cast<double>(length + 1) * hertz / static_cast<double>(rate)));
  }
  std::vector<double> values(bins * mels, 0);
  for (int64_t i = 0; i < mels; ++i) {
    int64_t from = edges[i], middle = edges[i + 1], to = edges[i + 2];
    auto set = [&](int64_t bin, double value) {
      if (bin >= 0 && bin < bins)
        values[bin * mels + i] = value;
    };
    if (middle == from)
      set(middle, 1);
    for (int64_t j = from; middle != from && j <= middle; ++j)
      set(j, static_cast<double>(j - from) / static_cast<double>(middle - from));
    for (int64_t j = middle; to != middle && j < to; ++j)
      set(j, static_cast<double>(to - j) / static_cast<double>(to - middle));
  }
  Known known{element, {bins, mels}, {}};
  for (double value : values)
    known.values.push_back(known.isFloat() ? known.ofNumber(value) : Scalar{call.size(static_cast<int64_t>(value))});
  call.result(call.constant(known));
}

} // namespace

void addSignals(OpTable &table) {
  table.add("DFT", 17, dft);
  table.add("STFT", 17, stft);
  table.add("MelWeightMatrix", 17, melWeightMatrix);
}

} // namespace nnf::onnx
