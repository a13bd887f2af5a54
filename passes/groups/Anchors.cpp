#include "passes/groups/Anchors.h"
#include "dialects/nnf/CustomKernels.h"
#include "dialects/nnf/Nnf.h"
#include "passes/Cost.h"

using namespace mlir;
namespace nnf {

bool isAnchor(Operation *op) {
  return isa<PrimDotOp, PrimConvOp, PrimReduceOp, PrimArgReduceOp, PrimReduceWindowOp, PrimConcatOp, PrimCheckOp,
             PrimScatterOp, PrimSortOp, PrimCumulateOp, PrimLoopOp>(op);
}

static Value behindViews(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isView(op) && op->getNumOperands() == 1) {
    value = op->getOperand(0);
    op = value.getDefiningOp();
  }
  return value;
}

bool isInnerBorder(Operation *op) {
  auto concat = dyn_cast<PrimConcatOp>(op);
  if (!concat || concat->use_empty())
    return false;
  Value tensor = behindViews(concat.getInputs().front());
  if (llvm::any_of(concat.getInputs(), [&](Value piece) { return behindViews(piece) != tensor; }))
    return false;
  SmallVector<Operation *> readers(concat->getUsers());
  while (!readers.empty()) {
    Operation *reader = readers.pop_back_val();
    if (isa<PrimSliceOp, PrimBroadcastOp>(reader))
      llvm::append_range(readers, reader->getUsers());
    else if (!isa<PrimConcatOp>(reader))
      return false;
  }
  return true;
}

bool isOrdered(Operation *op) { return isa<PrimScatterOp, PrimSortOp, PrimCumulateOp, PrimLoopOp>(op); }

bool isContraction(Operation *op) { return isa<PrimDotOp, PrimConvOp>(op); }

bool standsAlone(Operation *op) { return isa<LoopOp, IfOp, PrimCustomCudaOp>(op); }

bool wantsBuffer(OpOperand &use) {
  Operation *user = use.getOwner();
  if (isa<PrimReduceWindowOp, PrimArgReduceOp, PrimSortOp>(user))
    return true;
  if (auto loop = dyn_cast<PrimLoopOp>(user)) // each step reads what is captured
    return use.getOperandNumber() >= loop.getInits().size();
  return isa<PrimGatherOp>(user) && use.getOperandNumber() == 0;
}

} // namespace nnf
