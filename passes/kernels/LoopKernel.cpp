// Loops whose steps need the ones before: a task takes rows, and goes through all steps of one before the next.
#include "passes/kernels/LoopEmitter.h"

using namespace mlir;
namespace nnf {
namespace {

class CpuLoopEmitter : LoopEmitter {
public:
  using LoopEmitter::LoopEmitter;

  void emit() {
    // A task for each row, unless it is short work.
    int64_t work = std::max<int64_t>(1, KernelEmitter::guess(row) * KernelEmitter::guess(trips));
    int64_t block = std::max<int64_t>(1, 4096 / work);
    Dim count = productOf(op.getContext(), rows);
    bindArguments();
    emitter.forTasks({count.ceilDiv(block)}, [&](ArrayRef<Value> task) {
      Value first = k.mul(task[0], k.constant(block));
      Value end = k.min(k.add(first, k.constant(block)), k.size(count));
      emitter.forRows(rows, first, end, [&](const Indices &at) { emitRow(at); });
    });
  }

private:
  void forElements(const Indices &row, llvm::function_ref<void(const Indices &)> compute) override {
    Indices at(row);
    int64_t last = static_cast<int64_t>(shape.size()) - 1;
    int64_t lanes = isConstant(shape[last], 1) ? 1 : emitter.preferredLanes();
    std::function<void()> nest = [&] {
      int64_t dim = at.size();
      auto element = [&](Index index) {
        at.push_back(index);
        if (dim < last)
          nest();
        else
          compute(at);
        at.pop_back();
      };
      if (dim == last) {
        emitter.forLanes(lanes, k.constant(0), k.size(shape[dim]), {}, [&](Index lane, ValueRange) {
          element(lane);
          return SmallVector<Value>();
        });
        return;
      }
      k.loop(k.constant(0), k.size(shape[dim]), 1, {}, [&](Value i, ValueRange) {
        ElementEmitter::Scope scope(e);
        element(k.index(i));
        return SmallVector<Value>();
      });
    };
    nest();
  }
};

} // namespace

void emitLoopKernel(KernelOp kernel, PrimLoopOp op, const TargetInfo &target) {
  KernelEmitter emitter(kernel, target);
  CpuLoopEmitter(emitter, op).emit();
}

} // namespace nnf
