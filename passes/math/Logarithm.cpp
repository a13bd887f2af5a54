// log, log2, log10, log1p: x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2).
#include "passes/math/Coefficients.h"
#include "passes/math/Functions.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace nnf {

namespace {

struct Scaled {
  Term k, f;
  Term biasedExponent; // of k, in place: the exponent field of 2^k
};

/// Splits a positive normal number. Adding the distance from sqrt(1/2) to 1 lets the exponent field step at
/// sqrt(1/2) instead of at 1; it is read as a float by putting it into the fraction of 2^fractionBits.
Scaled split(Term x) {
  unsigned fractionBits = x.fractionBits();
  int64_t one = x.exponentBias() << fractionBits;
  int64_t root = x.isF64() ? 0x3fe6a09e667f3bcd : 0x3f3504f3;
  int64_t fractionMask = (int64_t(1) << fractionBits) - 1;
  double unit = std::ldexp(1.0, fractionBits);
  Term shifted = x.toBits() + (one - root);
  Term count = ((shifted >> fractionBits) | x.constant(unit).toBits()).fromBits();
  Term m = ((shifted & fractionMask) + root).fromBits();
  return {count - (unit + static_cast<double>(x.exponentBias())), m - 1.0, shifted & ~fractionMask};
}

/// The same for any positive number: denormal ones are scaled into the normal range first.
Scaled splitAny(Term x) {
  double shift = x.fractionBits() + 2;
  Term isSmall = x < (x.isF64() ? 0x1p-1022 : 0x1p-126);
  Scaled s = split(select(isSmall, x * std::ldexp(1.0, shift), x));
  s.k = s.k - select(isSmall, shift, x.constant(0));
  return s;
}

/// k ln(2) + log(1 + f)
Term combine(Term k, Term f) {
  if (f.isF64()) {
    // log(1 + f) = 2s + s z R = f - s (f - z R), s = f/(2 + f): the large term is exact.
    Term s = f / (f + 2.0), z = s * s;
    Term correction = s * (f - z * horner(z, coefficients::logF64));
    correction = fma(k, -coefficients::ln2F64[1], correction);
    return fma(k, coefficients::ln2F64[0], f - correction);
  }
  Term square = f * f;
  Term sum = fma(horner(f, coefficients::logF32), f * square, k * coefficients::ln2F32[1]);
  sum = fma(square, -0.5, sum);
  return fma(k, coefficients::ln2F32[0], f + sum);
}

/// log(x) for any x given its value for positive finite ones: inf and NaN stay, 0 has -inf, x < 0 NaN.
Term withLimits(Term x, Term result) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  result = select(x < infinity, result, x);
  Term outside = select(equal(x, 0.0), x.constant(-infinity), std::numeric_limits<double>::quiet_NaN());
  return select(x <= 0.0, outside, result);
}

/// log2(x) times a constant given in two parts.
Term scaledLogarithm(Term x, double scaleHigh, double scaleLow) {
  Term finite = x;
  if (x.isF64()) {
    Pair log2 = logarithm2AsPair(x);
    Pair result = log2 * Pair{x.constant(scaleHigh), x.constant(scaleLow)};
    finite = result.high + result.low;
  } else {
    finite = narrow(logarithm2OfF32(widen(x)) * scaleHigh);
  }
  return withLimits(x, finite);
}

} // namespace

Term logarithm(Term x) {
  Scaled s = splitAny(x);
  return withLimits(x, combine(s.k, s.f));
}

Term logarithm2(Term x) { return scaledLogarithm(x, 1, 0); }

Term logarithm10(Term x) { return scaledLogarithm(x, 0x1.34413509f79ffp-2, -0x1.9dc1da994fd21p-59); }

// With u = 1 + x = 2^k (1 + f): f = 2^-k x + (2^-k - 1), exact up to one rounding, so what the sum u loses is not
// missed; k = 0 gives f = x. For large x the 1 no longer counts, and 2^-k would leave the range.
Term logarithm1p(Term x) {
  Term u = x + 1.0;
  Scaled s = split(u);
  int64_t twoInField = (2 * x.exponentBias()) << x.fractionBits();
  Term inverse = (u.constant(0).toBits() + twoInField - s.biasedExponent).fromBits();
  Term f = select(u > std::ldexp(1.0, x.fractionBits() + 2), s.f, fma(x, inverse, inverse - 1.0));
  Term result = combine(s.k, f);
  // -0 has become 0 in the sums.
  return copySign(withLimits(u, result), x);
}

Term logarithm2OfF32(Term x) {
  Scaled s = split(x);
  Term ratio = s.f / (s.f + 2.0);
  return fma(ratio, horner(ratio * ratio, coefficients::log2F32), s.k);
}

// log(1 + f) = 2s (1 + z/3 + z^2 T(z)): the terms up to z/3 in pairs.
Pair logarithm2AsPair(Term x) {
  Scaled scaled = splitAny(x);
  Term f = scaled.f, sum = f + 2.0;
  Term sumLow = f - (sum - 2.0);
  Term s = f / sum;
  Pair back = twoProduct(s, sum);
  Pair ratio = {s, (((f - back.high) - back.low) - s * sumLow) / sum};
  Pair z = ratio * ratio;
  Pair inner = fastTwoSum(x.constant(coefficients::thirdF64[0]), z.high * horner(z.high, coefficients::logTailF64));
  inner.low = inner.low + coefficients::thirdF64[1];
  Pair outer = z * inner;
  Pair series = fastTwoSum(x.constant(1), outer.high);
  series.low = series.low + outer.low;
  Pair toBase2 = {x.constant(2 * coefficients::log2eF64[0]), x.constant(2 * coefficients::log2eF64[1])};
  Pair fraction = (ratio * series) * toBase2;
  Pair result = fastTwoSum(scaled.k, fraction.high);
  return fastTwoSum(result.high, result.low + fraction.low);
}

} // namespace nnf
