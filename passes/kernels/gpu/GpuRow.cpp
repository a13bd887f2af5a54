// The row family on a GPU: reductions over some dimensions (a "row") with everything elementwise around them. A row is
// the work of one thread, of a warp, or of a block; it is read again in each stage, from the cache.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/RowPlan.h"
#include "passes/kernels/gpu/GpuEmitter.h"

using namespace mlir;
namespace nnf {
namespace {

/// How rows are spread over threads.
struct RowSchedule {
  int64_t group;   // threads that share a row: 1, a warp, or a block
  int64_t threads; // of a block
  int64_t lanes;   // neighbouring elements of a row that a thread takes at once

  RowSchedule(const RowPlan &plan, const TargetInfo &target);
};

RowSchedule::RowSchedule(const RowPlan &plan, const TargetInfo &target) : group(1), threads(128), lanes(1) {
  // Neighbouring threads should read neighbouring elements: those of a row where rows are contiguous, else one thread
  // runs down each row.
  int64_t last = static_cast<int64_t>(plan.full.size()) - 1;
  while (last > 0 && isConstant(plan.full[last], 1))
    --last;
  if (!llvm::is_contained(plan.reduced, last))
    return;
  int64_t elements = KernelEmitter::guess(plan.rowShape());
  if (std::optional<int64_t> width = constantOf(plan.full.back());
      width && *width % target.lanes(4) == 0 && llvm::is_contained(plan.reduced, int64_t(plan.full.size()) - 1))
    lanes = target.lanes(4);
  if (elements <= 1024) {
    group = warpThreads;
    return;
  }
  group = threads = elements <= 8192 ? 256 : 512;
}

class GpuRowEmitter {
public:
  GpuRowEmitter(GpuEmitter &emitter, const RowPlan &plan, const RowSchedule &schedule, int64_t lanes)
      : emitter(emitter), k(emitter.k), e(emitter.e), plan(plan), group(schedule.group), lanes(lanes) {}

  void emit();

private:
  using Body = llvm::function_ref<SmallVector<Value>(const Indices &at, ValueRange carried)>;
  /// Runs over this thread's elements of the row, carrying values.
  SmallVector<Value> overRow(const Indices &kept, ValueRange carried, Body body);
  void reduceStage(ArrayRef<PrimReduceOp> stage, const Indices &kept);
  void storeResults(const Indices &kept);
  Indices fullIndices(const Indices &kept, const Indices &reduced) const;

  GpuEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  const RowPlan &plan;
  const int64_t group, lanes;
  Value member; // number of this thread among those of its row
};

void GpuRowEmitter::emit() {
  Shape keptShape = plan.keptShape();
  Dim rows = productOf(emitter.kernel.getContext(), keptShape);
  int64_t rowsPerBlock = emitter.threads / group;
  emitter.setGrid({rows.ceilDiv(rowsPerBlock)});
  Value inBlock = k.floorDiv(emitter.thread, k.constant(group));
  member = k.mod(emitter.thread, k.constant(group));
  Value row = k.add(k.mul(emitter.block, k.constant(rowsPerBlock)), rowsPerBlock == 1 ? k.constant(0) : inBlock);
  // A warp has one row or none: its threads pass here together. A block has exactly one.
  emitter.when(rowsPerBlock == 1 ? Value() : k.less(row, k.size(rows)), [&] {
    Indices kept = e.delinear(keptShape, k.index(row));
    for (auto &stage : plan.stages)
      reduceStage(stage, kept);
    storeResults(kept);
  });
}

Indices GpuRowEmitter::fullIndices(const Indices &kept, const Indices &reduced) const {
  Indices at(plan.full.size());
  for (auto [dim, index] : llvm::zip(plan.kept, kept))
    at[dim] = index;
  for (auto [dim, index] : llvm::zip(plan.reduced, reduced))
    at[dim] = index;
  return at;
}

SmallVector<Value> GpuRowEmitter::overRow(const Indices &kept, ValueRange carried, Body body) {
  Shape rowShape = plan.rowShape();
  if (lanes > 1)
    rowShape.back() = simplify(rowShape.back().floorDiv(lanes));
  KernelEmitter::LanesScope scope(k, lanes);
  if (group == 1) {
    Indices reduced(rowShape.size());
    std::function<SmallVector<Value>(unsigned, ValueRange)> nest = [&](unsigned level, ValueRange carried) {
      if (level == rowShape.size())
        return body(fullIndices(kept, reduced), carried);
      return k.loop(k.constant(0), k.size(rowShape[level]), 1, carried, [&](Value i, ValueRange carried) {
        ElementEmitter::Scope inner(e);
        reduced[level] = k.index(i);
        return nest(level + 1, carried);
      });
    };
    return nest(0, carried);
  }
  Value count = k.size(productOf(emitter.kernel.getContext(), rowShape));
  return k.loop(member, count, group, carried, [&](Value position, ValueRange carried) {
    ElementEmitter::Scope inner(e);
    Indices reduced = e.delinear(rowShape, k.index(position));
    if (lanes > 1)
      reduced.back() = k.index(k.mul(reduced.back().base, k.constant(lanes)), 1);
    return body(fullIndices(kept, reduced), carried);
  });
}

void GpuRowEmitter::reduceStage(ArrayRef<PrimReduceOp> stage, const Indices &kept) {
  SmallVector<Value> init;
  {
    KernelEmitter::LanesScope scope(k, lanes);
    for (PrimReduceOp reduce : stage)
      init.push_back(e.neutral(reduce.getKind(), elementOf(reduce.getInput()), /*vector=*/lanes > 1));
  }
  SmallVector<Value> partial = overRow(kept, init, [&](const Indices &at, ValueRange carried) {
    SmallVector<Value> next;
    for (auto [i, sum] : llvm::enumerate(carried)) {
      PrimReduceOp reduce = stage[i];
      Value value = k.spread(e.at(reduce.getInput(), at));
      next.push_back(e.combine(reduce.getKind(), elementOf(reduce.getInput()), sum, value));
    }
    return next;
  });
  for (auto [i, value] : llvm::enumerate(partial)) {
    PrimReduceOp reduce = stage[i];
    Type element = elementOf(reduce.getInput());
    Value sum = e.combineLanes(reduce.getKind(), element, value);
    if (group > 1)
      sum = emitter.combineThreads(reduce.getKind(), element, sum, group);
    e.bind(reduce.getOutput(), kept, sum);
  }
}

void GpuRowEmitter::storeResults(const Indices &kept) {
  auto store = [&](unsigned i, Value value, const Indices &at) {
    Value result = emitter.yielded(i);
    k.store(value, emitter.resultAddress(i), elementOf(result), e.linear(shapeOf(result), at));
  };
  SmallVector<unsigned> whole, single;
  for (unsigned i = 0; i < emitter.numResults(); ++i)
    (plan.extentOf(emitter.yielded(i)) == RowPlan::Extent::Elements ? whole : single).push_back(i);
  if (!single.empty()) {
    Value isFirst = group == 1
                        ? Value()
                        : Value(arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, member, k.constant(0)));
    emitter.when(isFirst, [&] {
      for (unsigned i : single) {
        Indices at = plan.rowIndices(emitter.yielded(i), kept, k.zero());
        store(i, e.at(emitter.yielded(i), at), at);
      }
    });
  }
  if (whole.empty())
    return;
  overRow(kept, {}, [&](const Indices &at, ValueRange) -> SmallVector<Value> {
    SmallVector<Value> values;
    for (unsigned i : whole)
      values.push_back(e.at(emitter.yielded(i), at));
    for (auto [i, value] : llvm::zip(whole, values))
      store(i, value, at);
    return {};
  });
}

} // namespace

bool emitGpuRow(KernelOp kernel, const TargetInfo &target) {
  std::optional<RowPlan> plan = RowPlan::of(kernel);
  if (!plan || plan->position || plan->block)
    return false;
  RowSchedule schedule(*plan, target);
  emitWithLanes(kernel, target, schedule.threads, schedule.lanes,
                [&](GpuEmitter &emitter, int64_t lanes) { GpuRowEmitter(emitter, *plan, schedule, lanes).emit(); });
  return true;
}

} // namespace nnf
