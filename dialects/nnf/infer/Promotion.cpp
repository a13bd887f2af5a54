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
    } else {
      auto error = argumentError(loc, argument)
                   << "shape " << toString(b) << " does not broadcast with " << toString(a) << ": ";
      if (constantOf(left) && constantOf(right))
        return error << "sizes " << toString(right) << " and " << toString(left) << " at dimension " << rank - 1 - i
                     << " [NNFC-E0209]";
      return error << toString(right) << " and " << toString(left)
                   << " are not known to be equal; equal sizes need the same symbol [NNFC-E0209]";
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

} // namespace nnf
