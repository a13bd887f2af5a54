#include "passes/math/Term.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace nnf {

namespace {

template <typename Op, typename... Args> Term build(Term like, Args &&...args) {
  const ExpansionSite &site = like.site();
  return Term(site, Op::create(site.builder, site.loc, std::forward<Args>(args)...).getResult());
}

template <typename FloatOp, typename IntegerOp> Term binary(Term a, Term b) {
  assert(a.type() == b.type() && "operands of one type");
  return a.isFloat() ? build<FloatOp>(a, Value(a), Value(b)) : build<IntegerOp>(a, Value(a), Value(b));
}

Term compare(Term a, Term b, arith::CmpFPredicate forFloats, arith::CmpIPredicate forIntegers) {
  assert(a.type() == b.type() && "operands of one type");
  if (a.isFloat())
    return build<arith::CmpFOp>(a, forFloats, Value(a), Value(b));
  return build<arith::CmpIOp>(a, forIntegers, Value(a), Value(b));
}

Term splat(const ExpansionSite &site, Type type, TypedAttr element) {
  TypedAttr attribute = element;
  if (auto shaped = dyn_cast<ShapedType>(type))
    attribute = DenseElementsAttr::get(shaped, Attribute(element));
  return Term(site, arith::ConstantOp::create(site.builder, site.loc, attribute));
}

} // namespace

Type Term::typeWith(Type element) const {
  if (auto shaped = dyn_cast<ShapedType>(type()))
    return shaped.clone(element);
  return element;
}

Term Term::floatConstant(double number) const { return splat(*at, type(), FloatAttr::get(element(), number)); }

Term Term::integerConstant(uint64_t number) const {
  APInt value(bits(), number, /*isSigned=*/false, /*implicitTrunc=*/true);
  return splat(*at, type(), IntegerAttr::get(element(), value));
}

Term Term::toBits() const { return bitcast(*this, IntegerType::get(type().getContext(), bits())); }

Term Term::fromBits() const {
  MLIRContext *context = type().getContext();
  return bitcast(*this, bits() == 64 ? Type(Float64Type::get(context)) : Type(Float32Type::get(context)));
}

Term operator+(Term a, Term b) { return binary<arith::AddFOp, arith::AddIOp>(a, b); }
Term operator-(Term a, Term b) { return binary<arith::SubFOp, arith::SubIOp>(a, b); }
Term operator*(Term a, Term b) { return binary<arith::MulFOp, arith::MulIOp>(a, b); }
Term operator/(Term a, Term b) { return build<arith::DivFOp>(a, Value(a), Value(b)); }
Term operator-(Term a) { return build<arith::NegFOp>(a, Value(a)); }
Term operator&(Term a, Term b) { return build<arith::AndIOp>(a, Value(a), Value(b)); }
Term operator|(Term a, Term b) { return build<arith::OrIOp>(a, Value(a), Value(b)); }
Term operator^(Term a, Term b) { return build<arith::XOrIOp>(a, Value(a), Value(b)); }
Term operator<<(Term a, Term count) { return build<arith::ShLIOp>(a, Value(a), Value(count)); }
Term operator>>(Term a, Term count) { return build<arith::ShRUIOp>(a, Value(a), Value(count)); }
Term shiftArithmetic(Term a, unsigned count) { return build<arith::ShRSIOp>(a, Value(a), Value(a.constant(count))); }

Term operator<(Term a, Term b) { return compare(a, b, arith::CmpFPredicate::OLT, arith::CmpIPredicate::ult); }
Term operator<=(Term a, Term b) { return compare(a, b, arith::CmpFPredicate::OLE, arith::CmpIPredicate::ule); }
Term operator>(Term a, Term b) { return compare(a, b, arith::CmpFPredicate::OGT, arith::CmpIPredicate::ugt); }
Term operator>=(Term a, Term b) { return compare(a, b, arith::CmpFPredicate::OGE, arith::CmpIPredicate::uge); }
Term equal(Term a, Term b) { return compare(a, b, arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq); }
Term differs(Term a, Term b) { return compare(a, b, arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne); }
Term lessSigned(Term a, Term b) { return build<arith::CmpIOp>(a, arith::CmpIPredicate::slt, Value(a), Value(b)); }
Term isNaN(Term a) { return build<arith::CmpFOp>(a, arith::CmpFPredicate::UNO, Value(a), Value(a)); }

