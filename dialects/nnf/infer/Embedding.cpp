// Result types of tables of vectors.
#include "dialects/nnf/infer/Arguments.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Embedding.h.inc"

using namespace mlir;
namespace nnf {

/// What embedding and embedding_bag ask of their table and its parameters; adds the changed table to `types`.
template <typename Adaptor> static LogicalResult expectTable(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  Value weight = op.getWeight();
  if (failed(expectIndices(loc, "input", op.getInput(), /*narrow=*/true)) ||
      failed(expectRank(loc, "weight", weight, {2}, "[V, D]")))
    return failure();
  if (std::optional<int64_t> padding = op.getPaddingIdx(), rows = constantOf(shapeOf(weight)[0]);
      padding && rows && (*padding < -*rows || *padding >= *rows))
    return argumentError(loc, "padding_idx")
           << *padding << ", expected " << -*rows << " to " << *rows - 1 << " [NNFC-E0213]";
  if (op.getMaxNorm()) {
    if (failed(expectFloat(loc, "weight", weight)))
      return failure();
    types.push_back(weight.getType());
  }
  return success();
}

NNF_INFER(EmbeddingOp) {
  types.push_back(Type());
  if (failed(expectTable(loc, op, types)))
    return failure();
  Shape shape = shapeOf(op.getInput());
  shape.push_back(shapeOf(op.getWeight())[1]);
  types[0] = tensorOf(shape, elementOf(op.getWeight()));
  return success();
}

NNF_INFER(EmbeddingBagOp) {
  Value input = op.getInput(), weight = op.getWeight(), offsets = op.getOffsets(), scales = op.getPerSampleWeights();
  types.push_back(Type());
  if (failed(expectFloat(loc, "weight", weight)) || failed(expectTable(loc, op, types)) ||
      failed(expectRank(loc, "input", input, {1, 2}, "[L] or [B, L]")) ||
      failed(expectWord(loc, "mode", op.getMode(), {"sum", "mean", "max"})))
    return failure();
  if (op.getMode() == "max" && op.getScaleGradByFreq())
    return argumentError(loc, "scale_grad_by_freq") << "true, expected false with mode 'max' [NNFC-E0215]";
  Dim bags = shapeOf(input)[0];
  if (rankOf(input) == 2) {
    if (offsets)
      return argumentError(loc, "offsets") << "given, expected none with an input of rank 2 [NNFC-E0215]";
  } else {
    if (!offsets)
      return argumentError(loc, "offsets") << "missing, expected a vector with an input of rank 1 [NNFC-E0204]";
    if (failed(expectElement(loc, "offsets", offsets, elementOf(input))) ||
        failed(expectRank(loc, "offsets", offsets, {1}, "[B]")))
      return failure();
    bags = simplify(shapeOf(offsets)[0] - (op.getIncludeLastOffset() ? 1 : 0));
    if (failed(requireSize(loc, "offsets", shapeOf(offsets)[0], bags,
                           "shape [{value}], expected at least 1 entry when include_last_offset is true [NNFC-E0217]")))
      return failure();
  }
  if (scales && op.getMode() != "sum")
    return argumentError(loc, "per_sample_weights")
           << "given, expected none with mode '" << op.getMode() << "' [NNFC-E0215]";
  if (failed(expectElement(loc, "per_sample_weights", scales, elementOf(weight), "weight")) ||
      failed(expectShape(loc, "per_sample_weights", scales, shapeOf(input), "the shape of 'input'")))
    return failure();
  types[0] = tensorOf({bags, shapeOf(weight)[1]}, elementOf(weight));
  return success();
}

NNF_INFER(OneHotOp) {
  if (failed(expectIndices(loc, "tensor", op.getTensor(), /*narrow=*/false)))
    return failure();
  int64_t classes = op.getNumClasses();
  if (classes < 1 && classes != -1)
    return argumentError(loc, "num_classes") << classes << ", expected at least 1, or -1 [NNFC-E0213]";
  Shape shape = shapeOf(op.getTensor());
  if (classes == -1) {
    Dim elements = productOf(loc.getContext(), shape);
    FailureOr<Dim> size = sizeOfData(loc, op.getAttributes());
    if (failed(size) || failed(requireSize(loc, "tensor", elements, elements - 1,
                                           "shape " + toString(shape) +
                                               ", expected at least 1 element when num_classes is -1 [NNFC-E0217]")))
      return failure();
    shape.push_back(*size);
  } else {
    shape.push_back(dimOf(loc.getContext(), classes));
  }
  types.push_back(tensorOf(shape, IntegerType::get(loc.getContext(), 64)));
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Embedding.cpp.inc"

void nnf::addEmbeddingOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Embedding.cpp.inc"
      >();
}
