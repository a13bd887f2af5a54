// The tensor map of a convolution's input, by which compute capability 9.0 copies what a tap reads at neighbouring
// positions of the result (im2col mode; docs/design/0014).
#ifndef NNF_PASSES_KERNELS_GPU_IMAGEMAP_H
#define NNF_PASSES_KERNELS_GPU_IMAGEMAP_H

#include "passes/kernels/gpu/TensorProduct.h"

namespace nnf {

struct ImageMap {
  /// A spatial dimension, the fastest first.
  struct Window {
    int64_t lower, upper, step; // runtime/abi.h: nnf_map_window
    int64_t taps, dilation;
  };

  int64_t offsetBytes;
  bool isBfloat;
  int64_t channels; // of a group
  llvm::SmallVector<int64_t, 5> dims, strides;
  llvm::SmallVector<Window, 3> windows;

  /// Null where the mode cannot say it, where most of what a slab holds would be zeros, or where the last slab of a
  /// group's channels would have the next group's instead.
  static std::optional<ImageMap> of(const TensorProduct &product);
  int64_t taps() const;
  /// Channels of all taps, with the zeros that whole slabs end with.
  int64_t depth() const;
  /// Of the buffer in this slot of the launch; a tile has this many positions.
  mlir::Attribute attribute(mlir::Builder &b, int64_t slot, int64_t positions) const;
};

} // namespace nnf
#endif
