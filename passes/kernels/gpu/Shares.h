// A dimension in shares of which the last one is shorter (docs/design/0013): zeros behind its end, as the graph has
// them, that a kernel which knows the end needs not read.
#ifndef NNF_PASSES_KERNELS_GPU_SHARES_H
#define NNF_PASSES_KERNELS_GPU_SHARES_H

#include "passes/kernels/StridedView.h"

namespace nnf {

class Primitives;

/// A tensor that is a buffer read with other strides, but for what lies behind the last share.
struct ViewInShares {
  StridedView view;
  PrimPadOp pad; // whose zeros fill the last share
  int64_t dim;   // that counts shares; the next one is that of a share's elements
  Dim elements;  // of all shares, without the zeros

  /// reshape(pad(view)), of one dimension; null: the tensor is something else.
  static std::optional<ViewInShares> of(mlir::Value tensor);
};

/// A dimension of a tensor cut in two: shares of `length`, and zeros at the end of the last one where it is not whole.
mlir::Value cutInShares(Primitives &p, mlir::Value tensor, int64_t dim, int64_t length);

} // namespace nnf
#endif
