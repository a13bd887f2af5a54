// Loops whose steps need the ones before, on a GPU: a row is the work of a block, whose threads meet after each half of
// a step; rows of few elements are the work of one thread each.
#include "passes/kernels/LoopEmitter.h"
#include "passes/kernels/gpu/GpuEmitter.h"

using namespace mlir;
namespace nnf {
namespace {

/// Elements of a row that a thread goes through by itself.
constexpr int64_t fewElements = 4;
constexpr int64_t rowsOfBlock = 128, mostThreads = 512;

class GpuLoopEmitter : LoopEmitter {
public:
  GpuLoopEmitter(GpuEmitter &emitter, PrimLoopOp op, bool isRowOfThread)
      : LoopEmitter(emitter, op), gpu(emitter), isRowOfThread(isRowOfThread) {}

  void emit() {
    bindArguments();
    // Threads read what others have stored: results must not be taken for memory that a barrier leaves alone.
    for (unsigned i = 0; i < emitter.numResults(); ++i)
      emitter.function.removeArgAttr(cast<BlockArgument>(emitter.resultAddress(i)).getArgNumber(), "llvm.noalias");
    Dim count = productOf(op.getContext(), rows);
    if (!isRowOfThread) {
      gpu.setGrid({count});
      return emitRow(e.delinear(rows, k.index(gpu.block)));
    }
    gpu.setGrid({count.ceilDiv(gpu.threads)});
    Value number = k.add(k.mul(gpu.block, k.constant(gpu.threads)), gpu.thread);
    gpu.when(k.less(number, k.size(count)), [&] { emitRow(e.delinear(rows, k.index(number))); });
  }

private:
  GpuEmitter &gpu;
  const bool isRowOfThread;

  void forElements(const Indices &row, llvm::function_ref<void(const Indices &)> compute) override {
    Value first = isRowOfThread ? k.constant(0) : gpu.thread;
    Value count = k.size(productOf(op.getContext(), this->row));
    k.loop(first, count, isRowOfThread ? 1 : gpu.threads, {}, [&](Value number, ValueRange) {
      ElementEmitter::Scope scope(e);
      Indices at(row);
      llvm::append_range(at, e.delinear(this->row, k.index(number)));
      compute(at);
      return SmallVector<Value>();
    });
  }

  void meet() override {
    if (!isRowOfThread)
      gpu.barrier();
  }
};

} // namespace

bool emitGpuLoop(KernelOp kernel, const TargetInfo &target) {
  auto loops = kernel.getBody().getOps<PrimLoopOp>();
  if (loops.empty())
    return false;
  PrimLoopOp loop = *loops.begin();
  Shape shape = shapeOf(loop.getInits()[0]);
  ArrayRef<Dim> row = ArrayRef(shape).drop_front(loop.getRows());
  int64_t elements = KernelEmitter::guess(row);
  bool isRowOfThread = elements <= fewElements;
  int64_t threads =
      isRowOfThread ? rowsOfBlock : std::clamp<int64_t>(llvm::PowerOf2Ceil(elements), warpThreads, mostThreads);
  GpuEmitter emitter(kernel, target, threads);
  GpuLoopEmitter(emitter, loop, isRowOfThread).emit();
  return true;
}

} // namespace nnf
