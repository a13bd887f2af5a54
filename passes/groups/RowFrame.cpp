#include "passes/groups/RowFrame.h"

using namespace mlir;
namespace nnf {

RowFrame::RowFrame(PrimReduceOp anchor)
    : dims(anchor.getDims()), block(anchor.getBlock()), full(shapeOf(anchor.getInput())),
      kept(shapeOf(anchor.getOutput())), keptWithOnes(full) {
  for (int64_t dim : dims)
    keptWithOnes[dim] = dimOf(anchor.getContext(), 1);
  if (block)
    keptWithOnes = kept;
}

bool RowFrame::takes(Operation *op) const {
  if (op->getNumResults() != 1 || !isRowShape(op->getResult(0)))
    return false;
  if (auto reduce = dyn_cast<PrimReduceOp>(op))
    return isFull(reduce.getInput()) && llvm::equal(reduce.getDims(), dims) &&
           static_cast<int64_t>(reduce.getBlock()) == block;
  if (op->hasTrait<Elementwise>())
    return true;
  if (auto broadcast = dyn_cast<PrimBroadcastOp>(op))
    return isRowShape(broadcast.getInput()) && isAlongRows(broadcast);
  // Dropping or adding the ones of reduced dimensions.
  return isa<PrimReshapeOp>(op) && isRowShape(op->getOperand(0)) && !isFull(op->getResult(0)) &&
         !isFull(op->getOperand(0));
}

bool RowFrame::isRowShape(Value value) const {
  Shape shape = shapeOf(value);
  return sameShape(shape, full) || sameShape(shape, kept) || sameShape(shape, keptWithOnes);
}

bool RowFrame::isAlongRows(PrimBroadcastOp broadcast) const {
  if (block || shapeOf(broadcast.getOutput()).size() != full.size())
    return false;
  if (shapeOf(broadcast.getInput()).size() == full.size())
    return true;
  SmallVector<int64_t> keptDims;
  for (int64_t i = 0, e = full.size(); i < e; ++i)
    if (!llvm::is_contained(dims, i))
      keptDims.push_back(i);
  return llvm::equal(keptDims, broadcast.getDims());
}

} // namespace nnf
