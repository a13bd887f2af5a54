// Kernels in LLVM IR as CUDA C++, for a compiler that does not read IR.
#ifndef NNF_CODEGEN_CUDA_TEXT_PRINTKERNELS_H
#define NNF_CODEGEN_CUDA_TEXT_PRINTKERNELS_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace nnf {

/// Some kernels of a module, with the arrays that they use, in terms of Kernel.cuh. Arrays are used by instructions,
/// not by constants. Calls of templates stay calls. An error names the instruction that there is no text for.
llvm::Expected<std::string> printKernels(const llvm::Module &module, llvm::ArrayRef<const llvm::Function *> kernels);

} // namespace nnf
#endif
