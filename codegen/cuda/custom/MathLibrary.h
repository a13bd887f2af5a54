// Functions of mathematics for kernels in CUDA C++: those that nnfc's own kernels have.
#ifndef NNF_CODEGEN_CUDA_CUSTOM_MATHLIBRARY_H
#define NNF_CODEGEN_CUDA_CUSTOM_MATHLIBRARY_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/IR/Module.h"

namespace nnf {

/// Defines the functions __nnf_exp_f32, … that the module declares; others stay declarations.
mlir::LogicalResult linkMathLibrary(llvm::Module &device, mlir::MLIRContext &context);

} // namespace nnf
#endif
