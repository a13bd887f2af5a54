#include "passes/kernels/gpu/Shares.h"
#include "mlir/IR/Matchers.h"
#include "passes/decompose/Primitives.h"

using namespace mlir;
namespace nnf {

/// The only dimension that is padded, with zeros and at its end.
static std::optional<int64_t> paddedDim(PrimPadOp pad) {
  auto isZero = [](int64_t n) { return n == 0; };
  DenseElementsAttr fill;
  if (!matchPattern(pad.getValue(), m_Constant(&fill)) || !fill.isSplat() || !isa<FloatType>(fill.getElementType()) ||
      !fill.getSplatValue<APFloat>().isPosZero() || !llvm::all_of(pad.getLow(), isZero) ||
      !llvm::all_of(pad.getInterior(), isZero))
    return std::nullopt;
  std::optional<int64_t> found;
  for (auto [dim, high] : llvm::enumerate(pad.getHigh())) {
    if (high < 0 || (high > 0 && found))
      return std::nullopt;
    if (high > 0)
      found = static_cast<int64_t>(dim);
  }
  return found;
}

std::optional<ViewInShares> ViewInShares::of(Value tensor) {
  auto reshape = tensor.getDefiningOp<PrimReshapeOp>();
  auto pad = reshape ? reshape.getInput().getDefiningOp<PrimPadOp>() : PrimPadOp();
  std::optional<int64_t> dim = pad ? paddedDim(pad) : std::nullopt;
  std::optional<StridedView> view = dim ? stridedViewOf(pad.getInput()) : std::nullopt;
  if (!view)
    return std::nullopt;
  Shape cut = shapeOf(tensor), joined = cut;
  if (cut.size() != view->strides.size() + 1)
    return std::nullopt;
  joined.erase(joined.begin() + *dim);
  joined[*dim] = simplify(cut[*dim] * cut[*dim + 1]);
  if (!sameShape(joined, shapeOf(pad.getOutput())))
    return std::nullopt;
  Dim stride = view->strides[*dim];
  view->strides.insert(view->strides.begin() + *dim, simplify(stride * cut[*dim + 1]));
  return ViewInShares{*view, pad, *dim, shapeOf(pad.getInput())[*dim]};
}

Value cutInShares(Primitives &p, Value tensor, int64_t dim, int64_t length) {
  Shape shape = Primitives::shapeOf(tensor);
  int64_t elements = *constantOf(shape[dim]), shares = llvm::divideCeil(elements, length);
  llvm::SmallVector<int64_t> low(shape.size(), 0), high(shape.size(), 0);
  high[dim] = shares * length - elements;
  shape[dim] = dimOf(p.context(), shares);
  shape.insert(shape.begin() + dim + 1, dimOf(p.context(), length));
  return p.reshape(p.pad(tensor, 0, low, high), shape);
}

} // namespace nnf
