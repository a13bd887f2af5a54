// Device code becomes host code that the emulator runs.
#ifndef NNF_CODEGEN_CUDA_EMULATOR_RETARGET_H
#define NNF_CODEGEN_CUDA_EMULATOR_RETARGET_H

#include "codegen/cuda/Device.h"
#include "mlir/Support/LogicalResult.h"

namespace nnf {

/// Defines in `host` (an x86-64 module of a model's driver) the kernels that it declares: each runs its blocks through
/// the emulator, on the code that the GPU's own optimiser has made of it. `seed`: the order of threads; 0: as they are
/// numbered. `change` gets the device code as a GPU would have it: tests break it. Errors (reported): device code uses
/// something that the emulator lacks.
mlir::LogicalResult linkEmulatedKernels(const DeviceCode &code, const CudaTarget &target, llvm::Module &host,
                                        uint64_t seed, llvm::function_ref<void(llvm::Module &)> change = {});

} // namespace nnf
#endif
