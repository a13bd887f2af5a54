// Graph files: nnfc.proto's messages to modules, and back.
#ifndef NNF_COMPILER_IMPORT_GRAPHFILE_H
#define NNF_COMPILER_IMPORT_GRAPHFILE_H

#include "compiler/import/ReadOptions.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace nnf {

enum class GraphEncoding { Binary, Text };

/// Reads a graph file into a module of functions. Null after errors, which are diagnostics that name the node, the op
/// and the argument, or the file and the place in it.
mlir::OwningOpRef<mlir::ModuleOp> readGraphFile(mlir::MLIRContext &context, llvm::StringRef path,
                                                GraphEncoding encoding, const ReadOptions &options = {});

/// Where a writer puts weights, which are the constants above 1 KB.
enum class WeightsGo { Inside, Beside };

/// Writes a module of functions as a graph file; reading it back gives the same module. `Beside` puts weights into a
/// .safetensors file of the same name. A failed call leaves no file. Fails on ops that are no functions.
mlir::LogicalResult writeGraphFile(mlir::ModuleOp module, llvm::StringRef path, GraphEncoding encoding,
                                   WeightsGo weights = WeightsGo::Inside);

} // namespace nnf
#endif
