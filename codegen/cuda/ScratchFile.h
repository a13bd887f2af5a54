// Files for the programs that take part in compiling.
#ifndef NNF_CODEGEN_CUDA_SCRATCHFILE_H
#define NNF_CODEGEN_CUDA_SCRATCHFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include <string>
#include <utility>

namespace nnf {

/// A temporary file that goes with its owner.
class ScratchFile {
public:
  static llvm::Expected<ScratchFile> create(llvm::StringRef extension) {
    llvm::SmallString<128> path;
    if (std::error_code error = llvm::sys::fs::createTemporaryFile("nnfc", extension, path))
      return llvm::createStringError(error, "no temporary file can be made: " + error.message() + " [NNFC-E0408]");
    return ScratchFile(path.str().str());
  }
  ScratchFile(ScratchFile &&other) noexcept : path(std::exchange(other.path, "")) {}
  ~ScratchFile() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }
  llvm::Error write(llvm::StringRef bytes) const {
    return llvm::writeToOutput(path, [&](llvm::raw_ostream &os) -> llvm::Error {
      os << bytes;
      return llvm::Error::success();
    });
  }
  llvm::Expected<std::string> read() const {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer)
      return llvm::createStringError(buffer.getError(), path + ": " + buffer.getError().message() + " [NNFC-E0404]");
    return (*buffer)->getBuffer().str();
  }
  std::string path;

private:
  explicit ScratchFile(std::string path) : path(std::move(path)) {}
};

} // namespace nnf
#endif
