#include "passes/groups/Anchors.h"
#include "dialects/nnf/CustomKernels.h"
#include "dialects/nnf/Nnf.h"

using namespace mlir;
namespace nnf {

bool isAnchor(Operation *op) {
  return isa<PrimDotOp, PrimConvOp, PrimReduceOp, PrimArgReduceOp, PrimReduceWindowOp, PrimConcatOp, PrimCheckOp,
             PrimScatterOp, PrimSortOp, PrimCumulateOp, PrimLoopOp>(op);
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
