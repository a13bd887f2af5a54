// Model files of every format: found by extension, read, written.
#ifndef NNF_COMPILER_MODELFILE_H
#define NNF_COMPILER_MODELFILE_H

#include "compiler/import/GraphFile.h"
#include "compiler/import/ReadOptions.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <optional>

namespace nnf {

enum class ModelFormat { Nnf, NnfText, Onnx, Mlir };

/// The format of a file by its extension: *.nnf, *.nnf.txt, *.onnx, *.mlir.
std::optional<ModelFormat> formatOfPath(llvm::StringRef path);
/// The format that `--format=` names: nnf, nnf-text, onnx, mlir.
std::optional<ModelFormat> formatFromName(llvm::StringRef name);

/// Reads a model; `format` overrides its extension. Null after errors, which are diagnostics.
mlir::OwningOpRef<mlir::ModuleOp> readModelFile(mlir::MLIRContext &context, llvm::StringRef path,
                                                std::optional<ModelFormat> format = std::nullopt,
                                                const ReadOptions &options = {});

/// Writes a module of functions; ONNX is only read. *.mlir keeps its weights beside it in any case.
mlir::LogicalResult writeModelFile(mlir::ModuleOp module, llvm::StringRef path,
                                   std::optional<ModelFormat> format = std::nullopt,
                                   WeightsGo weights = WeightsGo::Inside);

} // namespace nnf
#endif
