// Result types of matrix products.
#include "dialects/nnf/infer/Promotion.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Linear.h.inc"

using namespace mlir;
namespace nnf {

NNF_INFER(LinearOp) {
  Value input = op.getInput(), weight = op.getWeight(), bias = op.getBias();
  if (failed(expectFloat(loc, "input", input)) || failed(expectElement(loc, "weight", weight, elementOf(input))) ||
      failed(expectElement(loc, "bias", bias, elementOf(input))) ||
      failed(expectRank(loc, "weight", weight, {2, 1}, "[out, in] or [in]")))
    return failure();
  if (rankOf(input) == 0)
    return argumentError(loc, "input") << "rank 0, expected at least 1 [..., in] [NNFC-E0207]";
  Shape shape = shapeOf(input);
  if (failed(expectSize(loc, "weight", weight, rankOf(weight) - 1, shape.back(), "the last dimension of 'input'")))
    return failure();
  shape.pop_back();
  if (rankOf(weight) == 2)
    shape.push_back(shapeOf(weight)[0]);
  else if (bias)
    return argumentError(loc, "bias") << "given, expected none with a weight of rank 1 [NNFC-E0215]";
  types.push_back(tensorOf(shape, elementOf(input)));
  return expectBroadcastsTo(loc, "bias", bias, shape);
}

NNF_INFER(BilinearOp) {
  Value x1 = op.getInput1(), x2 = op.getInput2(), weight = op.getWeight();
  if (failed(expectFloat(loc, "input1", x1)) || failed(expectElement(loc, "input2", x2, elementOf(x1), "input1")) ||
      failed(expectElement(loc, "weight", weight, elementOf(x1), "input1")) ||
      failed(expectElement(loc, "bias", op.getBias(), elementOf(x1), "input1")) ||
      failed(expectRank(loc, "weight", weight, {3}, "[out, in1, in2]")))
    return failure();
  for (auto [name, x] : {std::pair<StringRef, Value>{"input1", x1}, {"input2", x2}})
    if (rankOf(x) == 0)
      return argumentError(loc, name) << "rank 0, expected at least 1 [NNFC-E0207]";
  Shape left = shapeOf(x1), right = shapeOf(x2), kernel = shapeOf(weight);
  if (!agree(loc, "input2", ArrayRef<Dim>(right).drop_back(), ArrayRef<Dim>(left).drop_back()))
    return argumentError(loc, "input2") << "shape " << toString(right) << ", expected the leading sizes of 'input1', "
                                        << toString(left) << " [NNFC-E0208]";
  if (failed(expectSize(loc, "weight", weight, 1, left.back(), "'input1'")) ||
      failed(expectSize(loc, "weight", weight, 2, right.back(), "'input2'")) ||
      failed(expectShape(loc, "bias", op.getBias(), {kernel[0]}, "[out]")))
    return failure();
  left.back() = kernel[0];
  types.push_back(tensorOf(left, elementOf(x1)));
  return success();
}

NNF_INFER(MatmulOp) {
  Value a = op.getInput(), b = op.getOther();
  if (failed(expectElement(loc, "other", b, elementOf(a))))
    return failure();
  if (isBool(elementOf(a)))
    return argumentError(loc, "input") << "dtype bool, expected a number [NNFC-E0206]";
  for (auto [name, x] : {std::pair<StringRef, Value>{"input", a}, {"other", b}})
    if (rankOf(x) == 0)
      return argumentError(loc, name) << "rank 0, expected at least 1 [NNFC-E0207]";
  Shape left = shapeOf(a), right = shapeOf(b);
  int64_t summed = std::max<int64_t>(rankOf(b) - 2, 0);
  if (failed(expectSize(loc, "other", b, summed, left.back(), "the last dimension of 'input'")))
    return failure();
  FailureOr<Shape> shape =
      broadcastShapes(loc, "other", ArrayRef<Dim>(left).drop_back(std::min<size_t>(left.size(), 2)),
                      ArrayRef<Dim>(right).drop_back(std::min<size_t>(right.size(), 2)));
  if (failed(shape))
    return failure();
  if (left.size() > 1)
    shape->push_back(left[left.size() - 2]);
  if (right.size() > 1)
    shape->push_back(right.back());
  types.push_back(tensorOf(*shape, elementOf(a)));
  return success();
}

NNF_INFER(BmmOp) {
  Value a = op.getInput(), b = op.getMat2();
  if (failed(expectElement(loc, "mat2", b, elementOf(a))) || failed(expectRank(loc, "input", a, {3}, "[B, n, k]")) ||
      failed(expectRank(loc, "mat2", b, {3}, "[B, k, m]")))
    return failure();
  if (isBool(elementOf(a)))
    return argumentError(loc, "input") << "dtype bool, expected a number [NNFC-E0206]";
  Shape left = shapeOf(a), right = shapeOf(b);
  if (failed(expectSize(loc, "mat2", b, 0, left[0], "'input'")) ||
      failed(expectSize(loc, "mat2", b, 1, left[2], "the last dimension of 'input'")))
    return failure();
  types.push_back(tensorOf({left[0], left[1], right[2]}, elementOf(a)));
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Linear.cpp.inc"

void nnf::addLinearOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Linear.cpp.inc"
      >();
}
