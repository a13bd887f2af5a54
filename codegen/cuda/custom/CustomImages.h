// Images of kernels in CUDA C++ that the model has brought.
#ifndef NNF_CODEGEN_CUDA_CUSTOM_CUSTOMIMAGES_H
#define NNF_CODEGEN_CUDA_CUSTOM_CUSTOMIMAGES_H

#include "codegen/cuda/DeviceTable.h"

namespace nnf {

/// What compiles them.
enum class CudaCompiler {
  Nvrtc, ///< NVIDIA's, to PTX: an image for each source
  Clang  ///< clang, to LLVM IR that becomes part of nnfc's own image, or of what the emulator runs
};

/// Compiles what models have brought. By clang, kernels get their bitcode. By NVRTC the result is its PTX of each
/// source for each architecture, and the kernels are marked, so that nnfc's own image leaves them out. What is wrong
/// with a source is reported at its node.
mlir::FailureOr<std::vector<DeviceImage>> compileCustomKernels(DeviceCode &code, llvm::ArrayRef<CudaTarget> gpus,
                                                               CudaCompiler compiler);

} // namespace nnf
#endif
