// Any model file to a module: the format's reader, a name, and ties between inputs and outputs.
#ifndef NNF_COMPILER_READMODEL_H
#define NNF_COMPILER_READMODEL_H

#include "compiler/Compile.h"
#include "compiler/ModelFile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <optional>

namespace nnf {

/// By `--format=` if given, else by the extension. Nothing: neither says.
std::optional<ModelFormat> modelFormatOf(llvm::StringRef path, llvm::StringRef format);

/// A name that C takes as a part of an identifier: other bytes become '_'.
std::string identifierOf(llvm::StringRef name);
/// "a/tiny.nnf.txt" -> "tiny"
std::string stemOf(llvm::StringRef path);

/// A context with everything a compilation needs.
std::unique_ptr<mlir::MLIRContext> createContext();

/// Reads one model of the request. The module attribute `nnf.name` is the model's name as its symbols have it. Null
/// after errors, which are diagnostics on the context.
/// `filesRead` is told of the files that the model names, if given.
mlir::OwningOpRef<mlir::ModuleOp> readModel(mlir::MLIRContext &context, const std::string &path,
                                            const ModelRequest &request, std::vector<std::string> *filesRead = nullptr);

} // namespace nnf
#endif
