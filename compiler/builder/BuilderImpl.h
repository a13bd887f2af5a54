// What is behind nnfc::Graph; for the compiler itself.
#ifndef NNF_COMPILER_BUILDER_BUILDERIMPL_H
#define NNF_COMPILER_BUILDER_BUILDERIMPL_H

#include "compiler/builder/GraphBuilder.h"
#include "llvm/ADT/StringMap.h"
#include <nnfc/builder.h>

namespace nnfc {
inline namespace v1 {

struct Graph::Impl {
  explicit Impl(const std::string &name);

  /// An error at the caller's line.
  mlir::InFlightDiagnostic fail();
  /// Starts a call from `at`. False: it must do nothing, because there is an error.
  bool begin(std::source_location at);
  /// The finished module, made at the first call; null after an error.
  mlir::ModuleOp finish(std::source_location at);

  mlir::MLIRContext context;
  nnf::GraphBuilder builder;
  std::vector<std::pair<std::string, nnf::TensorId>> outputs;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  llvm::StringMap<std::source_location> calls; ///< the lines that made the nodes that have names
  std::source_location where;                  ///< the caller's line
  std::optional<Error> error;                  ///< the first
};

} // namespace v1
} // namespace nnfc
#endif
