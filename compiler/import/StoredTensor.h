// A tensor as a file holds it: what the readers of .npy and .safetensors return.
#ifndef NNF_COMPILER_IMPORT_STOREDTENSOR_H
#define NNF_COMPILER_IMPORT_STOREDTENSOR_H

#include "compiler/import/ExternalFile.h"
#include <string>
#include <vector>

namespace nnf {

struct StoredTensor {
  std::string dtype; ///< "float32", …
  std::vector<int64_t> sizes;
  llvm::ArrayRef<uint8_t> bytes; ///< little-endian, row-major; as many as dtype and sizes need
  std::shared_ptr<const void> owner;
};

/// The tensor of a .npy file (versions 1 to 3; Fortran order is transposed). `<V2` is bfloat16, as numpy shows it.
/// Errors do not name the file.
llvm::Expected<StoredTensor> readNumpy(const MappedFile &file);

} // namespace nnf
#endif