Term select(Term condition, Term onTrue, Term onFalse) {
  return build<arith::SelectOp>(onTrue, Value(condition), Value(onTrue), Value(onFalse));
}

// Written so that x86's minps and maxps, which return their second operand with a NaN, are one instruction each.
Term clampLow(Term x, double low) { return select(x < low, low, x); }
Term clampHigh(Term x, double high) { return select(x > high, high, x); }
Term clamp(Term x, double low, double high) { return clampHigh(clampLow(x, low), high); }

Term fma(Term a, Term b, Term c) {
  if (a.hasFma())
    return build<math::FmaOp>(a, Value(a), Value(b), Value(c));
  return a * b + c;
}

// ---- instructions of AVX-512

bool hasScaling(Term like) {
  auto vector = dyn_cast<VectorType>(like.type());
  return like.site().options.hasAvx512 && like.isFloat() && vector && vector.getRank() == 1 &&
         vector.getNumElements() * like.bits() == 512;
}

static Term integer(Term like, unsigned bits, int64_t value) {
  const ExpansionSite &site = like.site();
  return Term(site, LLVM::ConstantOp::create(site.builder, site.loc, site.builder.getIntegerType(bits), value));
}

static Term callIntrinsic(Term like, StringRef name, ArrayRef<Value> operands) {
  return Term(like.site(), LLVM::CallIntrinsicOp::create(like.site().builder, like.site().loc, like.type(),
                                                         like.site().builder.getStringAttr(name), operands)
                               .getResult(0));
}

Term scaled(Term x, Term k) {
  Term all = integer(x, x.isF64() ? 8 : 16, -1), roundsAsSet = integer(x, 32, 4);
  StringRef name = x.isF64() ? "llvm.x86.avx512.mask.scalef.pd.512" : "llvm.x86.avx512.mask.scalef.ps.512";
  return callIntrinsic(x, name, {x, k, x, all, roundsAsSet});
}

Term reciprocalTo14Bits(Term x) { return callIntrinsic(x, "llvm.x86.avx512.rcp14.ps.512", {x, x, integer(x, 16, -1)}); }

Term reciprocalRootTo14Bits(Term x) {
  return callIntrinsic(x, "llvm.x86.avx512.rsqrt14.ps.512", {x, x, integer(x, 16, -1)});
}

Term isZeroOrInfinity(Term x) {
  constexpr int64_t zeros = 0x2 | 0x4, infinity = 0x8;
  const ExpansionSite &site = x.site();
  StringAttr name = site.builder.getStringAttr("llvm.x86.avx512.fpclass.ps.512");
  Type isIn = x.typeWith(site.builder.getI1Type());
  SmallVector<Value> operands{x, integer(x, 32, zeros | infinity)};
  return Term(site, LLVM::CallIntrinsicOp::create(site.builder, site.loc, isIn, name, operands).getResult(0));
}

Term lookup(const double (&table)[16], Term index) {
  const ExpansionSite &site = index.site();
  auto type = cast<VectorType>(index.typeWith(Float32Type::get(index.type().getContext())));
  SmallVector<float> numbers(std::begin(table), std::end(table));
  Term values(site, arith::ConstantOp::create(site.builder, site.loc,
                                              DenseElementsAttr::get(type, llvm::ArrayRef<float>(numbers))));
  return callIntrinsic(values, "llvm.x86.avx512.permvar.sf.512", {values, index});
}

