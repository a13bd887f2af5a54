// Result types of losses of classes.
#include "dialects/nnf/infer/Losses.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/ClassLoss.h.inc"

using namespace mlir;
namespace nnf {

static LogicalResult reducedLoss(const FailureOr<LossReduction> &reduction, ArrayRef<Dim> shape, Type element,
                                 SmallVectorImpl<Type> &types) {
  if (failed(reduction))
    return failure();
  types.push_back(tensorOf(*reduction == LossReduction::None ? shape : ArrayRef<Dim>(), element));
  return success();
}

/// input N,C,* or C with class numbers N,* or a scalar, and a weight [C].
static LogicalResult expectClasses(Location loc, Value input, Value target, Value weight) {
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  Type element = elementOf(target);
  if (!element.isSignlessInteger(64) && !element.isUnsignedInteger(8))
    return argumentError(loc, "target") << "dtype " << dtypeName(element) << ", expected int64 [NNFC-E0206]";
  if (rankOf(input) == 0)
    return argumentError(loc, "input") << "rank 0, expected at least 1 [N, C, ...] or [C] [NNFC-E0207]";
  Shape shape = shapeOf(input);
  Dim classes = shape[shape.size() == 1 ? 0 : 1];
  shape.erase(shape.begin() + (shape.size() == 1 ? 0 : 1));
  if (failed(expectShape(loc, "target", target, shape, "the shape of 'input' without the classes")) ||
      failed(expectElement(loc, "weight", weight, elementOf(input))) ||
      failed(expectShape(loc, "weight", weight, {classes}, "[C]")))
    return failure();
  return success();
}

NNF_INFER(NllLossOp) {
  if (failed(expectClasses(loc, op.getInput(), op.getTarget(), op.getWeight())))
    return failure();
  return reducedLoss(lossReductionOf(loc, op), shapeOf(op.getTarget()), elementOf(op.getInput()), types);
}

NNF_INFER(CrossEntropyOp) {
  Value input = op.getInput(), target = op.getTarget(), weight = op.getWeight();
  double smoothing = op.getLabelSmoothing();
  if (!(smoothing >= 0 && smoothing <= 1))
    return argumentError(loc, "label_smoothing") << toString(smoothing) << ", expected 0 to 1 [NNFC-E0213]";
  if (!isFloat(elementOf(target))) {
    if (failed(expectClasses(loc, input, target, weight)))
      return failure();
    return reducedLoss(lossReductionOf(loc, op), shapeOf(target), elementOf(input), types);
  }
  Shape shape = shapeOf(input);
  if (failed(expectFloat(loc, "input", input)) ||
      failed(expectShape(loc, "target", target, shape, "the shape of 'input'")) ||
      failed(expectElement(loc, "target", target, elementOf(input))))
    return failure();
  if (shape.empty())
    return argumentError(loc, "input") << "rank 0, expected at least 1 [N, C, ...] or [C] [NNFC-E0207]";
  if (static_cast<int64_t>(op.getIgnoreIndex()) >= 0)
    return argumentError(loc, "ignore_index")
           << static_cast<int64_t>(op.getIgnoreIndex()) << ", expected none with probabilities [NNFC-E0215]";
  size_t classDim = shape.size() == 1 ? 0 : 1;
  if (failed(expectElement(loc, "weight", weight, elementOf(input))) ||
      failed(expectShape(loc, "weight", weight, {shape[classDim]}, "[C]")))
    return failure();
  shape.erase(shape.begin() + classDim);
  return reducedLoss(lossReductionOf(loc, op), shape, elementOf(input), types);
}

/// A scalar counts as a vector of one.
static Shape asVector(Location loc, Value value) {
  Shape shape = shapeOf(value);
  return shape.empty() ? Shape{dimOf(loc.getContext(), 1)} : shape;
}

NNF_INFER(MultiMarginLossOp) {
  Value input = op.getInput(), target = op.getTarget(), weight = op.getWeight();
  if (failed(expectFloat(loc, "input", input)) || failed(expectIndices(loc, "target", target, /*narrow=*/false)) ||
      failed(expectRank(loc, "input", input, {2, 1, 0}, "[N, C] or [C] or []")))
    return failure();
  if (op.getP() != 1 && op.getP() != 2)
    return argumentError(loc, "p") << toString(op.getP()) << ", expected 1 or 2 [NNFC-E0213]";
  Shape in = asVector(loc, input), classes = shapeOf(target);
  bool isVector = in.size() == 1;
  bool fits = isVector ? classes.empty() || sameShape(classes, {dimOf(loc.getContext(), 1)})
                       : agree(loc, "target", classes, {in[0]});
  if (!fits)
    return argumentError(loc, "target") << "shape " << toString(classes) << ", expected "
                                        << (isVector ? "[] or [1]" : "[N]") << " [NNFC-E0208]";
  if (failed(expectElement(loc, "weight", weight, elementOf(input))) ||
      failed(expectShape(loc, "weight", weight, {in.back()}, "[C]")))
    return failure();
  return reducedLoss(lossReductionOf(loc, op), classes, elementOf(input), types);
}

NNF_INFER(MultilabelMarginLossOp) {
  Value input = op.getInput(), target = op.getTarget();
  Shape shape = asVector(loc, input);
  if (failed(expectFloat(loc, "input", input)) || failed(expectIndices(loc, "target", target, /*narrow=*/false)) ||
      failed(expectRank(loc, "input", input, {2, 1, 0}, "[N, C] or [C] or []")) ||
      (!sameShape(asVector(loc, target), shape) &&
       failed(expectShape(loc, "target", target, shapeOf(input), "the shape of 'input'"))))
    return failure();
  if (rankOf(input) > 0 && failed(expectSizes(loc, "input", input, rankOf(input) - 1)))
    return failure();
  shape.pop_back();
  return reducedLoss(lossReductionOf(loc, op), shape, elementOf(input), types);
}

/// A length for each sequence, or one alone where there is no batch.
static LogicalResult expectLengths(Location loc, StringRef argument, Value lengths, bool isBatched, Dim batch) {
  if (failed(expectIndices(loc, argument, lengths, /*narrow=*/true)) ||
      failed(expectRank(loc, argument, lengths, isBatched ? Ints{1} : Ints{0, 1}, isBatched ? "[N]" : "[] or [1]")))
    return failure();
  if (rankOf(lengths) == 0)
    return success();
  return requireEqual(loc, argument, shapeOf(lengths)[0], batch,
                      "{value} lengths, expected " + toString(batch) +
                          ", one for each sequence of 'log_probs' [NNFC-E0208]");
}

NNF_INFER(CtcLossOp) {
  Value logProbs = op.getLogProbs(), targets = op.getTargets();
  if (failed(expectFloat(loc, "log_probs", logProbs)) ||
      failed(expectRank(loc, "log_probs", logProbs, {3, 2}, "[T, N, C] or [T, C]")) ||
      failed(expectIndices(loc, "targets", targets, /*narrow=*/true)))
    return failure();
  Shape shape = shapeOf(logProbs);
  bool isBatched = shape.size() == 3;
  Dim batch = isBatched ? shape[1] : dimOf(loc.getContext(), 1);
  if (failed(expectRank(loc, "targets", targets, isBatched ? Ints{2, 1} : Ints{1},
                        isBatched ? "[N, S] or [sum of the target lengths]" : "[S]")) ||
      failed(expectLengths(loc, "input_lengths", op.getInputLengths(), isBatched, batch)) ||
      failed(expectLengths(loc, "target_lengths", op.getTargetLengths(), isBatched, batch)))
    return failure();
  if (rankOf(targets) == 2 && failed(requireEqual(loc, "targets", shapeOf(targets)[0], batch,
                                                  "size {value} at dimension 0, expected " + toString(batch) +
                                                      " as 'log_probs' has at dimension 1 [NNFC-E0208]")))
    return failure();
  int64_t blank = op.getBlank();
  if (blank < 0)
    return argumentError(loc, "blank") << blank << ", expected at least 0 [NNFC-E0213]";
  if (failed(requireSize(loc, "blank", shape.back(), shape.back() - (blank + 1),
                         Twine(blank) + ", expected a class below {value} [NNFC-E0213]")))
    return failure();
  return reducedLoss(lossReductionOf(loc, op), isBatched ? ArrayRef<Dim>(batch) : ArrayRef<Dim>(), elementOf(logProbs),
                     types);
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/ClassLoss.cpp.inc"

void nnf::addClassLossOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/ClassLoss.cpp.inc"
      >();
}
