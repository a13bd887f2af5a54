// The rows that a group's reductions share.
#ifndef NNF_PASSES_GROUPS_ROWFRAME_H
#define NNF_PASSES_GROUPS_ROWFRAME_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

class RowFrame {
public:
  explicit RowFrame(PrimReduceOp anchor);

  bool isFull(mlir::Value value) const { return sameShape(shapeOf(value), full); }

  /// The op reduces these rows, or works on their elements or results one by one.
  bool takes(mlir::Operation *op) const;

private:
  bool isRowShape(mlir::Value value) const;
  /// The broadcast repeats a row's result along that row.
  bool isAlongRows(PrimBroadcastOp broadcast) const;

  llvm::SmallVector<int64_t> dims;
  int64_t block;
  Shape full, kept, keptWithOnes;
};

} // namespace nnf
#endif
