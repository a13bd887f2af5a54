// The microkernel: a tile of rows by vectors of columns that stays in registers while products are added to it.
#ifndef NNF_PASSES_KERNELS_REGISTERTILE_H
#define NNF_PASSES_KERNELS_REGISTERTILE_H

#include "passes/CostModel.h"
#include "passes/kernels/KernelBuilder.h"

namespace nnf {

/// sums[r * vectors + v] += A[r, i] * B[i, lanes of v], i running down the contracted dimension.
struct RegisterTile {
  mlir::Type element = {};
  llvm::ArrayRef<mlir::Value> rows = {}; // addresses of A
  mlir::Value rowStep = {};              // elements from one i to the next in A
  mlir::Value columns = {};              // address of B
  mlir::Value columnStep = {};           // elements from one i to the next in B
  int64_t vectors = 0;
  /// Vectors lie side by side for so many, then from one panel to the next; null: side by side all.
  int64_t panelVectors = 0;
  mlir::Value panelStep = {};             // elements
  llvm::ArrayRef<mlir::Value> masks = {}; // of the vectors of B where lanes are missing; null: all are there

  /// Each step fetches the cache line there into the second-level cache, `aheadStep` bytes on from one i to the next:
  /// little by little, since many at once would wait for each other. Null: none.
  mlir::Value ahead = {};
  int64_t aheadStep = 0;
  /// From so many bytes of B on it is worth while.
  static int64_t fetchedFrom(const TargetInfo &target) {
    return figures::bytesOfL2(target, figures::shareOfL2FetchedAhead);
  }

  /// With the number of rows whose sums leave registers for the vectors of B and one of A.
  static int64_t mostRows(const TargetInfo &target, int64_t vectors);
  /// The sums after i in [first, end). The builder's lanes are those of a vector.
  llvm::SmallVector<mlir::Value> multiply(KernelBuilder &k, mlir::Value first, mlir::Value end,
                                          mlir::ValueRange sums) const;
};

} // namespace nnf
#endif
