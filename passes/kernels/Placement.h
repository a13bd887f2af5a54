// Operands and results of kernels that are parts of larger tensors.
#ifndef NNF_PASSES_KERNELS_PLACEMENT_H
#define NNF_PASSES_KERNELS_PLACEMENT_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

/// On an operand or result of a kernel: the shape of the tensor that it is a part of (nnf.dims), of the same rank. The
/// address is that of the part's first element; an element lies where it would in the whole, counted from there.
constexpr llvm::StringLiteral withinName = "nnf.within";

/// The shape by whose row-major strides the elements of `tensor` lie in memory: its own, or that of what it is part of.
Shape memoryShapeOf(mlir::Value tensor);
/// The same of result `i` of a kernel; `own` is the shape in which it is written.
Shape memoryShapeOf(KernelOp kernel, unsigned i, llvm::ArrayRef<Dim> own);

/// A part of a tensor of shape `whole`, cut along `dim`, lies in one piece: all dimensions before are of size 1.
bool isOnePiece(llvm::ArrayRef<Dim> whole, int64_t dim);

} // namespace nnf
#endif