Term bySixteens(Term x, llvm::function_ref<Term(Term)> function) {
  constexpr int64_t full = 16;
  const ExpansionSite &site = x.site();
  OpBuilder &b = site.builder;
  auto sixteen = VectorType::get({full}, x.element());
  auto type = dyn_cast<VectorType>(x.type());
  if (!type) {
    Term results = function(Term(site, vector::BroadcastOp::create(b, site.loc, sixteen, Value(x))));
    return Term(site, vector::ExtractOp::create(b, site.loc, Value(results), 0));
  }
  int64_t count = type.getNumElements();
  if (count == full && type.getRank() == 1)
    return function(x);
  auto flat = VectorType::get({count}, x.element());
  Value elements = vector::ShapeCastOp::create(b, site.loc, flat, Value(x));
  Value zeros = splat(site, sixteen, b.getZeroAttr(x.element())),
        results = splat(site, flat, b.getZeroAttr(x.element()));
  for (int64_t first = 0; first < count; first += full) {
    int64_t size = std::min(full, count - first);
    Value part = vector::ExtractStridedSliceOp::create(b, site.loc, elements, first, size, 1);
    if (size < full)
      part = vector::InsertStridedSliceOp::create(b, site.loc, part, zeros, 0, 1);
    part = function(Term(site, part));
    if (size < full)
      part = vector::ExtractStridedSliceOp::create(b, site.loc, part, 0, size, 1);
    results = vector::InsertStridedSliceOp::create(b, site.loc, part, results, first, 1);
  }
  return Term(site, vector::ShapeCastOp::create(b, site.loc, type, results));
}

Term horner(Term x, ArrayRef<double> coefficients) {
  Term sum = x.constant(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = fma(sum, x, x.constant(coefficient));
  return sum;
}

Term abs(Term x) { return build<math::AbsFOp>(x, Value(x)); }
Term sqrt(Term x) { return build<math::SqrtOp>(x, Value(x)); }
Term floor(Term x) { return build<math::FloorOp>(x, Value(x)); }
Term truncate(Term x) { return build<math::TruncOp>(x, Value(x)); }
Term copySign(Term magnitude, Term sign) { return build<math::CopySignOp>(magnitude, Value(magnitude), Value(sign)); }

Term widen(Term x) { return build<arith::ExtFOp>(x, x.typeWith(Float64Type::get(x.type().getContext())), Value(x)); }
Term narrow(Term x) { return build<arith::TruncFOp>(x, x.typeWith(Float32Type::get(x.type().getContext())), Value(x)); }

Term zeroExtend(Term x, unsigned bits) {
  return build<arith::ExtUIOp>(x, x.typeWith(IntegerType::get(x.type().getContext(), bits)), Value(x));
}
Term truncateBits(Term x, unsigned bits) {
  return build<arith::TruncIOp>(x, x.typeWith(IntegerType::get(x.type().getContext(), bits)), Value(x));
}
Term signedToFloat(Term x, Type element) { return build<arith::SIToFPOp>(x, x.typeWith(element), Value(x)); }
Term unsignedToFloat(Term x, Type element) { return build<arith::UIToFPOp>(x, x.typeWith(element), Value(x)); }
Term bitcast(Term x, Type element) { return build<arith::BitcastOp>(x, x.typeWith(element), Value(x)); }

Value anyElement(Term condition) {
  const ExpansionSite &site = condition.site();
  auto type = dyn_cast<VectorType>(condition.type());
  if (!type)
    return condition;
  Value lanes = condition;
  if (type.getRank() == 0)
    return vector::ExtractOp::create(site.builder, site.loc, lanes, ArrayRef<int64_t>{});
  if (type.getRank() > 1)
    lanes = vector::ShapeCastOp::create(site.builder, site.loc,
                                        VectorType::get({type.getNumElements()}, type.getElementType()), lanes);
  return vector::ReductionOp::create(site.builder, site.loc, vector::CombiningKind::OR, lanes);
}

} // namespace nnf
