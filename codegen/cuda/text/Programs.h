// Kernels of nnfc's own on their way through CUDA C++, for NVRTC, or for clang, with which what NVRTC gets can be run.
#ifndef NNF_CODEGEN_CUDA_TEXT_PROGRAMS_H
#define NNF_CODEGEN_CUDA_TEXT_PROGRAMS_H

#include "codegen/cuda/DeviceTable.h"

namespace nnf {

/// Which kernels go through text.
enum class TextOf {
  Templates, ///< those that call a template: a program for those that call the same ones
  All        ///< all that there are for one target, as one program
};

/// Sets `code.programs`. Kernels in CUDA C++ that the model has brought are not among them.
mlir::LogicalResult makePrograms(DeviceCode &code, const CudaTarget &target, TextOf which);

/// Compiles the programs by NVRTC, for the architectures that have their kernels: an image for each. The kernels are
/// marked, so that nnfc's own image leaves them out.
mlir::FailureOr<std::vector<DeviceImage>> compileProgramsWithNvrtc(DeviceCode &code, llvm::ArrayRef<CudaTarget> gpus,
                                                                   llvm::StringRef producer);

/// Gives each program its bitcode by clang.
mlir::LogicalResult compileProgramsWithClang(DeviceCode &code);

/// Puts what clang has made of programs in the place of the kernels that they were printed from.
mlir::LogicalResult linkPrograms(llvm::Module &device, const DeviceCode &code);

} // namespace nnf
#endif
