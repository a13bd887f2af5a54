// The block of bytes that nnf-pack-weights lays out: weights and constants, each where the driver looks for it.
#ifndef NNF_CODEGEN_DRIVER_WEIGHTSBLOCK_H
#define NNF_CODEGEN_DRIVER_WEIGHTSBLOCK_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>
#include <vector>

namespace nnf {

/// Holds what it consists of: the module may go. Nothing is copied until it is written, once, where it stays.
class WeightsBlock {
public:
  WeightsBlock() = default;
  /// Of a module that nnf-pack-weights has seen.
  explicit WeightsBlock(mlir::ModuleOp module);

  int64_t size() const { return bytes; }
  /// The runtime's Hash64 of all bytes.
  uint64_t hash() const;
  void write(llvm::raw_ostream &os) const;

private:
  struct Piece {
    int64_t offset;
    llvm::ArrayRef<uint8_t> data;
    std::shared_ptr<const void> owner;
  };
  std::vector<Piece> pieces; // by offset
  int64_t bytes = 0;

  void forEachRun(llvm::function_ref<void(llvm::StringRef)> use) const;
};

} // namespace nnf
#endif
