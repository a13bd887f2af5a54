// Depthwise convolutions with the pointwise ones around them: inverted residuals, separable convolutions.
#ifndef NNF_PASSES_GROUPS_SEPARABLECONV_H
#define NNF_PASSES_GROUPS_SEPARABLECONV_H

#include "passes/kernels/StridedView.h"

namespace nnf {

/// Convolutions over images, channels last, of which each is read by the next alone:
///   expand: 1 x 1, many channels out of few; depthwise: each channel by itself; project: 1 x 1
/// with what is elementwise after each. One of the 1 x 1 ones may be missing. Sizes are fixed, but for the batch.
struct SeparableConv {
  PrimConvOp expand, depthwise, project; // the first and the last may be null
  /// The convolutions and what lies between them; what follows the last is not among them.
  llvm::SmallVector<mlir::Operation *> members;

  /// The longest around `depthwise` of ops that may be taken.
  static std::optional<SeparableConv> of(PrimConvOp depthwise, llvm::function_ref<bool(mlir::Operation *)> mayTake);
  /// The same without the expansion, or without the projection, and what lies between.
  std::optional<SeparableConv> withoutExpand(), withoutProject();

  /// The image that the first convolution reads.
  mlir::Value input() { return expand ? expand.getInput() : depthwise.getInput(); }
  /// A view of the image whose pixels' channels are contiguous, and where pixels are multiplied row after row with
  /// weights, all at one distance from one to the next.
  bool canRead(const StridedView &view);
  PrimConvOp last() { return project ? project : depthwise; }
};

} // namespace nnf
#endif
