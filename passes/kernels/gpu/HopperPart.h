// A kernel's own code for compute capability 9.0 (docs/design/0014).
#ifndef NNF_PASSES_KERNELS_GPU_HOPPERPART_H
#define NNF_PASSES_KERNELS_GPU_HOPPERPART_H

#include "passes/kernels/gpu/GpuEmitter.h"

namespace nnf {

/// On a module, where kernels have code of their own for compute capability 9.0: "beside" that for others, or "alone".
inline constexpr llvm::StringLiteral hopperCode = "nnf.hopper";

/// On a module: how many multiprocessors the GPU of compute capability 9.0 has that kernels are cut for; none: an
/// H100's.
inline constexpr llvm::StringLiteral multiprocessorsAttr = "nnf.multiprocessors";
inline constexpr int64_t multiprocessorsOfH100 = 132;
int64_t multiprocessorsOf(mlir::Operation *op);
/// Takes away what a request has said on a module of code for GPUs.
void dropRequest(mlir::ModuleOp module);

/// What a kernel's code for compute capability 9.0 is.
enum class HopperPart {
  None,   // there is none: the kernel's own code runs there
  Beside, // a second function, which names the kernel as `nnf.variant_of`: code for other GPUs is to be made too
  Whole,  // the kernel: there are no other GPUs
};

/// What is asked for.
HopperPart hopperPartOf(KernelOp kernel);
/// Emits one that there is: in the kernel's place, or beside it under a name of its own.
void emitHopperPart(GpuEmitter &emitter, HopperPart part, llvm::function_ref<void()> emit);

} // namespace nnf
#endif
