// Elementwise operators on tensors whose elements are known: arithmetic on sizes, and what is decided by them.
#include "compiler/import/onnx/Evaluate.h"

#include <cmath>

using namespace mlir;
namespace nnf::onnx {
namespace {

using Result = std::optional<Scalar>;

/// Integers beyond this are markers ("to the end"), not sizes: nothing is computed from them.
constexpr int64_t largestSize = int64_t(1) << 48;

bool isModest(Dim dim) {
  std::optional<int64_t> value = constantOf(dim);
  return !value || (*value <= largestSize && *value >= -largestSize);
}

struct Pair {
  const Known &type; ///< of the operands; rounds floats
  Scalar a, b;
  bool isFloat() const { return type.isFloat(); }
  std::optional<double> x() const { return numberOf(a); }
  std::optional<double> y() const { return numberOf(b); }
  std::optional<double> numberOf(const Scalar &s) const {
    std::optional<int64_t> size = constantOf(s.size);
    if (!size)
      return std::nullopt;
    return isFloat() ? *size * s.factor : static_cast<double>(*size);
  }
  Result number(double value) const { return type.ofNumber(value); }
};

Result add(Pair p) {
  if (!p.isFloat())
    return Scalar{simplify(p.a.size + p.b.size)};
  auto x = p.x(), y = p.y();
  return x && y ? p.number(*x + *y) : Result();
}

Result sub(Pair p) {
  if (!p.isFloat())
    return Scalar{simplify(p.a.size - p.b.size)};
  auto x = p.x(), y = p.y();
  return x && y ? p.number(*x - *y) : Result();
}

Result mul(Pair p) {
  if (!p.isFloat()) {
    auto x = constantOf(p.a.size), y = constantOf(p.b.size);
    int64_t product;
    if (x && y && __builtin_mul_overflow(*x, *y, &product))
      return {};
    return Scalar{simplify(p.a.size * p.b.size)};
  }
  auto x = p.x(), y = p.y();
  if (x && y)
    return p.number(*x * *y);
  if (y)
    return Scalar{p.a.size, p.a.factor * *y};
  if (x)
    return Scalar{p.b.size, p.b.factor * *x};
  return {};
}

Result div(Pair p) {
  MLIRContext *context = p.a.size.getContext();
  if (p.isFloat()) {
    auto x = p.x(), y = p.y();
    if (x && y)
      return p.number(*x / *y);
    if (y)
      return Scalar{p.a.size, p.a.factor / *y};
    if (Dim ratio = exactQuotient({p.a.size}, {p.b.size}, context))
      return Scalar{ratio, p.a.factor / p.b.factor};
    return {};
  }
  auto x = constantOf(p.a.size), y = constantOf(p.b.size);
  if (y && (*y == 0 || *y == -1))
    return *y && x ? Result(Scalar{dimOf(context, -*x)}) : Result();
  if (x && y)
    return Scalar{dimOf(context, *x / *y)};
  if (Dim ratio = exactQuotient({p.a.size}, {p.b.size}, context))
    return Scalar{ratio};
  // Truncation is the floor where nothing is negative.
  if (y && *y > 0 && isNotNegative(p.a.size))
    return Scalar{simplify(p.a.size.floorDiv(*y))};
  return {};
}

Result mod(Pair p) {
  auto y = constantOf(p.b.size);
  if (p.isFloat() || !y || *y <= 0)
    return {};
  return Scalar{simplify(p.a.size % *y)};
}

Result smaller(Pair p) {
  if (p.isFloat()) {
    auto x = p.x(), y = p.y();
    return x && y && !std::isnan(*x) && !std::isnan(*y) ? p.number(std::min(*x, *y)) : Result();
  }
  return Scalar{minOf(p.a.size, p.b.size)};
}

Result larger(Pair p) {
  if (p.isFloat()) {
    auto x = p.x(), y = p.y();
    return x && y && !std::isnan(*x) && !std::isnan(*y) ? p.number(std::max(*x, *y)) : Result();
  }
  return Scalar{maxOf(p.a.size, p.b.size)};
}

Result pow(Pair p) {
  auto x = p.x(), y = p.y();
  if (!x || !y)
    return {};
  double value = std::pow(*x, *y);
  if (p.isFloat())
    return p.number(value);
  if (!(std::abs(value) <= static_cast<double>(largestSize)))
    return {};
  return Scalar{dimOf(p.a.size.getContext(), static_cast<int64_t>(value))};
}

std::optional<bool> isEqual(Pair p) {
  auto x = p.x(), y = p.y();
  if (x && y)
    return *x == *y;
  if (p.isFloat())
    return std::nullopt;
  if (sameDim(p.a.size, p.b.size))
    return true;
  if (isBelow(p.a.size, p.b.size) || isBelow(p.b.size, p.a.size))
    return false;
  return std::nullopt;
}

std::optional<bool> isLess(Pair p) {
  auto x = p.x(), y = p.y();
  if (x && y)
    return *x < *y;
  if (p.isFloat())
    return std::nullopt;
  if (isBelow(p.a.size, p.b.size))
    return true;
  if (isAtMost(p.b.size, p.a.size))
    return false;
  return std::nullopt;
}

template <std::optional<bool> (*test)(Pair), bool isSwapped = false, bool isNegated = false> Result decide(Pair p) {
  if (isSwapped)
    std::swap(p.a, p.b);
  std::optional<bool> answer = test(p);
  if (!answer)
    return {};
  // NaN: neither less nor not less.
  if (isNegated && (std::isnan(p.x().value_or(0)) || std::isnan(p.y().value_or(0))))
    answer = true;
  return Scalar{dimOf(p.a.size.getContext(), *answer != isNegated)};
}

template <bool (*op)(bool, bool)> Result logic(Pair p) {
  auto x = constantOf(p.a.size), y = constantOf(p.b.size);
  return x && y ? Result(Scalar{dimOf(p.a.size.getContext(), op(*x, *y))}) : Result();
}

// ---- one operand

Result negate(Pair p) { return p.isFloat() ? Scalar{p.a.size, -p.a.factor} : Scalar{simplify(p.a.size * -1)}; }

Result absolute(Pair p) {
  if (p.isFloat() ? p.a.factor >= 0 && isNotNegative(p.a.size) : isNotNegative(p.a.size))
    return p.a;
  auto x = p.x();
  if (!x)
    return {};
  return p.isFloat() ? p.number(std::abs(*x)) : Result(Scalar{dimOf(p.a.size.getContext(), std::abs(int64_t(*x)))});
}

/// size * factor as a fraction of integers: the factors scales have (2, 0.5, 1.5, 1/3) are dyadic or one over one.
std::optional<std::pair<int64_t, int64_t>> fractionOf(double factor) {
  for (int64_t denominator = 1; denominator <= 1024; denominator *= 2)
    if (double numerator = factor * denominator; numerator == std::floor(numerator) && std::abs(numerator) < 1e6)
      return {{static_cast<int64_t>(numerator), denominator}};
  double inverse = 1 / factor;
  if (inverse == std::floor(inverse) && std::abs(inverse) < 1e6)
    return {{1, static_cast<int64_t>(inverse)}};
  return std::nullopt;
}

/// floor(size * factor), as an expression of sizes.
Dim floored(const Scalar &s) {
  auto fraction = fractionOf(s.factor);
  if (!fraction || fraction->second <= 0)
    return {};
  Dim scaled = s.size * fraction->first;
  return simplify(fraction->second == 1 ? scaled : scaled.floorDiv(fraction->second));
}

Result floorOf(Pair p) {
  if (!p.isFloat())
    return p.a;
  if (auto x = p.x())
    return p.number(std::floor(*x));
  Dim dim = floored(p.a);
  return dim ? Result(Scalar{dim, 1}) : Result();
}

Result ceilOf(Pair p) {
  if (!p.isFloat())
    return p.a;
  if (auto x = p.x())
    return p.number(std::ceil(*x));
  auto fraction = fractionOf(p.a.factor);
  if (!fraction || fraction->second <= 0)
    return {};
  Dim scaled = p.a.size * fraction->first;
  return Scalar{simplify(fraction->second == 1 ? scaled : scaled.ceilDiv(fraction->second)), 1};
}

template <double (*function)(double)> Result ofFloat(Pair p) {
  auto x = p.x();
  return x && p.isFloat() ? p.number(function(*x)) : Result();
}
double reciprocal(double x) { return 1 / x; }
double roundEven(double x) { return std::nearbyint(x); }

Result negation(Pair p) {
  auto x = constantOf(p.a.size);
  return x ? Result(Scalar{dimOf(p.a.size.getContext(), !*x)}) : Result();
}

// ---- over whole tensors

using Elementwise = Result (*)(Pair);

template <Elementwise op, bool givesBool = false> bool unary(Call &call) {
  const Known *x = call.known(0);
  if (!x)
    return false;
  Known result{givesBool ? IntegerType::get(call.context(), 1) : x->element, x->shape, {}};
  for (const Scalar &value : x->values) {
    Result element = isModest(value.size) ? op({*x, value, value}) : Result();
    if (!element)
      return false;
    result.values.push_back(*element);
  }
  call.output(0, std::move(result));
  return true;
}

template <Elementwise op, bool givesBool = false> bool binary(Call &call) {
  // The oldest versions broadcast along an axis.
  if (call.numInputs() != 2 || call.hasAttribute("broadcast"))
    return false;
  const Known *a = call.known(0), *b = call.known(1);
  if (!a || !b)
    return false;
  std::optional<SmallVector<int64_t>> shape = broadcastShape(a->shape, b->shape);
  if (!shape || a->element != b->element)
    return false;
  Known result{givesBool ? IntegerType::get(call.context(), 1) : a->element, *shape, {}};
  BroadcastIndex of(*shape);
  for (int64_t i = 0; i < of.count(); ++i) {
    const Scalar &x = a->values[of.position(a->shape, i)], &y = b->values[of.position(b->shape, i)];
    Result element = isModest(x.size) && isModest(y.size) ? op({*a, x, y}) : Result();
    if (!element)
      return false;
    result.values.push_back(*element);
  }
  call.output(0, std::move(result));
  return true;
}

bool where(Call &call) {
  const Known *condition = call.known(0), *x = call.elements(1), *y = call.elements(2);
  if (!condition || !x || !y || x->element != y->element)
    return false;
  std::optional<SmallVector<int64_t>> shape = broadcastShape(x->shape, y->shape);
  shape = shape ? broadcastShape(*shape, condition->shape) : std::nullopt;
  if (!shape)
    return false;
  Known result{x->element, *shape, {}};
  BroadcastIndex of(*shape);
  for (int64_t i = 0; i < of.count(); ++i) {
    std::optional<int64_t> choice = condition->integer(of.position(condition->shape, i));
    if (!choice)
      return false;
    result.values.push_back(*choice ? x->values[of.position(x->shape, i)] : y->values[of.position(y->shape, i)]);
  }
  call.output(0, std::move(result));
  return true;
}

bool cast(Call &call) {
  const Known *x = call.elements(0);
  const Attribute *to = call.node.attribute("to");
  Type element =
      to && to->kind == Attribute::Kind::Int ? elementTypeOf(call.context(), static_cast<DataType>(to->i)) : Type();
  if (!x || !element || element.isUnsignedInteger(64))
    return false;
  Known result{element, x->shape, {}};
  bool toFloat = result.isFloat();
  for (size_t i = 0; i < x->values.size(); ++i) {
    const Scalar &value = x->values[i];
    if (!value.isKnown()) {
      if (!element.isSignlessInteger(32) && !element.isSignlessInteger(64))
        return false;
      result.values.push_back(value);
      continue;
    }
    std::optional<double> number = x->number(i);
    if (toFloat) {
      if (number)
        result.values.push_back(result.ofNumber(*number));
      else
        result.values.push_back({value.size, x->isFloat() ? value.factor : 1});
      continue;
    }
    if (element.isInteger(1)) {
      if (!number)
        return false;
      result.values.push_back({dimOf(call.context(), *number != 0)});
      continue;
    }
    unsigned bits = element.getIntOrFloatBitWidth();
    if (!x->isFloat()) {
      // Sizes fit in what holds sizes; numbers must fit exactly, else the run decides what becomes of them.
      std::optional<int64_t> whole = constantOf(value.size);
      bool fits = whole ? (element.isUnsignedInteger() ? *whole >= 0 && llvm::isUIntN(bits, *whole)
                                                       : llvm::isIntN(bits, *whole))
                        : bits >= 32;
      if (!fits)
        return false;
      result.values.push_back({value.size});
      continue;
    }
    if (number) {
      double whole = std::trunc(*number);
      if (!(std::abs(whole) < std::ldexp(1.0, bits - 1)) || (element.isUnsignedInteger() && whole < 0))
        return false;
      result.values.push_back({dimOf(call.context(), static_cast<int64_t>(whole))});
      continue;
    }
    Dim dim = value.factor >= 0 && isNotNegative(value.size) ? floored(value) : Dim();
    if (!dim)
      return false;
    result.values.push_back({dim});
  }
  call.output(0, std::move(result));
  return true;
}

} // namespace

void addElementwiseEvaluations(OpTable &table) {
  table.addEvaluation("Add", binary<add>);
  table.addEvaluation("Sub", binary<sub>);
  table.addEvaluation("Mul", binary<mul>);
  table.addEvaluation("Div", binary<div>);
  table.addEvaluation("Mod", binary<mod>);
  table.addEvaluation("Pow", binary<pow>);
  table.addEvaluation("Min", binary<smaller>);
  table.addEvaluation("Max", binary<larger>);
  table.addEvaluation("Equal", binary<decide<isEqual>, true>);
  table.addEvaluation("Less", binary<decide<isLess>, true>);
  table.addEvaluation("Greater", binary<decide<isLess, true>, true>);
  table.addEvaluation("GreaterOrEqual", binary<decide<isLess, false, true>, true>);
  table.addEvaluation("LessOrEqual", binary<decide<isLess, true, true>, true>);
  table.addEvaluation("And", binary<logic<[](bool x, bool y) { return x && y; }>>);
  table.addEvaluation("Or", binary<logic<[](bool x, bool y) { return x || y; }>>);
  table.addEvaluation("Xor", binary<logic<[](bool x, bool y) { return x != y; }>>);
  table.addEvaluation("Not", unary<negation>);
  table.addEvaluation("Neg", unary<negate>);
  table.addEvaluation("Abs", unary<absolute>);
  table.addEvaluation("Floor", unary<floorOf>);
  table.addEvaluation("Ceil", unary<ceilOf>);
  table.addEvaluation("Round", unary<ofFloat<roundEven>>);
  table.addEvaluation("Sqrt", unary<ofFloat<std::sqrt>>);
  table.addEvaluation("Reciprocal", unary<ofFloat<reciprocal>>);
  table.addEvaluation("Where", where);
  table.addEvaluation("Cast", cast);
}

} // namespace nnf::onnx
