// sin, cos, tan, atan. Those of f32 are computed in f64: its 53 bits make
// the reduction two multiply-adds, and no other error matters.
#include "passes/math/Coefficients.h"
#include "passes/math/Functions.h"

using namespace mlir;

namespace nnf {

namespace {

/// Of the reduced argument, each as a sum whose second term is small.
struct SineAndCosine {
  Pair sine, cosine;
  Term quadrant; // i64
};

SineAndCosine ofReducedForF32(Reduced x) {
  Term r = x.high, z = r * r, zero = r.constant(0);
  Term sine = fma(r * z, horner(z, coefficients::sinF32), r);
  Term cosine = fma(z * z, horner(z, coefficients::cosF32), fma(z, -0.5, z.constant(1)));
  return {{sine, zero}, {cosine, zero}, x.quadrant};
}

SineAndCosine ofReduced(Reduced x) {
  Term r = x.high, z = r * r, halfSquare = z * 0.5;
  // sin(r + low) = sin(r) + low cos(r), cos(r + low) = cos(r) - low sin(r), to first order.
  Term sineTail = fma(r * z, horner(z, coefficients::sinF64), x.low * (1.0 - halfSquare));
  Term head = 1.0 - halfSquare, lost = (1.0 - head) - halfSquare;
  Term cosineTail = lost + fma(z * z, horner(z, coefficients::cosF64), -(r * x.low));
  return {{r, sineTail}, {head, cosineTail}, x.quadrant};
}

SineAndCosine sineAndCosine(Term x) {
  return x.isF64() ? ofReduced(reduceByHalfPi(x)) : ofReducedForF32(reduceByHalfPiForF32(widen(x)));
}

Term isOdd(Term quadrant) { return equal(quadrant & 1, 1); }

/// sin of the quadrant's angle plus the reduced one.
Term inQuadrant(const SineAndCosine &s, Term quadrant) {
  Term value = select(isOdd(quadrant), s.cosine.high + s.cosine.low, s.sine.high + s.sine.low);
  return (value.toBits() ^ ((quadrant & 2) << 62)).fromBits();
}

Term like(Term x, Term wide) { return x.isF64() ? wide : narrow(wide); }

} // namespace

Term sine(Term x) {
  SineAndCosine s = sineAndCosine(x);
  // -0 has become 0 in the sums.
  return select(equal(x, 0.0), x, like(x, inQuadrant(s, s.quadrant)));
}

Term cosine(Term x) {
  SineAndCosine s = sineAndCosine(x);
  return like(x, inQuadrant(s, s.quadrant + 1));
}

// sin/cos, or -cos/sin in an odd quadrant. The quotient's error is taken out once, with what the sums had lost: three
// roundings of half an ulp each would be too many.
Term tangent(Term x) {
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
  return select(equal(x, 0.0), x, like(x, ratio));
}

// With a = |x|, t = a, (a - 1)/(a + 1) or -1/a keeps |t| <= tan(pi/8), and atan(a) is atan(t) plus 0, pi/4 or pi/2.
Term arcTangent(Term x) {
  Term a = x.isF64() ? abs(x) : widen(abs(x)), zero = a.constant(0);
  Term isMiddle = a > 0.41421356237309503, isLarge = a > 2.414213562373095;
  Term numerator = select(isLarge, -1.0, select(isMiddle, a - 1.0, a));
  Term denominator = select(isLarge, a, select(isMiddle, a + 1.0, 1.0));
  auto offset = [&](double part) { return select(isLarge, 2 * part, select(isMiddle, part, zero)); };
  Term t = numerator / denominator, z = t * t;
  Term p = x.isF64() ? horner(z, coefficients::atanF64) : horner(z, coefficients::atanF32);
  Term tail = fma(t * z, p, offset(coefficients::quarterPiF64[1]));
  return copySign(like(x, offset(coefficients::quarterPiF64[0]) + (t + tail)), x);
}

} // namespace nnf
