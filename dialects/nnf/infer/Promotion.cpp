#include "dialects/nnf/infer/Promotion.h"

using namespace mlir;
namespace nnf {

Type promote(Type a, Type b) {
  if (a == b)
    return a;
  MLIRContext *context = a.getContext();
  if (isFloat(a) != isFloat(b))
    return isFloat(a) ? a : b;
  unsigned left = a.getIntOrFloatBitWidth(), right = b.getIntOrFloatBitWidth();
  if (isFloat(a)) {
    // float16 with bfloat16: neither holds the other.
    if (left == right)
      return Float32Type::get(context);
    return left > right ? a : b;
  }
  if (isBool(a) || isBool(b))
    return isBool(a) ? b : a;
  if (isUnsigned(a) == isUnsigned(b))
    return left > right ? a : b;
  unsigned isigned = isUnsigned(a) ? right : left, iunsigned = isUnsigned(a) ? left : right;
  return IntegerType::get(context, isigned > iunsigned ? isigned : std::min(64u, iunsigned * 2));
}

/// The type of the higher class, unless the lower class has a higher category.
static Type combine(Type higher, Type lower) {
  if (!higher || !lower)
    return higher ? higher : lower;
  if (isFloat(higher))
    return higher;
  if (isBool(higher) || isFloat(lower))
    return promote(higher, lower);
  return higher;
}

Type promoteTypes(ArrayRef<Value> operands) {
  Type tensors, scalars, numbers;
  auto join = [](Type &into, Type element) { into = into ? promote(into, element) : element; };
  for (Value operand : operands) {
    if (!operand)
      continue;
    Type element = elementOf(operand);
    if (numberOf(operand))
      join(numbers, isFloat(element) ? Float32Type::get(element.getContext()) : element);
    else
      join(rankOf(operand) == 0 ? scalars : tensors, element);
  }
  return combine(tensors, combine(scalars, numbers));
}

FailureOr<Shape> broadcastShapes(Location loc, StringRef argument, ArrayRef<Dim> a, ArrayRef<Dim> b) {
  Shape shape(a.size() > b.size() ? a : b);
  size_t rank = shape.size();
  for (size_t i = 0, common = std::min(a.size(), b.size()); i < common; ++i) {
    Dim left = a[a.size() - 1 - i], right = b[b.size() - 1 - i];
    Dim &result = shape[rank - 1 - i];
    if (isConstant(right, 1) || sameDim(left, right)) {
      result = left;
    } else if (isConstant(left, 1)) {
      result = right;
    } else if (constantOf(left) && constantOf(right)) {
      return argumentError(loc, argument)
             << "shape " << toString(b) << " does not broadcast with " << toString(a) << ": sizes " << toString(right)
             << " and " << toString(left) << " at dimension " << rank - 1 - i << " [NNFC-E0209]";
    } else {
      result = jointOf(left, right);
      if (failed(requireJoins(loc, argument, left, right, rank - 1 - i)))
        return failure();
    }
  }
  return shape;
}

FailureOr<Shape> broadcastAll(Location loc, ArrayRef<StringRef> arguments, ArrayRef<Value> values) {
  Shape shape;
  for (auto [argument, value] : llvm::zip_equal(arguments, values)) {
    if (!value)
      continue;
    FailureOr<Shape> joined = broadcastShapes(loc, argument, shape, shapeOf(value));
    if (failed(joined))
      return failure();
    shape = *joined;
  }
  return shape;
}

LogicalResult expectBroadcastsTo(Location loc, StringRef argument, Value value, ArrayRef<Dim> shape) {
  if (!value)
    return success();
  Shape from = shapeOf(value);
  int64_t first = static_cast<int64_t>(shape.size()) - static_cast<int64_t>(from.size());
  bool fits = first >= 0;
  for (int64_t d = 0, rank = from.size(); fits && d < rank; ++d) {
    Dim to = shape[first + d];
    if (isConstant(from[d], 1) || sameDim(from[d], to))
      continue;
    fits = !(constantOf(from[d]) && constantOf(to));
    if (fits && failed(requireRepeats(loc, argument, from[d], to, d)))
      return failure();
  }
  if (fits)
    return success();
  return argumentError(loc, argument) << "shape " << toString(from) << ", expected one that broadcasts to "
                                      << toString(shape) << " [NNFC-E0209]";
}

} // namespace nnf
