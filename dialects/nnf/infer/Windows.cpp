#include "dialects/nnf/infer/Windows.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nnf {

Dim windowCount(Dim in, int64_t padding, int64_t dilation, Dim size, int64_t stride) {
  Dim span = in + (padding - 1) - (size - 1) * dilation;
  return simplify(span.floorDiv(stride) + 1);
}

/// Beyond any tensor, and far from where sums of sizes overflow.
static LogicalResult expectReach(Location loc, const Window &window) {
  constexpr int64_t most = int64_t(1) << 40;
  for (size_t i = 0; i < window.size.size(); ++i) {
    int64_t reach;
    std::pair<StringRef, int64_t> parts[] = {{"kernel_size", window.size[i]},
                                             {"stride", window.stride[i]},
                                             {"dilation", window.dilation[i]},
                                             {"padding", window.low[i]}};
    for (auto [name, value] : parts)
      if (value > most)
        return argumentError(loc, name) << value << ", expected at most 2^40 [NNFC-E0222]";
    if (llvm::MulOverflow(window.dilation[i], window.size[i] - 1, reach) || reach > most)
      return argumentError(loc, "dilation") << window.dilation[i] << " with a kernel of " << window.size[i]
                                            << ", expected a window of at most 2^40 [NNFC-E0222]";
  }
  return success();
}

static StringRef axes(int64_t spatial) {
  static constexpr StringLiteral names[] = {"L", "H, W", "D, H, W"};
  return names[spatial - 1];
}

std::string spatialForm(int64_t spatial) {
  return ("[N, C, " + axes(spatial) + "] or [C, " + axes(spatial) + "]").str();
}

FailureOr<bool> expectSpatial(Location loc, Value input, int64_t spatial) {
  if (failed(expectRank(loc, "input", input, {spatial + 2, spatial + 1}, spatialForm(spatial))))
    return failure();
  bool batched = rankOf(input) == spatial + 2;
  if (failed(expectSizes(loc, "input", input, batched)))
    return failure();
  return batched;
}

FailureOr<Shape> windowedShape(Location loc, Value input, const Window &window) {
  if (failed(expectReach(loc, window)))
    return failure();
  Shape shape = shapeOf(input);
  size_t first = shape.size() - window.size.size();
  for (size_t i = 0; i < window.size.size(); ++i) {
    Dim &dim = shape[first + i];
    int64_t padding = window.low[i] + window.high[i], span = window.dilation[i] * (window.size[i] - 1) + 1;
    if (failed(requireSize(loc, "input", dim + padding, dim + padding - span,
                           "size {value} with padding at dimension " + Twine(first + i) + ", expected at least " +
                               Twine(span) + ", the window's extent [NNFC-E0217]")))
      return failure();
    dim = windowCount(dim, padding, window.dilation[i], dimOf(loc.getContext(), window.size[i]), window.stride[i]);
  }
  return shape;
}

/// The kernel's sizes, which must be known.
static FailureOr<IntList> kernelSizes(Location loc, Value weight) {
  auto sizes = constantsOf(ArrayRef<Dim>(shapeOf(weight)).drop_front(2));
  if (!sizes)
    return argumentError(loc, "weight") << "shape " << toString(shapeOf(weight))
                                        << ", expected kernel sizes that are numbers [NNFC-E0219]";
  for (int64_t size : *sizes)
    if (size < 1)
      return argumentError(loc, "weight")
             << "shape " << toString(shapeOf(weight)) << ", expected kernel sizes of at least 1 [NNFC-E0213]";
  return *sizes;
}

/// What both kinds of convolution ask of input, weight and groups. Sets what can be set of a window.
static FailureOr<Window> convOperands(Location loc, Value input, Value weight, Ints stride, Ints dilation,
                                      int64_t groups, int64_t spatial, StringRef weightForm) {
  if (failed(expectFloat(loc, "input", input)) || failed(expectElement(loc, "weight", weight, elementOf(input))))
    return failure();
  FailureOr<bool> batched = expectSpatial(loc, input, spatial);
  if (failed(batched) || failed(expectRank(loc, "weight", weight, {spatial + 2}, weightForm)) ||
      failed(expectSizes(loc, "weight", weight, 0)))
    return failure();
  if (groups < 1)
    return argumentError(loc, "groups") << groups << ", expected at least 1 [NNFC-E0213]";
  FailureOr<IntList> sizes = kernelSizes(loc, weight);
  FailureOr<IntList> strides = perDim(loc, "stride", stride, spatial, 1);
  FailureOr<IntList> dilations = perDim(loc, "dilation", dilation, spatial, 1);
  if (failed(sizes) || failed(strides) || failed(dilations))
    return failure();
  return Window{*batched, *sizes, *strides, {}, {}, *dilations};
}

static LogicalResult expectDivisible(Location loc, StringRef argument, Dim channels, int64_t groups) {
  return requireQuotient(loc, argument, channels, dimOf(loc.getContext(), groups),
                         "{value} channels, expected a multiple of 'groups', " + Twine(groups) + " [NNFC-E0216]");
}

