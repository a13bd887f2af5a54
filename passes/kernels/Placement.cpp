#include "passes/kernels/Placement.h"

using namespace mlir;
namespace nnf {

Shape memoryShapeOf(Value tensor) {
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    if (auto kernel = dyn_cast<KernelOp>(argument.getOwner()->getParentOp()))
      if (auto within = kernel.getArgAttrOfType<DimsAttr>(argument.getArgNumber(), withinName))
        return Shape(within.getDims());
  return shapeOf(tensor);
}

Shape memoryShapeOf(KernelOp kernel, unsigned i, ArrayRef<Dim> own) {
  if (auto within = kernel.getResultAttrOfType<DimsAttr>(i, withinName))
    return Shape(within.getDims());
  return Shape(own);
}

bool isOnePiece(ArrayRef<Dim> whole, int64_t dim) {
  return llvm::all_of(whole.take_front(dim), [](Dim size) { return isConstant(size, 1); });
}

} // namespace nnf
