// What untrusted files may ask for, and arithmetic on their sizes.
#ifndef NNF_COMPILER_IMPORT_LIMITS_H
#define NNF_COMPILER_IMPORT_LIMITS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/MathExtras.h"
#include <cstdint>
#include <optional>

namespace nnf {

/// Above these a model is refused; flags raise them.
struct Limits {
  int64_t maxNodes = 1 << 20;
  int64_t maxRank = 16;
  int64_t maxNameBytes = 64 << 10;
  /// One tensor, of any kind.
  int64_t maxTensorBytes = int64_t(1) << 40;
  /// All constants of a model together.
  int64_t maxConstantBytes = int64_t(1) << 36;
};

/// a * b, or nothing where that is no int64_t.
inline std::optional<int64_t> checkedProduct(int64_t a, int64_t b) {
  int64_t product;
  if (llvm::MulOverflow(a, b, product))
    return std::nullopt;
  return product;
}

/// a + b, or nothing where that is no int64_t.
inline std::optional<int64_t> checkedSum(int64_t a, int64_t b) {
  int64_t sum;
  if (llvm::AddOverflow(a, b, sum))
    return std::nullopt;
  return sum;
}

/// Bytes of a tensor with these sizes, or nothing where a size is negative or the product overflows. A size of 0 does
/// not excuse the others: [0, 2^62, 2^62] is refused, since passes multiply in any order.
inline std::optional<int64_t> checkedTensorBytes(llvm::ArrayRef<int64_t> sizes, int64_t elementBytes) {
  int64_t bytes = elementBytes;
  bool isEmpty = false;
  for (int64_t size : sizes) {
    if (size < 0)
      return std::nullopt;
    isEmpty |= size == 0;
    std::optional<int64_t> product = checkedProduct(bytes, size == 0 ? 1 : size);
    if (!product)
      return std::nullopt;
    bytes = *product;
  }
  return isEmpty ? 0 : bytes;
}

} // namespace nnf
#endif
