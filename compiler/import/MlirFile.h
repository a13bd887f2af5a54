// The dialect's own text as a model format: *.mlir, with its weights in a .safetensors file beside it.
#ifndef NNF_COMPILER_IMPORT_MLIRFILE_H
#define NNF_COMPILER_IMPORT_MLIRFILE_H

#include "compiler/import/ReadOptions.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace nnf {

/// Reads *.mlir text. The module attribute `nnf.weights` names the file, in the same folder, of what `nnf.weight` ops
/// name. Null after errors, which are diagnostics.
mlir::OwningOpRef<mlir::ModuleOp> readMlirFile(mlir::MLIRContext &context, llvm::StringRef path,
                                               const ReadOptions &options = {});

/// Writes OUT.mlir, with locations (they hold the names), and OUT.safetensors where the module has weights.
mlir::LogicalResult writeMlirFile(mlir::ModuleOp module, llvm::StringRef path);

/// Replaces symbols by fixed sizes in every type and attribute. A symbol the module does not have is an error.
mlir::LogicalResult fixSymbols(mlir::ModuleOp module, const std::map<std::string, int64_t> &dims);

} // namespace nnf
#endif
