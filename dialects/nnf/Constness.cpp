#include "dialects/nnf/Constness.h"
#include "dialects/nnf/CustomKernels.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
namespace nnf {

bool Constness::isConstant(Value value) {
  Operation *root = value.getDefiningOp();
  if (!root)
    return false;
  // Operands first, on a stack of our own: chains can be long.
  SmallVector<Operation *> stack{root};
  while (!stack.empty()) {
    Operation *op = stack.back();
    if (known.count(op)) {
      stack.pop_back();
      continue;
    }
    bool isLeaf = isa<WeightOp, ConstantOp>(op), result = isLeaf || isMemoryEffectFree(op);
    bool waits = false;
    if (!isLeaf && result)
      for (Value operand : op->getOperands()) {
        Operation *producer = operand.getDefiningOp();
        auto it = producer ? known.find(producer) : known.end();
        if (!producer || (it != known.end() && !it->second)) {
          result = false;
          break;
        }
        if (it == known.end()) {
          stack.push_back(producer);
          waits = true;
        }
      }
    // A size that is bound at run time is no constant.
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && !tensor.hasStaticShape())
        result = false;
    // Nor what a kernel of the model's own computes: it is not run while the model is compiled.
    if (isa<PrimDimOp, RandomKeyOp, PrimCustomCudaOp>(op) || op->hasAttr(randomNumberName))
      result = false;
    if (waits && result)
      continue;
    known[op] = result;
    stack.pop_back();
    // The stack may hold operands pushed for nothing when the answer came early; they are answered in turn.
  }
  return known[root];
}

} // namespace nnf
