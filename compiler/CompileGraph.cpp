// nnfc::Graph::compile(): by way of a graph file, so that a graph made in C++ and the same graph read from a file
// cannot come out different.
#include "compiler/Compile.h"
#include "compiler/ReadModel.h"
#include "compiler/builder/BuilderImpl.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace nnfc {
inline namespace v1 {

/// The error of a compilation, at the line that made the node it names, else at that of the call.
static Error errorAt(const Graph::Impl &graph, const std::string &text, std::source_location call) {
  std::source_location line = call;
  llvm::StringRef first = llvm::StringRef(text).split('\n').first;
  if (auto [before, rest] = first.split("node '"); !rest.empty())
    if (auto found = graph.calls.find(rest.split("' (").first); found != graph.calls.end())
      line = found->second;
  return {text, line.file_name(), line.line()};
}

Result<void> Graph::compile(const std::string &output, const CompileOptions &options, Where where) {
  mlir::ModuleOp module = self->finish(where);
  if (!module)
    return *self->error;
  auto fault = [&](const std::string &text) { return Error{text, where.file_name(), where.line()}; };
  llvm::SmallString<128> folder;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("nnfc-graph", folder))
    return fault("no folder for temporary files: " + code.message() + " [NNFC-E0408]");
  llvm::scope_exit removeFolder([&] { llvm::sys::fs::remove_directories(folder); });

  std::string name = options.name;
  if (name.empty())
    name = nnf::identifierOf(module->getAttrOfType<mlir::StringAttr>("nnf.name").getValue());
  llvm::SmallString<128> file(folder);
  llvm::sys::path::append(file, "graph.nnf");
  // Beside: a message holds no more than 2 GiB.
  if (Result<void> saved = save(file.str().str(), Weights::beside, where); !saved)
    return saved;

  nnf::CompileRequest request;
  request.model.models = {file.str().str()};
  request.model.name = name;
  request.model.dims = options.dims;
  request.code.triple = options.triple;
  request.code.cpu = options.cpu;
  request.code.optLevel = options.opt_level;
  request.output = output;
  request.externalWeights = options.external_weights;
  if (nnf::Outcome outcome = nnf::compileModels(request); !outcome)
    return errorAt(*self, outcome.text, where);
  return {};
}

} // namespace v1
} // namespace nnfc
