// The kernel around a template that multiplies a tile: what products on every GPU have.
#ifndef NNF_PASSES_KERNELS_GPU_PRODUCTEMITTER_H
#define NNF_PASSES_KERNELS_GPU_PRODUCTEMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/gpu/GpuEmitter.h"
#include "passes/kernels/gpu/TensorProduct.h"

namespace nnf {

class TensorProductEmitter {
public:
  TensorProductEmitter(GpuEmitter &emitter, const TensorProduct &p, const ProductTile &tile, int64_t lanes)
      : emitter(emitter), k(emitter.k), e(emitter.e), p(p), tile(tile), lanes(lanes) {}

  virtual ~TensorProductEmitter() = default;

  void emit();

protected:
  /// Tiles of the batch, of rows, of columns.
  llvm::SmallVector<Dim> tiles() const;
  /// From here on the tile is that of this number.
  void placeTile(mlir::Value number);
  /// Sums of the block's tile; returns where this thread has its own.
  virtual mlir::Value multiply(const SharedArray &shared);
  /// Brings one part of the sums to shared memory, as rows.
  virtual void spread(mlir::Value sums, mlir::Value part, const SharedArray &shared);
  mlir::Value steps();
  std::pair<mlir::Value, mlir::Value> inOrder(mlir::Value row, mlir::Value column, Dim rowTiles, Dim columnTiles);
  /// Blocks that a GPU runs at once.
  virtual int64_t blocksAtOnce() const { return nnf::blocksAtOnce(tile); }
  /// What a template is told of an operand of `extent` rows or columns, of which the tile begins at `first`.
  void describe(const TensorOperand &operand, mlir::Value first, Dim extent, int64_t tileExtent,
                llvm::SmallVector<mlir::Value> &to);
  /// What a template is told of a convolution's input, of which the tile begins at firstRow.
  void describeImage(llvm::SmallVector<mlir::Value> &to);
  /// Where the sum of a row and a column is in the result; columns from there on may be in lanes.
  Indices resultAt(mlir::Value row, mlir::Value column);
  void storePart(const SharedArray &shared, mlir::Value part);
  void storePiece(const SharedArray &shared, mlir::Value part, mlir::Value piece);
  /// Stores what becomes of `lanes` sums, from this row and column on, which are there in shared memory.
  void storeSums(const SharedArray &shared, mlir::Value there, mlir::Value row, mlir::Value column);
  mlir::Value constant32(int64_t value) { return mlir::arith::ConstantIntOp::create(k.b, k.loc, value, 32); }
  mlir::Value constantBool(bool value) { return mlir::arith::ConstantIntOp::create(k.b, k.loc, value, 1); }
  mlir::Value narrow(mlir::Value value) { return mlir::arith::TruncIOp::create(k.b, k.loc, k.b.getI32Type(), value); }
  Dim product(llvm::ArrayRef<Dim> dims) const { return productOf(emitter.kernel.getContext(), dims); }

  GpuEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  const TensorProduct &p;
  const ProductTile &tile;
  const int64_t lanes;
  Indices batchAt;
  mlir::Value firstRow, firstColumn; // of the tile
};

/// Columns that a thread takes at once: 16 bytes of the narrowest result.
int64_t lanesOfProduct(KernelOp kernel, const TensorProduct &product);

} // namespace nnf
#endif
