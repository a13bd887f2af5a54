// tanh and erf: odd functions, a polynomial near zero and one minus an exponential further out; erf of AVX-512 vectors
// by tables in registers.
#include "passes/math/Coefficients.h"
#include "passes/math/Functions.h"

using namespace mlir;

namespace nnf {

Term hyperbolicTangent(Term x) {
  Term a = abs(x), z = x * x;
  Term p = x.isF64() ? horner(z, coefficients::tanhF64) : horner(z, coefficients::tanhF32);
  Term near = fma(a * z, p, a);
  // 1 from the bound on, in the working precision.
  Term bounded = clampHigh(a, x.isF64() ? 20 : 10);
  Term far = 1.0 - 2.0 / (exponentialInRange(bounded + bounded) + 1.0);
  return copySign(select(a < 0.625, near, far), x);
}

/// A polynomial for each of 16 parts of [0, 3.98]; one permutation of a register looks a coefficient up for all lanes.
/// Two thirds of the instructions of the general formula.
static Term errorFunctionByTable(Term x) {
  using namespace coefficients;
  // 1 from the bound on. The sum rounds to the number of the part, which its last bits are.
  Term a = clampHigh(abs(x), 3.93), shift = a.constant(0x1.8p23);
  Term shifted = fma(a, a.constant(1 / erfPartF32), shift), part = shifted.toBits();
  Term t = fma(shifted - shift, a.constant(-erfPartF32), a);
  auto coefficient = [&](unsigned k) { return lookup(erfTableF32[k], part); };
  Term sum = coefficient(5);
  for (unsigned k : {4, 3, 2, 1})
    sum = fma(sum, t, coefficient(k));
  return copySign(fma(sum, t, coefficient(0) + t), x);
}

Term errorFunction(Term x) {
  if (!x.isF64() && x.site().options.hasAvx512)
    return bySixteens(x, errorFunctionByTable);
  Term a = abs(x), z = x * x;
  Term p = x.isF64() ? horner(z, coefficients::erfF64) : horner(z, coefficients::erfF32);
  Term near = fma(a, p, a);
  // The exponent's polynomial begins at 1 so that its rounding errors are smallest where 1 - erf is largest.
  Term beyond = clampHigh(a, x.isF64() ? 6 : 4) - 1.0;
  Term g = x.isF64() ? horner(beyond, coefficients::erfcF64) : horner(beyond, coefficients::erfcF32);
  Term far = 1.0 - exponentialInRange(g);
  return copySign(select(a < 1.0, near, far), x);
}

} // namespace nnf