FailureOr<Window> convWindow(Location loc, Value input, Value weight, Value bias, Ints stride, Attribute padding,
                             Ints dilation, int64_t groups, int64_t spatial) {
  static constexpr StringLiteral forms[] = {"[out, in/groups, kw]", "[out, in/groups, kh, kw]",
                                            "[out, in/groups, kd, kh, kw]"};
  FailureOr<Window> window = convOperands(loc, input, weight, stride, dilation, groups, spatial, forms[spatial - 1]);
  if (failed(window))
    return failure();
  Shape kernel = shapeOf(weight);
  Dim channels = shapeOf(input)[window->batched];
  if (!agrees(loc, "input", channels, simplify(kernel[1] * groups), window->batched))
    return argumentError(loc, "weight") << "shape " << toString(kernel) << " takes " << toString(kernel[1] * groups)
                                        << " input channels in " << groups << " groups, expected " << toString(channels)
                                        << " as 'input' has [NNFC-E0208]";
  if (failed(expectDivisible(loc, "weight", kernel[0], groups)) ||
      failed(expectElement(loc, "bias", bias, elementOf(input))) ||
      failed(expectShape(loc, "bias", bias, {kernel[0]}, "[out]")))
    return failure();

  if (auto word = dyn_cast<StringAttr>(padding)) {
    if (failed(expectWord(loc, "padding", word.getValue(), {"valid", "same"})))
      return failure();
    bool same = word.getValue() == "same";
    for (int64_t i = 0; i < spatial; ++i) {
      if (same && window->stride[i] != 1)
        return argumentError(loc, "padding")
               << "'same' with stride " << window->stride[i] << ", expected stride 1 [NNFC-E0215]";
      int64_t total = same ? window->dilation[i] * (window->size[i] - 1) : 0;
      window->low.push_back(total / 2);
      window->high.push_back(total - total / 2);
    }
    return window;
  }
  FailureOr<IntList> pads = perDim(loc, "padding", cast<DenseI64ArrayAttr>(padding), spatial, 0);
  if (failed(pads))
    return failure();
  window->low = window->high = *pads;
  return window;
}

FailureOr<Window> convTransposeWindow(Location loc, Value input, Value weight, Value bias, Ints stride, Ints padding,
                                      Ints outputPadding, int64_t groups, Ints dilation, int64_t spatial) {
  static constexpr StringLiteral forms[] = {"[in, out/groups, kw]", "[in, out/groups, kh, kw]",
                                            "[in, out/groups, kd, kh, kw]"};
  FailureOr<Window> window = convOperands(loc, input, weight, stride, dilation, groups, spatial, forms[spatial - 1]);
  if (failed(window))
    return failure();
  Shape kernel = shapeOf(weight);
  Dim channels = shapeOf(input)[window->batched];
  if (!agrees(loc, "input", channels, kernel[0], window->batched))
    return argumentError(loc, "weight") << "shape " << toString(kernel) << ", expected " << toString(channels)
                                        << " at dimension 0, the channels of 'input' [NNFC-E0208]";
  FailureOr<IntList> pads = perDim(loc, "padding", padding, spatial, 0);
  FailureOr<IntList> extra = perDim(loc, "output_padding", outputPadding, spatial, 0);
  if (failed(expectDivisible(loc, "input", channels, groups)) ||
      failed(expectElement(loc, "bias", bias, elementOf(input))) ||
      failed(expectShape(loc, "bias", bias, {simplify(kernel[1] * groups)}, "[out]")) || failed(pads) || failed(extra))
    return failure();
  Window reaching(*window);
  reaching.low = *pads;
  if (failed(expectReach(loc, reaching)))
    return failure();
  for (int64_t i = 0; i < spatial; ++i) {
    int64_t bound = std::max(window->stride[i], window->dilation[i]);
    if ((*extra)[i] >= bound)
      return argumentError(loc, "output_padding")
             << (*extra)[i] << ", expected less than " << bound << ", the larger of stride and dilation [NNFC-E0213]";
    int64_t reach = window->dilation[i] * (window->size[i] - 1) - (*pads)[i];
    window->low.push_back(reach);
    window->high.push_back(reach + (*extra)[i]);
  }
  return window;
}

FailureOr<Window> poolWindow(Location loc, Value input, Ints kernelSize, std::optional<Ints> stride, Ints padding,
                             Ints dilation, bool ceilMode, int64_t spatial) {
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  FailureOr<bool> batched = expectSpatial(loc, input, spatial);
  if (failed(batched))
    return failure();
  bool ownStride = stride && !stride->empty();
  FailureOr<IntList> sizes = perDim(loc, "kernel_size", kernelSize, spatial, 1);
  FailureOr<IntList> strides =
      perDim(loc, ownStride ? "stride" : "kernel_size", ownStride ? *stride : kernelSize, spatial, 1);
  FailureOr<IntList> pads = perDim(loc, "padding", padding, spatial, 0);
  FailureOr<IntList> dilations = perDim(loc, "dilation", dilation, spatial, 1);
  if (failed(sizes) || failed(strides) || failed(pads) || failed(dilations))
    return failure();
  Window window{*batched, *sizes, *strides, *pads, *pads, *dilations};
  for (int64_t i = 0; i < spatial; ++i) {
    if (window.low[i] > window.size[i] / 2)
      return argumentError(loc, "padding")
             << window.low[i] << ", expected at most half of kernel_size, " << window.size[i] / 2 << " [NNFC-E0213]";
    if (ceilMode)
      window.high[i] = std::min(window.low[i] + window.stride[i] - 1, window.dilation[i] * (window.size[i] - 1));
  }
  return window;
}

} // namespace nnf
