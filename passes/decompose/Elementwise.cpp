// Elementwise tensor ops as primitives.
#include "dialects/nnf/infer/Promotion.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Elementwise.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// The type to compute in: float32 for the 16-bit floats.
Type computed(Type element) { return isHalf(element) ? Float32Type::get(element.getContext()) : element; }

/// x as an operand of an elementwise op: of this type and shape.
Value as(Primitives &p, Value x, Type element, ArrayRef<Dim> shape) {
  return p.broadcastTo(p.convert(x, element), shape);
}

/// Both operands as the op computes with them: promoted, and broadcast to its result.
template <typename Op> std::pair<Value, Value> both(Op op, typename Op::Adaptor x, Primitives &p) {
  Type element = computed(promoteTypes({op.getInput(), op.getOther()}));
  Shape shape = shapeOf(op.getOutput());
  return {as(p, x.getInput(), element, shape), as(p, x.getOther(), element, shape)};
}

template <typename Op> Value alphaTimesOther(Op op, Value other, Primitives &p) {
  return op.getAlpha() == 1 ? other : p.mul(op.getAlpha(), other);
}

Value add(AddOp op, AddOp::Adaptor x, Primitives &p) {
  auto [a, b] = both(op, x, p);
  // The sum of two bools is whether either is true; alpha is a bool too.
  if (isBool(p.elementOf(a)))
    return op.getAlpha() == 0 ? a : p.bitOr(a, b);
  return p.add(a, alphaTimesOther(op, b, p));
}

Value sub(SubOp op, SubOp::Adaptor x, Primitives &p) {
  auto [a, b] = both(op, x, p);
  return p.sub(a, alphaTimesOther(op, b, p));
}

Value mul(MulOp op, MulOp::Adaptor x, Primitives &p) {
  auto [a, b] = both(op, x, p);
  return isBool(p.elementOf(a)) ? p.bitAnd(a, b) : p.mul(a, b);
}

Value logaddexp(LogaddexpOp op, LogaddexpOp::Adaptor x, Primitives &p) {
  auto [a, b] = both(op, x, p);
  Value sum = p.add(p.max(a, b), p.log1p(p.exp(p.neg(p.abs(p.sub(a, b))))));
  // Equal infinities have no difference.
  return p.select(p.eq(a, b), p.add(a, M_LN2), sum);
}

Value trunc(Primitives &p, Value x) { return p.select(p.lt(x, 0), p.neg(p.floor(p.neg(x))), p.floor(x)); }

/// floor(a / b) as torch and Python compute it: exact where a / b would round up to an integer.
Value floorDivide(Primitives &p, Value a, Value b) {
  Value rest = p.rem(a, b);
  Value quotient = p.div(p.sub(a, rest), b);
  Value crosses = p.bitAnd(p.ne(rest, 0), p.bitXor(p.lt(b, 0), p.lt(rest, 0)));
  quotient = p.select(crosses, p.sub(quotient, 1), quotient);
  Value floored = p.floor(quotient);
  floored = p.select(p.gt(p.sub(quotient, floored), 0.5), p.add(floored, 1), floored);
  return p.select(p.eq(b, 0), p.div(a, b), floored);
}

Value div(DivOp op, DivOp::Adaptor x, Primitives &p) {
  Shape shape = shapeOf(op.getOutput());
  Type element = computed(elementOf(op.getOutput()));
  Value a = as(p, x.getInput(), element, shape), b = as(p, x.getOther(), element, shape);
  std::optional<StringRef> mode = op.getRoundingMode();
  if (!mode)
    return p.div(a, b);
  if (isFloat(element))
    return *mode == "trunc" ? trunc(p, p.div(a, b)) : floorDivide(p, a, b);

  std::optional<double> divisor = numberAsDouble(op.getOther());
  bool isSafe = divisor && *divisor != 0 && *divisor != -1;
  Value safe = b;
  if (!isSafe) {
    p.check(p.ne(b, 0), p.convert(b, IntegerType::get(p.context(), 64)),
            p.message("other", "{value}, expected a divisor other than 0 [NNFC-E0502]"));
    // The run goes on after a failed check, and processors trap at x / 0 and at the smallest integer / -1.
    Value special = p.eq(b, 0);
    if (!isUnsigned(element))
      special = p.bitOr(special, p.eq(b, -1));
    safe = p.select(special, 1, b);
  }
  Value quotient = p.div(a, safe);
  if (isUnsigned(element))
    return quotient;
  if (*mode == "floor") {
    Value rest = p.rem(a, safe);
    Value crosses = p.bitAnd(p.ne(rest, 0), p.bitXor(p.lt(safe, 0), p.lt(rest, 0)));
    quotient = p.select(crosses, p.sub(quotient, 1), quotient);
  }
  return isSafe ? quotient : p.select(p.eq(b, -1), p.neg(a), quotient);
}

/// x ^ n for a whole n >= 0 by squaring.
Value wholePower(Primitives &p, Value x, int64_t n) {
  Value result;
  for (Value square = x; n; n >>= 1) {
    if (n & 1)
      result = result ? p.mul(result, square) : square;
    if (n > 1)
      square = p.square(square);
  }
  return result ? result : p.full(shapeOf(x), 1, p.elementOf(x));
}

