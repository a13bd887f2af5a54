#include "passes/kernels/AttentionIndices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {

Shape AttentionIndices::batchGrid() const {
  return a.hasOneBatch ? a.mixBatch() : Shape{productOf(a.mix.getContext(), a.mixBatch())};
}

Indices AttentionIndices::batchAt(const Shape &shape) {
  return a.hasOneBatch ? Indices(batch.begin(), batch.end()) : e.split(shape, batch.front());
}

Indices AttentionIndices::at(const Shape &shape, Index row, Index column) {
  Indices indices = batchAt(shape);
  indices.append({row, column});
  return indices;
}

Indices AttentionIndices::operandAt(Value operand, ArrayRef<int64_t> batchDims, int64_t contractedDim,
                                    const Shape &shape, Index free, Index contracted) {
  Indices indices(shapeOf(operand).size(), free);
  indices[contractedDim] = contracted;
  for (auto [dim, index] : llvm::zip_equal(batchDims, batchAt(shape)))
    indices[dim] = index;
  return indices;
}

std::optional<StoredMix> StoredMix::of(Value result, PrimDotOp mix) {
  // What changes nothing in a compact buffer.
  while (auto reshape = result.getDefiningOp<PrimReshapeOp>())
    result = reshape.getInput();
  StoredMix stored{result, {}, result};
  while (Operation *op = stored.value.getDefiningOp()) {
    if (!isa<PrimReshapeOp, PrimTransposeOp>(op))
      break;
    stored.moves.insert(stored.moves.begin(), op);
    stored.value = op->getOperand(0);
  }
  if (!sameShape(shapeOf(stored.value), shapeOf(mix.getOutput())))
    return std::nullopt;
  return stored;
}

std::optional<llvm::SmallVector<StoredMix>> storedMixes(KernelOp kernel, PrimDotOp mix, Value other) {
  llvm::SmallVector<StoredMix> all;
  for (auto [number, result] : llvm::enumerate(kernel.yielded())) {
    if (other && beforeViews(result) == other)
      continue;
    std::optional<StoredMix> stored = StoredMix::of(result, mix);
    if (!stored)
      return std::nullopt;
    stored->number = number;
    all.push_back(*stored);
  }
  return all;
}

Index StoredMix::placeOf(ElementEmitter &e, const Indices &at) const {
  Indices to = at;
  for (Operation *move : moves) {
    if (auto reshape = dyn_cast<PrimReshapeOp>(move)) {
      to = e.reshaped(shapeOf(reshape.getInput()), shapeOf(reshape.getOutput()), to);
      continue;
    }
    Indices from = std::exchange(to, {});
    for (int64_t dim : cast<PrimTransposeOp>(move).getPerm())
      to.push_back(from[dim]);
  }
  return e.linear(shapeOf(result), to);
}

static Value select(KernelBuilder &k, arith::CmpFPredicate predicate, Value x, Value y, Value onTrue, Value onFalse) {
  Value condition = arith::CmpFOp::create(k.b, k.loc, predicate, x, y);
  return arith::SelectOp::create(k.b, k.loc, condition, onTrue, onFalse);
}

Value mixFactor(KernelBuilder &k, Attention &attention, Value total) {
  KernelEmitter::LanesScope scalar(k, 1);
  auto number = [&](double value) { return k.splat(FloatAttr::get(total.getType(), value), /*vector=*/false); };
  Value factor = arith::DivFOp::create(k.b, k.loc, number(1), total);
  // Logits that are all -inf have a total of 0 here, since their largest counts as 0: NaN, unless such rows are 0.
  if (attention.zeroed == Attention::Zeroed::Masked)
    factor = select(k, arith::CmpFPredicate::OEQ, total, number(0), number(0), factor);
  if (attention.zeroed == Attention::Zeroed::NotANumber)
    factor = select(k, arith::CmpFPredicate::OGT, total, number(0), factor, number(0));
  // Nothing summed up is 0.
  if (!constantOf(attention.keys())) {
    Value isNothing =
        arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, k.size(attention.keys()), k.constant(0));
    factor = arith::SelectOp::create(k.b, k.loc, isNothing, number(0), factor);
  }
  return factor;
}

Value finishedMix(KernelBuilder &k, Attention &attention, Value mix, Value factor) {
  factor = k.lanes > 1 ? k.spread(factor) : factor;
  Value value = arith::MulFOp::create(k.b, k.loc, mix, factor);
  if (attention.zeroed != Attention::Zeroed::NotANumber)
    return value;
  Value zero = k.zeroOf(value.getType());
  return select(k, arith::CmpFPredicate::OEQ, factor, zero, zero, value);
}

} // namespace nnf
