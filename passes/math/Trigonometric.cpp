// sin, cos, tan, atan. The first three of f32 are computed in f64 where an argument is large or the target has no fused
// multiply-add: its 53 bits make the reduction two multiply-adds, and no other error matters. Else f32 is twice as many
// lanes.
#include "passes/math/Coefficients.h"
#include "passes/math/Functions.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;

namespace nnf {

namespace {

/// Of the reduced argument, each as a sum whose second term is small.
struct SineAndCosine {
  Pair sine, cosine;
  Term quadrant; // i64
};

SineAndCosine ofReduced(Reduced x, ArrayRef<double> sinCoefficients, ArrayRef<double> cosCoefficients) {
  Term r = x.high, z = r * r, zero = r.constant(0);
  Term sine = fma(r * z, horner(z, sinCoefficients), r);
  Term cosine = fma(z * z, horner(z, cosCoefficients), fma(z, -0.5, z.constant(1)));
  return {{sine, zero}, {cosine, zero}, x.quadrant};
}

SineAndCosine ofReducedF64(Reduced x) {
  Term r = x.high, z = r * r, halfSquare = z * 0.5;
  // sin(r + low) = sin(r) + low cos(r), cos(r + low) = cos(r) - low sin(r), to first order.
  Term sineTail = fma(r * z, horner(z, coefficients::sinF64), x.low * (1.0 - halfSquare));
  Term head = 1.0 - halfSquare, lost = (1.0 - head) - halfSquare;
  Term cosineTail = lost + fma(z * z, horner(z, coefficients::cosF64), -(r * x.low));
  return {{r, sineTail}, {head, cosineTail}, x.quadrant};
}

/// Of an f64, or of an f32 in f64.
SineAndCosine sineAndCosine(Term x) {
  if (x.isF64())
    return ofReducedF64(reduceByHalfPi(x));
  return ofReduced(reduceByHalfPiForF32(widen(x)), coefficients::sinF32, coefficients::cosF32);
}

SineAndCosine sineAndCosineInF32(Term x) {
  return ofReduced(reduceByHalfPiInF32(x), coefficients::sinSingle, coefficients::cosSingle);
}

/// `usual`, computed in f32, and behind a branch `wide`(x) for the lanes whose argument is too large for that.
Term forLarge(Term x, Term usual, Term (*wide)(Term)) {
  const ExpansionSite &site = x.site();
  Term a = abs(x), isLarge = (a > largestInF32) & (a < std::numeric_limits<double>::infinity());
  auto branch = scf::IfOp::create(
      site.builder, site.loc, anyElement(isLarge),
      [&](OpBuilder &builder, Location loc) {
        ExpansionSite inside{builder, loc, site.options};
        Term result = select(Term(inside, isLarge), wide(Term(inside, x)), Term(inside, usual));
        scf::YieldOp::create(builder, loc, Value(result));
      },
      [&](OpBuilder &builder, Location loc) { scf::YieldOp::create(builder, loc, Value(usual)); });
  return Term(site, branch.getResult(0));
}

Term isOdd(Term quadrant) { return equal(quadrant & 1, 1); }

/// sin of the quadrant's angle plus the reduced one.
Term inQuadrant(const SineAndCosine &s, Term quadrant) {
  Term value = select(isOdd(quadrant), s.cosine.high + s.cosine.low, s.sine.high + s.sine.low);
  return (value.toBits() ^ ((quadrant & 2) << (value.bits() - 2))).fromBits();
}

Term like(Term x, Term wide) { return x.isF64() ? wide : narrow(wide); }

Term sineOf(const SineAndCosine &s) { return inQuadrant(s, s.quadrant); }
Term cosineOf(const SineAndCosine &s) { return inQuadrant(s, s.quadrant + 1); }

Term wideSine(Term x) { return like(x, sineOf(sineAndCosine(x))); }
Term wideCosine(Term x) { return like(x, cosineOf(sineAndCosine(x))); }

// sin/cos, or -cos/sin in an odd quadrant. The quotient's error is taken out once, with what the sums had lost: three
// roundings of half an ulp each would be too many.
Term wideTangent(Term x) {
  SineAndCosine s = sineAndCosine(x);
  Term odd = isOdd(s.quadrant);
  Pair sine = fastTwoSum(s.sine.high, s.sine.low), cosine = fastTwoSum(s.cosine.high, s.cosine.low);
  Pair over = {select(odd, -cosine.high, sine.high), select(odd, -cosine.low, sine.low)};
  Pair under = {select(odd, sine.high, cosine.high), select(odd, sine.low, cosine.low)};
  Term ratio = over.high / under.high;
  if (x.isF64()) {
    Pair product = twoProduct(ratio, under.high);
    Term rest = ((over.high - product.high) - product.low) + (over.low - ratio * under.low);
    ratio = ratio + rest / under.high;
  }
  return like(x, ratio);
}

// A polynomial, or -1 over it in an odd quadrant, with the quotient's error taken out.
Term tangentInF32(Term x) {
  Reduced reduced = reduceByHalfPiInF32AsPair(x);
  Term r = reduced.high, z = r * r;
  // tan(r + low) = tan(r) + low (1 + tan(r)^2)
  Term tail = fma(r * z, horner(z, coefficients::tanSingle), fma(reduced.low, z, reduced.low));
  Pair t = fastTwoSum(r, tail);
  Term inverse = -1.0 / t.high;
  Term error = fma(inverse, t.low, fma(inverse, t.high, t.high.constant(1)));
  return select(isOdd(reduced.quadrant), fma(inverse, error, inverse), t.high);
}

bool isForF32(Term x) { return !x.isF64() && x.hasFma(); }

} // namespace

Term sine(Term x) {
  Term result = isForF32(x) ? forLarge(x, sineOf(sineAndCosineInF32(x)), wideSine) : wideSine(x);
  // -0 has become 0 in the sums.
  return select(equal(x, 0.0), x, result);
}

Term cosine(Term x) { return isForF32(x) ? forLarge(x, cosineOf(sineAndCosineInF32(x)), wideCosine) : wideCosine(x); }

Term tangent(Term x) {
  Term result = isForF32(x) ? forLarge(x, tangentInF32(x), wideTangent) : wideTangent(x);
  return select(equal(x, 0.0), x, result);
}

// With a = |x|: of f32, t = a or -1/a keeps |t| <= 1, and atan(a) is atan(t) plus 0 or pi/2. Of f64 (a - 1)/(a + 1)
// between them keeps |t| <= tan(pi/8), with pi/4: a shorter polynomial.
Term arcTangent(Term x) {
  Term a = abs(x), zero = a.constant(0), one = a.constant(1);
  Term isMiddle = a > 0.41421356237309503, isLarge = a > (x.isF64() ? 2.414213562373095 : 1.0);
  Term numerator = select(isLarge, -1.0, a), denominator = select(isLarge, a, one);
  const double *halfPi = x.isF64() ? coefficients::halfPiPairF64 : coefficients::halfPiF32;
  Pair offset = {select(isLarge, halfPi[0], zero), select(isLarge, halfPi[1], zero)};
  if (x.isF64()) {
    Term isBetween = isMiddle & (isLarge ^ isLarge.constant(1));
    numerator = select(isBetween, a - 1.0, numerator);
    denominator = select(isBetween, a + 1.0, denominator);
    offset.high = select(isBetween, coefficients::quarterPiF64[0], offset.high);
    offset.low = select(isBetween, coefficients::quarterPiF64[1], offset.low);
  }
  Term t = numerator / denominator, z = t * t;
  Term p = x.isF64() ? horner(z, coefficients::atanF64) : horner(z, coefficients::atanF32);
  return copySign(offset.high + (t + fma(t * z, p, offset.low)), x);
}

} // namespace nnf
