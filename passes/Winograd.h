// Winograd's minimal filtering: m outputs of a 3-tap filter along a dimension from m + 2 products in place of 3 m.
#ifndef NNF_PASSES_WINOGRAD_H
#define NNF_PASSES_WINOGRAD_H

#include "passes/TargetInfo.h"
#include "passes/decompose/Primitives.h"

namespace nnf {

/// F(m, 3) along one dimension: outputs = A^T ((G weights) * (B^T inputs)). S. Winograd, "Arithmetic complexity of
/// computations" (1980); A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks" (2016), section 4.
struct Winograd {
  using Matrix = llvm::SmallVector<llvm::SmallVector<double>>;
  int64_t outputs;              // m
  Matrix inputs, weights, sums; // B^T, G, A^T

  /// m is 2 or 4.
  static Winograd of(int64_t outputs);
  int64_t products() const { return outputs + 2; }

  /// *, C, O with 3 taps along each of the leading dimensions -> the same with m + 2 products.
  mlir::Value transformWeight(Primitives &p, mlir::Value weight) const;
  /// A channels-last convolution with a weight of fixed sizes, not packed yet, can be computed so.
  static bool applies(PrimConvOp op);
  /// It applies, and by what is known of the target it is faster: the products and transforms it takes and the larger
  /// weights it reads against all multiplications.
  bool pays(PrimConvOp op, const TargetInfo &target) const;
};

} // namespace nnf
#endif
