// Result types of normalizations.
#include "dialects/nnf/infer/Arguments.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Normalization.h.inc"

using namespace mlir;
namespace nnf {

/// Statistics want more than one value per `unit`; none at all has none to be wrong.
static LogicalResult expectManyValues(Location loc, Value input, ArrayRef<Dim> counted, StringRef unit) {
  Dim product = productOf(loc.getContext(), counted), zero = dimOf(loc.getContext(), 0);
  if (isConstant(product, 1))
    return argumentError(loc, "input") << "shape " << toString(shapeOf(input)) << " has one value per " << unit
                                       << ", expected more than one [NNFC-E0217]";
  Dim distance = maxOf(product, zero - product + 2) - 2; // -1 for a product of 1 only
  return requireSize(loc, "input", product, distance,
                     "{value} value per " + unit + ", expected more than one [NNFC-E0217]");
}

template <typename Adaptor> static LogicalResult expectChannelTensors(Location loc, Adaptor op) {
  Value input = op.getInput();
  Dim channels = shapeOf(input)[1];
  std::pair<StringRef, Value> tensors[] = {{"running_mean", op.getRunningMean()},
                                           {"running_var", op.getRunningVar()},
                                           {"weight", op.getWeight()},
                                           {"bias", op.getBias()}};
  for (auto [name, tensor] : tensors)
    if (failed(expectElement(loc, name, tensor, elementOf(input))) ||
        failed(expectShape(loc, name, tensor, {channels}, "[C]")))
      return failure();
  return success();
}

template <typename Adaptor> static LogicalResult expectRunning(Location loc, Adaptor op, StringRef when) {
  if (!op.getRunningMean())
    return argumentError(loc, "running_mean") << "missing, expected a tensor [C] " << when << " [NNFC-E0204]";
  if (!op.getRunningVar())
    return argumentError(loc, "running_var") << "missing, expected a tensor [C] " << when << " [NNFC-E0204]";
  return success();
}

NNF_INFER(BatchNormOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  if (rankOf(input) < 2)
    return argumentError(loc, "input") << "rank " << rankOf(input) << ", expected at least 2 [N, C, ...] [NNFC-E0207]";
  if (failed(expectChannelTensors(loc, op)))
    return failure();
  types.push_back(input.getType());
  if (!op.getTraining())
    return expectRunning(loc, op, "when training is false");

  Shape shape = shapeOf(input), others(shape);
  others.erase(others.begin() + 1);
  if (failed(expectManyValues(loc, input, others, "channel")))
    return failure();
  Type statistics = tensorOf({shape[1]}, elementOf(input));
  types.append({statistics, statistics});
  return success();
}

NNF_INFER(InstanceNormOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  if (rankOf(input) < 3)
    return argumentError(loc, "input") << "rank " << rankOf(input) << ", expected at least 3 [N, C, ...] [NNFC-E0207]";
  if (failed(expectChannelTensors(loc, op)))
    return failure();
  types.push_back(input.getType());
  if (!op.getUseInputStats())
    return expectRunning(loc, op, "when use_input_stats is false");

  Shape shape = shapeOf(input);
  if (failed(expectManyValues(loc, input, ArrayRef<Dim>(shape).drop_front(2), "channel")))
    return failure();
  if (op.getRunningMean() || op.getRunningVar()) {
    Type statistics = tensorOf({shape[1]}, elementOf(input));
    types.append({statistics, statistics});
  }
  return success();
}

/// normalized_shape as sizes: the trailing ones of the input.
static FailureOr<Shape> normalizedShape(Location loc, Value input, Ints normalized) {
  Shape shape = shapeOf(input), expected;
  for (int64_t size : normalized)
    expected.push_back(dimOf(loc.getContext(), size));
  if (expected.empty())
    return argumentError(loc, "normalized_shape") << "empty, expected the last sizes of 'input' [NNFC-E0208]";
  if (expected.size() > shape.size() || !agree(loc, "input", ArrayRef<Dim>(shape).take_back(expected.size()), expected))
    return argumentError(loc, "normalized_shape")
           << toString(expected) << ", expected the last sizes of 'input', " << toString(shape) << " [NNFC-E0208]";
  return expected;
}

NNF_INFER(LayerNormOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  FailureOr<Shape> normalized = normalizedShape(loc, input, op.getNormalizedShape());
  if (failed(normalized))
    return failure();
  std::pair<StringRef, Value> tensors[] = {{"weight", op.getWeight()}, {"bias", op.getBias()}};
  for (auto [name, tensor] : tensors)
    if (failed(expectElement(loc, name, tensor, elementOf(input))) ||
        failed(expectShape(loc, name, tensor, *normalized, "normalized_shape")))
      return failure();
  types.push_back(input.getType());
  return success();
}

NNF_INFER(RmsNormOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  FailureOr<Shape> normalized = normalizedShape(loc, input, op.getNormalizedShape());
  if (failed(normalized) || failed(expectElement(loc, "weight", op.getWeight(), elementOf(input))) ||
      failed(expectShape(loc, "weight", op.getWeight(), *normalized, "normalized_shape")))
    return failure();
  types.push_back(input.getType());
  return success();
}

NNF_INFER(GroupNormOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  if (rankOf(input) < 2)
    return argumentError(loc, "input") << "rank " << rankOf(input) << ", expected at least 2 [N, C, ...] [NNFC-E0207]";
  Shape shape = shapeOf(input);
  int64_t groups = op.getNumGroups();
  if (groups < 1)
    return argumentError(loc, "num_groups") << groups << ", expected at least 1 [NNFC-E0213]";
  FailureOr<Dim> perGroup =
      requireQuotient(loc, "num_groups", shape[1], dimOf(loc.getContext(), groups),
                      Twine(groups) + ", expected a divisor of the {value} channels [NNFC-E0216]");
  if (failed(perGroup))
    return failure();
  Shape group{*perGroup};
  llvm::append_range(group, ArrayRef<Dim>(shape).drop_front(2));
  if (failed(expectManyValues(loc, input, group, "group")))
    return failure();
  std::pair<StringRef, Value> tensors[] = {{"weight", op.getWeight()}, {"bias", op.getBias()}};
  for (auto [name, tensor] : tensors)
    if (failed(expectElement(loc, name, tensor, elementOf(input))) ||
        failed(expectShape(loc, name, tensor, {shape[1]}, "[C]")))
      return failure();
  types.push_back(input.getType());
  return success();
}

NNF_INFER(LocalResponseNormOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  if (rankOf(input) < 3)
    return argumentError(loc, "input") << "rank " << rankOf(input) << ", expected at least 3 [N, C, ...] [NNFC-E0207]";
  if (static_cast<int64_t>(op.getSize()) < 1)
    return argumentError(loc, "size") << static_cast<int64_t>(op.getSize()) << ", expected at least 1 [NNFC-E0213]";
  types.push_back(input.getType());
  return success();
}

NNF_INFER(NormalizeOp) {
  if (failed(wrapDims(loc, "dim", op.getDim(), rankOf(op.getInput()))))
    return failure();
  return likeFloatInput(loc, op, types);
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Normalization.cpp.inc"

void nnf::addNormalizationOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Normalization.cpp.inc"
      >();
}
