// pow with C's special cases: |x|^y = 2^(y log2|x|), then the sign and the exceptions.
#include "passes/math/Functions.h"

#include <limits>

using namespace mlir;

namespace nnf {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// a^y for a >= 0. Wrong or NaN only where `power` puts another value.
Term powerOfMagnitude(Term a, Term y) {
  auto withLimits = [&](Term log2, Term magnitude) {
    log2 = select(equal(magnitude, 0.0), -infinity, log2);
    return select(equal(magnitude, infinity), infinity, log2);
  };
  if (!a.isF64()) {
    // In f64 the rounding errors stay below the f32 result's last bit, and its denormals come from the conversion.
    Term wide = widen(a), log2 = withLimits(logarithm2OfF32(wide), wide);
    Term exponent = clamp(widen(y) * log2, -300, 300);
    return narrow(exponential2ForF32(exponent));
  }
  Pair log2 = logarithm2AsPair(a);
  Pair product = twoProduct(y, log2.high);
  Term low = product.low + y * log2.low;
  Term high = product.high;
  // The limits of log2 replace only the leading term; the rest is dropped wherever the result is out of range.
  high = y * withLimits(log2.high, a);
  low = select(abs(high) < 1100.0, low, 0.0);
  return exponential2OfPair({clamp(high, -1100, 1100), low});
}

} // namespace

Term power(Term x, Term y) {
  Term a = abs(x);
  // y log2(1) is NaN for an infinite y.
  Term magnitude = select(equal(a, 1.0), 1.0, powerOfMagnitude(a, y));

  // Infinite and large y are even integers here, as C has it.
  Term half = y * 0.5;
  Term isInteger = equal(floor(y), y), isEven = equal(floor(half), half);
  Term isOdd = isInteger & (isEven ^ isEven.constant(1));
  Term signBit = x.toBits().constant(uint64_t(1) << (x.bits() - 1));
  Term sign = select(isOdd, x.toBits() & signBit, 0);
  Term result = (magnitude.toBits() | sign).fromBits();

  Term hasNoRoot = (x < 0.0) & (a < infinity) & (isInteger ^ isInteger.constant(1));
  result = select(hasNoRoot, std::numeric_limits<double>::quiet_NaN(), result);
  result = select(isNaN(x) | isNaN(y), x + y, result);
  return select(equal(x, 1.0) | equal(y, 0.0), 1.0, result);
}

} // namespace nnf
