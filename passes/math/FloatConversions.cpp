#include "passes/math/FloatConversions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace nnf {

namespace {

constexpr uint32_t infinityF32 = 0x7f800000, signF32 = 0x80000000;

/// f32's upper half, after adding what carries into it when the lower half rounds up.
Term f32ToBF16(Term x, Type bf16) {
  Term u = x.toBits();
  Term rounded = (u + (((u >> 16) & 1) + 0x7fff)) >> 16;
  Term quiet = (u >> 16) | 0x40;
  return bitcast(truncateBits(select(isNaN(x), quiet, rounded), 16), bf16);
}

Term f32ToF16(Term x, Type f16) {
  if (x.site().options.hasF16c) {
    const ExpansionSite &site = x.site();
    return Term(site, arith::TruncFOp::create(site.builder, site.loc, x.typeWith(f16), Value(x)));
  }
  Term u = x.toBits(), sign = (u & signF32) >> 16, a = u & ~signF32;
  // Normal results: the exponent's bias goes from 127 to 15, and a carry out of the fraction goes into it; what
  // rounds up to 65536 becomes infinity by the same carry.
  Term odd = (a >> 13) & 1;
  Term normal = (a - ((127 - 15) << 23) + (odd + 0xfff)) >> 13;
  // Results below 2^-14: adding 1/2 puts the last bit of f16's denormals last in the sum's fraction, rounded.
  Term denormal = (a.fromBits() + 0.5).toBits() - 0x3f000000;
  Term special = select(a > infinityF32, ((a >> 13) & 0x3ff) | 0x7e00, 0x7c00);
  Term result = select(a < (113 << 23), denormal, normal);
  result = select(a >= (143 << 23), special, result);
  return bitcast(truncateBits(result | sign, 16), f16);
}

Term f16ToF32(Term x) {
  const ExpansionSite &site = x.site();
  if (site.options.hasF16c)
    return Term(site, arith::ExtFOp::create(site.builder, site.loc, x.typeWith(site.builder.getF32Type()), Value(x)));
  Term u = zeroExtend(x.toBits(), 32);
  Term sign = (u & 0x8000) << 16, a = (u & 0x7fff) << 13;
  // The product moves the exponent's bias from 15 to 127, and makes denormal numbers normal.
  Term finite = (a.fromBits() * 0x1p112).toBits();
  Term isSpecial = a >= (31 << 23);
  return (select(isSpecial, a | infinityF32, finite) | sign).fromBits();
}

/// f64 to f32 rounded to odd: of the two neighbours of an inexact value the one with an odd fraction. Rounding that
/// again, to at least two bits fewer, gives what one rounding of the f64 would.
Term narrowToOdd(Term x) {
  Term nearest = narrow(x), back = widen(nearest), bits = nearest.toBits();
  Term isInexact = (back < x) | (back > x);
  Term isEven = equal(bits & 1, 0);
  Term neighbour = select(abs(back) > abs(x), bits - 1, bits + 1);
  return select(isInexact & isEven, neighbour, bits).fromBits();
}

} // namespace

Term halfToF32(Term half) {
  if (half.element().isF16())
    return f16ToF32(half);
  return (zeroExtend(half.toBits(), 32) << 16).fromBits();
}

Term toHalf(Term x, Type element) {
  if (x.isF64())
    x = narrowToOdd(x);
  return element.isF16() ? f32ToF16(x, element) : f32ToBF16(x, element);
}

Term integerToHalf(Term x, bool isSigned, Type element) {
  Builder &builder = x.site().builder;
  auto toFloat = [&](Term x, Type type) { return isSigned ? signedToFloat(x, type) : unsignedToFloat(x, type); };
  if (x.bits() <= 16)
    return toHalf(toFloat(x, builder.getF32Type()), element);
  // From 2^53 on the lowest 11 bits only matter as zero or not: gathered into the bit above them, the rest is exact.
  if (x.bits() == 64) {
    constexpr uint64_t exact = uint64_t(1) << 53;
    Term isLong = isSigned ? x + exact > x.constant(2 * exact) : x > exact;
    x = select(isLong, (x | ((x & 0x7ff) + 0x7ff)) & ~uint64_t(0x7ff), x);
  }
  return toHalf(toFloat(x, builder.getF64Type()), element);
}

} // namespace nnf
