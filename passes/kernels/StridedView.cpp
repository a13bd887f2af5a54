#include "passes/kernels/StridedView.h"
#include "passes/kernels/Placement.h"

using namespace mlir;
namespace nnf {

/// Strides of `out` over the same memory as `in`; none where a run of dimensions that are joined is not contiguous.
static std::optional<Shape> reshapeStrides(ArrayRef<Dim> in, ArrayRef<Dim> strides, ArrayRef<Dim> out,
                                           MLIRContext *context) {
  Shape result(out.size(), dimOf(context, 0));
  size_t i = 0, o = 0;
  while (i < in.size() || o < out.size()) {
    if (i < in.size() && isConstant(in[i], 1)) {
      ++i;
      continue;
    }
    if (o < out.size() && isConstant(out[o], 1)) {
      ++o;
      continue;
    }
    if (i == in.size() || o == out.size())
      return std::nullopt;
    size_t iEnd = i + 1, oEnd = o + 1;
    Dim left = in[i], right = out[o];
    while (!sameDim(left, right)) {
      auto a = constantOf(left), c = constantOf(right);
      bool growIn = iEnd < in.size() && (oEnd == out.size() || (a && (!c || *a < *c)));
      if (growIn)
        left = simplify(left * in[iEnd++]);
      else if (oEnd < out.size())
        right = simplify(right * out[oEnd++]);
      else
        return std::nullopt;
    }
    for (size_t d = i; d + 1 < iEnd; ++d)
      if (!sameDim(strides[d], strides[d + 1] * in[d + 1]))
        return std::nullopt;
    Dim stride = strides[iEnd - 1];
    for (size_t d = oEnd; d-- > o;) {
      result[d] = simplify(stride);
      stride = stride * out[d];
    }
    i = iEnd, o = oEnd;
  }
  return result;
}

std::optional<StridedView> stridedViewOf(Value tensor) {
  MLIRContext *context = tensor.getContext();
  Operation *op = tensor.getDefiningOp();
  if (!op || !isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp, PrimSliceOp>(op)) {
    Shape shape = memoryShapeOf(tensor), strides(shape.size());
    Dim stride = dimOf(context, 1);
    for (size_t d = shape.size(); d-- > 0;) {
      strides[d] = simplify(stride);
      stride = stride * shape[d];
    }
    return StridedView{tensor, dimOf(context, 0), strides};
  }
  std::optional<StridedView> from = stridedViewOf(op->getOperand(0));
  if (!from)
    return std::nullopt;
  Shape in = shapeOf(op->getOperand(0)), out = shapeOf(tensor);
  if (isa<PrimReshapeOp>(op)) {
    std::optional<Shape> strides = reshapeStrides(in, from->strides, out, context);
    if (!strides)
      return std::nullopt;
    from->strides = *strides;
  } else if (auto transpose = dyn_cast<PrimTransposeOp>(op)) {
    Shape strides;
    for (int64_t dim : transpose.getPerm())
      strides.push_back(from->strides[dim]);
    from->strides = strides;
  } else if (auto broadcast = dyn_cast<PrimBroadcastOp>(op)) {
    Shape strides(out.size(), dimOf(context, 0));
    for (auto [i, dim] : llvm::enumerate(broadcast.getDims()))
      if (!isConstant(in[i], 1))
        strides[dim] = from->strides[i];
    from->strides = strides;
  } else {
    auto slice = cast<PrimSliceOp>(op);
    for (auto [i, start] : llvm::enumerate(slice.getStart().getDims())) {
      from->offset = simplify(from->offset + start * from->strides[i]);
      from->strides[i] = simplify(from->strides[i] * slice.getStep()[i]);
    }
  }
  return from;
}

bool isCompact(const StridedView &view, ArrayRef<Dim> shape) {
  if (!isConstant(view.offset, 0))
    return false;
  Dim stride = dimOf(view.buffer.getContext(), 1);
  for (size_t d = shape.size(); d-- > 0;) {
    if (!isConstant(shape[d], 1) && !sameDim(view.strides[d], stride))
      return false;
    stride = simplify(stride * shape[d]);
  }
  return true;
}

} // namespace nnf
