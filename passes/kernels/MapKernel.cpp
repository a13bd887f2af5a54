// The map family: every result element is computed by itself. Takes any kernel.
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {

/// Work of one element in units of a simple elementwise op: decides how many elements make a task.
static int64_t elementCost(KernelOp kernel) {
  int64_t cost = 1;
  kernel.walk([&](Operation *op) {
    if (auto dot = dyn_cast<PrimDotOp>(op)) {
      for (int64_t dim : dot.getLhsContract())
        cost += KernelEmitter::guess(shapeOf(dot.getLhs())[dim]);
    } else if (auto conv = dyn_cast<PrimConvOp>(op)) {
      cost += KernelEmitter::guess(conv.kernelSizes()) * KernelEmitter::guess(conv.channelsPerGroup());
    } else if (auto window = dyn_cast<PrimReduceWindowOp>(op)) {
      cost += llvm::product_of(window.getSize());
    } else if (auto reduce = dyn_cast<PrimReduceOp>(op)) {
      for (int64_t dim : reduce.getDims())
        cost += KernelEmitter::guess(shapeOf(reduce.getInput())[dim]);
    }
  });
  return cost;
}

void emitMapKernel(KernelOp kernel, const TargetInfo &target) {
  KernelEmitter emitter(kernel, target);
  KernelBuilder &k = emitter.k;
  MLIRContext *context = kernel.getContext();
  // The results of a map have one shape; a kernel without results checks a condition of some shape.
  SmallVector<PrimCheckOp> checks(kernel.getBody().getOps<PrimCheckOp>());
  Shape shape = emitter.numResults() ? shapeOf(emitter.yielded(0)) : shapeOf(checks.front().getCondition());
  Dim one = dimOf(context, 1);
  Shape rows(shape.begin(), shape.empty() ? shape.end() : shape.end() - 1);
  Dim width = shape.empty() ? one : shape.back();
  int64_t lanes = isConstant(width, 1) ? 1 : emitter.preferredLanes();

  int64_t taskElements = std::max<int64_t>(lanes, 32768 / elementCost(kernel));
  int64_t widthGuess = std::max<int64_t>(1, emitter.guess(width));
  bool cutsWidth = !constantOf(width) || widthGuess > taskElements;
  int64_t blockWidth = llvm::alignTo(taskElements, lanes);
  int64_t blockRows = cutsWidth ? 1 : std::max<int64_t>(1, taskElements / widthGuess);
  Dim rowCount = productOf(context, rows);
  SmallVector<Dim> grid{rowCount.ceilDiv(blockRows), cutsWidth ? width.ceilDiv(blockWidth) : one};

  emitter.forTasks(grid, [&](ArrayRef<Value> task) {
    Value firstRow = k.mul(task[0], k.constant(blockRows));
    Value endRow = k.min(k.add(firstRow, k.constant(blockRows)), k.size(rowCount));
    Value left = k.mul(task[1], k.constant(cutsWidth ? blockWidth : 0));
    Value right = cutsWidth ? k.min(k.add(left, k.constant(blockWidth)), k.size(width)) : k.size(width);
    emitter.forRows(rows, firstRow, endRow, [&](const Indices &row) {
      emitter.forLanes(lanes, left, right, {}, [&](Index lane, ValueRange) -> SmallVector<Value> {
        Indices at(row);
        if (!shape.empty())
          at.push_back(lane);
        for (PrimCheckOp check : checks)
          emitter.e.check(check, at);
        SmallVector<Value> values;
        for (unsigned i = 0; i < emitter.numResults(); ++i)
          values.push_back(emitter.e.at(emitter.yielded(i), at));
        for (auto [i, value] : llvm::enumerate(values)) {
          Value result = emitter.yielded(i);
          Type element = cast<RankedTensorType>(result.getType()).getElementType();
          k.store(value, emitter.resultAddress(i), element, emitter.e.linear(shapeOf(result), at));
        }
        return {};
      });
    });
  });
}

} // namespace nnf
