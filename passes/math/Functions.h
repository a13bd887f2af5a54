// The elementary functions as formulas. Arguments and results are f32 or f64, scalars or vectors.
#ifndef NNF_PASSES_MATH_FUNCTIONS_H
#define NNF_PASSES_MATH_FUNCTIONS_H

#include "passes/math/Pair.h"

namespace nnf {

// Exponential.cpp
Term exponential(Term x);
Term exponential2(Term x);
Term exponentialMinus1(Term x);
/// exp(x) where results below the normal range do not count, since they are added to something near 1.
Term exponentialForSum(Term x);
/// exp(x) for x <= 0, 0 in place of results below the normal range (from -87 on in f32, -708 in f64).
Term exponentialOfNegative(Term x);
/// exp(x) for |x| < 87 in f32, 708 in f64: no result out of the normal range.
Term exponentialInRange(Term x);
/// 2^(x.high + x.low) of f64 for |x.high| < 1100, rounded once at the end.
Term exponential2OfPair(Pair x);
/// 2^x of the f64 |x| <= 1000 to about 33 bits: for a result that becomes an f32.
Term exponential2ForF32(Term x);

// Division.cpp
/// x / c for a constant c: by its reciprocal, and what that leaves. Wants a fused multiply-add.
Term dividedBy(Term x, double c);
/// The same by a number that is known when the code runs; it and its reciprocal must be normal numbers.
Term dividedBy(Term x, Term c, Term reciprocal);
/// c and 1/c are normal numbers, and not powers of two, by which products are exact.
bool isDivisor(double c, Term like);

// Root.cpp
/// The square root, rounded as the instruction does, of f32; wants `hasScaling`.
Term squareRoot(Term x);

// Logarithm.cpp
Term logarithm(Term x);
Term logarithm2(Term x);
Term logarithm10(Term x);
Term logarithm1p(Term x);
/// log2 of a positive finite f64 to about 65 bits.
Pair logarithm2AsPair(Term x);
/// log2 of the f64 x, which came from a positive finite f32, to about 44 bits.
Term logarithm2OfF32(Term x);

// Power.cpp
Term power(Term x, Term y);

// Trigonometric.cpp
// A large argument takes an scf.if: above 2^20, for f32 with a fused multiply-add above 2^17.
Term sine(Term x);
Term cosine(Term x);
Term tangent(Term x);
Term arcTangent(Term x);

// HalfPiReduction.cpp
/// x = n pi/2 + high + low, |high| below a little more than pi/4; the last two bits of `quadrant` are n's.
struct Reduced {
  Term high, low;
  Term quadrant; // i64 unless said otherwise
};
/// For any f64; inf and NaN give NaN. `low` is of f64's order.
Reduced reduceByHalfPi(Term x);
/// For an f64 that came from an f32: `high` alone is enough, `low` is zero.
Reduced reduceByHalfPiForF32(Term x);
/// In f32 with a fused multiply-add, for |x| <= largestInF32; |high| up to 0.79, `quadrant` is i32. The first has all
/// in `high`, to 1 ulp.
constexpr double largestInF32 = 0x1p17;
Reduced reduceByHalfPiInF32(Term x);
Reduced reduceByHalfPiInF32AsPair(Term x);

// Sigmoids.cpp
/// numerator / (1 + exp(-x)) of f32, 0 where x is too low for 1 + exp(-x) or its reciprocal to be a normal number
/// (-87.3 with tables, else -88.9).
Term logisticQuotient(Term numerator, Term x);
Term hyperbolicTangent(Term x);
Term errorFunction(Term x);

// Rounding.cpp
/// x - truncate(x / y) * y exactly, with the sign of x (C's fmod).
Term remainder(Term x, Term y);
Term roundHalfAway(Term x);

} // namespace nnf
#endif
