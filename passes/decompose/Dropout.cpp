// Random draws, and the functions that zero what they pick.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Random.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Dropout.h.inc"

using namespace mlir;
namespace nnf {

// ---- draws

static Value bits(Primitives &p, Operation *op, ArrayRef<Dim> shape) {
  auto number = op->getAttrOfType<IntegerAttr>(randomNumberName);
  return p.randomBits(number ? number.getInt() : 0, shape);
}

Value uniform(Primitives &p, Operation *op, ArrayRef<Dim> shape) {
  return p.mul(p.convert(p.shr(bits(p, op, shape), 8), Float32Type::get(p.context())), 0x1p-24);
}

Value openUniform(Primitives &p, Operation *op, ArrayRef<Dim> shape) {
  Value odd = p.add(p.mul(p.shr(bits(p, op, shape), 9), 2), 1);
  return p.mul(p.convert(odd, Float32Type::get(p.context())), 0x1p-24);
}

Value dropped(Primitives &p, Operation *op, Value x, double probability) {
  Value isKept = p.ge(uniform(p, op, shapeOf(x)), probability);
  return p.select(isKept, p.mul(x, 1 / (1 - probability)), 0);
}

// ---- functions

namespace {

Value computedIn(Primitives &p, Value x) {
  return isHalf(p.elementOf(x)) ? p.convert(x, Float32Type::get(p.context())) : x;
}

/// Whether each of the first `drawn` dimensions' elements is kept, repeated over the others.
Value isKept(Primitives &p, Operation *op, Value x, double probability, int64_t drawn) {
  Shape shape = shapeOf(x), head(shape.begin(), shape.begin() + drawn);
  Value kept = p.ge(uniform(p, op, head), probability);
  return p.broadcast(kept, shape, llvm::to_vector(llvm::seq<int64_t>(0, drawn)));
}

/// Not training, and p = 0, is the input bit for bit.
template <typename Op> bool isIdentity(Op op) { return !op.getTraining() || op.getP() == 0; }

template <typename Op> Value dropout(Op op, typename Op::Adaptor operands, Primitives &p, int64_t drawn) {
  if (isIdentity(op))
    return operands.getInput();
  Value x = computedIn(p, operands.getInput());
  return p.select(isKept(p, op, x, op.getP(), drawn), p.mul(x, op.getP() == 1 ? 0 : 1 / (1 - op.getP())), 0);
}

template <typename Op> Value alphaDropout(Op op, typename Op::Adaptor operands, Primitives &p, int64_t drawn) {
  if (isIdentity(op))
    return operands.getInput();
  Value x = computedIn(p, operands.getInput());
  double probability = op.getP();
  if (probability == 1)
    return p.full(shapeOf(x), 0, p.elementOf(x));
  // What selu takes -inf to. Source: Klambauer et al., Self-normalizing neural networks (2017).
  constexpr double alpha = -1.7580993408473766;
  double a = 1 / std::sqrt((alpha * alpha * probability + 1) * (1 - probability)), b = -a * alpha * probability;
  return p.select(isKept(p, op, x, probability, drawn), p.add(p.mul(x, a), b), a * alpha + b);
}

} // namespace

void addDropout(Decompositions &table) {
  table.addMove<DropoutOp>([](auto op, auto x, auto &p) { return dropout(op, x, p, p.rankOf(x.getInput())); });
  // A missing batch dimension counts as one of size 1; only dropout2d takes rank 3 as N, C, L.
  table.addMove<Dropout1dOp>([](auto op, auto x, auto &p) { return dropout(op, x, p, p.rankOf(x.getInput()) - 1); });
  table.addMove<Dropout2dOp>([](auto op, auto x, auto &p) { return dropout(op, x, p, 2); });
  table.addMove<Dropout3dOp>(
      [](auto op, auto x, auto &p) { return dropout(op, x, p, p.rankOf(x.getInput()) == 5 ? 2 : 1); });
  table.addMove<AlphaDropoutOp>(
      [](auto op, auto x, auto &p) { return alphaDropout(op, x, p, p.rankOf(x.getInput())); });
  table.addMove<FeatureAlphaDropoutOp>([](auto op, auto x, auto &p) { return alphaDropout(op, x, p, 2); });
}

} // namespace nnf
