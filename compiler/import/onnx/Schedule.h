// The order of a graph's nodes, and what of them cannot be imported.
#ifndef NNF_COMPILER_IMPORT_ONNX_SCHEDULE_H
#define NNF_COMPILER_IMPORT_ONNX_SCHEDULE_H

#include "compiler/import/onnx/Model.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>

namespace nnf::onnx {

/// The nodes the `wanted` values need, each after what it reads, otherwise in the file's order. `isVisible` says
/// whether a name that no node makes is one of the graph, or of one around it; `isTaken`, whether one is defined here
/// already. Errors: a name made twice, one that nothing makes, a cycle.
mlir::FailureOr<llvm::SmallVector<const Node *>> schedule(llvm::ArrayRef<Node> nodes,
                                                          llvm::ArrayRef<std::string> wanted,
                                                          llvm::function_ref<bool(llvm::StringRef)> isVisible,
                                                          llvm::function_ref<bool(llvm::StringRef)> isTaken,
                                                          mlir::MLIRContext &context, const std::string &path);

/// Fails with one error that lists every operator of the model without a mapping, with its count, the name of its
/// first node, and the reason. Nodes that no output needs do not count.
mlir::LogicalResult listUnsupported(mlir::MLIRContext &context, const std::string &path, const Model &model);

} // namespace nnf::onnx
#endif
