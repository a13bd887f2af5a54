#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"
#include "passes/kernels/Widening.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_NARROWPRODUCTS
#include "passes/Passes.h.inc"
namespace {

bool isView(Operation *op) { return isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp, PrimSliceOp>(op); }

/// The views between an operand and the conversion that it comes from, the last one first; none: there is no such.
SmallVector<Operation *> viewsOfWidened(Value operand, PrimConvertOp &widening) {
  SmallVector<Operation *> views;
  Operation *op = operand.getDefiningOp();
  for (; op && isView(op); op = op->getOperand(0).getDefiningOp())
    views.push_back(op);
  widening = dyn_cast_or_null<PrimConvertOp>(op);
  if (!widening || !isWidening(widening))
    views.clear();
  return views;
}

struct NarrowProducts : impl::NarrowProductsBase<NarrowProducts> {
  void runOnOperation() override {
    getOperation().walk([](Operation *product) {
      if (!isa<PrimDotOp, PrimConvOp>(product))
        return;
      for (OpOperand &use : product->getOpOperands()) {
        PrimConvertOp widening;
        SmallVector<Operation *> views = viewsOfWidened(use.get(), widening);
        if (views.empty())
          continue;
        OpBuilder b(product);
        Value narrow = widening.getInput();
        Type element = cast<RankedTensorType>(narrow.getType()).getElementType();
        for (Operation *view : llvm::reverse(views)) {
          IRMapping mapping;
          mapping.map(view->getOperand(0), narrow);
          Operation *moved = b.clone(*view, mapping);
          moved->getResult(0).setType(cast<RankedTensorType>(view->getResult(0).getType()).clone(element));
          narrow = moved->getResult(0);
        }
        use.set(PrimConvertOp::create(b, widening.getLoc(), use.get().getType(), narrow));
      }
    });
  }
};

} // namespace
} // namespace nnf
