// Quotients by fewer cycles than the division instruction takes, which for vectors are many.
#include "passes/math/Functions.h"

#include <cmath>
#include <limits>
#include <optional>

using namespace mlir;

namespace nnf {

bool isDivisor(double c, Term like) {
  double smallest = like.isF64() ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  int exponent;
  return std::isfinite(c) && std::abs(c) >= smallest && std::abs(1 / c) >= smallest &&
         std::abs(std::frexp(c, &exponent)) != 0.5;
}

// A short divisor, an odd number of 16 bits times a power of two: quotients are at least 2^-17 of their last bit away
// from where rounding changes, and the reciprocal in two parts leaves 2^-22 (N. Brisebarre and J.-M. Muller,
// "Correctly rounded multiplication by arbitrary precision constants", 2008; numbers below 1e-30 lose a part of
// theirs). The first part is rounded toward zero: with parts of two signs infinity would become NaN.
static std::optional<std::pair<double, double>> reciprocalInParts(double c, bool isF64) {
  int exponent;
  double scaled = std::ldexp(std::frexp(c, &exponent), 16);
  if (scaled != std::trunc(scaled) || std::abs(exponent) > 64)
    return std::nullopt;
  double high = isF64 ? 1 / c : static_cast<float>(1 / c);
  if (std::fma(-high, c, 1.0) < 0)
    high = isF64 ? std::nextafter(high, 0.0) : std::nextafter(static_cast<float>(high), 0.0f);
  return std::pair(high, std::fma(-high, c, 1.0) / c);
}

// Others: the quotient's error is found by a fused multiply-add and divided in turn (P. Markstein, "Computation of
// elementary functions on the IBM RISC System/6000 processor", 1990). Of infinity, and where the quotient overflows,
// the sum is NaN; of -0 it is 0: neither is more or less than the quotient, which stays.
Term dividedBy(Term x, double c) {
  if (auto parts = reciprocalInParts(c, x.isF64()))
    return fma(x, parts->first, x * parts->second);
  double reciprocal = x.isF64() ? 1 / c : static_cast<float>(1 / static_cast<float>(c));
  return dividedBy(x, x.constant(c), x.constant(reciprocal));
}

Term dividedBy(Term x, Term c, Term reciprocal) {
  Term q = x * reciprocal;
  Term left = fma(q, -c, x);
  Term nearer = fma(left, reciprocal, q);
  return select((nearer < q) | (nearer > q), nearer, q);
}

} // namespace nnf
