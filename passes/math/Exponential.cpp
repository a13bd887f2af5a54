// exp, exp2, expm1: x = k ln(2) + r, a polynomial in r, and 2^k through the exponent field.
#include "passes/math/Coefficients.h"
#include "passes/math/Functions.h"

#include <limits>

using namespace mlir;

namespace nnf {

namespace {

/// An integer k as a float and in the low bits of `bits`. Adding 1.5 * 2^fractionBits makes the sum's last bit count
/// ones, so the addition rounds to nearest and leaves k in the fraction: no conversion instruction.
struct Rounded {
  Term k, bits;
};

Rounded roundToInteger(Term x) {
  double magic = 1.5 * static_cast<double>(uint64_t(1) << x.fractionBits());
  Term shifted = x + magic;
  return {shifted - magic, shifted.toBits()};
}

/// round(x / ln(2))
Rounded countOfLn2(Term x) {
  double magic = 1.5 * static_cast<double>(uint64_t(1) << x.fractionBits());
  Term shifted = fma(x, 1.4426950408889634, x.constant(magic));
  return {shifted - magic, shifted.toBits()};
}

/// x - k ln(2)
Term reduceByLn2(Term x, Term k) {
  const double *ln2 = x.isF64() ? coefficients::ln2F64 : coefficients::ln2F32;
  return fma(k, -ln2[1], fma(k, -ln2[0], x));
}

/// The same with what the second step rounds away; the first is exact.
Pair reduceByLn2AsPair(Term x, Term k) {
  const double *ln2 = x.isF64() ? coefficients::ln2F64 : coefficients::ln2F32;
  Term first = fma(k, -ln2[0], x), r = fma(k, -ln2[1], first);
  return {r, fma(k, -ln2[1], first - r)};
}

/// 2^k for the k in the low bits of an integer whose bits from `exponent bits` up are shifted out.
Term powerOfTwo(Term k, Term like) {
  int64_t one = like.exponentBias() << like.fractionBits();
  return ((k << like.fractionBits()) + one).fromBits();
}

/// p * 2^k for p next to 1 and k in the low bits of `bits`, where that is below infinity: k is added to p's exponent.
/// Sums that leave the exponent field below are too small for a normal number. They are made 2^(bias - 1) times as
/// large and added to 1, whose last bit counts what a denormal number's does: rounded once, and no instruction sees a
/// denormal operand or result, which costs a hundred cycles on x86.
Term scale(Term p, Term bits) {
  unsigned fractionBits = p.fractionBits();
  int64_t smallestNormal = int64_t(1) << fractionBits, one = p.exponentBias() << fractionBits;
  Term sum = p.toBits() + (bits << fractionBits);
  Term isDenormal = lessSigned(sum, sum.constant(smallestNormal));
  Term raised = (sum + (one - smallestNormal)).fromBits() + 1.0;
  return select(isDenormal, raised.toBits() - one, sum).fromBits();
}

/// `result` where x < bound; else infinity, or NaN where x is.
Term finiteBelow(Term x, double bound, Term result) {
  return select(x < bound, result, x + std::numeric_limits<double>::infinity());
}

/// exp(r), |r| <= ln(2)/2
Term exponentialOfReduced(Term r) {
  SmallVector<double> c = {1, 1};
  if (r.isF64())
    c.append(std::begin(coefficients::expF64), std::end(coefficients::expF64));
  else
    c.append(std::begin(coefficients::expF32), std::end(coefficients::expF32));
  return horner(r, c);
}

/// expm1(r), |r| <= ln(2)/2. Unlike in exp, r's own error is not small beside the result's last bit.
Term exponentialMinus1OfReduced(Pair reduced) {
  Term r = reduced.high;
  Term q = r.isF64() ? horner(r, coefficients::expm1F64) : horner(r, coefficients::expm1F32);
  return r + fma(r * r, q, reduced.low);
}

} // namespace

Term exponential(Term x) {
  // Below the first bounds the result rounds to zero; below the second it is finite.
  Term raised = x.isF64() ? clampLow(x, -746) : clampLow(x, -104);
  Rounded count = countOfLn2(raised);
  Term result = scale(exponentialOfReduced(reduceByLn2(raised, count.k)), count.bits);
  return finiteBelow(x, x.isF64() ? 0x1.62e42fefa39f0p9 : 0x1.62e430p6, result);
}

Term exponentialForSum(Term x) {
  if (hasScaling(x)) { // which makes infinity of what is above; what is below would be denormal numbers
    Term bounded = x.isF64() ? clamp(x, -708, 710) : clamp(x, -87, 89);
    Term k = countOfLn2(bounded).k;
    return scaled(exponentialOfReduced(reduceByLn2(bounded, k)), k);
  }
  Term raised = x.isF64() ? clampLow(x, -708) : clampLow(x, -87);
  Rounded count = countOfLn2(raised);
  Term p = exponentialOfReduced(reduceByLn2(raised, count.k));
  Term result = (p.toBits() + (count.bits << p.fractionBits())).fromBits();
  return finiteBelow(x, x.isF64() ? 0x1.62e42fefa39f0p9 : 0x1.62e430p6, result);
}

Term exponentialInRange(Term x) {
  Rounded count = countOfLn2(x);
  if (hasScaling(x))
    return scaled(exponentialOfReduced(reduceByLn2(x, count.k)), count.k);
  return exponentialOfReduced(reduceByLn2(x, count.k)) * powerOfTwo(count.bits, x);
}

// The exponent field of 2^-bias is 0: that number is 0. Lower powers do not come up.
Term exponentialOfNegative(Term x) {
  if (hasScaling(x)) {
    double lowest = x.isF64() ? -708 : -87;
    Term bounded = clampLow(x, lowest), k = countOfLn2(bounded).k;
    return select(x < lowest, 0.0, scaled(exponentialOfReduced(reduceByLn2(bounded, k)), k));
  }
  Term raised = clampLow(x, -0.6931471805599453 * static_cast<double>(x.exponentBias()));
  Rounded count = countOfLn2(raised);
  return exponentialOfReduced(reduceByLn2(raised, count.k)) * powerOfTwo(count.bits, x);
}

Term exponential2(Term x) {
  Term raised = x.isF64() ? clampLow(x, -1076) : clampLow(x, -151);
  Rounded count = roundToInteger(raised);
  Term result = scale(exponentialOfReduced((raised - count.k) * 0.6931471805599453), count.bits);
  return finiteBelow(x, x.isF64() ? 1024 : 128, result);
}

Term exponential2OfPair(Pair x) {
  Rounded count = roundToInteger(x.high);
  Term fraction = (x.high - count.k) + x.low;
  // The largest results' high part is 1024.
  Term isFinite = (x.high < 1024.0) | (equal(x.high, 1024.0) & (x.low < 0.0));
  Term result = scale(exponentialOfReduced(fraction * 0.6931471805599453), count.bits);
  return select(isFinite, result, x.high + std::numeric_limits<double>::infinity());
}

Term exponential2ForF32(Term x) {
  Rounded count = roundToInteger(x);
  SmallVector<double> c = {1, 1};
  c.append(std::begin(coefficients::expPowF32), std::end(coefficients::expPowF32));
  return horner((x - count.k) * 0.6931471805599453, c) * powerOfTwo(count.bits, x);
}

// expm1(x) = 2^k expm1(r) + (2^k - 1), built at half its size so that the largest results do not pass through
// infinity. Below 2^-fractionBits, x itself is the nearest float but for its last bit, and halving might lose that.
Term exponentialMinus1(Term x) {
  Term bounded = x.isF64() ? clamp(x, -40, 710) : clamp(x, -20, 89);
  Rounded count = countOfLn2(bounded);
  Term half = powerOfTwo(count.bits - 1, x);
  Term result = fma(half, exponentialMinus1OfReduced(reduceByLn2AsPair(bounded, count.k)), half - 0.5) * 2.0;
  double tiny = x.isF64() ? 0x1p-54 : 0x1p-25;
  return select(abs(x) < tiny, x, result);
}

} // namespace nnf
