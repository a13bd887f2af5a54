// Attention of 16-bit floats as compute capability 9.0 computes it: tiles come by tensor maps (docs/design/0014).
#ifndef NNF_PASSES_KERNELS_GPU_HOPPERATTENTION_H
#define NNF_PASSES_KERNELS_GPU_HOPPERATTENTION_H

#include "passes/kernels/AttentionIndices.h"
#include "passes/kernels/gpu/GpuAttention.h"
#include "passes/kernels/gpu/HopperPart.h"

namespace nnf {

/// Emits an attention's code for compute capability 9.0 where that is asked for and the attention is one that it suits:
/// known sizes, lines at multiples of 16 bytes, more keys than fit in half a slab.
HopperPart emitHopperAttention(KernelOp kernel, const TargetInfo &target, Attention &attention, const GpuAttention &g,
                               llvm::ArrayRef<StoredMix> stored, int64_t scoreLanes, int64_t lanes);

} // namespace nnf
#endif
