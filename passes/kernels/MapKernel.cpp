// The map family: every result element is computed by itself. Takes any kernel.
#include "passes/kernels/MapKernel.h"

using namespace mlir;
namespace nnf {

int64_t elementsOfTask(KernelOp kernel) {
  int64_t cost = 1; // in simple elementwise ops
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
    } else if (auto position = dyn_cast<PrimArgReduceOp>(op)) {
      cost += KernelEmitter::guess(shapeOf(position.getInput())[position.getDim()]);
    }
  });
  return figures::taskOfMap / cost;
}

void evaluateChecks(KernelEmitter &emitter, const Indices &at) {
  for (PrimCheckOp check : emitter.kernel.getBody().getOps<PrimCheckOp>())
    emitter.e.check(check, at);
}

void storeResults(KernelEmitter &emitter, const Indices &at, bool pastCaches) {
  evaluateChecks(emitter, at);
  SmallVector<Value> values;
  for (unsigned i = 0; i < emitter.numResults(); ++i)
    values.push_back(emitter.e.at(emitter.yielded(i), at));
  for (auto [i, value] : llvm::enumerate(values)) {
    Value result = emitter.yielded(i);
    emitter.k.store(value, emitter.resultAddress(i), elementOf(result), emitter.resultOffset(i, at),
                    pastCaches && emitter.goesPastCaches(i));
  }
}

/// Elements of a piece of a row that are not worth a vector.
constexpr int64_t mostByThemselves = 2;

/// Lanes along the last axis, row after row.
static void emitRows(KernelEmitter &emitter, const MapPlan &plan) {
  KernelBuilder &k = emitter.k;
  MLIRContext *context = emitter.kernel.getContext();
  Dim one = dimOf(context, 1), width = plan.width();
  Shape rows = plan.outerSizes(plan.repeated);
  int64_t times = plan.repeated ? std::max<int64_t>(1, emitter.guess(plan.axes[*plan.repeated].size)) : 1;
  int64_t taskElements = std::max<int64_t>(plan.lanes, elementsOfTask(emitter.kernel) / times);
  int64_t widthGuess = std::max<int64_t>(1, emitter.guess(width));
  bool cutsWidth = !constantOf(width) || widthGuess > taskElements;
  int64_t blockWidth = llvm::alignTo(taskElements, plan.lanes);
  int64_t blockRows = cutsWidth ? 1 : std::max<int64_t>(1, taskElements / widthGuess);
  Dim rowCount = productOf(context, rows);
  SmallVector<Dim> grid{rowCount.ceilDiv(blockRows), cutsWidth ? width.ceilDiv(blockWidth) : one};

  emitter.forTasks(grid, [&](ArrayRef<Value> task) {
    Value firstRow = k.mul(task[0], k.constant(blockRows));
    Value endRow = k.min(k.add(firstRow, k.constant(blockRows)), k.size(rowCount));
    Value left = k.mul(task[1], k.constant(cutsWidth ? blockWidth : 0));
    Value right = cutsWidth ? k.min(k.add(left, k.constant(blockWidth)), k.size(width)) : k.size(width);
    emitter.forRows(rows, firstRow, endRow, [&](const Indices &row) {
      auto elements = [&](int64_t lanes, Value from, Value end, std::optional<Range> range) {
        emitter.forLanes(lanes, from, end, {}, [&](Index lane, ValueRange) -> SmallVector<Value> {
          lane.range = range;
          Indices axes(row);
          axes.push_back(lane);
          if (!plan.repeated) {
            storeResults(emitter, plan.expand(emitter.e, axes), /*pastCaches=*/true);
            return {};
          }
          // LLVM moves what is the same along this loop in front of it.
          axes.insert(axes.begin() + *plan.repeated, Index());
          k.loop(k.constant(0), k.size(plan.axes[*plan.repeated].size), 1, {},
                 [&](Value i, ValueRange) -> SmallVector<Value> {
                   ElementEmitter::Scope scope(emitter.e);
                   axes[*plan.repeated] = k.index(i);
                   storeResults(emitter, plan.expand(emitter.e, axes), /*pastCaches=*/true);
                   return {};
                 });
          return {};
        });
      };
      if (plan.cuts.empty())
        elements(plan.lanes, left, right, {});
      for (size_t piece = 0; piece + 1 < plan.cuts.size(); ++piece) {
        Range range{plan.cuts[piece], plan.cuts[piece + 1]};
        Value from = k.constant(range.lowest), end = k.constant(range.limit);
        if (cutsWidth)
          from = k.max(left, from), end = k.max(from, k.min(right, end));
        bool isEdge = range.limit - range.lowest <= mostByThemselves;
        elements(isEdge ? 1 : plan.lanes, from, end, range);
      }
    });
  });
}

void emitMapKernel(KernelOp kernel, const TargetInfo &target) {
  KernelEmitter emitter(kernel, target);
  MapPlan plan = MapPlan::of(emitter);
  if (plan.kind == MapPlan::Rows)
    emitRows(emitter, plan);
  else
    emitBlockKernel(emitter, plan);
}

} // namespace nnf
