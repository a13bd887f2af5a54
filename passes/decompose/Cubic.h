// Keys' cubic kernel, for resampling.
#ifndef NNF_PASSES_DECOMPOSE_CUBIC_H
#define NNF_PASSES_DECOMPOSE_CUBIC_H

#include "passes/decompose/Primitives.h"
#include <array>

namespace nnf {

/// The weights, with a = -0.75, of the taps at -1, 0, 1 and 2 around a position 0 <= t < 1.
std::array<mlir::Value, 4> cubicWeights(Primitives &p, mlir::Value t);

} // namespace nnf
#endif
