// clang as the compiler of kernels in CUDA C++: a program that is run, where it is installed.
#ifndef NNF_CODEGEN_CUDA_CUSTOM_CLANGFRONTEND_H
#define NNF_CODEGEN_CUDA_CUSTOM_CLANGFRONTEND_H

#include "codegen/cuda/Device.h"

namespace nnf {

/// Gives each kernel of the model's own its bitcode. There is no toolkit: a source has what Prelude.cuh has. What is
/// wrong with one is reported at its node.
mlir::LogicalResult compileWithClang(DeviceCode &code);

/// Bitcode of CUDA C++ that nnfc has written, which needs nothing before it.
llvm::Expected<std::string> compileTextWithClang(llvm::StringRef text);

} // namespace nnf
#endif
