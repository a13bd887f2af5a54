// The sources in CUDA C++ that kernels as text stand behind: the templates, and what they are written with.
#ifndef NNF_CODEGEN_CUDA_TEXT_SOURCES_H
#define NNF_CODEGEN_CUDA_TEXT_SOURCES_H

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace nnf {

/// Text without #include: the sources are part of it, each once.
class SourceText {
public:
  /// Adds a source of nnfc's by its name, after those that it includes.
  llvm::Error add(llvm::StringRef name);
  void append(llvm::StringRef more) { text += more; }
  const std::string &get() const { return text; }

private:
  std::string text;
  llvm::StringSet<> added;
};

/// The source that defines templates of this name; "": there is none.
std::string sourceOfTemplate(llvm::StringRef function);

} // namespace nnf
#endif
