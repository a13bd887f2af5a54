// Device code that is written in CUDA C++ and compiled when nnfc is built (codegen/cuda/templates).
#ifndef NNF_CODEGEN_CUDA_TEMPLATES_H
#define NNF_CODEGEN_CUDA_TEMPLATES_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LogicalResult.h"
#include "llvm/IR/Module.h"

namespace nnf {

/// Defines the templates that kernels of the module call, and no others; each is inlined where it is called. Errors
/// (reported): a call of something that is no template.
mlir::LogicalResult linkTemplates(llvm::Module &device, mlir::Location location);

} // namespace nnf
#endif