Value pow(PowOp op, PowOp::Adaptor x, Primitives &p) {
  Shape shape = shapeOf(op.getOutput());
  Type element = computed(elementOf(op.getOutput()));
  Value base = as(p, x.getInput(), element, shape);
  if (std::optional<double> exponent = numberAsDouble(op.getExponent())) {
    if (isFloat(element))
      return p.power(base, *exponent);
    return wholePower(p, base, static_cast<int64_t>(*exponent));
  }
  Value exponent = as(p, x.getExponent(), element, shape);
  if (isFloat(element))
    return p.pow(base, exponent);
  // By squaring, over the bits an exponent can have without the result being 0, 1, -1 or wrapped anyway.
  Value result = p.full(shape, 1, element), square = base;
  for (unsigned bit = 0, bits = element.getIntOrFloatBitWidth(); bit + 1 < bits; ++bit) {
    Value isSet = p.ne(p.bitAnd(p.shr(exponent, static_cast<double>(bit)), 1), 0);
    result = p.select(isSet, p.mul(result, square), result);
    square = p.square(square);
  }
  if (isUnsigned(element))
    return result;
  // The whole part of a negative power: 0 but for 1 and -1.
  Value isOdd = p.ne(p.bitAnd(exponent, 1), 0);
  Value ofMinusOne = p.select(isOdd, -1, p.full(shape, 1, element));
  Value whole = p.select(p.eq(base, 1), 1, p.select(p.eq(base, -1), ofMinusOne, 0));
  return p.select(p.lt(exponent, 0), whole, result);
}

/// min(max(x, min), max). A number limits by compare and select, whose derivative at the limit is torch's.
Value clamp(ClampOp op, ClampOp::Adaptor x, Primitives &p) {
  Type element = computed(elementOf(op.getOutput()));
  Shape shape = shapeOf(op.getOutput());
  Value y = as(p, x.getInput(), element, shape);
  auto limit = [&](Value given, Value value, bool isLow) {
    if (!value)
      return;
    std::optional<double> number = numberAsDouble(given);
    // A bound that an integer type cannot hold lies beyond all that it can.
    if (number && !isFloat(element) && (isLow ? *number < rangeOf(element).first : *number > rangeOf(element).second))
      return;
    Value bound = as(p, value, element, shape);
    if (!number || std::isnan(*number))
      y = isLow ? p.max(y, bound) : p.min(y, bound);
    else
      y = p.select(isLow ? p.lt(y, bound) : p.gt(y, bound), bound, y);
  };
  limit(op.getMin(), x.getMin(), true);
  limit(op.getMax(), x.getMax(), false);
  return y;
}

Value where(WhereOp op, WhereOp::Adaptor x, Primitives &p) {
  Type element = elementOf(op.getOutput());
  Shape shape = shapeOf(op.getOutput());
  Value condition = x.getCondition();
  if (!isBool(p.elementOf(condition)))
    condition = p.ne(condition, 0);
  return p.select(p.broadcastTo(condition, shape), as(p, x.getInput(), element, shape),
                  as(p, x.getOther(), element, shape));
}

Value maskedFill(MaskedFillOp op, MaskedFillOp::Adaptor x, Primitives &p) {
  Type element = elementOf(op.getOutput());
  Shape shape = shapeOf(op.getOutput());
  return p.select(p.broadcastTo(x.getMask(), shape), as(p, x.getValue(), element, shape),
                  p.broadcastTo(x.getInput(), shape));
}

Value round(RoundOp op, RoundOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  if (!isFloat(p.elementOf(x)))
    return x;
  int64_t decimals = op.getDecimals();
  double scale = std::pow(10.0, std::abs(decimals));
  if (decimals == 0)
    return p.roundEven(x);
  return decimals > 0 ? p.div(p.roundEven(p.mul(x, scale)), scale) : p.mul(p.roundEven(p.div(x, scale)), scale);
}

/// x for integers, else rule(x).
template <typename Rule> Value unlessInteger(Primitives &p, Value x, Rule rule) {
  return isFloat(p.elementOf(x)) ? rule(x) : x;
}

Value truth(Primitives &p, Value x) { return isBool(p.elementOf(x)) ? x : p.ne(x, 0); }

Value sign(SignOp, SignOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  if (isBool(p.elementOf(x)))
    return x;
  Value positive = p.convert(p.gt(x, 0), p.elementOf(x));
  return isUnsigned(p.elementOf(x)) ? positive : p.sub(positive, p.convert(p.lt(x, 0), p.elementOf(x)));
}

template <typename Op, typename Rule> void addFloat(Decompositions &table, Rule rule) {
  table.add<Op>([rule](auto, auto x, auto &p) { return rule(p, p.toFloat(x.getInput())); });
}
template <typename Op> void addCompare(Decompositions &table, CompareKind kind) {
  table.add<Op>([kind](auto op, auto x, auto &p) {
    auto [a, b] = both(op, x, p);
    return p.compare(kind, a, b);
  });
}
template <typename Op, typename Rule> void addLogical(Decompositions &table, Rule rule) {
  table.add<Op>([rule](auto op, auto x, auto &p) {
    Shape shape = shapeOf(op.getOutput());
    return rule(p, p.broadcastTo(truth(p, x.getInput()), shape), p.broadcastTo(truth(p, x.getOther()), shape));
  });
}

} // namespace

