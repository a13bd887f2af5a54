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
      Shape in = shapeOf(reduce.getInput());
      if (plan.stages.empty()) {
        plan.full = in;
        plan.reduced = SmallVector<int64_t>(reduce.getDims());
      }
      uniform &= sameShape(in, plan.full) && llvm::equal(plan.reduced, reduce.getDims());
      if (plan.stages.size() <= stage)
        plan.stages.resize(stage + 1);
      plan.stages[stage].push_back(reduce);
      ++stage;
    }
    // Anything that moves elements between rows after a reduction needs that row's results: not this family.
    if (stage > 0 && isa<PrimDotOp, PrimConvOp, PrimReduceWindowOp, PrimGatherOp, PrimArgReduceOp>(op))
      uniform = false;
    for (Value result : op.getResults())
      stageOf[result] = stage;
  }
  if (plan.stages.empty() || !uniform)
    return std::nullopt;
  for (int64_t i = 0, e = plan.full.size(); i < e; ++i)
    if (!llvm::is_contained(plan.reduced, i))
      plan.kept.push_back(i);
  for (Value result : kernel.yielded()) {
    // Reshapes at the end change nothing in a compact buffer.
    while (auto reshape = result.getDefiningOp<PrimReshapeOp>())
      result = reshape.getInput();
    if (!plan.extentOf(result))
      return std::nullopt;
  }
  return plan;
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

Shape RowPlan::keptShape() const {
  Shape shape;
  for (int64_t dim : kept)
    shape.push_back(full[dim]);
  return shape;
}

Shape RowPlan::rowShape() const {
  Shape shape;
  for (int64_t dim : reduced)
    shape.push_back(full[dim]);
  return shape;
}

} // namespace nnf
