// fmod and round.
#include "passes/math/Functions.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;

namespace nnf {

namespace {

/// The rest of a by b, both not negative and normal or zero, by subtracting b 2^n with the greatest n that
/// fits, while any lane has one. The difference is exact, since b 2^n <= a < b 2^(n+1).
Term divideLong(Term a, Term b) {
  const ExpansionSite &site = a.site();
  constexpr int64_t fractionMask = (int64_t(1) << 52) - 1;
  Term fraction = b.toBits() & fractionMask;
  auto loop = scf::WhileOp::create(
      site.builder, site.loc, TypeRange{a.type()}, ValueRange{a},
      [&](OpBuilder &builder, Location loc, ValueRange rest) {
        ExpansionSite inside{builder, loc, site.options};
        scf::ConditionOp::create(builder, loc, anyElement(Term(inside, rest[0]) >= Term(inside, b)), rest);
      },
      [&](OpBuilder &builder, Location loc, ValueRange values) {
        ExpansionSite inside{builder, loc, site.options};
        Term rest(inside, values[0]);
        Term multiple = (Term(inside, fraction) | (rest.toBits() & ~fractionMask)).fromBits();
        multiple = select(multiple > rest, multiple * 0.5, multiple);
        Term next = select(rest >= Term(inside, b), rest - multiple, rest);
        scf::YieldOp::create(builder, loc, ValueRange{next});
      });
  return Term(site, loop.getResult(0));
}

Term remainderF64(Term x, Term y) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Term a = abs(x), b = abs(y);
  Term isDefined = (a < infinity) & (b > 0.0);
  Term rest = select(isDefined, a, 0.0), divisor = select(isDefined, b, 1.0);
  // In the denormal range floats are fixed-point and the exponent says nothing: scale tiny divisors up, after a
  // first pass by a multiple of them that makes the rest small enough to be scaled too.
  Term scale = select(divisor < 0x1p-900, 0x1p200, x.constant(1));
  rest = divideLong(rest, divisor * scale);
  rest = divideLong(rest * scale, divisor * scale) / scale;
  return copySign(select(isDefined, rest, std::numeric_limits<double>::quiet_NaN()), x);
}

} // namespace

Term remainder(Term x, Term y) { return x.isF64() ? remainderF64(x, y) : narrow(remainderF64(widen(x), widen(y))); }

// The largest float below 1/2: adding 1/2 itself would carry that float up to 1.
Term roundHalfAway(Term x) {
  return truncate(x + copySign(x.constant(x.isF64() ? 0x1.fffffffffffffp-2 : 0x1.fffffep-2), x));
}

} // namespace nnf
