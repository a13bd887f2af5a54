// tanh and erf: odd functions, a polynomial near zero and one minus an exponential further out; quotients by one plus
// an exponential; erf and those of AVX-512 vectors by tables in registers.
#include "passes/math/Coefficients.h"
#include "passes/math/Functions.h"

using namespace mlir;

namespace nnf {

/// 1 / (1 + exp(-x)) by a table of powers of two between 1 and 2, with which a polynomial of half the degree is enough,
/// and an approximate reciprocal. What is saved are instructions on the ports that multiply.
static Term logisticByTable(Term x) {
  using namespace coefficients;
  // Above the bound 1 + exp(-x) is 1.
  Term bounded = clampHigh(x, 87);
  // -x / ln(2) in sixteenths: the sum's last four bits are the table's index, those above them the exponent field of
  // exp(-x). Shifted into their place they leave the index in the fraction, which the table makes up for.
  double magic = 0x1.8p19 + 127;
  Term shifted = fma(bounded, -1.4426950408889634, x.constant(magic)), count = shifted - magic;
  Term power = (shifted.toBits() << 19).fromBits();
  Term t = fma(count, ln2F32[1], fma(count, ln2F32[0], bounded)), entry = lookup(expTableF32, shifted.toBits());
  Term divisor = fma(fma(horner(t, expPartF32), entry * t, entry), power, x.constant(1));
  // One step of Newton's. From the bound down the reciprocal is below the normal range, and the power out of it.
  Term r = reciprocalTo14Bits(divisor), better = fma(fma(-divisor, r, x.constant(1)), r, r);
  return select(x < -87.3, 0.0, better);
}

Term logisticQuotient(Term numerator, Term x) {
  if (x.site().options.hasAvx512)
    return numerator * bySixteens(x, logisticByTable);
  // Powers of two from 2^-126 to 2^128, which is infinity: of what is bounded below the quotient is 0.
  Term bounded = clamp(x, -88.9, 87);
  double magic = 0x1.8p23 + 127;
  Term shifted = fma(bounded, -1.4426950408889634, x.constant(magic)), count = shifted - magic;
  Term r = fma(count, coefficients::ln2F32[1], fma(count, coefficients::ln2F32[0], bounded));
  SmallVector<double> c = {1, -1};
  for (auto [i, coefficient] : llvm::enumerate(coefficients::expF32))
    c.push_back(i % 2 ? -coefficient : coefficient);
  return numerator / fma(horner(r, c), (shifted.toBits() << 23).fromBits(), x.constant(1));
}

Term hyperbolicTangent(Term x) {
  Term a = abs(x), z = x * x;
  Term p = x.isF64() ? horner(z, coefficients::tanhF64) : horner(z, coefficients::tanhF32);
  Term near = fma(a * z, p, a);
  // 1 - 2 / (1 + exp(2a)); 1 from a bound on, in the working precision.
  auto quotient = [&] { return 2.0 / (exponentialInRange(clampHigh(a, 20) * 2.0) + 1.0); };
  Term far = 1.0 - (x.isF64() ? quotient() : logisticQuotient(x.constant(2), a * -2.0));
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
