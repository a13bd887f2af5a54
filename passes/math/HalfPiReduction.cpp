// Arguments of sin, cos and tan less the nearest multiple of pi/2.
//
// Up to 2^20 the multiple n = round(x 2/pi) has 20 bits, and n times pi/2 in parts of 33 bits is exact (Cody and
// Waite). Above, x 2/pi is taken modulo 4 in integers, with the bits of 2/pi that matter for x's exponent (Payne and
// Hanek); they are picked by a chain of selects on the bits of their index, which unlike a table in memory works
// for vectors and on every target. That path is behind a branch that needs one lane above 2^20.
//
// In f32 a fused multiply-add takes n times the first 24 bits of pi/2 off without an error up to 2^17 and further: the
// difference has no bits below the last of that product.
#include "passes/math/Coefficients.h"
#include "passes/math/Functions.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <array>
#include <cmath>
#include <limits>

using namespace mlir;

namespace nnf {

namespace {

constexpr double largestForCodyWaite = 0x1p20;

/// `count` neighbouring words of the table from word `index` on.
SmallVector<Term> pickWords(Term index, ArrayRef<uint64_t> table, unsigned count) {
  SmallVector<Term> words;
  for (uint64_t word : table)
    words.push_back(index.constant(word));
  for (unsigned step = llvm::bit_floor(words.size() - count); step; step /= 2) {
    Term isSet = differs(index & step, index.constant(0));
    unsigned kept = std::min<unsigned>(words.size(), count + step - 1);
    for (unsigned i = 0; i != kept && i + step != words.size(); ++i)
      words[i] = select(isSet, words[i + step], words[i]);
    words.truncate(kept);
  }
  words.truncate(count);
  return words;
}

/// Fraction field with the leading one, as an integer; value = integer * 2^(exponent - bias - fractionBits).
Term significand(Term x) {
  int64_t leadingOne = int64_t(1) << x.fractionBits();
  return (x.toBits() & (leadingOne - 1)) | leadingOne;
}
Term biasedExponent(Term x) { return (x.toBits() >> x.fractionBits()) & (2 * x.exponentBias() + 1); }

/// The top 64 bits of x 2/pi modulo 4 as quadrant (nearest) and signed remainder in units of 2^-62 quadrants.
struct Quadrant {
  Term number, remainder;
};
Quadrant nearestQuadrant(Term top) {
  Term number = (top + (uint64_t(1) << 61)) >> 62;
  return {number, top - (number << 62)};
}

/// For an f64 that came from an f32 above 2^20. Its significand has 24 bits and 2/pi is used in words of 32.
/// The window of 96 bits begins at the bit of 2/pi that x's exponent raises to 2^1: M * window counts 2^-94.
Reduced payneHanekForF32(Term x) {
  // One word of zeros before the fraction, for the smallest exponents.
  SmallVector<uint64_t> table = {0};
  for (unsigned i = 0; i != 7; ++i)
    table.push_back(coefficients::twoOverPi[i / 2] >> (i % 2 ? 0 : 32) & 0xffffffff);
  // x = M 2^e with e = exponent - 1023 - 23; bit j (from 1) of 2/pi counts 2^(e-j), and stands at 31 + j.
  Term start = biasedExponent(x) - (1023 + 23 - 30);
  Term shift = start & 31;
  SmallVector<Term> words = pickWords(start >> 5, table, 4);
  auto window = [&](unsigned i) { return (((words[i] << 32) | words[i + 1]) << shift) >> 32; };
  Term m = significand(x) >> (52 - 23);
  Term top = ((m * window(0)) << 32) + m * window(1) + ((m * window(2)) >> 32);
  auto [number, remainder] = nearestQuadrant(top);
  Term r = signedToFloat(remainder, x.element()) * std::ldexp(coefficients::halfPiPairF64[0], -62);
  return {r, r.constant(0), number};
}

/// For an f64 above 2^20: as above with 64-bit words, a window of 192 bits, and a product in limbs of 32 bits.
Reduced payneHanek(Term x) {
  SmallVector<uint64_t> table = {0};
  table.append(std::begin(coefficients::twoOverPi), std::end(coefficients::twoOverPi) - 1);
  Term start = biasedExponent(x) - (1023 + 52 - 62);
  Term shift = start & 63;
  SmallVector<Term> words = pickWords(start >> 6, table, 4);
  std::array<SmallVector<Term, 8>, 2> factors; // in limbs, lowest first
  for (unsigned i = 3; i-- != 0;) {
    // A shift by 64 - 0 is out of range; two shifts are not.
    Term word = (words[i] << shift) | ((words[i + 1] >> 1) >> (shift ^ 63));
    factors[0].append({word & 0xffffffff, word >> 32});
  }
  Term m = significand(x);
  factors[1].append({m & 0xffffffff, m >> 32});

  constexpr unsigned limbCount = 6;
  SmallVector<Term, limbCount> columns(limbCount, start.constant(0)), limbs;
  for (unsigned i = 0; i != limbCount; ++i)
    for (unsigned j = 0; j != 2 && i + j != limbCount; ++j) {
      Term product = factors[0][i] * factors[1][j];
      columns[i + j] = columns[i + j] + (product & 0xffffffff);
      if (i + j + 1 != limbCount)
        columns[i + j + 1] = columns[i + j + 1] + (product >> 32);
    }
  Term carry = start.constant(0);
  for (Term column : columns) {
    Term sum = column + carry;
    limbs.push_back(sum & 0xffffffff);
    carry = sum >> 32;
  }

  // 2 bits of quadrant and 126 of fraction are used. Close to a multiple of pi/2 the first 62 may cancel.
  auto [number, remainder] = nearestQuadrant((limbs[5] << 32) | limbs[4]);
  auto piece = [&](Term limb, int exponent) { return signedToFloat(limb, x.element()) * std::ldexp(1.0, exponent); };
  Pair leading = fastTwoSum(piece(shiftArithmetic(remainder, 32), -30), piece(remainder & 0xffffffff, -62));
  Term trailing = piece(limbs[3], -94) + piece(limbs[2], -126);
  Pair fraction = twoSum(leading.high, leading.low + trailing);
  Pair halfPi = {x.constant(coefficients::halfPiPairF64[0]), x.constant(coefficients::halfPiPairF64[1])};
  Pair r = fraction * halfPi;
  return {r.high, r.low, number};
}

struct Multiple {
  Term n;
  Term quadrant;
};
/// round(x 2/pi), by adding 1.5 * 2^fractionBits.
Multiple multipleOfHalfPi(Term x) {
  double magic = 1.5 * static_cast<double>(uint64_t(1) << x.fractionBits());
  Term shifted = fma(x, 0x1.45f306dc9c883p-1, x.constant(magic));
  return {shifted - magic, shifted.toBits()};
}

Reduced codyWaiteForF32(Term x) {
  auto [n, quadrant] = multipleOfHalfPi(x);
  const double *halfPi = coefficients::halfPiF64;
  Term r = fma(n, -(halfPi[1] + halfPi[2]), fma(n, -halfPi[0], x));
  return {r, r.constant(0), quadrant};
}

Reduced codyWaite(Term x) {
  auto [n, quadrant] = multipleOfHalfPi(x);
  const double *halfPi = coefficients::halfPiF64;
  Term first = x - n * halfPi[0];
  Pair second = twoSum(first, -(n * halfPi[1]));
  Pair third = twoSum(second.high, -(n * halfPi[2]));
  Pair r = twoSum(third.high, (second.low + third.low) - n * halfPi[3]);
  return {r.high, r.low, quadrant};
}

/// The common case, and behind a branch the other one for the lanes that need it.
Reduced reduce(Term x, Reduced (*usual)(Term), Reduced (*large)(Term)) {
  const ExpansionSite &site = x.site();
  Reduced result = usual(x);
  Term a = abs(x);
  Term isLarge = (a > largestForCodyWaite) & (a < std::numeric_limits<double>::infinity());
  auto branch = scf::IfOp::create(
      site.builder, site.loc, anyElement(isLarge),
      [&](OpBuilder &builder, Location loc) {
        ExpansionSite inside{builder, loc, site.options};
        Reduced r = large(Term(inside, a));
        // sin(-x) = -sin(x): the quadrant's number changes its sign with the rest.
        Term isNegative = Term(inside, x) < 0.0;
        auto merge = [&](Term value, Term negated, Value old) {
          return select(Term(inside, isLarge), select(isNegative, negated, value), Term(inside, old));
        };
        scf::YieldOp::create(builder, loc,
                             ValueRange{merge(r.high, -r.high, result.high), merge(r.low, -r.low, result.low),
                                        merge(r.quadrant, 0 - r.quadrant, result.quadrant)});
      },
      [&](OpBuilder &builder, Location loc) {
        scf::YieldOp::create(builder, loc, ValueRange{result.high, result.low, result.quadrant});
      });
  return {Term(site, branch.getResult(0)), Term(site, branch.getResult(1)), Term(site, branch.getResult(2))};
}

} // namespace

Reduced reduceByHalfPi(Term x) { return reduce(x, codyWaite, payneHanek); }
Reduced reduceByHalfPiForF32(Term x) { return reduce(x, codyWaiteForF32, payneHanekForF32); }

Reduced reduceByHalfPiInF32(Term x) {
  auto [n, quadrant] = multipleOfHalfPi(x);
  const double *halfPi = coefficients::halfPiF32;
  Term r = fma(n, -halfPi[2], fma(n, -halfPi[1], fma(n, -halfPi[0], x)));
  return {r, r.constant(0), quadrant};
}

Reduced reduceByHalfPiInF32AsPair(Term x) {
  auto [n, quadrant] = multipleOfHalfPi(x);
  const double *halfPi = coefficients::halfPiF32;
  Term first = fma(n, -halfPi[0], x);
  Pair product = twoProduct(n, n.constant(halfPi[1])), second = twoSum(first, -product.high);
  Term low = fma(n, -halfPi[2], second.low - product.low);
  return {second.high, low, quadrant};
}

} // namespace nnf
