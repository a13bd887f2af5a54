// The microkernel: a tile of rows by vectors of columns that stays in registers while products are added to it.
#ifndef NNF_PASSES_KERNELS_REGISTERTILE_H
#define NNF_PASSES_KERNELS_REGISTERTILE_H

#include "passes/CostModel.h"
#include "passes/kernels/KernelBuilder.h"

namespace nnf {

/// What a contraction's operands are stored as, and how many of their elements it multiplies in one step.
struct OperandTypes {
  mlir::Type a = {}, b = {};
  /// Contracted elements that one step takes: 1, 2 words or 4 bytes. So many of each column lie beside each other in B.
  int64_t step = 1;

  /// Both are stored as sums are.
  static OperandTypes of(mlir::Type element) { return {element, element, 1}; }
  /// Sums of integers: of words, or of unsigned with signed bytes. Floats: one by one, widened where stored narrower.
  static OperandTypes of(mlir::Type a, mlir::Type b, mlir::Type sum);
};

/// sums[r * vectors + v] += A[r, i] * B[i, lanes of v], i running down the contracted dimension.
struct RegisterTile {
  mlir::Type element = {};               // of the sums
  OperandTypes types = {};               // null: as sums are
  llvm::ArrayRef<mlir::Value> rows = {}; // addresses of A
  mlir::Value rowStep = {};              // elements from one i to the next in A
  mlir::Value rowDistance = {};          // elements from one row to the next; null: it varies
  mlir::Value columns = {};              // address of B
  mlir::Value columnStep = {};           // elements from one i to the next in B
  int64_t vectors = 0;
  /// Vectors lie side by side for so many, then from one panel to the next; null: side by side all.
  int64_t panelVectors = 0;
  mlir::Value panelStep = {};             // elements
  llvm::ArrayRef<mlir::Value> masks = {}; // of the vectors of B where lanes are missing; null: all are there

  /// The number of steps, of one element each, is a multiple of this (1, 2 or 4): so many may be done at a time.
  int64_t stepsMultipleOf = 1;

  /// Each step fetches the cache line there into the second-level cache, `aheadStep` bytes on from one i to the next:
  /// little by little, since many at once would wait for each other. Null: none.
  mlir::Value ahead = {};
  mlir::Value aheadStep = {};
  /// From so many bytes of B on it is worth while.
  static int64_t fetchedFrom(const TargetInfo &target) {
    return figures::bytesOfL2(target, figures::shareOfL2FetchedAhead);
  }

  /// With the number of rows whose sums leave registers for the vectors of B and one of A.
  static int64_t mostRows(const TargetInfo &target, int64_t vectors);
  /// The sums after i in [first, end), a whole number of steps. The builder's lanes are those of a vector of sums.
  llvm::SmallVector<mlir::Value> multiply(KernelBuilder &k, mlir::Value first, mlir::Value end,
                                          mlir::ValueRange sums) const;

private:
  OperandTypes operands() const { return types.a ? types : OperandTypes::of(element); }
  bool areAtOneDistance(const KernelBuilder &k) const { return rowDistance && k.constantValue(rowDistance); }
  int64_t rowsAsOperands(const KernelBuilder &k) const;
  mlir::Value loadB(KernelBuilder &k, mlir::Value offset, int64_t vector) const;
  mlir::Value spreadA(KernelBuilder &k, mlir::Value row, mlir::Value offset) const;
  mlir::Value spreadOperand(KernelBuilder &k, mlir::Value row, mlir::Value offset, int64_t vector) const;
  mlir::Value addProducts(KernelBuilder &k, mlir::Value a, mlir::Value b, mlir::Value sum) const;
};

} // namespace nnf
#endif
