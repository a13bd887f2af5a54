// Tensor maps of kernels for compute capability 9.0 (docs/design/0014).
#ifndef NNF_PASSES_KERNELS_GPU_TILEMAP_H
#define NNF_PASSES_KERNELS_GPU_TILEMAP_H

#include "passes/kernels/gpu/GpuEmitter.h"
#include "passes/kernels/gpu/TensorProduct.h"

namespace nnf {

/// A tensor map, as runtime/abi.h has it: numbers that are known when a model is compiled.
struct TileMap {
  /// Dimensions beside a line and its elements.
  static constexpr size_t mostBatches = 3;

  /// A dimension behind that of a line's elements.
  struct Dimension {
    int64_t size, bytes;         // from one to the next
    int64_t box;                 // of it that a tile has
    std::optional<size_t> batch; // which of the product's; none: lines
  };

  int64_t offsetBytes;
  bool isBfloat;
  int64_t lineElements;
  llvm::SmallVector<Dimension, 4> outer; // distances ascend

  static std::optional<TileMap> of(const TensorOperand &operand, llvm::ArrayRef<Dim> batch, llvm::ArrayRef<Dim> free,
                                   Dim depth, int64_t tileExtent);
  /// Which dimension of the map lines are.
  int64_t placeOfLines() const {
    return 1 + (llvm::find_if(outer, [](const Dimension &d) { return !d.batch; }) - outer.begin());
  }
  /// Of the buffer in this slot of the launch.
  mlir::Attribute attribute(mlir::Builder &b, int64_t slot) const;
};

/// The address of a kernel's tensor map: a parameter that the code generator gives it (codegen/cuda/Device.cpp).
mlir::Value mapAddress(GpuEmitter &emitter, unsigned number);

} // namespace nnf
#endif
