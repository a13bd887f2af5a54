#include "compiler/import/onnx/RunTime.h"
#include "compiler/import/onnx/Importer.h"

using namespace mlir;
namespace nnf::onnx {

bool isRunTime(ArrayRef<Scalar> elements) {
  return !llvm::all_of(elements, [](const Scalar &element) { return element.isKnown(); });
}

Value RunTime::value(const Scalar &element) { return call.importer.valueOf(element, location()); }

Value RunTime::number(TensorId tensor, Type element) {
  return convert(reshape(call.graph().value(tensor), {}), element);
}

SmallVector<Value> RunTime::values(ArrayRef<Scalar> elements) {
  return llvm::map_to_vector(elements, [&](const Scalar &element) { return value(element); });
}

Value RunTime::product(ArrayRef<Value> factors) {
  Value result = value(1);
  for (Value factor : factors)
    result = mul(result, factor);
  return result;
}

SmallVector<Value> RunTime::axes(ArrayRef<Scalar> given, int64_t rank, StringRef name) {
  return llvm::map_to_vector(given, [&](const Scalar &axis) {
    Value number = value(axis), wrapped = select(lt(number, 0), add(number, static_cast<double>(rank)), number);
    check(bitAnd(ge(wrapped, 0), lt(wrapped, static_cast<double>(rank))), number,
          message(name, "{value}, expected " + std::to_string(-rank) + " to " + std::to_string(rank - 1)) +
              " [NNFC-E0504]");
    return wrapped;
  });
}

Value RunTime::isAmong(int64_t dim, ArrayRef<Value> axes) {
  Value found;
  for (Value axis : axes) {
    Value isThis = eq(axis, static_cast<double>(dim));
    found = found ? bitOr(found, isThis) : isThis;
  }
  return found ? found : scalar(0, IntegerType::get(context(), 1));
}

SmallVector<Value> RunTime::without(ArrayRef<Value> sizes, ArrayRef<Value> flags, int64_t rank) {
  SmallVector<Value> kept(rank, value(0));
  Value place = value(0); // of the next one that stays
  for (auto [size, flag] : llvm::zip(sizes, flags)) {
    for (auto [i, slot] : llvm::enumerate(kept))
      slot = select(bitAnd(logicalNot(flag), eq(place, static_cast<double>(i))), size, slot);
    place = add(place, convert(logicalNot(flag), i64()));
  }
  check(eq(place, static_cast<double>(rank)), place,
        message("axes", "{value} dimensions are left, expected " + std::to_string(rank) +
                            " (is one named twice?) [NNFC-E0504]"));
  return kept;
}

Dim RunTime::outputSize(Value number, int64_t dim, int64_t rank, size_t output) {
  Dim size = declaredSize(number, dim, rank, output);
  return size ? size : call.graph().addDataSize(call.graph().adopt(number), location());
}

Dim RunTime::outputSize(const Scalar &number, StringRef argument, int64_t dim, int64_t rank, size_t output) {
  if (number.isKnown())
    return number.size;
  Dim size = declaredSize(value(number), dim, rank, output);
  return size ? size : call.sizeOf(number, argument);
}

Dim RunTime::declaredSize(int64_t dim, int64_t rank, size_t output) {
  std::optional<Shape> declared = call.declared(output);
  return declared && static_cast<int64_t>(declared->size()) == rank ? (*declared)[dim] : Dim();
}

Dim RunTime::declaredSize(Value number, int64_t dim, int64_t rank, size_t output) {
  Dim size = declaredSize(dim, rank, output);
  if (!size)
    return {};
  check(eq(number, value(size)), number,
        nodeMessage(location(), "size {value} in dimension " + std::to_string(dim) + ", expected " + toString(size) +
                                    ", which the model declares for '" + call.node.outputs[output] + "' [NNFC-E0504]"));
  return size;
}

Shape RunTime::outputShape(ArrayRef<Value> sizes) {
  Shape shape;
  for (auto [dim, size] : llvm::enumerate(sizes))
    shape.push_back(outputSize(size, dim, sizes.size()));
  return shape;
}

Shape RunTime::outputShape(ArrayRef<Scalar> sizes, StringRef argument) {
  Shape shape;
  for (auto [dim, size] : llvm::enumerate(sizes))
    shape.push_back(outputSize(size, argument, dim, sizes.size()));
  return shape;
}

Value RunTime::take(Value x, int64_t dim, Value index, Value fill) {
  return pick(x, dim, index, BoundsKind::Fill, "", fill ? fill : scalar(0, elementOf(x)));
}

} // namespace nnf::onnx
