// Emits the kernel of an attention: AttentionKernel.cpp has tasks, tiles and the softmax, AttentionProducts.cpp what
// the two products read and compute.
#ifndef NNF_PASSES_KERNELS_ATTENTIONEMITTER_H
#define NNF_PASSES_KERNELS_ATTENTIONEMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/AttentionIndices.h"
#include "passes/kernels/AttentionPlan.h"
#include "passes/kernels/KernelEmitter.h"

namespace nnf {

class AttentionEmitter : AttentionIndices {
public:
  using Value = mlir::Value;

  AttentionEmitter(KernelEmitter &emitter, Attention &attention, const TargetInfo &target)
      : AttentionIndices(emitter.e, attention), emitter(emitter), k(emitter.k), t(attention, target) {}

  void emit(llvm::ArrayRef<StoredMix> stored);

private:
  /// Positions [first, first + count) of a dimension.
  struct Span {
    Value first, count;
  };
  /// Queries that go through the products together. Those past the last query stand for it and are not stored.
  struct Tile {
    Value start;
    int64_t rows;
    Value slot;    // of the first query, in the task
    bool isRagged; // some queries may be past the last
  };

  void reserveScratch();
  Value reserve(int64_t elements);
  void emitTask(llvm::ArrayRef<Value> task);
  /// `inPlace`: keys and values are read where they lie, query by query.
  void emitQueries(Value first, Value end, bool inPlace);
  bool canReadInPlace();
  void mixKeys(const Tile &tile, const Span &keys, bool inPlace);
  Span keysOf(const Tile &tile, const Span &keys);
  void forTiles(Value first, Value end, llvm::function_ref<void(const Tile &)> body);
  void forQueries(llvm::function_ref<void(const Tile &)> body);
  void forBlocks(llvm::function_ref<void(const Span &keys)> body);

  Value rowAt(const Tile &tile, Value row);

  void packQueries(const Tile &tile);
  void pack(PrimDotOp dot, const Shape &batch, Span columns, Span contracted, Value to, int64_t panelElements);
  bool liesAlongContracted(PrimDotOp dot, const Shape &batch);

  void clearMix();
  void computeScores(const Tile &tile, const Span &keys);
  void computeScoresInPlace(const Tile &tile, const Span &keys);
  void softmax(const Tile &tile, const Span &keys);
  int64_t weightOfLogits();
  Value logit(Index query, const Span &keys, Index lane, Value score);
  Value exponential(Value x);
  Value larger(Value x, Value y);
  Value acrossLanes(Value vector, llvm::function_ref<Value(Value, Value)> combine);
  /// Runs over `vectors` vectors of the values' columns at a time, with a mask for each that has columns: null where
  /// it has all.
  using ColumnsBody = llvm::function_ref<void(Value column, llvm::ArrayRef<Value> masks)>;
  void forColumns(int64_t vectors, ColumnsBody body);
  llvm::SmallVector<Value> mixTile(const Tile &tile, const Span &keys, Value column, size_t vectors,
                                   mlir::ValueRange sums);
  llvm::SmallVector<Value> mixInPlace(const Span &keys, Value column, llvm::ArrayRef<Value> masks,
                                      mlir::ValueRange sums);
  Index mixSlot(const Tile &tile, int64_t row, Value column, int64_t vector);
  void finish(const Tile &tile, Value column, llvm::ArrayRef<Value> masks, llvm::ArrayRef<Value> sums);

  Value number(double value) { return k.splat(mlir::FloatAttr::get(t.element, value), /*vector=*/k.lanes > 1); }
  Value address(Value base, Value offset) { return k.elementAddress(base, t.element, offset); }
  Value address(Value base, int64_t offset) { return address(base, k.constant(offset)); }
  Value compare(mlir::arith::CmpFPredicate predicate, Value x, Value y) {
    return mlir::arith::CmpFOp::create(k.b, k.loc, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) { return mlir::arith::SelectOp::create(k.b, k.loc, condition, x, y); }
  llvm::SmallVector<Value> multiply(Value rows, int64_t rowStride, Value columns, int64_t rowCount, int64_t vectors,
                                    Value steps, mlir::ValueRange sums);
  Value multiplyAdd(Value x, Value y, Value sum);
  Value times(Value x, Value y) { return mlir::arith::MulFOp::create(k.b, k.loc, x, y); }

  KernelEmitter &emitter;
  KernelBuilder &k;
  AttentionPlan t;
  llvm::ArrayRef<StoredMix> stored;
  /// Logits take the place of scores in scratch: they are not computed twice, for the largest and for the powers.
  bool keepsLogits = false;
  int64_t scratchElements = 0;
  // In scratch memory; what is of each query is of those of a tile, or of a task where keys come in blocks.
  Value queries, keyPanels, valuePanels, scores, factors, largest, totals, mix;
};

} // namespace nnf
#endif
