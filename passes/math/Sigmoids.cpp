// tanh and erf: odd functions, a polynomial near zero and one minus an exponential further out.
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

Term errorFunction(Term x) {
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
