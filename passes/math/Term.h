// Formulas written as C++ expressions that build arith ops.
#ifndef NNF_PASSES_MATH_TERM_H
#define NNF_PASSES_MATH_TERM_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "passes/ExpandMath.h"

#include <concepts>

namespace nnf {

/// Where and for what target an expansion is built.
struct ExpansionSite {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  MathExpansionOptions options;
};

/// A scalar or vector value of float or integer elements. Operators build the op for its element type, without
/// fast-math flags: the compensated sums of this folder depend on every rounding. Numbers in place of an operand
/// become constants of the other's type, rounded to nearest.
class Term {
public:
  Term(const ExpansionSite &site, mlir::Value value) : at(&site), value(value) {}

  operator mlir::Value() const { return value; }
  const ExpansionSite &site() const { return *at; }
  mlir::Type type() const { return value.getType(); }
  mlir::Type element() const { return mlir::getElementTypeOrSelf(type()); }
  unsigned bits() const { return element().getIntOrFloatBitWidth(); }
  bool isFloat() const { return mlir::isa<mlir::FloatType>(element()); }
  bool isF64() const { return element().isF64(); }
  bool hasFma() const { return at->options.hasFma; }
  /// The type of this shape with another element.
  mlir::Type typeWith(mlir::Type element) const;

  /// A constant of this type.
  template <typename Number>
    requires std::is_arithmetic_v<Number>
  Term constant(Number number) const {
    return isFloat() ? floatConstant(static_cast<double>(number)) : integerConstant(static_cast<uint64_t>(number));
  }

  // Format of the float type: f32 or f64.
  unsigned fractionBits() const { return isF64() ? 52 : 23; }
  int64_t exponentBias() const { return isF64() ? 1023 : 127; }

  /// The bits as integers of the same width, and back.
  Term toBits() const;
  Term fromBits() const;

private:
  Term floatConstant(double number) const;
  Term integerConstant(uint64_t number) const;

  const ExpansionSite *at;
  mlir::Value value;
};

template <typename T>
concept Number = std::is_arithmetic_v<T>;

Term operator+(Term a, Term b);
Term operator-(Term a, Term b);
Term operator*(Term a, Term b);
Term operator/(Term a, Term b); // floats only
Term operator-(Term a);         // floats only
Term operator&(Term a, Term b); // integers and i1
Term operator|(Term a, Term b);
Term operator^(Term a, Term b);
Term operator<<(Term a, Term count);
Term operator>>(Term a, Term count); // zeros come in
Term shiftArithmetic(Term a, unsigned count);

// Comparisons give i1 elements; those of floats are false with a NaN, except `differs`; integers compare unsigned.
Term operator<(Term a, Term b);
Term operator<=(Term a, Term b);
Term operator>(Term a, Term b);
Term operator>=(Term a, Term b);
Term equal(Term a, Term b);
Term differs(Term a, Term b);
Term isNaN(Term a);
Term lessSigned(Term a, Term b); // integers only

#define NNF_TERM_WITH_NUMBER(op)                                                                                       \
  template <Number N> Term operator op(Term a, N b) { return a op a.constant(b); }                                     \
  template <Number N> Term operator op(N a, Term b) { return b.constant(a) op b; }
NNF_TERM_WITH_NUMBER(+)
NNF_TERM_WITH_NUMBER(-)
NNF_TERM_WITH_NUMBER(*)
NNF_TERM_WITH_NUMBER(/)
NNF_TERM_WITH_NUMBER(&)
NNF_TERM_WITH_NUMBER(|)
NNF_TERM_WITH_NUMBER(^)
NNF_TERM_WITH_NUMBER(<<)
NNF_TERM_WITH_NUMBER(>>)
NNF_TERM_WITH_NUMBER(<)
NNF_TERM_WITH_NUMBER(<=)
NNF_TERM_WITH_NUMBER(>)
NNF_TERM_WITH_NUMBER(>=)
#undef NNF_TERM_WITH_NUMBER
template <Number N> Term equal(Term a, N b) { return equal(a, a.constant(b)); }

Term select(Term condition, Term onTrue, Term onFalse);
template <Number N> Term select(Term condition, N onTrue, Term onFalse) {
  return select(condition, onFalse.constant(onTrue), onFalse);
}
template <Number N> Term select(Term condition, Term onTrue, N onFalse) {
  return select(condition, onTrue, onTrue.constant(onFalse));
}
/// x between the bounds; NaN stays.
Term clamp(Term x, double low, double high);
Term clampLow(Term x, double low);
Term clampHigh(Term x, double high);

/// a * b + c, rounded once if the target can, twice otherwise: not for compensated sums.
Term fma(Term a, Term b, Term c);
template <Number N> Term fma(Term a, N b, Term c) { return fma(a, a.constant(b), c); }
/// c[0] + c[1] x + c[2] x^2 + ...
Term horner(Term x, llvm::ArrayRef<double> coefficients);

/// The target multiplies vectors of this type by powers of two, and has approximate reciprocals of them.
bool hasScaling(Term like);
/// x * 2^k for a whole number k, rounded once; wants `hasScaling`.
Term scaled(Term x, Term k);
/// 1/x to 14 bits, of f32; wants `hasScaling`. 1/infinity is 0.
Term reciprocalTo14Bits(Term x);
/// 1/sqrt(x) to 14 bits, of f32; wants `hasScaling`. Infinity for 0, NaN below.
Term reciprocalRootTo14Bits(Term x);
/// i1: x is 0 or infinity, of f32; wants `hasScaling`. Of -infinity it is false.
Term isZeroOrInfinity(Term x);
/// table[the last four bits of index], of f32 with an index of i32; wants `hasScaling` of f32.
Term lookup(const double (&table)[16], Term index);
/// function(x) by vectors of 16 elements, for a scalar or vector x of any length: elements give the same bits in all.
Term bySixteens(Term x, llvm::function_ref<Term(Term)> function);

Term abs(Term x);
Term sqrt(Term x);
Term floor(Term x);
Term truncate(Term x);
Term copySign(Term magnitude, Term sign);

// Conversions of the elements.
Term widen(Term f32);  // f32 to f64
Term narrow(Term f64); // f64 to f32
Term zeroExtend(Term x, unsigned bits);
Term truncateBits(Term x, unsigned bits);
Term signedToFloat(Term x, mlir::Type element);
Term unsignedToFloat(Term x, mlir::Type element);
Term bitcast(Term x, mlir::Type element);

/// i1: is the condition true for any element? A scalar is its own answer.
mlir::Value anyElement(Term condition);

} // namespace nnf
#endif
