// Conversions to and from f16 and bf16 in integer arithmetic.
#ifndef NNF_PASSES_MATH_FLOATCONVERSIONS_H
#define NNF_PASSES_MATH_FLOATCONVERSIONS_H

#include "passes/math/Term.h"

namespace nnf {

/// f16 or bf16 to f32; exact. Uses the target's own conversion where it has one.
Term halfToF32(Term half);
/// f32 or f64 to `element`, f16 or bf16: to nearest, ties to even, NaN quiet. f64 is rounded once.
Term toHalf(Term x, mlir::Type element);
/// An integer to f16 or bf16, rounded once.
Term integerToHalf(Term x, bool isSigned, mlir::Type element);

} // namespace nnf
#endif
