// The row family: reductions over some dimensions (a "row") with everything elementwise around them, one row after
// the other: softmax, norms, means, losses. A row stays in cache between its passes.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RowPlan.h"

using namespace mlir;
namespace nnf {
namespace {

class RowEmitter {
public:
  RowEmitter(KernelEmitter &emitter, RowPlan &plan) : emitter(emitter), k(emitter.k), e(emitter.e), plan(plan) {
    for (unsigned i = 0; i < emitter.numResults(); ++i) {
      bool isFull = plan.extentOf(emitter.yielded(i)) == RowPlan::Extent::Elements;
      (isFull ? fullResults : keptResults).push_back(i);
    }
  }

  void emit();

private:
  void emitRow(const Indices &kept);
  Indices fullIndices(const Indices &kept, const Indices &reduced) const;
  /// Loops over the row, innermost with lanes where the lanes lie in the row.
  SmallVector<Value> overRow(ValueRange carried,
                             llvm::function_ref<SmallVector<Value>(const Indices &, ValueRange)> body);
  void reduceStage(MutableArrayRef<PrimReduceOp> stage, const Indices &kept);

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  RowPlan &plan;
  SmallVector<unsigned> fullResults, keptResults;
  bool lanesInRow = false;
  int64_t lanes = 1;
};

Indices RowEmitter::fullIndices(const Indices &kept, const Indices &reduced) const {
  Indices at(plan.full.size());
  for (auto [dim, index] : llvm::zip(plan.kept, kept))
    at[dim] = index;
  for (auto [dim, index] : llvm::zip(plan.reduced, reduced))
    at[dim] = index;
  return at;
}

SmallVector<Value> RowEmitter::overRow(ValueRange carried,
                                       llvm::function_ref<SmallVector<Value>(const Indices &, ValueRange)> body) {
  Indices reduced(plan.reduced.size());
  std::function<SmallVector<Value>(unsigned, ValueRange)> nest = [&](unsigned level, ValueRange carried) {
    if (level == plan.reduced.size())
      return body(reduced, carried);
    Value size = k.size(plan.full[plan.reduced[level]]);
    if (lanesInRow && level + 1 == plan.reduced.size())
      return emitter.forLanes(lanes, k.constant(0), size, carried, [&](Index lane, ValueRange carried) {
        reduced[level] = lane;
        return body(reduced, carried);
      });
    return k.loop(k.constant(0), size, 1, carried, [&](Value i, ValueRange carried) {
      ElementEmitter::Scope scope(e);
      reduced[level] = k.index(i);
      return nest(level + 1, carried);
    });
  };
  return nest(0, carried);
}

void RowEmitter::reduceStage(MutableArrayRef<PrimReduceOp> stage, const Indices &kept) {
  // In-row lanes: each lane has its own partial result; they are combined in a tree at the end.
  bool vector = lanes > 1;
  SmallVector<Value> init;
  {
    KernelEmitter::LanesScope scope(k, lanes);
    for (PrimReduceOp reduce : stage)
      init.push_back(e.neutral(reduce.getKind(), elementOf(reduce.getInput()), vector));
  }
  SmallVector<Value> partial = overRow(init, [&](const Indices &reduced, ValueRange carried) {
    SmallVector<Value> next;
    for (auto [reduce, accumulated] : llvm::zip(stage, carried)) {
      Type element = elementOf(reduce.getInput());
      Value value = e.at(reduce.getInput(), fullIndices(kept, reduced));
      if (k.lanes > 1)
        value = k.spread(value);
      if (lanesInRow && k.laneMask)
        value = arith::SelectOp::create(k.b, k.loc, k.laneMask, value,
                                        e.neutral(reduce.getKind(), element, /*vector=*/true));
      next.push_back(e.combine(reduce.getKind(), element, accumulated, value));
    }
    return next;
  });
  for (auto [reduce, value] : llvm::zip(stage, partial)) {
    Value result = lanesInRow ? e.combineLanes(reduce.getKind(), elementOf(reduce.getInput()), value) : value;
    e.bind(reduce.getOutput(), kept, result);
  }
}

void RowEmitter::emitRow(const Indices &kept) {
  for (auto &stage : plan.stages)
    reduceStage(stage, kept);
  for (unsigned i : keptResults) {
    Value result = emitter.yielded(i);
    Indices at = plan.rowIndices(result, kept, k.zero());
    k.store(e.at(result, at), emitter.resultAddress(i), elementOf(result), e.linear(shapeOf(result), at));
  }
  if (fullResults.empty())
    return;
  overRow({}, [&](const Indices &reduced, ValueRange) -> SmallVector<Value> {
    Indices at = fullIndices(kept, reduced);
    SmallVector<Value> values;
    for (unsigned i : fullResults)
      values.push_back(e.at(emitter.yielded(i), at));
    for (auto [i, value] : llvm::zip(fullResults, values))
      k.store(value, emitter.resultAddress(i), elementOf(emitter.yielded(i)), e.linear(plan.full, at));
    return {};
  });
}

void RowEmitter::emit() {
  MLIRContext *context = emitter.kernel.getContext();
  int64_t last = static_cast<int64_t>(plan.full.size()) - 1;
  lanesInRow = llvm::is_contained(plan.reduced, last);
  lanes = emitter.preferredLanes();
  if (isConstant(plan.full[last], 1))
    lanes = 1;
  Shape keptShape, rowShape;
  for (int64_t dim : plan.kept)
    keptShape.push_back(plan.full[dim]);
  for (int64_t dim : plan.reduced)
    rowShape.push_back(plan.full[dim]);
  int64_t rowElements = std::max<int64_t>(1, emitter.guess(rowShape));

  if (lanesInRow) {
    int64_t blockRows = std::max<int64_t>(1, 16384 / rowElements);
    Dim rows = productOf(context, keptShape);
    emitter.forTasks({rows.ceilDiv(blockRows)}, [&](ArrayRef<Value> task) {
      Value first = k.mul(task[0], k.constant(blockRows));
      Value end = k.min(k.add(first, k.constant(blockRows)), k.size(rows));
      emitter.forRows(keptShape, first, end, [&](const Indices &kept) { emitRow(kept); });
    });
    return;
  }
  // Lanes lie along the last kept dimension: each lane reduces a row of its own.
  Shape outer(keptShape.begin(), keptShape.end() - 1);
  Dim width = keptShape.back();
  int64_t block = llvm::alignTo(std::max<int64_t>(lanes, std::min<int64_t>(512, 32768 / rowElements)), lanes);
  emitter.forTasks({productOf(context, outer), width.ceilDiv(block)}, [&](ArrayRef<Value> task) {
    Indices kept = e.delinear(outer, k.index(task[0]));
    Value left = k.mul(task[1], k.constant(block));
    Value right = k.min(k.add(left, k.constant(block)), k.size(width));
    kept.push_back({});
    emitter.forLanes(lanes, left, right, {}, [&](Index lane, ValueRange) -> SmallVector<Value> {
      kept.back() = lane;
      emitRow(kept);
      return {};
    });
  });
}

} // namespace

bool emitRowKernel(KernelOp kernel, const TargetInfo &target) {
  std::optional<RowPlan> plan = RowPlan::of(kernel);
  if (!plan)
    return false;
  KernelEmitter emitter(kernel, target);
  RowEmitter(emitter, *plan).emit();
  return true;
}

} // namespace nnf
