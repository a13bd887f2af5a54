// Products of 16-bit floats as compute capability 9.0 multiplies them: tiles come by tensor maps (docs/design/0014).
#ifndef NNF_PASSES_KERNELS_GPU_HOPPERPRODUCT_H
#define NNF_PASSES_KERNELS_GPU_HOPPERPRODUCT_H

#include "passes/TargetInfo.h"
#include "passes/kernels/gpu/HopperPart.h"
#include "passes/kernels/gpu/TensorProduct.h"

namespace nnf {

/// Whether a product in a graph would have such code, where that is asked for.
bool isProductOfHopper(const TensorProduct &product);
/// Cycles that an H100 with so many multiprocessors takes for such a product, by a model of it (docs/design/0014).
double cyclesOnHopper(int64_t multiprocessors, int64_t rows, int64_t columns, int64_t depth, int64_t batches);

/// Emits a product's code for compute capability 9.0 where that is asked for and the product is one that it suits:
/// known sizes, lines at multiples of 16 bytes.
HopperPart emitHopperProduct(KernelOp kernel, const TargetInfo &target, const TensorProduct &product);

} // namespace nnf
#endif
