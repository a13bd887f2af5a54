// Unevaluated sums of two f64: about 106 bits where 53 do not do.
#ifndef NNF_PASSES_MATH_PAIR_H
#define NNF_PASSES_MATH_PAIR_H

#include "passes/math/Term.h"

namespace nnf {

/// high + low, with low no larger than half an ulp of high after `fastTwoSum` or `twoSum`.
struct Pair {
  Term high, low;
};

/// a + b exactly (Knuth).
inline Pair twoSum(Term a, Term b) {
  Term sum = a + b, part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

/// a + b exactly, for |a| >= |b| or a = 0 (Dekker).
inline Pair fastTwoSum(Term a, Term b) {
  Term sum = a + b;
  return {sum, b - (sum - a)};
}

/// a * b exactly unless the product or a part of it is out of range. Without a fused multiply-add the operands are
/// halved as Veltkamp does, which fails above 2^996.
inline Pair twoProduct(Term a, Term b) {
  Term product = a * b;
  if (a.hasFma())
    return {product, fma(a, b, -product)};
  auto halve = [](Term x) {
    Term scaled = x * 0x1.0000002p27, high = scaled - (scaled - x);
    return Pair{high, x - high};
  };
  Pair x = halve(a), y = halve(b);
  Term error = x.high * y.high - product + x.high * y.low + x.low * y.high;
  return {product, error + x.low * y.low};
}

inline Pair operator*(Pair a, Pair b) {
  Pair product = twoProduct(a.high, b.high);
  return fastTwoSum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

} // namespace nnf
#endif
