// 16-bit floats that are computed with in float32.
#ifndef NNF_PASSES_KERNELS_WIDENING_H
#define NNF_PASSES_KERNELS_WIDENING_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

/// A conversion from float16 or bfloat16 to float32.
inline bool isWidening(PrimConvertOp op) {
  mlir::Type from = mlir::cast<mlir::RankedTensorType>(op.getInput().getType()).getElementType();
  mlir::Type to = mlir::cast<mlir::RankedTensorType>(op.getOutput().getType()).getElementType();
  return (from.isF16() || from.isBF16()) && to.isF32();
}

/// What a widened value is converted from; else the value.
inline mlir::Value beforeWidening(mlir::Value value) {
  auto convert = value.getDefiningOp<PrimConvertOp>();
  return convert && isWidening(convert) ? convert.getInput() : value;
}

} // namespace nnf
#endif
