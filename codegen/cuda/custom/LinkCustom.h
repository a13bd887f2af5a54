// Kernels that clang has compiled, among nnfc's own.
#ifndef NNF_CODEGEN_CUDA_CUSTOM_LINKCUSTOM_H
#define NNF_CODEGEN_CUDA_CUSTOM_LINKCUSTOM_H

#include "codegen/cuda/Device.h"

namespace nnf {

/// Bytes of shared memory that a kernel may declare; more is asked for by the launch.
constexpr int64_t mostStaticShared = 48 << 10;

/// Links each kernel that has bitcode, under its name in the model. For the emulator it becomes a kernel as nnfc's own
/// are, of blocks and threads in one dimension.
mlir::LogicalResult linkCustomKernels(llvm::Module &device, const DeviceCode &code);

} // namespace nnf
#endif
