// ONNX models to modules of functions.
#ifndef NNF_COMPILER_IMPORT_ONNX_H
#define NNF_COMPILER_IMPORT_ONNX_H

#include "compiler/import/ReadOptions.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace nnf {

/// Reads an ONNX model (IR versions to 14, operator sets 1 to 21) into a module of functions; what torch has no
/// function for becomes primitives at once. Sizes named by `dim_param` are symbols; unnamed ones are called
/// `<input>_<dimension>`. Null after errors, which are diagnostics: what is no valid model, the list of all operators
/// that are not supported, or the node, the operator and the argument at fault.
mlir::OwningOpRef<mlir::ModuleOp> readOnnx(mlir::MLIRContext &context, llvm::StringRef path,
                                           const ReadOptions &options = {});

} // namespace nnf
#endif
