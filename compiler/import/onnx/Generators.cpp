// Tensors out of nothing: constants, ranges, diagonals.
#include "compiler/import/onnx/Declared.h"
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/Tensors.h"

#include <cmath>

using namespace mlir;
namespace nnf::onnx {
namespace {

void constant(Call &call) {
  using Kind = Attribute::Kind;
  if (call.node.attributes.size() != 1)
    return void(call.error() << static_cast<int64_t>(call.node.attributes.size())
                             << " attributes, expected exactly one value");
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
  call.error(value.name) << StringRef(kind.data(), kind.size()) << ", expected a tensor or numbers";
}

void constantOfShape(Call &call) {
  std::optional<Shape> sizes =
      declaredSizes(call, "shape", [](Primitives &p, Value given, Value declared) { return p.eq(given, declared); });
  if (!sizes)
    return;
  for (Dim size : *sizes)
    if (std::optional<int64_t> number = constantOf(size); number && *number < 0)
      return void(call.error("input") << toString(*sizes) << ", expected sizes of 0 or more");
  Known fill{Float32Type::get(call.context()), {}, {}};
  fill.values.push_back(fill.ofNumber(0));
  if (const Attribute *value = call.attribute("value", Attribute::Kind::Tensor)) {
    const Tensor &tensor = *value->tensor;
    std::optional<Known> stored =
        knownOf(call.context(), tensor.type, tensor.dims, {tensor.bytes.data(), tensor.bytes.size()});
    if (!stored || stored->values.size() != 1)
      return void(call.error("value") << tensor.numElements << " elements of type " << dataTypeName(tensor.type)
                                      << ", expected one number");
    fill = *stored;
    fill.shape.clear();
  }
  call.result(call.full(*sizes, fill));
}

/// A range of a declared length whose numbers only the run knows. False when no length is declared.
bool rangeAsDeclared(Call &call) {
  std::optional<Shape> declared = call.importer.declaredShape(call.node.outputs.front());
  if (!declared || declared->size() != 1)
    return false;
  std::string text = "node '" + call.node.name + "' (Range), argument 'limit': {value}, expected one that gives the " +
                     toString(*declared) + " elements the model declares";
  call.result(call.primitives({call.input(0), call.input(1), call.input(2)}, [&](Primitives &p, ArrayRef<Value> in) {
    Value start = p.reshape(in[0], {}), limit = p.reshape(in[1], {}), delta = p.reshape(in[2], {});
    Type element = Primitives::elementOf(start), f64 = Float64Type::get(call.context());
    auto wide = [&](Value x) { return p.convert(x, f64); };
    // count - 1 < (limit - start) / delta <= count; nothing where that is not above 0.
    Value span = p.div(p.sub(wide(limit), wide(start)), wide(delta)), count = p.size(declared->front(), f64);
    Value fits = p.bitAnd(p.le(span, count), p.bitOr(p.lt(p.sub(count, 1), span), p.eq(count, 0)));
    p.check(fits, limit, text);
    return p.add(p.mul(p.iota(*declared, 0, element), delta), start);
  }));
  return true;
}

void range(Call &call) {
  const Known *start = call.known(0), *limit = call.known(1), *delta = call.known(2);
  auto isOne = [](const Known *known) { return known && known->values.size() == 1; };
  if ((!isOne(start) || !isOne(limit) || !isOne(delta)) && rangeAsDeclared(call))
    return;
  if (!isOne(start) || !isOne(limit) || !isOne(delta))
    return void(call.error() << "'start', 'limit' and 'delta' are known at run time only, "
                             << "expected constants or something computed from sizes");
  Type element = start->element;
  if (start->isFloat()) {
    std::optional<double> first = start->number(0), end = limit->number(0), step = delta->number(0);
    if (!first || !end || !step || *step == 0)
      return void(call.error("delta") << "expected numbers without symbolic sizes, and a step other than 0");
    double count = std::max(std::ceil((*end - *first) / *step), 0.0);
    if (!(count <= maxKnownElements * 1024.0))
      return void(call.error("limit") << "gives " << std::to_string(count) << " elements, expected fewer");
    // ONNX's definition adds up: start + i * delta, each in the element type.
    TensorId index = call.primitives({}, [&](Primitives &p, ArrayRef<Value>) {
      return p.iota({call.size(static_cast<int64_t>(count))}, 0, element);
    });
    return call.result(call.add(call.mul(index, *step), *first));
  }
  std::optional<int64_t> step = delta->integer(0);
  if (!step || *step == 0)
    return void(call.error("delta") << "expected a number other than 0");
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
    return void(call.error() << "input " << toString(shape) << ", expected a matrix, and a supported dtype");
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
