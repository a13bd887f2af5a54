// Quotients by fewer cycles than the division instruction takes, which for vectors are many.
#include "passes/math/Functions.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace nnf {

bool isDivisor(double c, Term like) {
  double smallest = like.isF64() ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  int exponent;
  return std::isfinite(c) && std::abs(c) >= smallest && std::abs(1 / c) >= smallest &&
         std::abs(std::frexp(c, &exponent)) != 0.5;
}

// The quotient's error is found by a fused multiply-add and divided in turn (P. Markstein, "Computation of elementary
// functions on the IBM RISC System/6000 processor", 1990). Of infinity, and where the quotient overflows, that is NaN;
// of -0 it is 0, and the sum would lose the sign.
Term dividedBy(Term x, double c) {
  double reciprocal = x.isF64() ? 1 / c : static_cast<float>(1 / static_cast<float>(c));
  return dividedBy(x, x.constant(c), x.constant(reciprocal));
}

Term dividedBy(Term x, Term c, Term reciprocal) {
  Term q = x * reciprocal;
  Term left = fma(q, -c, x);
  return select((left < 0.0) | (left > 0.0), fma(left, reciprocal, q), q);
}

// One step of Newton's. Of a quarter of y, so that reciprocals are normal numbers; that of infinity is 0, and stays it.
Term dividedByAboveOne(Term x, Term y) {
  Term quarter = y * 0.25, r = reciprocalTo14Bits(quarter);
  Term better = fma(fma(-quarter, r, y.constant(1)), r, r);
  return x * 0.25 * select(quarter < std::numeric_limits<double>::infinity(), better, r);
}

} // namespace nnf
