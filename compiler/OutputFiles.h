// Files that appear whole or not at all.
#ifndef NNF_COMPILER_OUTPUTFILES_H
#define NNF_COMPILER_OUTPUTFILES_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace nnf {

/// Temporary files beside their destinations. What is not kept is removed: when this goes, and when a signal or a fatal
/// error of LLVM ends the process.
class OutputFiles {
public:
  OutputFiles() = default;
  OutputFiles(const OutputFiles &) = delete;
  ~OutputFiles();

  /// The path of a new empty file in the folder of `destination`, for which it is meant.
  llvm::Expected<std::string> create(const std::string &destination);
  /// Fills a file made by create().
  llvm::Error write(const std::string &temporary, llvm::StringRef bytes);
  llvm::Error write(const std::string &temporary, llvm::function_ref<void(llvm::raw_ostream &)> print);
  /// create() and write().
  llvm::Expected<std::string> create(const std::string &destination, llvm::StringRef bytes);
  /// Moves a file to the destination it was created for, replacing what is there.
  llvm::Error keep(const std::string &temporary);

private:
  struct File {
    std::string temporary, destination;
  };
  File *find(const std::string &temporary);
  llvm::SmallVector<File> files;
};

} // namespace nnf
#endif
