#include "passes/groups/ContractionOperand.h"
#include "passes/groups/CacheSets.h"
#include "passes/kernels/Contraction.h"
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {

/// Whether a row's channels lie apart and so do the pixels of rows: each line that a tile reads then has little for it,
/// and a tile that many columns multiply fits no first-level cache.
static bool readsPartsOfLines(PrimConvOp conv, const StridedView &view) {
  constexpr int64_t manyColumns = 128;
  std::optional<int64_t> columns = constantOf(shapeOf(conv.getOutput()).back());
  size_t lastSpatial = view.strides.size() - 2;
  return conv.spatialRank() > 0 && columns && *columns >= manyColumns && !isConstant(view.strides.back(), 1) &&
         !isConstant(view.strides[lastSpatial] * conv.getStride().back(), 1);
}

/// A convolution on tiles takes panels as they were packed; next to padding it takes channels that are contiguous, as
/// the row of zeros is that padding reads, and so do Winograd's algorithm and depthwise convolutions, whose lanes lie
/// along them.
static bool takes(PrimConvOp conv, Value operand, const StridedView &view, const TargetInfo &target) {
  int64_t bytes = elementBytes(elementOf(operand));
  if (operand == inputOf(conv) && pushesItselfOut(view.strides.back(), conv.channelsPerGroup(), bytes))
    return false;
  if (isDepthwise(conv) || hasNarrowGroups(conv, target.lanes(elementBytes(elementOf(conv.getInput())))))
    return isConstant(view.strides.back(), 1);
  if (!conv.getPacked())
    return true;
  if (operand == conv.getWeight())
    return isCompact(view, shapeOf(operand));
  if (readsPartsOfLines(conv, view))
    return false;
  auto positive = [](int64_t n) { return n > 0; };
  bool isPadded = llvm::any_of(conv.getLow(), positive) || llvm::any_of(conv.getHigh(), positive);
  bool readsRuns = isPadded || paddingBefore(conv) || conv.getWinograd() || !isa<FloatType>(elementOf(operand));
  return !readsRuns || isConstant(view.strides.back(), 1);
}

/// The columns of a right operand are contiguous; rows of a left one may lie anywhere. (One tensor may be both.)
static bool takes(PrimDotOp dot, Value operand, const StridedView &view) {
  if (operand == dot.getLhs() && dot.getLhsContract().size() == 1) {
    int64_t dim = dot.getLhsContract()[0];
    if (pushesItselfOut(view.strides[dim], shapeOf(operand)[dim], elementBytes(elementOf(operand))))
      return false;
  }
  if (operand != dot.getRhs())
    return true;
  auto isContiguous = [](Dim stride) { return isConstant(stride, 1); };
  if (llvm::none_of(view.strides, isContiguous))
    return false;
  for (int64_t i = 0, e = view.strides.size(); i < e; ++i) {
    bool isColumn = !llvm::is_contained(dot.getRhsBatch(), i) && !llvm::is_contained(dot.getRhsContract(), i);
    if (isColumn && !isContiguous(view.strides[i]))
      return false;
  }
  return true;
}

Value memoryOf(Operation *contraction, Value operand, const TargetInfo &target) {
  auto conv = dyn_cast<PrimConvOp>(contraction);
  if (conv && operand == conv.getInput())
    operand = inputOf(conv);
  std::optional<StridedView> view = stridedViewOf(operand);
  if (!view)
    return operand;
  bool isTaken = conv ? takes(conv, operand, *view, target) : takes(cast<PrimDotOp>(contraction), operand, *view);
  return isTaken ? view->buffer : operand;
}

} // namespace nnf
