// .safetensors: a length, a JSON header that says where each tensor is, and the bytes.
#ifndef NNF_COMPILER_IMPORT_SAFETENSORSFILE_H
#define NNF_COMPILER_IMPORT_SAFETENSORSFILE_H

#include "compiler/import/StoredTensor.h"

namespace nnf {

/// A file whose header has been read and whose offsets have been checked. Errors do not name the file.
class SafetensorsFile {
public:
  static llvm::Expected<SafetensorsFile> open(const MappedFile &file);
  /// The tensor of that name.
  llvm::Expected<StoredTensor> tensor(llvm::StringRef name) const;

  /// Of all tensors, sorted.
  std::vector<llvm::StringRef> names() const;

private:
  llvm::StringMap<StoredTensor> tensors;
};

struct NamedTensor {
  std::string name;
  StoredTensor tensor;
};
/// Writes a file that open() reads back; data starts at a multiple of 8 bytes.
void writeSafetensors(llvm::ArrayRef<NamedTensor> tensors, llvm::raw_ostream &os);

} // namespace nnf
#endif
