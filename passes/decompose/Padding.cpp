// pad as primitives: views only, no gather.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Resizing.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// Elements [start, start + length) of a dimension, or those going backwards from start.
Value piece(Primitives &p, Value x, int64_t dim, Dim start, int64_t length, int64_t step) {
  return p.sliceDim(x, dim, simplify(start), dimOf(p.context(), length), step);
}

/// What is left of a dimension when negative paddings have cropped it.
Value cropped(Primitives &p, Value x, int64_t dim, int64_t low, int64_t high) {
  Dim size = shapeOf(x)[dim];
  int64_t below = std::max<int64_t>(-low, 0), above = std::max<int64_t>(-high, 0);
  return p.sliceDim(x, dim, dimOf(p.context(), below), simplify(size - (below + above)));
}

/// Position -1-i is element 1+i and position size+i is element size-2-i, of the uncropped input. Crops that reach
/// into the other side's border shorten that border.
Value reflected(Primitives &p, Value x, int64_t dim, int64_t low, int64_t high) {
  Dim size = shapeOf(x)[dim];
  SmallVector<Value> parts;
  // Positions [-low, 0), but not those from size + high on.
  std::optional<int64_t> known = constantOf(size);
  int64_t lowEnd = known ? std::min<int64_t>(0, *known + high) : 0;
  int64_t highBegin = known ? std::max<int64_t>(0, -low - *known) : 0;
  if (-low < lowEnd)
    parts.push_back(piece(p, x, dim, dimOf(p.context(), low), lowEnd + low, -1));
  bool isInside = !known || std::max<int64_t>(0, -low) < std::min(*known, *known + high);
  if (isInside)
    parts.push_back(cropped(p, x, dim, low, high));
  if (highBegin < high)
    parts.push_back(piece(p, x, dim, size - (2 + highBegin), high - highBegin, -1));
  return p.concat(parts, dim);
}

Value replicated(Primitives &p, Value x, int64_t dim, int64_t low, int64_t high) {
  Shape shape = shapeOf(x);
  Dim size = shape[dim];
  std::optional<int64_t> known = constantOf(size);
  auto edge = [&](Dim at, int64_t count) {
    Shape wide(shape);
    wide[dim] = dimOf(p.context(), count);
    return p.broadcastTo(piece(p, x, dim, at, 1, 1), wide);
  };
  int64_t lowEnd = known ? std::min<int64_t>(0, *known + high) : 0;
  int64_t highBegin = known ? std::max<int64_t>(0, -low - *known) : 0;
  SmallVector<Value> parts;
  if (-low < lowEnd)
    parts.push_back(edge(dimOf(p.context(), 0), lowEnd + low));
  if (!known || std::max<int64_t>(0, -low) < std::min(*known, *known + high))
    parts.push_back(cropped(p, x, dim, low, high));
  if (highBegin < high)
    parts.push_back(edge(size - 1, high - highBegin));
  return p.concat(parts, dim);
}

/// Crops first, then wraps what is left.
Value wrapped(Primitives &p, Value x, int64_t dim, int64_t low, int64_t high) {
  Value rest = cropped(p, x, dim, low, high);
  Dim size = shapeOf(rest)[dim];
  SmallVector<Value> parts;
  if (low > 0)
    parts.push_back(piece(p, rest, dim, size - low, low, 1));
  parts.push_back(rest);
  if (high > 0)
    parts.push_back(piece(p, rest, dim, dimOf(p.context(), 0), high, 1));
  return p.concat(parts, dim);
}

Value pad(PadOp op, PadOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  Ints pads = op.getPad();
  int64_t rank = p.rankOf(x), pairs = pads.size() / 2;
  StringRef mode = op.getMode();
  if (mode == "constant") {
    SmallVector<int64_t> low(rank, 0), high(rank, 0);
    for (int64_t i = 0; i < pairs; ++i) {
      low[rank - 1 - i] = pads[2 * i];
      high[rank - 1 - i] = pads[2 * i + 1];
    }
    return p.pad(x, op.getValue(), low, high);
  }
  // An empty result has no pieces to be made of.
  Shape out = shapeOf(op.getOutput());
  if (llvm::any_of(out, [](Dim size) { return isConstant(size, 0); }))
    return p.full(out, 0, p.elementOf(x));
  for (int64_t i = 0; i < pairs; ++i) {
    int64_t dim = rank - 1 - i, low = pads[2 * i], high = pads[2 * i + 1];
    if (low == 0 && high == 0)
      continue;
    x = mode == "reflect"     ? reflected(p, x, dim, low, high)
        : mode == "replicate" ? replicated(p, x, dim, low, high)
                              : wrapped(p, x, dim, low, high);
  }
  return x;
}

} // namespace

void addPadding(Decompositions &table) { table.addMove<PadOp>(pad); }

} // namespace nnf
