// Weights and constants as one block of bytes.
#include "codegen/Passes.h"
#include "codegen/driver/Arena.h"
#include "codegen/driver/ConstantBytes.h"
#include "codegen/driver/DriverPlan.h"
#include "dialects/nnf/MappedBytes.h"
#include "runtime/Hash.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "codegen/Passes.h.inc"

namespace {

/// One piece of the block.
struct Piece {
  int64_t offset, bytes;
  ArrayRef<uint8_t> data;
  std::vector<uint8_t> owned;
};

struct PackWeights : impl::PackWeightsBase<PackWeights> {
  using PackWeightsBase::PackWeightsBase;

  void runOnOperation() override {
    Builder builder(&getContext());
    for (func::FuncOp function : driverFunctions(getOperation()))
      for (Operation &op : llvm::make_early_inc_range(function.front())) {
        if (!isa<WeightOp, ConstantOp>(op))
          continue;
        if (op.use_empty()) {
          op.erase();
          continue;
        }
        FailureOr<int64_t> offset = place(&op);
        if (failed(offset))
          return signalPassFailure();
        op.setAttr("nnf.offset", builder.getI64IntegerAttr(*offset));
      }
    getOperation()->setAttr("nnf.weights_bytes", builder.getI64IntegerAttr(total));
    if (!file.empty() && total > 0 && failed(write()))
      signalPassFailure();
  }

private:
  SmallVector<Piece> pieces;
  DenseMap<Attribute, int64_t> offsets; // by weight name or constant
  int64_t total = 0;

  FailureOr<int64_t> place(Operation *op) {
    auto weight = dyn_cast<WeightOp>(op);
    Attribute key = weight ? Attribute(weight.getNameAttr()) : Attribute(cast<ConstantOp>(op).getValue());
    auto [known, isNew] = offsets.try_emplace(key, total);
    if (!isNew)
      return known->second;
    Piece piece;
    if (weight) {
      const Weight *found = getContext().getLoadedDialect<NnfDialect>()->weights().find(weight.getName());
      if (!found || found->type != weight.getType()) {
        nodeError(op->getLoc()) << "weight '" << weight.getName() << "' is not in the weight store"
                                << (found ? " with this type" : "");
        return failure();
      }
      piece.data = found->bytes;
    } else {
      auto dense = dyn_cast<DenseElementsAttr>(key);
      if (!dense) {
        nodeError(op->getLoc()) << "a constant that is no dense tensor cannot be packed";
        return failure();
      }
      piece.owned = bytesOf(dense);
      piece.data = piece.owned;
    }
    piece.offset = total;
    piece.bytes = piece.data.size();
    total += alignToArena(piece.bytes);
    int64_t offset = piece.offset;
    pieces.push_back(std::move(piece));
    return offset;
  }

  LogicalResult write() {
    std::error_code code;
    llvm::raw_fd_ostream os(file, code, llvm::sys::fs::CD_CreateAlways);
    auto failed = [&](const std::error_code &why) {
      return emitError(UnknownLoc::get(&getContext()))
             << "the weights cannot be written to '" << file << "': " << why.message();
    };
    if (code)
      return failed(code);
    os.seek(begin);
    Hash64 hash;
    for (const Piece &piece : pieces) {
      // Not piece.data: moving a piece moves the vector it owns.
      ArrayRef<uint8_t> data = piece.owned.empty() ? piece.data : ArrayRef<uint8_t>(piece.owned);
      constexpr char zeros[arenaAlignment] = {};
      for (StringRef bytes : {llvm::toStringRef(data), StringRef(zeros, alignToArena(piece.bytes) - piece.bytes)}) {
        os << bytes;
        hash.update(bytes.data(), bytes.size());
      }
      releaseMapped(data);
    }
    os.close();
    if (os.has_error()) {
      code = os.error();
      os.clear_error();
      return failed(code);
    }
    getOperation()->setAttr("nnf.weights_hash",
                            Builder(&getContext()).getI64IntegerAttr(static_cast<int64_t>(hash.finish())));
    return success();
  }
};

} // namespace
} // namespace nnf
