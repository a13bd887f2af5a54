// What is asked of a kernel's source, and of the PTX that a compiler has made of it.
#ifndef NNF_CODEGEN_CUDA_CUSTOM_KERNELSOURCE_H
#define NNF_CODEGEN_CUDA_CUSTOM_KERNELSOURCE_H

#include "codegen/cuda/Device.h"

namespace nnf {

/// A model's source is not trusted: it may include headers by <name> alone, which are the toolkit's. Whatever else
/// could make a compiler read a file of this machine, and show it in its errors, is refused.
llvm::Error checkIncludes(llvm::StringRef source);

/// What a compiler says of a source that it refuses, with a number in its first line.
llvm::Error refusedSource(llvm::StringRef said);

/// The PTX has the kernel, which takes what the launch gives and as many threads. Returns the bytes of shared memory
/// that it has of its own.
llvm::Expected<int64_t> checkEntry(llvm::StringRef ptx, const DeviceKernel &kernel);

/// A type of `found` bytes was met as parameter `index`, where the launch gives `expected`.
llvm::Error parameterError(const CustomKernel &kernel, size_t index, int64_t found);
/// The kernel takes another number of parameters than the launch gives.
llvm::Error parameterCountError(const CustomKernel &kernel, size_t found);

} // namespace nnf
#endif
