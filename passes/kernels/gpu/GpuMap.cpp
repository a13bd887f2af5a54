// The map family on a GPU: each thread computes a few neighbouring elements. Takes any kernel.
#include "passes/kernels/gpu/GpuEmitter.h"

using namespace mlir;
namespace nnf {

/// Whether an element takes loops to compute: then neighbours are better computed by neighbouring threads.
static bool hasLoops(KernelOp kernel) {
  return kernel
      .walk([](Operation *op) {
        return isa<PrimDotOp, PrimConvOp, PrimReduceOp, PrimReduceWindowOp, PrimArgReduceOp>(op)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The results of a map have one shape; a kernel without results checks a condition of some shape.
static Shape shapeOfWork(KernelOp kernel) {
  if (kernel.yielded().empty())
    return shapeOf((*kernel.getBody().getOps<PrimCheckOp>().begin()).getCondition());
  Value value = kernel.yielded()[0];
  while (auto reshape = value.getDefiningOp<PrimReshapeOp>())
    value = reshape.getInput();
  return shapeOf(value);
}

void emitGpuMap(KernelOp kernel, const TargetInfo &target) {
  MLIRContext *context = kernel.getContext();
  Shape shape = shapeOfWork(kernel);
  Dim count = productOf(context, shape);
  int64_t lanes = target.lanes(4);
  std::optional<int64_t> width = shape.empty() ? 1 : constantOf(shape.back());
  if (hasLoops(kernel) || !width || *width % lanes != 0)
    lanes = 1;
  int64_t threads = 256;
  if (std::optional<int64_t> fixed = constantOf(count))
    threads = std::clamp<int64_t>(llvm::PowerOf2Ceil(std::max<int64_t>(*fixed / lanes, 1)), warpThreads, threads);

  emitWithLanes(kernel, target, threads, lanes, [&](GpuEmitter &emitter, int64_t lanes) {
    KernelBuilder &k = emitter.k;
    ElementEmitter &e = emitter.e;
    // Positions of threads: the result's, with `lanes` elements of the last dimension as one.
    Shape positions(shape);
    if (lanes > 1)
      positions.back() = simplify(positions.back().floorDiv(lanes));
    Dim total = productOf(context, positions);
    emitter.setGrid({total.ceilDiv(threads)});
    Value position = k.add(k.mul(emitter.block, k.constant(threads)), emitter.thread);
    std::optional<int64_t> fixed = constantOf(total);
    Value valid = fixed && *fixed % threads == 0 ? Value() : k.less(position, k.size(total));
    emitter.when(valid, [&] {
      KernelEmitter::LanesScope scope(k, lanes);
      Indices at = e.delinear(positions, k.index(position));
      if (lanes > 1)
        at.back() = k.index(k.mul(at.back().base, k.constant(lanes)), 1);
      for (PrimCheckOp check : kernel.getBody().getOps<PrimCheckOp>())
        e.check(check, at);
      SmallVector<Value> values;
      for (unsigned i = 0; i < emitter.numResults(); ++i)
        values.push_back(e.at(emitter.yielded(i), at));
      for (auto [i, value] : llvm::enumerate(values)) {
        Value result = emitter.yielded(i);
        Type element = cast<RankedTensorType>(result.getType()).getElementType();
        k.store(value, emitter.resultAddress(i), element, e.linear(shapeOf(result), at));
      }
    });
  });
}

} // namespace nnf
