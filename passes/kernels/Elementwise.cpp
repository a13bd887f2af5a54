// Elementwise primitives on registers.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/ExpandMath.h"
#include "passes/kernels/ElementEmitter.h"
#include "passes/kernels/SoftmaxParts.h"

using namespace mlir;
namespace nnf {
namespace {

/// Emits one op; knows the tensor element type for signedness.
struct Emit {
  KernelBuilder &k;
  Type element;                // of the first operand's tensor
  SmallVector<Value> operands; // registers of one shape

  OpBuilder &b() const { return k.b; }
  Location loc() const { return k.loc; }
  bool isFloat() const { return isa<FloatType>(element); }
  bool isUnsigned() const { return element.isUnsignedInteger() || element.isInteger(1); }
  unsigned width() const { return element.getIntOrFloatBitWidth(); }
  Type type() const { return operands[0].getType(); }
  Value x() const { return operands[0]; }
  Value y() const { return operands[1]; }

  /// Products and sums may be fused; conversions never.
  arith::FastMathFlags contract() const { return arith::FastMathFlags::contract; }
  Value number(int64_t value) const {
    return arith::ConstantOp::create(b(), loc(), type(), like(b().getIntegerAttr(getElementTypeOrSelf(type()), value)));
  }
  TypedAttr like(TypedAttr scalar) const {
    if (auto vector = dyn_cast<VectorType>(type()))
      return DenseElementsAttr::get(vector, Attribute(scalar));
    return scalar;
  }
  Value select(Value c, Value t, Value f) const { return arith::SelectOp::create(b(), loc(), c, t, f); }
  Value cmp(arith::CmpIPredicate p, Value l, Value r) const { return arith::CmpIOp::create(b(), loc(), p, l, r); }

  template <typename FloatOp, typename IntOp> Value arithmetic() const {
    if (isFloat())
      return FloatOp::create(b(), loc(), x(), y(), contract());
    return IntOp::create(b(), loc(), x(), y());
  }
  template <typename FloatOp> Value math() const { return FloatOp::create(b(), loc(), x()); }

  /// Integer division that cannot trap: 0 for a divisor 0 (checked elsewhere), wrapping for min / -1.
  Value divide(bool remainder) const {
    Value zero = number(0), one = number(1);
    Value byZero = cmp(arith::CmpIPredicate::eq, y(), zero);
    if (isUnsigned()) {
      Value safe = select(byZero, one, y());
      Value q = remainder ? Value(arith::RemUIOp::create(b(), loc(), x(), safe))
                          : Value(arith::DivUIOp::create(b(), loc(), x(), safe));
      return select(byZero, zero, q);
    }
    Value byMinusOne = cmp(arith::CmpIPredicate::eq, y(), number(-1));
    Value safe = select(arith::OrIOp::create(b(), loc(), byZero, byMinusOne), one, y());
    Value q = remainder ? Value(arith::RemSIOp::create(b(), loc(), x(), safe))
                        : Value(arith::DivSIOp::create(b(), loc(), x(), safe));
    if (!remainder)
      q = select(byMinusOne, arith::SubIOp::create(b(), loc(), zero, x()), q);
    else
      q = select(byMinusOne, zero, q);
    return select(byZero, zero, q);
  }

  /// x^y of integers by squaring, wrapping; a negative power is 0 but for bases 1 and -1.
  Value integerPower() const {
    Value one = number(1), zero = number(0), result = one, base = x(), exponent = y();
    for (unsigned bit = 0; bit < std::min(width(), 6u); ++bit) {
      Value set = cmp(arith::CmpIPredicate::ne, arith::AndIOp::create(b(), loc(), exponent, number(1ll << bit)), zero);
      result = select(set, arith::MulIOp::create(b(), loc(), result, base), result);
      base = arith::MulIOp::create(b(), loc(), base, base);
    }
    // From the seventh bit on every base but 0 and +-1 has wrapped to a multiple of 2^64 or is odd: finish the loop.
    for (unsigned bit = 6; bit + (isUnsigned() ? 0 : 1) < width(); ++bit) {
      Value set = cmp(arith::CmpIPredicate::ne, arith::AndIOp::create(b(), loc(), exponent, number(1ll << bit)), zero);
      result = select(set, arith::MulIOp::create(b(), loc(), result, base), result);
      base = arith::MulIOp::create(b(), loc(), base, base);
    }
    if (isUnsigned())
      return result;
    Value negative = cmp(arith::CmpIPredicate::slt, exponent, zero);
    Value odd = cmp(arith::CmpIPredicate::ne, arith::AndIOp::create(b(), loc(), exponent, one), zero);
    Value isOne = cmp(arith::CmpIPredicate::eq, x(), one), isMinus = cmp(arith::CmpIPredicate::eq, x(), number(-1));
    Value inverse = select(isOne, one, select(isMinus, select(odd, number(-1), one), zero));
    return select(negative, inverse, result);
  }

