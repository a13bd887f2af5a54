// Positions that a graph computes: what is known of them, and which of them are lines over the lanes.
#include "passes/kernels/ElementEmitter.h"

using namespace mlir;
namespace nnf {

/// What all elements of an integer tensor lie in, from what they are computed of: indices, sizes and single numbers.
static std::optional<Range> rangeOf(Value tensor, int64_t depth = 0) {
  constexpr int64_t maxDepth = 12; // of formulas of indices
  Operation *op = tensor.getDefiningOp();
  if (!op || depth > maxDepth || !elementOf(tensor).isSignlessInteger(64))
    return std::nullopt;
  auto of = [&](unsigned operand) { return rangeOf(op->getOperand(operand), depth + 1); };
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    auto values = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!values || !values.isSplat())
      return std::nullopt;
    int64_t value = values.getSplatValue<llvm::APInt>().getSExtValue();
    return Range{value, value + 1};
  }
  if (isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp, PrimSliceOp>(op))
    return of(0);
  if (auto iota = dyn_cast<PrimIotaOp>(op)) {
    auto size = constantOf(shapeOf(tensor)[iota.getDim()]);
    return size && *size > 0 ? std::optional<Range>({0, *size}) : std::nullopt;
  }
  if (auto dim = dyn_cast<PrimDimOp>(op)) {
    auto size = constantOf(dim.getSize().getDims()[0]);
    return size ? std::optional<Range>({*size, *size + 1}) : std::nullopt;
  }
  if (!isa<PrimAddOp, PrimSubOp, PrimMulOp, PrimDivOp, PrimMinOp, PrimMaxOp>(op))
    return std::nullopt;
  std::optional<Range> x = of(0), y = of(1);
  constexpr int64_t largest = int64_t(1) << 31; // nothing overflows
  if (!x || !y || !x->isWithin(-largest, largest) || !y->isWithin(-largest, largest))
    return std::nullopt;
  int64_t xLast = x->limit - 1, yLast = y->limit - 1;
  if (isa<PrimAddOp>(op))
    return Range{x->lowest + y->lowest, xLast + yLast + 1};
  if (isa<PrimSubOp>(op))
    return Range{x->lowest - yLast, xLast - y->lowest + 1};
  if (isa<PrimMinOp>(op))
    return Range{std::min(x->lowest, y->lowest), std::min(xLast, yLast) + 1};
  if (isa<PrimMaxOp>(op))
    return Range{std::max(x->lowest, y->lowest), std::max(xLast, yLast) + 1};
  if (x->lowest < 0 || y->lowest < 0)
    return std::nullopt;
  if (isa<PrimMulOp>(op))
    return Range{x->lowest * y->lowest, xLast * yLast + 1};
  if (y->lowest == 0)
    return std::nullopt;
  return Range{x->lowest / yLast, xLast / y->lowest + 1};
}

std::optional<std::pair<Value, Indices>> ElementEmitter::behindView(Operation *op, const Indices &at) {
  if (auto reshape = dyn_cast<PrimReshapeOp>(op))
    return {{reshape.getInput(), reshaped(shapeOf(reshape.getOutput()), shapeOf(reshape.getInput()), at)}};
  Indices from;
  if (auto broadcast = dyn_cast<PrimBroadcastOp>(op)) {
    Shape in = shapeOf(broadcast.getInput());
    for (auto [i, dim] : llvm::enumerate(broadcast.getDims()))
      from.push_back(isConstant(in[i], 1) ? k.zero() : at[dim]);
    return {{broadcast.getInput(), from}};
  }
  if (auto slice = dyn_cast<PrimSliceOp>(op)) {
    for (auto [index, start, step] : llvm::zip(at, slice.getStart().getDims(), slice.getStep()))
      from.push_back(k.add(k.mul(index, k.constant(step)), k.index(k.size(start))));
    return {{slice.getInput(), from}};
  }
  if (auto transpose = dyn_cast<PrimTransposeOp>(op)) {
    from.resize(at.size());
    for (auto [i, dim] : llvm::enumerate(transpose.getPerm()))
      from[dim] = at[i];
    return {{transpose.getInput(), from}};
  }
  return std::nullopt;
}

Index ElementEmitter::positionAt(Value tensor, const Indices &at) {
  Operation *op = tensor.getDefiningOp();
  Index position;
  bool isFormula = op && !buffers.contains(tensor) && elementOf(tensor).isSignlessInteger(64);
  if (isFormula && isa<PrimIotaOp>(op)) {
    position = k.whole(at[cast<PrimIotaOp>(op).getDim()]);
  } else if (auto behind = isFormula ? behindView(op, at) : std::nullopt) {
    position = positionAt(behind->first, behind->second);
  } else {
    Index x, y;
    bool isSum = isFormula && isa<PrimAddOp>(op);
    if (isSum) {
      x = positionAt(op->getOperand(0), at);
      y = positionAt(op->getOperand(1), at);
    }
    position = isSum && !x.perLane && !y.perLane ? k.add(x, y) : k.indexOf(this->at(tensor, at));
  }
  if (isFormula && !position.range)
    position.range = rangeOf(tensor);
  return position;
}

} // namespace nnf
