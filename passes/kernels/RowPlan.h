// What the row families of all targets share: how a kernel's reductions fit together.
#ifndef NNF_PASSES_KERNELS_ROWPLAN_H
#define NNF_PASSES_KERNELS_ROWPLAN_H

#include "passes/kernels/KernelBuilder.h"

namespace nnf {

/// The common frame of a row kernel's reductions: all reduce the same dimensions (a "row") of tensors of one shape.
struct RowPlan {
  Shape full;                         // sizes of what is reduced
  llvm::SmallVector<int64_t> reduced; // the dimensions of a row
  /// The others; where the first dimension of a row is taken in blocks, it too: it then counts the blocks.
  llvm::SmallVector<int64_t> kept;
  int64_t block = 0; // elements of the first dimension of a row that one result covers; 0: all
  /// Reductions by stage: those of a stage need only results of earlier stages.
  llvm::SmallVector<llvm::SmallVector<PrimReduceOp>> stages;
  /// What elements read of their row, by stage: values that need no later reductions.
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> ofRows;
  /// The position of an extreme is found in a kernel without other reductions, or null.
  PrimArgReduceOp position;

  /// What a result has an element for: each element of a row, or each row (its shape without the reduced dimensions, or
  /// with ones in their place).
  enum class Extent { Elements, Rows, RowsWithOnes };

  /// None when the kernel has no reduction, reductions of different frames, a result of another extent, or moves
  /// elements between rows after a reduction.
  static std::optional<RowPlan> of(KernelOp kernel);

  std::optional<Extent> extentOf(mlir::Value result) const;
  /// Indices of a result with one element for each row.
  Indices rowIndices(mlir::Value result, const Indices &kept, Index zero) const;
  /// Indices of an element: its row, and where in the row it is.
  Indices fullIndices(const Indices &keptAt, const Indices &reducedAt) const;
  /// The dimension whose neighbours are neighbours in memory: the last that is not 1.
  int64_t innermost() const;

  Shape keptShape() const, rowShape() const;

private:
  /// Every element of a row reads the same.
  bool isAlongRows(PrimBroadcastOp broadcast) const;
  /// Takes the frame of a reduction, or compares with it.
  bool hasFrame(Shape in, llvm::ArrayRef<int64_t> dims, int64_t block);
};

} // namespace nnf
#endif
