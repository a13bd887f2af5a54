// Blocks of elements that change places in registers.
#ifndef NNF_PASSES_KERNELS_REGISTERTRANSPOSE_H
#define NNF_PASSES_KERNELS_REGISTERTRANSPOSE_H

#include "passes/kernels/KernelBuilder.h"

namespace nnf {

/// The columns of a square block: n vectors of n lanes, n a power of two -> n vectors of n lanes.
llvm::SmallVector<mlir::Value> transposed(KernelBuilder &k, llvm::ArrayRef<mlir::Value> rows);

/// Any number of columns of n lanes, as rows one after the other: element r of column c is element r * columns + c of
/// the vectors returned, which are as many and as long.
llvm::SmallVector<mlir::Value> interleaved(KernelBuilder &k, llvm::ArrayRef<mlir::Value> columns);

} // namespace nnf
#endif
