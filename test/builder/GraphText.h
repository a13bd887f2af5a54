// What tests of graphs share: a context that keeps its errors, and modules as text.
#ifndef NNF_TEST_BUILDER_GRAPHTEXT_H
#define NNF_TEST_BUILDER_GRAPHTEXT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include <string>
#include <vector>

namespace nnf::test {

/// Keeps the text of each error, and that of its notes.
class Errors {
public:
  explicit Errors(mlir::MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          texts.push_back(diagnostic.str());
          for (mlir::Diagnostic &note : diagnostic.getNotes())
            notes.push_back(note.str());
          return mlir::success();
        }) {}
  std::string first() const { return texts.empty() ? "" : texts.front(); }

  std::vector<std::string> texts, notes;

private:
  mlir::ScopedDiagnosticHandler handler;
};

inline std::string textOf(mlir::Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os);
  return text;
}

} // namespace nnf::test
#endif
