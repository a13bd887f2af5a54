// The block of bytes that nnf-pack-weights lays out: weights and constants, each where the driver looks for it.
#ifndef NNF_CODEGEN_DRIVER_WEIGHTSBLOCK_H
#define NNF_CODEGEN_DRIVER_WEIGHTSBLOCK_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>
#include <vector>

namespace nnf {

/// Of x86-64, and of AArch64 with pages of 4 KB.
constexpr uint64_t largePageBytes = uint64_t(2) << 20;

/// Holds what it consists of: the module may go. Nothing is copied until it is written, once, where it stays.
class WeightsBlock {
public:
  WeightsBlock() = default;
  /// Of a module that nnf-pack-weights has seen, or of several that place their weights together.
  explicit WeightsBlock(llvm::ArrayRef<mlir::ModuleOp> modules);

  int64_t size() const { return bytes; }
  /// The runtime's Hash64 of all bytes.
  uint64_t hash() const;
  /// In calls that end where a large page of the file ends: the page cache keeps what one call writes in pages as large
  /// as it can, and those are what kernels read later.
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

/// Gives the weights and constants of modules of one context, clones of each other as far as those go, places in one
/// block: what nnf-pack-weights does for one. Errors, of the compiler, are reported.
mlir::LogicalResult placeWeights(llvm::ArrayRef<mlir::ModuleOp> modules);

} // namespace nnf
#endif
