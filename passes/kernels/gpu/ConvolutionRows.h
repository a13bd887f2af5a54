// The input of a convolution as rows of a matrix product, for templates that copy it from where it lies
// (codegen/cuda/templates/Convolution.cuh).
#ifndef NNF_PASSES_KERNELS_GPU_CONVOLUTIONROWS_H
#define NNF_PASSES_KERNELS_GPU_CONVOLUTIONROWS_H

#include "passes/kernels/StridedView.h"

namespace nnf {

/// Spatial dimensions that templates know of.
inline constexpr unsigned spatialDims = 3;

/// A row is a position of the result in an image; the contracted dimension is that of taps, and in each of channels.
struct ConvolutionRows {
  struct Window {
    Dim extent, outputs, taps;
    int64_t stride, dilation, low;
    bool padded; // some tap may lie outside
    Dim pitch;   // elements of the input from one position to the next
  };
  Dim channels; // of a group
  Dim imagePitch, channelPitch;
  llvm::SmallVector<Window, spatialDims> windows;

  /// Null where templates cannot say it: more dimensions, an input with gaps, sizes of more than 32 bits.
  static std::optional<ConvolutionRows> of(PrimConvOp conv, const StridedView &input);
  /// Bytes of neighbouring channels that may be copied at once.
  int64_t copyBytes(const StridedView &input) const;
};

} // namespace nnf
#endif
