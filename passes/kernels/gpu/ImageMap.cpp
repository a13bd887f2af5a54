#include "passes/kernels/gpu/ImageMap.h"
#include "passes/kernels/ElementEmitter.h"
#include "passes/kernels/gpu/HopperTiles.h"

using namespace mlir;
namespace nnf {
namespace {

/// What the driver takes (cuTensorMapEncodeIm2col). Corners and the reach of taps have 16 bits, which the spatial
/// dimensions share.
constexpr int64_t mostExtent = std::numeric_limits<int32_t>::max(), mostStride = int64_t(1) << 40, mostStep = 8;
constexpr int64_t cornersOf(size_t spatial) { return spatial == 1 ? 1 << 15 : spatial == 2 ? 1 << 7 : 1 << 4; }

std::optional<ImageMap::Window> windowOf(const ConvolutionRows::Window &window, size_t spatial) {
  std::optional<int64_t> extent = constantOf(window.extent), outputs = constantOf(window.outputs),
                         taps = constantOf(window.taps);
  if (!extent || !outputs || !taps || *extent < 1 || *outputs < 1)
    return std::nullopt;
  int64_t last = (*outputs - 1) * window.stride - window.low, corners = cornersOf(spatial);
  ImageMap::Window found{-window.low, last - (*extent - 1), window.stride, *taps, window.dilation};
  auto isCorner = [&](int64_t value) { return value >= -corners && value < corners; };
  bool fits = isCorner(found.lower) && isCorner(found.upper) && window.stride <= mostStep &&
              (*taps - 1) * window.dilation < 2 * corners;
  return fits ? std::optional(found) : std::nullopt;
}

} // namespace

std::optional<ImageMap> ImageMap::of(const TensorProduct &p) {
  if (!p.convolved || p.a.copyBytes != 16)
    return std::nullopt;
  const ConvolutionRows &rows = *p.convolved;
  std::optional<int64_t> offset = constantOf(p.a.view.offset), channels = constantOf(rows.channels),
                         images = constantOf(p.rows.front()),
                         groups = constantOf(productOf(p.depth.getContext(), p.batch));
  if (!offset || !channels || !images || !groups || *images < 1 || rows.windows.empty())
    return std::nullopt;
  // Tensor cores multiply zeros, too: twice as fast as those of sm_80, they may have as many again.
  int64_t inSlabs = llvm::alignTo(*channels, NNF_HOPPER_DEPTH);
  if (2 * *channels < inSlabs || (*groups > 1 && *channels != inSlabs))
    return std::nullopt;
  ImageMap map{*offset * 2, elementOf(p.a.view.buffer).isBF16(), *channels, {*groups * *channels}, {}, {}};
  SmallVector<Dim> pitches;
  for (const ConvolutionRows::Window &each : llvm::reverse(rows.windows)) {
    std::optional<Window> window = windowOf(each, rows.windows.size());
    if (!window)
      return std::nullopt;
    map.windows.push_back(*window);
    map.dims.push_back(*constantOf(each.extent));
    pitches.push_back(each.pitch);
  }
  map.dims.push_back(*images);
  pitches.push_back(rows.imagePitch);
  bool fits = llvm::all_of(map.dims, [](int64_t extent) { return extent <= mostExtent; });
  for (Dim pitch : pitches) {
    std::optional<int64_t> elements = constantOf(pitch);
    int64_t bytes = elements ? *elements * 2 : 0;
    fits &= bytes > 0 && bytes < mostStride && (map.strides.empty() || bytes % map.strides.back() == 0);
    if (!fits)
      return std::nullopt;
    map.strides.push_back(bytes);
  }
  return map;
}

int64_t ImageMap::taps() const {
  int64_t taps = 1;
  for (const Window &window : windows)
    taps *= window.taps;
  return taps;
}

int64_t ImageMap::depth() const { return taps() * llvm::alignTo(channels, NNF_HOPPER_DEPTH); }

Attribute ImageMap::attribute(Builder &b, int64_t slot, int64_t positions) const {
  SmallVector<int64_t> lower, upper, steps;
  for (const Window &window : windows) {
    lower.push_back(window.lower);
    upper.push_back(window.upper);
    steps.push_back(window.step);
  }
  auto numbers = [&](StringRef name, ArrayRef<int64_t> values) {
    return b.getNamedAttr(name, b.getDenseI64ArrayAttr(values));
  };
  return b.getDictionaryAttr({b.getNamedAttr("slot", b.getI64IntegerAttr(slot)),
                              b.getNamedAttr("offset", b.getI64IntegerAttr(offsetBytes)),
                              b.getNamedAttr("bfloat", b.getBoolAttr(isBfloat)), numbers("dims", dims),
                              numbers("strides", strides), numbers("box", {NNF_HOPPER_DEPTH, positions}),
                              numbers("lower", lower), numbers("upper", upper), numbers("steps", steps)});
}

} // namespace nnf
