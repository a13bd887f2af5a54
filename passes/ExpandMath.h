// Elementary functions and float conversions as arithmetic, so that compiled code calls no library.
#ifndef NNF_PASSES_EXPANDMATH_H
#define NNF_PASSES_EXPANDMATH_H

#include "mlir/IR/PatternMatch.h"

namespace nnf {

/// What the target computes itself.
struct MathExpansionOptions {
  bool hasFma = true;     // fused multiply-add of f32 and f64; without it math.fma becomes a product and a sum
  bool hasF16c = true;    // conversion between f16 and f32
  bool hasAvx512 = false; // x * 2^k and approximate reciprocals, of vectors of 512 bits
};

/// Set on a math.exp whose argument is not positive, and whose results below the normal range may be 0.
constexpr llvm::StringLiteral ofNegative = "nnf.of_negative";

/// Set on an arith.divf of numbers from 0 to 1 by their sum, which is 1 at least: a product with the reciprocal.
constexpr llvm::StringLiteral byTotal = "nnf.by_total";

/// Patterns that rewrite `math` functions, `arith` conversions to and from f16 and bf16, and arith.remf on
/// scalars and vectors (any shape) of f32 and f64 into arith, vector and scf ops and the math ops every
/// target has instructions for (absf, copysign, sqrt, floor, ceil, trunc, roundeven; fma if `hasFma`).
/// Accuracy: 2 ulp; see test/numeric. Independent of the order of application; one walk is enough.
void populateExpandMath(mlir::RewritePatternSet &patterns, const MathExpansionOptions &options);

} // namespace nnf
#endif
