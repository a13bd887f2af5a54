#include "passes/kernels/SoftmaxParts.h"

using namespace mlir;
namespace nnf {
namespace {

/// What a value repeats, or is with dimensions of 1.
Value behindViews(Value value) {
  while (isa_and_nonnull<PrimBroadcastOp, PrimReshapeOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

PrimReduceOp reductionBehind(Value value, ReduceKind kind) {
  auto reduce = behindViews(value).getDefiningOp<PrimReduceOp>();
  return reduce && reduce.getKind() == kind ? reduce : PrimReduceOp();
}

/// The total, or its logarithm, of the exponentials of `shifted` over the same rows as `largest`.
bool isOfTotal(Value value, PrimReduceOp largest, Value shifted) {
  value = behindViews(value);
  if (auto logarithm = value.getDefiningOp<PrimLogOp>())
    value = logarithm.getInput();
  PrimReduceOp total = reductionBehind(value, ReduceKind::Add);
  if (!total || total.getDims() != largest.getDims() || total.getBlock() != largest.getBlock())
    return false;
  auto power = total.getInput().getDefiningOp<PrimExpOp>();
  return power && power.getInput() == shifted;
}

/// Every use of `value`, which is `shifted` or its exponential, goes into the total or meets it.
bool meetsTotal(Value value, PrimReduceOp largest, Value shifted) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (auto power = dyn_cast<PrimExpOp>(user))
      return value == shifted && meetsTotal(power.getOutput(), largest, shifted);
    if (auto total = dyn_cast<PrimReduceOp>(user))
      return isOfTotal(total.getOutput(), largest, shifted);
    return isa<PrimDivOp, PrimSubOp>(user) && user->getOperand(0) == value &&
           isOfTotal(user->getOperand(1), largest, shifted);
  });
}

} // namespace

bool isMinusMax(Value value) {
  auto difference = value.getDefiningOp<PrimSubOp>();
  PrimReduceOp largest = difference ? reductionBehind(difference.getRhs(), ReduceKind::Max) : PrimReduceOp();
  return largest && largest.getInput() == difference.getLhs();
}

bool isShareOfTotal(PrimDivOp division) {
  auto power = division.getLhs().getDefiningOp<PrimExpOp>();
  PrimReduceOp total = reductionBehind(division.getRhs(), ReduceKind::Add);
  if (!power || !total || total.getInput() != power.getOutput() || !isMinusMax(power.getInput()))
    return false;
  PrimReduceOp largest = reductionBehind(power.getInput().getDefiningOp<PrimSubOp>().getRhs(), ReduceKind::Max);
  return total.getDims() == largest.getDims() && total.getBlock() == largest.getBlock();
}

bool mayOverlookNaN(PrimReduceOp reduce) {
  if (reduce.getKind() != ReduceKind::Max || !isa<FloatType>(getElementTypeOrSelf(reduce.getInput())))
    return false;
  SmallVector<Value> ofRows{reduce.getOutput()};
  while (!ofRows.empty())
    for (Operation *user : ofRows.pop_back_val().getUsers()) {
      auto difference = dyn_cast<PrimSubOp>(user);
      if (isa<PrimBroadcastOp, PrimReshapeOp>(user))
        ofRows.push_back(user->getResult(0));
      else if (!difference || difference.getLhs() != reduce.getInput() ||
               !meetsTotal(difference.getOutput(), reduce, difference.getOutput()))
        return false;
    }
  return true;
}

} // namespace nnf
