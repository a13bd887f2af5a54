// The constants of a graph as raw tensors: a .safetensors file that other programs write and read.
#ifndef NNF_COMPILER_TENSORSFILE_H
#define NNF_COMPILER_TENSORSFILE_H

#include "mlir/IR/BuiltinOps.h"

namespace nnf {

/// Writes all constants of @main under the names that the model file has for them. Two of one name are an error.
mlir::LogicalResult writeTensors(mlir::ModuleOp module, llvm::StringRef path);

/// Gives constants of @main the numbers of the tensors of their names. A tensor of another type than the constant, or
/// without one, is an error; constants without a tensor stay as they are.
mlir::LogicalResult readTensorsInto(mlir::ModuleOp module, llvm::StringRef path);

} // namespace nnf
#endif
