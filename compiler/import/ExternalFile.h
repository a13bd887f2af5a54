// Opening files that a model names, without ever leaving the folders it may read.
#ifndef NNF_COMPILER_IMPORT_EXTERNALFILE_H
#define NNF_COMPILER_IMPORT_EXTERNALFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace nnf {

/// A file mapped read-only; `owner` keeps the mapping.
struct MappedFile {
  llvm::ArrayRef<uint8_t> bytes;
  std::shared_ptr<const void> owner;
};

/// Maps a file the user named. Only regular files; the error names the path.
llvm::Expected<MappedFile> mapFile(llvm::StringRef path);

/// The files one model may name: below the folder of the resolved model path, and below further folders. Links may lead
/// from one of these folders into another, and nowhere else.
class ExternalFiles {
public:
  /// The resolved paths of what is opened are added to `filesRead`, if any.
  ExternalFiles(llvm::StringRef modelPath, llvm::ArrayRef<std::string> dataDirs,
                std::vector<std::string> *filesRead = nullptr);
  ~ExternalFiles();
  ExternalFiles(const ExternalFiles &) = delete;

  /// Maps the file at a path relative to one of the folders, the model's first. Each file is mapped once. The error
  /// says what is wrong with the path: absent, outside, no regular file.
  llvm::Expected<MappedFile> open(llvm::StringRef path);

private:
  struct Root {
    std::string path; ///< resolved
    int descriptor;
  };
  llvm::Expected<int> openBelow(const std::string &resolved, llvm::StringRef path);

  std::vector<Root> roots;
  std::vector<std::string> *filesRead;
  llvm::StringMap<MappedFile> opened;
};

} // namespace nnf
#endif
