#include "passes/kernels/RowPlan.h"

using namespace mlir;
namespace nnf {

std::optional<RowPlan> RowPlan::of(KernelOp kernel) {
  RowPlan plan;
  DenseMap<Value, unsigned> stageOf; // number of reductions on the longest way to a value
  bool uniform = true;
  for (Operation &op : kernel.getBody().front()) {
    unsigned stage = 0;
    for (Value operand : op.getOperands())
      stage = std::max(stage, stageOf.lookup(operand));
    if (auto reduce = dyn_cast<PrimReduceOp>(op)) {
      uniform &= plan.hasFrame(shapeOf(reduce.getInput()), reduce.getDims(), reduce.getBlock());
      if (plan.stages.size() <= stage)
        plan.stages.resize(stage + 1);
      plan.stages[stage].push_back(reduce);
      ++stage;
    }
    if (auto position = dyn_cast<PrimArgReduceOp>(op)) {
      int64_t dim = position.getDim();
      uniform &= !plan.position && plan.hasFrame(shapeOf(position.getInput()), dim, position.getBlock());
      plan.position = position;
      ++stage;
    }
    // Anything that moves elements between rows after a reduction needs that row's results: not this family.
    if (stage > 0 && isa<PrimDotOp, PrimConvOp, PrimReduceWindowOp, PrimGatherOp>(op))
      uniform = false;
    for (Value result : op.getResults())
      stageOf[result] = stage;
  }
  if (plan.stages.empty() != static_cast<bool>(plan.position) || !uniform)
    return std::nullopt;
  for (int64_t i = 0, e = plan.full.size(); i < e; ++i)
    if (!llvm::is_contained(plan.reduced, i) || (plan.block && i == plan.reduced.front()))
      plan.kept.push_back(i);
  for (Value result : kernel.yielded()) {
    // Reshapes at the end change nothing in a compact buffer.
    while (auto reshape = result.getDefiningOp<PrimReshapeOp>())
      result = reshape.getInput();
    if (!plan.extentOf(result))
      return std::nullopt;
  }
  plan.ofRows.resize(plan.stages.size() + 1);
  for (auto broadcast : kernel.getBody().front().getOps<PrimBroadcastOp>())
    if (plan.isAlongRows(broadcast))
      plan.ofRows[stageOf.lookup(broadcast.getInput())].push_back(broadcast.getInput());
  return plan;
}

bool RowPlan::isAlongRows(PrimBroadcastOp broadcast) const {
  if (block || !sameShape(shapeOf(broadcast.getOutput()), full))
    return false;
  std::optional<Extent> extent = extentOf(broadcast.getInput());
  return extent == Extent::RowsWithOnes || (extent == Extent::Rows && llvm::equal(broadcast.getDims(), kept));
}

bool RowPlan::hasFrame(Shape in, ArrayRef<int64_t> dims, int64_t blockOf) {
  if (full.empty() && reduced.empty()) {
    full = in;
    reduced = SmallVector<int64_t>(dims);
    block = blockOf;
  }
  return sameShape(in, full) && llvm::equal(reduced, dims) && block == blockOf;
}

std::optional<RowPlan::Extent> RowPlan::extentOf(Value result) const {
  Shape shape = shapeOf(result), withOnes = full;
  for (int64_t dim : reduced)
    withOnes[dim] = dimOf(result.getContext(), 1);
  if (sameShape(shape, full))
    return Extent::Elements;
  if (sameShape(shape, keptShape()))
    return Extent::Rows;
  if (sameShape(shape, withOnes))
    return Extent::RowsWithOnes;
  return std::nullopt;
}

Indices RowPlan::rowIndices(Value result, const Indices &keptAt, Index zero) const {
  if (extentOf(result) == Extent::Rows)
    return keptAt;
  Indices at(full.size(), zero);
  for (auto [dim, index] : llvm::zip(kept, keptAt))
    at[dim] = index;
  return at;
}

Indices RowPlan::fullIndices(const Indices &keptAt, const Indices &reducedAt) const {
  Indices at(full.size());
  for (auto [dim, index] : llvm::zip(kept, keptAt))
    at[dim] = index;
  for (auto [dim, index] : llvm::zip(reduced, reducedAt))
    at[dim] = index;
  return at;
}

int64_t RowPlan::innermost() const {
  int64_t last = static_cast<int64_t>(full.size()) - 1;
  while (last > 0 && isConstant(full[last], 1))
    --last;
  return last;
}

Shape RowPlan::keptShape() const {
  Shape shape;
  for (int64_t dim : kept)
    shape.push_back(block && dim == reduced.front() ? simplify(full[dim].ceilDiv(block)) : full[dim]);
  return shape;
}

Shape RowPlan::rowShape() const {
  Shape shape;
  for (int64_t dim : reduced)
    shape.push_back(block && dim == reduced.front() ? dimOf(full[dim].getContext(), block) : full[dim]);
  return shape;
}

} // namespace nnf
