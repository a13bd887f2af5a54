// Arithmetic, comparisons, logic and conversions: element by element, with broadcasting.
#include "compiler/import/onnx/Broadcast.h"
#include "compiler/import/onnx/OpTable.h"
#include "dialects/nnf/infer/Arguments.h"

#include <cmath>

using namespace mlir;
namespace nnf::onnx {

TensorId secondOperand(Call &call) {
  TensorId other = call.input(1);
  // Before version 7: no broadcasting unless asked for, and then from dimension `axis` on.
  if (call.version >= 7 || !call.flag("broadcast") || !call.hasAttribute("axis"))
    return other;
  int64_t rank = call.inputRank(0), first = call.axis(call.integer("axis", 0), rank, "axis", /*scalarOk=*/true);
  Shape shape = call.shape(other);
  while (!call.hasFailed() && static_cast<int64_t>(shape.size()) + first < rank)
    shape.push_back(call.size(1));
  return call.reshape(other, shape);
}

void alignDataSizes(Call &call, MutableArrayRef<TensorId> tensors, std::optional<int64_t> except) {
  SmallVector<Shape> shapes;
  size_t rank = 0;
  for (TensorId tensor : tensors)
    rank = std::max(rank, shapes.emplace_back(call.shape(tensor)).size());
  for (size_t fromEnd = 1; fromEnd <= rank; ++fromEnd) {
    if (except && *except == static_cast<int64_t>(rank - fromEnd))
      continue;
    Dim common; // one that the inputs decide, where there is one
    auto sizeIn = [&](Shape &shape) -> Dim * {
      bool isThere = fromEnd <= shape.size() && !isConstant(shape[shape.size() - fromEnd], 1);
      return isThere ? &shape[shape.size() - fromEnd] : nullptr;
    };
    for (Shape &shape : shapes)
      if (Dim *size = sizeIn(shape); size && (!common || (dependsOnData(common) && !dependsOnData(*size))))
        common = *size;
    for (Shape &shape : shapes)
      if (Dim *size = sizeIn(shape); size && dependsOnData(*size) && !sameDim(*size, common)) {
        call.requireEqual("input", *size, common,
                          "size {value}, expected " + toString(common) + " as another input [NNFC-E0208]");
        *size = common;
      }
  }
  for (auto [tensor, shape] : llvm::zip(tensors, shapes))
    if (!call.hasFailed() && !sameShape(call.shape(tensor), shape))
      tensor = call.primitives({tensor}, [&](Primitives &p, ArrayRef<Value> in) { return p.reshape(in[0], shape); });
}

Shape broadcastShapes(Call &call, ArrayRef<TensorId> tensors) {
  Shape result;
  for (TensorId tensor : tensors) {
    Shape shape = call.shape(tensor);
    while (result.size() < shape.size())
      result.insert(result.begin(), call.size(1));
    for (size_t i = 0; i < shape.size(); ++i) {
      Dim &size = result[result.size() - shape.size() + i];
      if (isConstant(size, 1))
        size = shape[i];
      else if (constantOf(size) && constantOf(shape[i]) && !isConstant(shape[i], 1) && size != shape[i])
        call.error() << "sizes " << toString(size) << " and " << toString(shape[i]) << " do not broadcast [NNFC-E0209]";
      else if (!isConstant(shape[i], 1) && !sameDim(size, shape[i])) {
        int64_t dim = result.size() - shape.size() + i;
        call.require([&](Location loc) { return requireJoins(loc, "input", size, shape[i], dim); });
        size = jointOf(size, shape[i]);
      }
    }
  }
  return result;
}

SmallVector<TensorId> broadcastTogether(Call &call, SmallVector<TensorId> tensors) {
  alignDataSizes(call, tensors);
  Shape shape = broadcastShapes(call, tensors);
  return llvm::to_vector(llvm::map_range(tensors, [&](TensorId tensor) { return call.expand(tensor, shape); }));
}

namespace {

template <const char *const &function> void unary(Call &call) { call.result(call.unary(function, call.input(0))); }
/// The two operands of an operator that broadcasts.
std::array<TensorId, 2> operands(Call &call) {
  std::array<TensorId, 2> xy{call.input(0), secondOperand(call)};
  alignDataSizes(call, xy);
  return xy;
}
template <const char *const &function> void binary(Call &call) {
  auto [x, y] = operands(call);
  call.result(call.binary(function, x, y));
}

constexpr const char *abs = "abs", *neg = "neg", *exp = "exp", *log = "log", *sqrt = "sqrt", *sin = "sin", *cos = "cos",
                     *erf = "erf", *reciprocal = "reciprocal", *floor = "floor", *ceil = "ceil", *round = "round",
                     *sign = "sign", *logicalNot = "logical_not", *isNan = "isnan";
constexpr const char *add = "add", *sub = "sub", *mul = "mul", *eq = "eq", *ne = "ne", *lt = "lt", *gt = "gt",
                     *le = "le", *ge = "ge", *logicalAnd = "logical_and", *logicalOr = "logical_or",
                     *minimum = "minimum", *maximum = "maximum";

void div(Call &call) {
  auto [x, y] = operands(call);
  // torch's plain division of integers gives floats.
  if (call.isFloat(x))
    return call.result(call.div(x, y));
  call.result(call.call("div", {{"input", x}, {"other", y}, {"rounding_mode", "trunc"}}));
}

void pow(Call &call) {
  auto [x, y] = operands(call);
  Type element = call.element(x);
  ArgumentValue exponent = y;
  // A number says more than a tensor: x*x for 2, sqrt for a half.
  if (const Known *known = call.known(1);
      known && known->values.size() == 1 && known->shape.size() <= call.shape(x).size())
    if (std::optional<double> number = known->number(0))
      exponent = *number == std::floor(*number) && std::abs(*number) < 1e9
                     ? ArgumentValue(static_cast<int64_t>(*number))
                     : ArgumentValue(*number);
  // The result has the type of the base, whatever torch would promote to.
  call.result(call.cast(call.call("pow", {{"input", x}, {"exponent", exponent}}), element));
}

/// The remainder with the sign of the dividend (C's), or of the divisor (Python's).
void mod(Call &call) {
  SmallVector<TensorId> xy = broadcastTogether(call, {call.input(0), call.input(1)});
  bool likeC = call.flag("fmod");
  if (call.hasFailed())
    return;
  bool isFloat = call.isFloat(xy[0]);
  if (isFloat && !likeC)
    return void(call.error("fmod") << "0 with elements of type " << dtypeName(call.element(xy[0]))
                                   << ", expected 1 for floats [NNFC-E0213]");
  std::string message = "node '" + call.node.name + "' (Mod): division by {value}, expected another number";
  Type element = call.element(xy[0]);
  // 16-bit floats are computed in float32, where the remainder is exact.
  Type wide = isFloat && element.getIntOrFloatBitWidth() < 32 ? Type(Float32Type::get(call.context())) : element;
  call.result(call.primitives(xy, [&](Primitives &p, ArrayRef<Value> in) -> Value {
    Value x = p.convert(in[0], wide), y = p.convert(in[1], wide);
    if (!isFloat)
      p.check(p.ne(y, 0), y, message);
    Value rest = p.rem(x, y);
    if (likeC)
      return p.convert(rest, element);
    Value differs = p.bitXor(p.lt(rest, 0), p.lt(y, 0));
    return p.select(p.bitAnd(p.ne(rest, 0), differs), p.add(rest, y), rest);
  }));
}

TensorId folded(Call &call, StringRef function) {
  SmallVector<TensorId> inputs;
  for (size_t i = 0; i < call.numInputs(); ++i)
    inputs.push_back(call.input(i));
  alignDataSizes(call, inputs);
  if (inputs.empty())
    return call.input(0); // reports
  TensorId result = inputs[0];
  for (TensorId input : ArrayRef(inputs).drop_front())
    result = call.binary(function, result, input);
  return result;
}
template <const char *const &function> void fold(Call &call) { call.result(folded(call, function)); }

void mean(Call &call) { call.result(call.div(folded(call, add), static_cast<double>(call.numInputs()))); }

/// An op of primitives on operands of one shape.
template <Value (Primitives::*op)(Operand, Operand)> void primitive(Call &call) {
  SmallVector<TensorId> xy = broadcastTogether(call, {call.input(0), call.input(1)});
  call.result(call.primitives(xy, [&](Primitives &p, ArrayRef<Value> in) { return (p.*op)(in[0], in[1]); }));
}

void bitNot(Call &call) {
  call.result(call.primitives({call.input(0)}, [](Primitives &p, ArrayRef<Value> in) { return p.logicalNot(in[0]); }));
}

void bitShift(Call &call) {
  std::string direction = call.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return void(call.error("direction") << "'" << direction << "', expected 'LEFT' or 'RIGHT' [NNFC-E0214]");
  direction == "LEFT" ? primitive<&Primitives::shl>(call) : primitive<&Primitives::shr>(call);
}

// ---- functions torch has and this build composes: each in the form that keeps its relative accuracy near 0

using Formula = Value (*)(Primitives &, Value);
template <Formula formula> void composed(Call &call) {
  TensorId x = call.input(0);
  Type element = call.element(x);
  // 16-bit types are computed in float32, as everywhere.
  Type wide = element.getIntOrFloatBitWidth() < 32 ? Type(Float32Type::get(call.context())) : element;
  call.result(call.primitives(
      {x}, [&](Primitives &p, ArrayRef<Value> in) { return p.convert(formula(p, p.convert(in[0], wide)), element); }));
}

Value tan(Primitives &p, Value x) { return p.div(p.sin(x), p.cos(x)); }
Value atan(Primitives &p, Value x) { return p.atan(x); }
// asin x = atan(x / sqrt((1 - x)(1 + x))); at 1 the quotient is infinite and its arc tangent pi/2.
Value asin(Primitives &p, Value x) { return p.atan(p.div(x, p.sqrt(p.mul(p.sub(1, x), p.add(1, x))))); }
// acos x = 2 atan(sqrt((1 - x) / (1 + x)))
Value acos(Primitives &p, Value x) { return p.mul(2, p.atan(p.sqrt(p.div(p.sub(1, x), p.add(1, x))))); }
// sinh x = (e + e / (e + 1)) / 2 with e = expm1(x); from the magnitude, so that it is odd and does not cancel.
Value sinh(Primitives &p, Value x) {
  Value e = p.expm1(p.abs(x));
  // Half of e before the sum: it overflows later.
  Value magnitude = p.add(p.mul(0.5, e), p.mul(0.5, p.sub(1, p.div(1, p.add(e, 1)))));
  return p.select(p.lt(x, 0), p.neg(magnitude), magnitude);
}
Value cosh(Primitives &p, Value x) {
  Value half = p.mul(0.5, p.exp(p.abs(x)));
  return p.add(half, p.div(0.25, half));
}
// asinh x = log1p(a + a^2 / (1 + sqrt(1 + a^2))), a = |x|
Value asinh(Primitives &p, Value x) {
  Value a = p.abs(x), square = p.square(a);
  Value magnitude = p.log1p(p.add(a, p.div(square, p.add(1, p.sqrt(p.add(1, square))))));
  return p.select(p.lt(x, 0), p.neg(magnitude), magnitude);
}
// acosh x = log1p(t + sqrt(t (x + 1))), t = x - 1
Value acosh(Primitives &p, Value x) {
  Value t = p.sub(x, 1);
  return p.log1p(p.add(t, p.sqrt(p.mul(t, p.add(x, 1)))));
}
// atanh x = log1p(2x / (1 - x)) / 2
Value atanh(Primitives &p, Value x) { return p.mul(0.5, p.log1p(p.div(p.mul(2, x), p.sub(1, x)))); }

// ---- choice

void clip(Call &call) {
  TensorId x = call.input(0);
  ArgumentValue low = call.numberOrTensor("min"), high = call.numberOrTensor("max");
  auto isNone = [](const ArgumentValue &value) { return std::holds_alternative<std::monostate>(value); };
  if (isNone(low) && isNone(high))
    return call.outputIsInput(0, 0);
  // torch takes two numbers or two tensors.
  auto isTensor = [](const ArgumentValue &value) { return std::holds_alternative<TensorId>(value); };
  if (isTensor(low) || isTensor(high))
    for (auto [bound, input] : {std::pair(&low, 1), std::pair(&high, 2)})
      if (!isNone(*bound))
        *bound = call.input(input);
  call.result(call.cast(call.call("clamp", {{"input", x}, {"min", low}, {"max", high}}), call.element(x)));
}

void where(Call &call) {
  TensorId inputs[] = {call.input(0), call.input(1), call.input(2)};
  alignDataSizes(call, inputs);
  call.result(call.call("where", {{"condition", inputs[0]}, {"input", inputs[1]}, {"other", inputs[2]}}));
}

void isInf(Call &call) {
  TensorId x = call.input(0);
  bool negative = call.flag("detect_negative", true), positive = call.flag("detect_positive", true);
  double infinity = std::numeric_limits<double>::infinity();
  if (negative && positive)
    return call.result(call.unary("isinf", x));
  if (!negative && !positive)
    return call.result(call.binary("logical_and", call.unary("isinf", x), call.unary("isnan", x)));
  call.result(call.binary("eq", x, negative ? -infinity : infinity));
}

// ---- types

/// The type an attribute `to` says: a number, or in version 1 a name.
Type typeAttribute(Call &call, StringRef name, DataType fallback = DataType::Undefined) {
  int32_t type = static_cast<int32_t>(fallback);
  const Attribute *given = call.node.attribute({name.data(), name.size()});
  if (given && given->kind == Attribute::Kind::String) {
    for (int32_t i = 1; i <= static_cast<int32_t>(DataType::BFloat16); ++i)
      if (StringRef(given->s).equals_insensitive(dataTypeName(static_cast<DataType>(i))))
        type = i;
  } else {
    type = call.integer(name, type);
  }
  Type element = elementTypeOf(call.context(), static_cast<DataType>(type));
  if (!element)
    call.error(name) << dataTypeName(static_cast<DataType>(type)) << ", which is not supported [NNFC-E0306]";
  return element;
}

void cast(Call &call) {
  Type element = typeAttribute(call, "to");
  TensorId x = call.input(0);
  if (element)
    call.result(call.cast(x, element));
}

void castLike(Call &call) { call.result(call.cast(call.input(0), call.inputElement(1))); }

void identity(Call &call) { call.outputIsInput(0, 0); }

} // namespace

void addElementwise(OpTable &table) {
  table.add("Abs", 1, unary<abs>);
  table.add("Neg", 1, unary<neg>);
  table.add("Exp", 1, unary<exp>);
  table.add("Log", 1, unary<log>);
  table.add("Sqrt", 1, unary<sqrt>);
  table.add("Sin", 7, unary<sin>);
  table.add("Cos", 7, unary<cos>);
  table.add("Erf", 9, unary<erf>);
  table.add("Reciprocal", 1, unary<reciprocal>);
  table.add("Floor", 1, unary<floor>);
  table.add("Ceil", 1, unary<ceil>);
  table.add("Round", 11, unary<round>);
  table.add("Sign", 9, unary<sign>);
  table.add("Not", 1, unary<logicalNot>);
  table.add("IsNaN", 9, unary<isNan>);
  table.add("IsInf", 10, isInf);

  table.add("Tan", 7, composed<tan>);
  table.add("Asin", 7, composed<asin>);
  table.add("Acos", 7, composed<acos>);
  table.add("Atan", 7, composed<atan>);
  table.add("Sinh", 9, composed<sinh>);
  table.add("Cosh", 9, composed<cosh>);
  table.add("Asinh", 9, composed<asinh>);
  table.add("Acosh", 9, composed<acosh>);
  table.add("Atanh", 9, composed<atanh>);

  table.add("Add", 1, binary<add>);
  table.add("Sub", 1, binary<sub>);
  table.add("Mul", 1, binary<mul>);
  table.add("Div", 1, div);
  table.add("Pow", 1, pow);
  table.add("Mod", 10, mod);
  table.add("Sum", 1, fold<add>);
  table.add("Mean", 1, mean);
  table.add("Max", 1, fold<maximum>);
  table.add("Min", 1, fold<minimum>);

  table.add("Equal", 1, binary<eq>);
  table.add("Greater", 1, binary<gt>);
  table.add("Less", 1, binary<lt>);
  table.add("GreaterOrEqual", 12, binary<ge>);
  table.add("LessOrEqual", 12, binary<le>);
  table.add("And", 1, binary<logicalAnd>);
  table.add("Or", 1, binary<logicalOr>);
  table.add("Xor", 1, binary<ne>);
  table.add("BitShift", 11, bitShift);
  table.add("BitwiseAnd", 18, primitive<&Primitives::bitAnd>);
  table.add("BitwiseOr", 18, primitive<&Primitives::bitOr>);
  table.add("BitwiseXor", 18, primitive<&Primitives::bitXor>);
  table.add("BitwiseNot", 18, bitNot);

  table.add("Where", 9, where);
  table.add("Clip", 1, clip);
  table.add("Cast", 1, cast);
  table.add("CastLike", 15, castLike);
  table.add("Identity", 1, identity);
}

} // namespace nnf::onnx
