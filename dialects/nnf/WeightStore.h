// The bytes of constants too large to be attributes: owned, or mapped from a file.
#ifndef NNF_DIALECTS_NNF_WEIGHTSTORE_H
#define NNF_DIALECTS_NNF_WEIGHTSTORE_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace nnf {

/// One weight: a static tensor type and its little-endian row-major bytes (bool: one byte each).
struct Weight {
  mlir::RankedTensorType type;
  llvm::ArrayRef<uint8_t> bytes;
  /// What keeps `bytes` alive: any shared owner (a vector, a mapped file).
  std::shared_ptr<const void> owner;
  /// Where it came from, for messages: "constant 'w' of tiny.nnf.txt".
  std::string provenance;
};

/// All weights of one MLIRContext, by name, in order of insertion. Thread-safe.
class WeightStore {
public:
  /// Adds bytes the store takes over. `name` gets a suffix when it is taken; returns the name used.
  std::string add(llvm::StringRef name, mlir::RankedTensorType type, std::vector<uint8_t> bytes,
                  llvm::StringRef provenance = "");
  /// Adds bytes somebody else owns (a mapped file).
  std::string addShared(llvm::StringRef name, mlir::RankedTensorType type, llvm::ArrayRef<uint8_t> bytes,
                        std::shared_ptr<const void> owner, llvm::StringRef provenance = "");
  /// The weight of that name, or null. The pointer stays valid while the store lives.
  const Weight *find(llvm::StringRef name) const;
  /// Drops the bytes of a weight nobody names any more.
  void remove(llvm::StringRef name);

private:
  mutable std::mutex mutex;
  llvm::MapVector<std::string, std::unique_ptr<Weight>, std::map<std::string, unsigned>> weights;
};

/// Bytes one element of this type takes in memory (bool: 1).
int64_t elementBytes(mlir::Type element);

/// Tensors above this many bytes live in the store, smaller ones are attributes.
constexpr int64_t maxAttributeBytes = 1024;

} // namespace nnf
#endif
