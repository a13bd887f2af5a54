#include "passes/Cost.h"
#include "dialects/nnf/Nnf.h"

using namespace mlir;
namespace nnf {

bool isView(Operation *op) {
  return isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp, PrimSliceOp, PrimIotaOp, PrimDimOp, ConstantOp>(op);
}

bool isCostly(Operation *op) {
  return isa<PrimExpOp, PrimExpm1Op, PrimLogOp, PrimLog1pOp, PrimSinOp, PrimCosOp, PrimTanOp, PrimAtanOp, PrimTanhOp,
             PrimErfOp, PrimPowOp, PrimRngBitsOp>(op);
}

int64_t weightOf(Operation *op) { return isCostly(op) ? 16 : isView(op) ? 0 : 1; }

} // namespace nnf
