// Tensors that are a buffer read with other strides.
#ifndef NNF_PASSES_KERNELS_STRIDEDVIEW_H
#define NNF_PASSES_KERNELS_STRIDEDVIEW_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

/// Element i of the tensor is element offset + sum(i[d] * strides[d]) of `buffer`, counted from its address.
struct StridedView {
  mlir::Value buffer;
  Dim offset;
  Shape strides;
};

/// The view that a chain of reshapes, transposes, broadcasts and slices is of the value where it begins, unless a
/// reshape on the way joins dimensions that are not contiguous.
std::optional<StridedView> stridedViewOf(mlir::Value tensor);

/// A view of this shape reads its buffer from the start, element after element.
bool isCompact(const StridedView &view, llvm::ArrayRef<Dim> shape);

} // namespace nnf
#endif
