// Where elements of an attention's tensors are, and what becomes of the mix: the same for all targets.
#ifndef NNF_PASSES_KERNELS_ATTENTIONINDICES_H
#define NNF_PASSES_KERNELS_ATTENTIONINDICES_H

#include "passes/groups/Attention.h"
#include "passes/kernels/ElementEmitter.h"

namespace nnf {

/// Of one entry of the batch.
struct AttentionIndices {
  AttentionIndices(ElementEmitter &e, Attention &attention) : e(e), a(attention) {}

  ElementEmitter &e;
  Attention &a;
  llvm::SmallVector<Index> batch; // one for each batch dimension, or one for all

  /// The dimensions over which entries are counted: those of `batch`.
  Shape batchGrid() const;
  Indices batchAt(const Shape &batch);
  Indices at(const Shape &batch, Index row, Index column);
  Indices operandAt(mlir::Value operand, llvm::ArrayRef<int64_t> batchDims, int64_t contractedDim, const Shape &batch,
                    Index free, Index contracted);
};

/// What is stored of the mix: something elementwise on it, and where its elements go.
struct StoredMix {
  mlir::Value value;                          // of the mix's shape
  llvm::SmallVector<mlir::Operation *> moves; // reshapes of the batch, transposes; first to last
  mlir::Value result;
  unsigned number = 0; // of the result

  /// Null: the result is something else.
  static std::optional<StoredMix> of(mlir::Value result, PrimDotOp mix);
  /// Where in `result` the element at `at` of the mix goes.
  Index placeOf(ElementEmitter &e, const Indices &at) const;
};

/// Those of all results of a kernel, but what is made of `other` by views.
std::optional<llvm::SmallVector<StoredMix>> storedMixes(KernelOp kernel, PrimDotOp mix, mlir::Value other = {});

/// What a row's mix is multiplied with in the end, from the total of its powers: a scalar.
mlir::Value mixFactor(KernelBuilder &k, Attention &attention, mlir::Value total);
/// The mix times its factor, in k.lanes columns.
mlir::Value finishedMix(KernelBuilder &k, Attention &attention, mlir::Value mix, mlir::Value factor);

} // namespace nnf
#endif
