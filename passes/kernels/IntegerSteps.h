// Steps of integer contractions: products of neighbouring narrow integers, added to 32 bits, which wrap.
#ifndef NNF_PASSES_KERNELS_INTEGERSTEPS_H
#define NNF_PASSES_KERNELS_INTEGERSTEPS_H

#include "passes/kernels/KernelBuilder.h"

namespace nnf {

/// sum + a0 * b0 + a1 * b1 in each lane: `a` holds two signed words in each lane of 32 bits, `b` is a vector of words,
/// two for each lane. Exact but for a0 = a1 = b0 = b1 = -2^15.
mlir::Value addProductsOfWords(KernelBuilder &k, mlir::Value a, mlir::Value b, mlir::Value sum);

/// The same of four bytes, those of `a` unsigned, those of `b` signed. Needs the target's hasByteDots.
mlir::Value addProductsOfBytes(KernelBuilder &k, mlir::Value a, mlir::Value b, mlir::Value sum);

} // namespace nnf
#endif
