// Matrix products of batches as building blocks.
#ifndef NNF_PASSES_DECOMPOSE_MATRIX_PRODUCTS_H
#define NNF_PASSES_DECOMPOSE_MATRIX_PRODUCTS_H

#include "passes/decompose/Primitives.h"

namespace nnf {

/// x with its leading dimensions broadcast to `batch`; the last two stay.
mlir::Value withBatch(Primitives &p, mlir::Value x, llvm::ArrayRef<Dim> batch);
/// [batch..., n, k] by [batch..., k, m], or by [batch..., m, k] where `transposed`.
mlir::Value batchedProduct(Primitives &p, mlir::Value a, mlir::Value b, bool transposed = false);

} // namespace nnf
#endif
