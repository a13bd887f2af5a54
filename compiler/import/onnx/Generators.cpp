// Tensors out of nothing: constants, ranges, diagonals.
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"
#include "compiler/import/onnx/Tensors.h"

#include <cmath>

using namespace mlir;
namespace nnf::onnx {
namespace {

void constant(Call &call) {
  using Kind = Attribute::Kind;
  if (call.node.attributes.size() != 1)
    return void(call.error() << static_cast<int64_t>(call.node.attributes.size())
                             << " attributes, expected exactly one value [NNFC-E0305]");
  const Attribute &value = call.node.attributes.front();
  Known known;
  Type f32 = Float32Type::get(call.context()), i64 = IntegerType::get(call.context(), 64);
  auto numbers = [&](Type element, const auto &list, bool isList) {
    known.element = element;
    if (isList)
      known.shape.push_back(list.size());
    for (auto number : list)
      known.values.push_back(known.isFloat() ? known.ofNumber(number) : Scalar{call.size(number)});
    call.output(0, std::move(known));
  };
  if (value.name == "value" && value.tensor)
    return call.importer.define(call.scope, call.node.outputs[0], value.tensor);
  if (value.name == "sparse_value" && value.sparse) {
    std::string fault;
    std::optional<Tensor> dense = densified(*value.sparse, fault);
    if (!dense)
      return void(call.error("sparse_value") << fault);
    return call.importer.define(call.scope, call.node.outputs[0], std::make_shared<Tensor>(std::move(*dense)));
  }
  if (value.name == "value_float" && value.kind == Kind::Float)
    return numbers(f32, std::vector<double>{value.f}, false);
  if (value.name == "value_int" && value.kind == Kind::Int)
    return numbers(i64, std::vector<int64_t>{value.i}, false);
  if (value.name == "value_floats" && (value.kind == Kind::Floats))
    return numbers(f32, value.floats, true);
  if (value.name == "value_ints" && (value.kind == Kind::Ints))
    return numbers(i64, value.ints, true);
  std::string_view kind = kindText(value.kind);
  call.error(value.name) << StringRef(kind.data(), kind.size()) << ", expected a tensor or numbers [NNFC-E0213]";
}

void constantOfShape(Call &call) {
  std::optional<SmallVector<Scalar>> given = call.numbers("shape");
  if (!given)
    return;
  RunTime r(call);
  Shape sizes = r.outputShape(*given, "input");
  for (Dim size : sizes)
    if (std::optional<int64_t> number = constantOf(size); number && *number < 0)
      return void(call.error("input") << toString(sizes) << ", expected sizes of 0 or more [NNFC-E0213]");
  Known fill{Float32Type::get(call.context()), {}, {}};
  fill.values.push_back(fill.ofNumber(0));
  if (const Attribute *value = call.attribute("value", Attribute::Kind::Tensor)) {
    const Tensor &tensor = *value->tensor;
    std::optional<Known> stored =
        knownOf(call.context(), tensor.type, tensor.dims, {tensor.bytes.data(), tensor.bytes.size()});
    if (!stored || stored->values.size() != 1)
      return void(call.error("value") << tensor.numElements << " elements of type " << dataTypeName(tensor.type)
                                      << ", expected one number [NNFC-E0206]");
    fill = *stored;
    fill.shape.clear();
  }
  call.result(call.full(sizes, fill));
}

/// start + i * delta in the type of the numbers, as many as are before `limit`.
void rangeAtRunTime(Call &call) {
  TensorId inputs[] = {call.input(0), call.input(1), call.input(2)};
  if (call.hasFailed())
    return;
  RunTime r(call);
  Type element = call.element(inputs[0]);
  // Few float types have exact integers enough for the count.
  bool isFloat = isa<FloatType>(element);
  Type wide = isFloat ? r.f64() : r.i64();
  Value start = r.number(inputs[0], wide), limit = r.number(inputs[1], wide), delta = r.number(inputs[2], wide);
  r.check(r.ne(delta, 0), delta, r.message("delta", "{value}, expected a number other than 0 [NNFC-E0213]"));
  Value count;
  if (isFloat) {
    // The ceiling; beyond any size, and still an int64.
    Value steps = r.neg(r.floor(r.neg(r.div(r.sub(limit, start), delta))));
    count = r.convert(r.min(r.max(steps, 0), 0x1p62), r.i64());
  } else {
    Value isBack = r.lt(delta, 0), stride = r.max(r.abs(delta), 1);
    Value span = r.select(isBack, r.sub(start, limit), r.sub(limit, start));
    count = r.select(r.gt(span, 0), r.add(r.div(r.sub(span, 1), stride), 1), 0);
  }
  const Known *first = call.elements(0), *last = call.elements(1), *step = call.elements(2);
  auto isNumber = [](const Known *known, int64_t number) {
    return known && known->values[0].isKnown() && isConstant(known->values[0].size, number);
  };
  // A range up to a number has as many elements as a tensor with that size.
  Dim length = !isFloat && isNumber(first, 0) && isNumber(step, 1) && last && !r.declaredSize(0, 1)
                   ? call.importer.sizeOf(last->values[0], call.location())
                   : r.outputSize(count, 0, 1);
  Value index = r.iota({length}, 0, element);
  call.result(call.graph().adopt(r.add(r.mul(index, r.number(inputs[2], element)), r.number(inputs[0], element))));
}

void range(Call &call) {
  const Known *start = call.known(0), *limit = call.known(1), *delta = call.known(2);
  for (size_t i = 0; i < 3; ++i)
    if (Shape shape = call.inputShape(i); !isConstant(productOf(call.context(), shape), 1))
      return void(call.error() << "input " << i << " is " << toString(shape) << ", expected one number [NNFC-E0213]");
  if (!start || !limit || !delta)
    return rangeAtRunTime(call);
  Type element = start->element;
  if (start->isFloat()) {
    std::optional<double> first = start->number(0), end = limit->number(0), step = delta->number(0);
    if (!first || !end || !step || *step == 0)
      return void(
          call.error("delta") << "expected numbers without symbolic sizes, and a step other than 0 [NNFC-E0219]");
    double count = std::max(std::ceil((*end - *first) / *step), 0.0);
    if (!(count <= maxKnownElements * 1024.0))
      return void(call.error("limit") << "gives " << std::to_string(count) << " elements, expected fewer [NNFC-E0222]");
    // ONNX's definition adds up: start + i * delta, each in the element type.
    TensorId index = call.primitives({}, [&](Primitives &p, ArrayRef<Value>) {
      return p.iota({call.size(static_cast<int64_t>(count))}, 0, element);
    });
    return call.result(call.add(call.mul(index, *step), *first));
  }
  std::optional<int64_t> step = delta->integer(0);
  if (!step || *step == 0)
    return void(call.error("delta") << "expected a number other than 0 [NNFC-E0213]");
  Dim first = start->values[0].size, end = limit->values[0].size;
  Dim span = simplify(*step > 0 ? end - first : first - end);
  Dim count = simplify(std::abs(*step) == 1 ? span : span.ceilDiv(std::abs(*step)));
  if (std::optional<int64_t> number = constantOf(count); number && *number < 0)
    count = call.size(0);
  call.result(call.primitives({}, [&](Primitives &p, ArrayRef<Value>) {
    return p.add(p.mul(p.iota({count}, 0, element), p.scalar(static_cast<double>(*step), element)),
                 p.size(first, element));
  }));
}

void eyeLike(Call &call) {
  Shape shape = call.inputShape(0);
  Type element = call.inputElement(0);
  if (call.hasAttribute("dtype"))
    element = elementTypeOf(call.context(), static_cast<DataType>(call.integer("dtype", 0)));
  int64_t k = call.integer("k", 0);
  if (call.hasFailed())
    return;
  if (shape.size() != 2 || !element)
    return void(call.error() << "input " << toString(shape)
                             << ", expected a matrix, and a supported dtype [NNFC-E0206]");
  call.result(call.primitives({}, [&](Primitives &p, ArrayRef<Value>) {
    Type i64 = IntegerType::get(call.context(), 64);
    return p.convert(p.eq(p.add(p.iota(shape, 0, i64), p.scalar(static_cast<double>(k), i64)), p.iota(shape, 1, i64)),
                     element);
  }));
}

} // namespace

void addGenerators(OpTable &table) {
  table.add("Constant", 1, constant);
  table.add("ConstantOfShape", 9, constantOfShape);
  table.add("Range", 11, range);
  table.add("EyeLike", 9, eyeLike);
}

} // namespace nnf::onnx
