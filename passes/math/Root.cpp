// The square root by fewer cycles than its instruction takes, which for vectors are many.
#include "passes/math/Functions.h"

#include <limits>

using namespace mlir;

namespace nnf {

// Both g = sqrt(x) and h = 1/(2 sqrt(x)) by a step of Newton's from 14 bits, and what g's square leaves of x, found by
// a fused multiply-add (P. Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor",
// 1990). Compared for all 2^32 arguments: the bits are those of the instruction.
Term squareRoot(Term x) {
  // Below, what is left would be out of the range of f32.
  Term isSmall = x < 0x1p-96, raised = select(isSmall, x * 0x1p64, x);
  Term y = reciprocalRootTo14Bits(raised), half = x.constant(0.5);
  Term g = raised * y, h = y * half;
  Term error = fma(-g, h, half);
  g = fma(g, error, g), h = fma(h, error, h);
  g = fma(fma(-g, g, raised), h, g);
  // 0 times infinity
  return select(isZeroOrInfinity(x), x, select(isSmall, g * 0x1p-32, g));
}

} // namespace nnf
