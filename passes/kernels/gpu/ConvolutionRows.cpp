#include "passes/kernels/gpu/ConvolutionRows.h"
#include "passes/kernels/ElementEmitter.h"
#include <numeric>

using namespace mlir;
namespace nnf {

/// A number that templates may multiply by small ones and add to others in 32 bits. A symbolic size is taken to be one.
static bool isSmall(Dim size) {
  std::optional<int64_t> value = constantOf(size);
  return !value || (*value >= 1 && *value < int64_t(1) << 30);
}

std::optional<ConvolutionRows> ConvolutionRows::of(PrimConvOp conv, const StridedView &input) {
  Shape in = shapeOf(conv.getInput()), out = shapeOf(conv.getOutput()), kernel = conv.kernelSizes();
  if (conv.getLayout() != 1 || conv.getPacked() || conv.spatialRank() > spatialDims ||
      !isSmall(conv.channelsPerGroup()))
    return std::nullopt;
  ConvolutionRows rows{conv.channelsPerGroup(), input.strides.front(), input.strides.back(), {}};
  for (unsigned s = 0; s < conv.spatialRank(); ++s) {
    int64_t stride = conv.getStride()[s], dilation = conv.getKernelDilation()[s], low = conv.getLow()[s];
    Window window{in[s + 1],           out[s + 1], kernel[s], stride, dilation, low, low > 0 || conv.getHigh()[s] > 0,
                  input.strides[s + 1]};
    // Positions of the input that the first and the last tap read, in front of padding.
    Dim reach = simplify(window.outputs * stride + window.taps * dilation + std::abs(low));
    if (conv.getInputDilation()[s] != 1 || !isSmall(window.extent) || !isSmall(window.taps) ||
        !isSmall(window.outputs) || !isSmall(reach))
      return std::nullopt;
    rows.windows.push_back(window);
  }
  return rows;
}

int64_t ConvolutionRows::copyBytes(const StridedView &input) const {
  int64_t bytes = elementBytes(elementOf(input.buffer)), result = 16;
  if (!isConstant(channelPitch, 1))
    return bytes;
  int64_t divisor = std::gcd(channels.getLargestKnownDivisor(), input.offset.getLargestKnownDivisor());
  divisor = std::gcd(divisor, imagePitch.getLargestKnownDivisor());
  for (const Window &window : windows)
    divisor = std::gcd(divisor, window.pitch.getLargestKnownDivisor());
  while (divisor * bytes % result != 0)
    result /= 2;
  return result;
}

} // namespace nnf
