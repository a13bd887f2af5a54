// The one place where diagnostics of all parts arrive.
#ifndef NNF_COMPILER_DIAGNOSTICS_H
#define NNF_COMPILER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include <mutex>
#include <string>

namespace nnf {

/// Collects what is reported on a context while it lives. The first error is what the user reads after "error: "; its
/// notes follow on lines of their own.
class DiagnosticSink {
public:
  explicit DiagnosticSink(mlir::MLIRContext &context);

  bool hasErrors() const { return !text.empty(); }
  /// The errors as lines, without the first "error: ". "internal error without a message" when there are none.
  std::string errors() const;
  std::string takeWarnings() { return std::move(warnings); }

private:
  void add(mlir::Diagnostic &diagnostic);

  std::mutex mutex;
  unsigned count = 0;
  std::string text, warnings;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace nnf
#endif