  Value shift(bool left) const {
    Value limit = number(width());
    Value inside = cmp(arith::CmpIPredicate::ult, y(), limit);
    Value safe = select(inside, y(), number(width() - 1));
    if (left)
      return select(inside, arith::ShLIOp::create(b(), loc(), x(), safe), number(0));
    if (isUnsigned())
      return select(inside, arith::ShRUIOp::create(b(), loc(), x(), safe), number(0));
    return arith::ShRSIOp::create(b(), loc(), x(), safe);
  }

  Value compare(CompareKind kind) const {
    using F = arith::CmpFPredicate;
    using I = arith::CmpIPredicate;
    static constexpr F floats[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
    static constexpr I signs[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
    static constexpr I unsigns[] = {I::eq, I::ne, I::ult, I::ule, I::ugt, I::uge};
    auto i = static_cast<unsigned>(kind);
    if (isFloat())
      return arith::CmpFOp::create(b(), loc(), floats[i], x(), y());
    return cmp(isUnsigned() ? unsigns[i] : signs[i], x(), y());
  }

  /// Truncates toward zero; values past the ends give the ends, NaN gives 0.
  Value saturate(Value x, Type to, Type result) const {
    auto source = cast<FloatType>(getElementTypeOrSelf(x.getType()));
    unsigned bits = to.getIntOrFloatBitWidth();
    bool isUnsigned = to.isUnsignedInteger();
    auto floating = [&](double value) -> Value {
      TypedAttr scalar = FloatAttr::get(source, value);
      if (auto vector = dyn_cast<VectorType>(x.getType()))
        scalar = DenseElementsAttr::get(vector, Attribute(scalar));
      return arith::ConstantOp::create(b(), loc(), scalar);
    };
    auto integer = [&](llvm::APInt value) -> Value {
      TypedAttr scalar = IntegerAttr::get(getElementTypeOrSelf(result), value);
      if (auto vector = dyn_cast<VectorType>(result))
        scalar = DenseElementsAttr::get(vector, Attribute(scalar));
      return arith::ConstantOp::create(b(), loc(), scalar);
    };
    auto compare = [&](arith::CmpFPredicate p, Value l, Value r) -> Value {
      return arith::CmpFOp::create(b(), loc(), p, l, r);
    };
    if (bits <= 16) {
      // Floats hold both ends of these: what is held between them needs no look at the result. NaN is held to the
      // lower.
      double ends = std::ldexp(1.0, isUnsigned ? bits : bits - 1);
      Value low = floating(isUnsigned ? 0 : -ends), high = floating(ends - 1);
      Value held = select(compare(arith::CmpFPredicate::OGT, x, low), x, low);
      held = select(compare(arith::CmpFPredicate::OLT, held, high), held, high);
      if (!isUnsigned)
        held = select(compare(arith::CmpFPredicate::ORD, x, x), held, floating(0));
      Type wide = k.b.getI32Type();
      if (auto vector = dyn_cast<VectorType>(result))
        wide = vector.clone(wide);
      return arith::TruncIOp::create(b(), loc(), result, arith::FPToSIOp::create(b(), loc(), wide, held));
    }
    // Both bounds are powers of two (or 0), exact in every float type that reaches here.
    Value lowest = floating(isUnsigned ? 0 : -std::ldexp(1.0, bits - 1));
    Value beyond = floating(std::ldexp(1.0, isUnsigned ? bits : bits - 1));
    Value tooLarge = compare(arith::CmpFPredicate::OGE, x, beyond);
    Value tooSmall = compare(arith::CmpFPredicate::OLT, x, lowest);
    Value inRange = arith::AndIOp::create(b(), loc(), compare(arith::CmpFPredicate::OGE, x, lowest),
                                          compare(arith::CmpFPredicate::OLT, x, beyond));
    Value safe = select(inRange, x, floating(0));
    Value converted = isUnsigned ? Value(arith::FPToUIOp::create(b(), loc(), result, safe))
                                 : Value(arith::FPToSIOp::create(b(), loc(), result, safe));
    using llvm::APInt;
    converted =
        select(tooLarge, integer(isUnsigned ? APInt::getMaxValue(bits) : APInt::getSignedMaxValue(bits)), converted);
    return select(tooSmall, integer(isUnsigned ? APInt::getMinValue(bits) : APInt::getSignedMinValue(bits)), converted);
  }

  Value convert(Type to) const {
    Type target = KernelBuilder::registerType(to);
    auto shaped = [&](Type scalar) -> Type {
      if (auto vector = dyn_cast<VectorType>(type()))
        return vector.clone(scalar);
      return scalar;
    };
    Type result = shaped(target);
    if (auto toFloat = dyn_cast<FloatType>(to)) {
      if (!isFloat()) {
        // Small integers are exact in f32 and round once there; the rest goes through the widest type it needs.
        if (isUnsigned())
          return arith::UIToFPOp::create(b(), loc(), result, x());
        return arith::SIToFPOp::create(b(), loc(), result, x());
      }
      if (toFloat.getWidth() > width())
        return arith::ExtFOp::create(b(), loc(), result, x());
      if (toFloat.getWidth() < width())
        return arith::TruncFOp::create(b(), loc(), result, x());
      // float16 <-> bfloat16 through float32, which holds both.
      Value wide = arith::ExtFOp::create(b(), loc(), shaped(b().getF32Type()), x());
      return arith::TruncFOp::create(b(), loc(), result, wide);
    }
    if (to.isInteger(1)) {
      Value zero = k.zeroOf(type());
      if (isFloat())
        return arith::CmpFOp::create(b(), loc(), arith::CmpFPredicate::UNE, x(), zero);
      return cmp(arith::CmpIPredicate::ne, x(), zero);
    }
    if (isFloat()) {
      Value wide = width() < 32 ? Value(arith::ExtFOp::create(b(), loc(), shaped(b().getF32Type()), x())) : x();
      return saturate(wide, to, result);
    }
    unsigned toWidth = to.getIntOrFloatBitWidth();
    if (toWidth == width())
      return x();
    if (toWidth < width())
      return arith::TruncIOp::create(b(), loc(), result, x());
    if (isUnsigned())
      return arith::ExtUIOp::create(b(), loc(), result, x());
    return arith::ExtSIOp::create(b(), loc(), result, x());
  }

  Value minimum(bool max) const {
    if (isFloat())
      return k.extreme(max, x(), y());
    if (isUnsigned())
      return max ? Value(arith::MaxUIOp::create(b(), loc(), x(), y()))
                 : Value(arith::MinUIOp::create(b(), loc(), x(), y()));
    return max ? Value(arith::MaxSIOp::create(b(), loc(), x(), y()))
               : Value(arith::MinSIOp::create(b(), loc(), x(), y()));
  }

  Value invert() const {
    Type scalar = getElementTypeOrSelf(type());
    Value ones = arith::ConstantOp::create(b(), loc(), type(), like(b().getIntegerAttr(scalar, -1)));
    return arith::XOrIOp::create(b(), loc(), x(), ones);
  }

  Value negate() const {
    if (isFloat())
      return arith::NegFOp::create(b(), loc(), x());
    return arith::SubIOp::create(b(), loc(), number(0), x());
  }

  Value absolute() const {
    if (isFloat())
      return math::AbsFOp::create(b(), loc(), x());
    return isUnsigned() ? x() : Value(math::AbsIOp::create(b(), loc(), x()));
  }
};

} // namespace

Value emitElementwise(KernelBuilder &k, Operation *op, ArrayRef<Value> operands) {
  Type element = cast<RankedTensorType>(op->getOperand(0).getType()).getElementType();
  Emit e{k, element, SmallVector<Value>(operands)};
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](PrimNegOp) { return e.negate(); })
      .Case([&](PrimAbsOp) { return e.absolute(); })
      .Case([&](PrimFloorOp) { return e.isFloat() ? e.math<math::FloorOp>() : e.x(); })
      .Case([&](PrimRoundEvenOp) { return e.isFloat() ? e.math<math::RoundEvenOp>() : e.x(); })
      .Case([&](PrimExpOp exp) {
        Value result = e.math<math::ExpOp>();
        if (isMinusMax(exp.getInput()))
          result.getDefiningOp()->setAttr(ofNegative, k.b.getUnitAttr());
        return result;
      })
      .Case([&](PrimExpm1Op) { return e.math<math::ExpM1Op>(); })
      .Case([&](PrimLogOp) { return e.math<math::LogOp>(); })
      .Case([&](PrimLog1pOp) { return e.math<math::Log1pOp>(); })
      .Case([&](PrimSqrtOp) { return e.math<math::SqrtOp>(); })
      .Case([&](PrimSinOp) { return e.math<math::SinOp>(); })
      .Case([&](PrimCosOp) { return e.math<math::CosOp>(); })
      .Case([&](PrimTanOp) { return e.math<math::TanOp>(); })
      .Case([&](PrimAtanOp) { return e.math<math::AtanOp>(); })
      .Case([&](PrimTanhOp) { return e.math<math::TanhOp>(); })
      .Case([&](PrimErfOp) { return e.math<math::ErfOp>(); })
      .Case([&](PrimAddOp) { return e.arithmetic<arith::AddFOp, arith::AddIOp>(); })
      .Case([&](PrimSubOp) { return e.arithmetic<arith::SubFOp, arith::SubIOp>(); })
      .Case([&](PrimMulOp) { return e.arithmetic<arith::MulFOp, arith::MulIOp>(); })
      .Case([&](PrimDivOp division) {
        if (!e.isFloat())
          return e.divide(/*remainder=*/false);
        Value result = arith::DivFOp::create(k.b, k.loc, e.x(), e.y());
        if (isShareOfTotal(division))
          result.getDefiningOp()->setAttr(byTotal, k.b.getUnitAttr());
        return result;
      })
      .Case([&](PrimRemOp) {
        return e.isFloat() ? Value(arith::RemFOp::create(k.b, k.loc, e.x(), e.y())) : e.divide(/*remainder=*/true);
      })
      .Case([&](PrimPowOp) {
        return e.isFloat() ? Value(math::PowFOp::create(k.b, k.loc, e.x(), e.y())) : e.integerPower();
      })
      .Case([&](PrimMinOp) { return e.minimum(/*max=*/false); })
      .Case([&](PrimMaxOp) { return e.minimum(/*max=*/true); })
      .Case([&](PrimAndOp) { return arith::AndIOp::create(k.b, k.loc, e.x(), e.y()); })
      .Case([&](PrimOrOp) { return arith::OrIOp::create(k.b, k.loc, e.x(), e.y()); })
      .Case([&](PrimXorOp) { return arith::XOrIOp::create(k.b, k.loc, e.x(), e.y()); })
      .Case([&](PrimShlOp) { return e.shift(/*left=*/true); })
      .Case([&](PrimShrOp) { return e.shift(/*left=*/false); })
      .Case([&](PrimNotOp) { return e.invert(); })
      .Case([&](PrimCompareOp compare) { return e.compare(compare.getKind()); })
      .Case([&](PrimSelectOp) { return e.select(operands[0], operands[1], operands[2]); })
      .Case([&](PrimConvertOp convert) { return e.convert(getElementTypeOrSelf(convert.getType())); })
      .Default([](Operation *) -> Value { llvm_unreachable("every elementwise primitive is listed here"); });
}

} // namespace nnf