void addElementwise(Decompositions &table) {
  table.add<NegOp>([](auto, auto x, auto &p) { return p.neg(x.getInput()); });
  table.add<AbsOp>(
      [](auto, auto x, auto &p) { return isUnsigned(p.elementOf(x.getInput())) ? x.getInput() : p.abs(x.getInput()); });
  table.add<SquareOp>(
      [](auto op, auto x, auto &p) { return p.square(p.convert(x.getInput(), computed(elementOf(op.getOutput())))); });
  addFloat<ExpOp>(table, [](Primitives &p, Value x) { return p.exp(x); });
  addFloat<Expm1Op>(table, [](Primitives &p, Value x) { return p.expm1(x); });
  addFloat<LogOp>(table, [](Primitives &p, Value x) { return p.log(x); });
  addFloat<Log2Op>(table, [](Primitives &p, Value x) { return p.mul(p.log(x), M_LOG2E); });
  addFloat<Log1pOp>(table, [](Primitives &p, Value x) { return p.log1p(x); });
  addFloat<SqrtOp>(table, [](Primitives &p, Value x) { return p.sqrt(x); });
  addFloat<RsqrtOp>(table, [](Primitives &p, Value x) { return p.div(1, p.sqrt(x)); });
  addFloat<ReciprocalOp>(table, [](Primitives &p, Value x) { return p.div(1, x); });
  addFloat<SinOp>(table, [](Primitives &p, Value x) { return p.sin(x); });
  addFloat<CosOp>(table, [](Primitives &p, Value x) { return p.cos(x); });
  addFloat<TanOp>(table, [](Primitives &p, Value x) { return p.tan(x); });
  addFloat<AtanOp>(table, [](Primitives &p, Value x) { return p.atan(x); });
  addFloat<ErfOp>(table, [](Primitives &p, Value x) { return p.erf(x); });
  table.add<FloorOp>(
      [](auto, auto x, auto &p) { return unlessInteger(p, x.getInput(), [&](Value v) { return p.floor(v); }); });
  table.add<CeilOp>([](auto, auto x, auto &p) {
    return unlessInteger(p, x.getInput(), [&](Value v) { return p.neg(p.floor(p.neg(v))); });
  });
  table.add<TruncOp>(
      [](auto, auto x, auto &p) { return unlessInteger(p, x.getInput(), [&](Value v) { return trunc(p, v); }); });
  table.add<RoundOp>(round);
  table.add<SignOp>(sign);
  table.add<IsnanOp>([](auto, auto x, auto &p) { return p.isNan(x.getInput()); });
  table.add<IsinfOp>([](auto, auto x, auto &p) -> Value {
    if (!isFloat(p.elementOf(x.getInput())))
      return p.full(shapeOf(x.getInput()), 0, IntegerType::get(p.context(), 1));
    return p.eq(p.abs(x.getInput()), std::numeric_limits<double>::infinity());
  });

  table.add<AddOp>(add);
  table.add<SubOp>(sub);
  table.add<MulOp>(mul);
  table.add<DivOp>(div);
  table.add<PowOp>(pow);
  table.add<MinimumOp>([](auto op, auto x, auto &p) {
    auto [a, b] = both(op, x, p);
    return isBool(p.elementOf(a)) ? p.bitAnd(a, b) : p.min(a, b);
  });
  table.add<MaximumOp>([](auto op, auto x, auto &p) {
    auto [a, b] = both(op, x, p);
    return isBool(p.elementOf(a)) ? p.bitOr(a, b) : p.max(a, b);
  });
  table.add<LogaddexpOp>(logaddexp);
  addCompare<EqOp>(table, CompareKind::Eq);
  addCompare<NeOp>(table, CompareKind::Ne);
  addCompare<LtOp>(table, CompareKind::Lt);
  addCompare<LeOp>(table, CompareKind::Le);
  addCompare<GtOp>(table, CompareKind::Gt);
  addCompare<GeOp>(table, CompareKind::Ge);
  table.add<LogicalNotOp>([](auto, auto x, auto &p) { return p.logicalNot(truth(p, x.getInput())); });
  addLogical<LogicalAndOp>(table, [](Primitives &p, Value a, Value b) { return p.bitAnd(a, b); });
  addLogical<LogicalOrOp>(table, [](Primitives &p, Value a, Value b) { return p.bitOr(a, b); });
  addLogical<LogicalXorOp>(table, [](Primitives &p, Value a, Value b) { return p.bitXor(a, b); });

  table.add<ClampOp>(clamp);
  table.addMove<WhereOp>(where);
  table.addMove<MaskedFillOp>(maskedFill);
  table.addMove<ToOp>([](auto op, auto x, auto &p) { return p.convert(x.getInput(), op.getDtype()); });
}

} // namespace nnf
