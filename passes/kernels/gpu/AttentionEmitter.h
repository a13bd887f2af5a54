// The kernel around templates that compute an attention: what attentions on every GPU have.
#ifndef NNF_PASSES_KERNELS_GPU_ATTENTIONEMITTER_H
#define NNF_PASSES_KERNELS_GPU_ATTENTIONEMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/kernels/AttentionIndices.h"
#include "passes/kernels/gpu/GpuAttention.h"
#include "passes/kernels/gpu/GpuEmitter.h"

namespace nnf {

class GpuAttentionEmitter : protected AttentionIndices {
public:
  using Value = mlir::Value;

  GpuAttentionEmitter(GpuEmitter &emitter, Attention &attention, const GpuAttention &g,
                      llvm::ArrayRef<StoredMix> stored, const AttentionTile &tile, int64_t scoreLanes, int64_t lanes)
      : AttentionIndices(emitter.e, attention), emitter(emitter), k(emitter.k), g(g), stored(stored), tile(tile),
        scoreLanes(scoreLanes), lanes(lanes) {}
  virtual ~GpuAttentionEmitter() = default;

  void emit();

protected:
  /// The block's queries with keys [0, end): their mix comes as rows to shared memory, each with its total and its
  /// largest logit, and is stored from there.
  virtual void attend(const SharedArray &shared, Value end);
  /// Scores of keys from `firstKey` on become logits; those of keys that there are not become -inf.
  void makeLogits(Value scores, Value firstKey);
  /// What becomes of the rows, by the threads that have multiplied.
  void store(const SharedArray &shared);
  /// Where in an operand's own batch, in front of its reshapes, the block's entry is.
  Indices entryOf(const AttentionOperand &operand, const Shape &batch);
  Value registers(mlir::Type type, int64_t count) {
    return mlir::LLVM::AllocaOp::create(k.b, k.loc, mlir::LLVM::LLVMPointerType::get(k.b.getContext()), type,
                                        constant32(count), /*alignment=*/16);
  }
  Value constant32(int64_t value) { return mlir::arith::ConstantIntOp::create(k.b, k.loc, value, 32); }
  Value constantBool(bool value) { return mlir::arith::ConstantIntOp::create(k.b, k.loc, value, 1); }
  Value narrow(Value value) { return mlir::arith::TruncIOp::create(k.b, k.loc, k.b.getI32Type(), value); }

  GpuEmitter &emitter;
  KernelBuilder &k;
  const GpuAttention &g;
  llvm::ArrayRef<StoredMix> stored;
  const AttentionTile &tile;
  const int64_t scoreLanes, lanes;
  Value firstQuery;

private:
  /// Neighbouring keys of one query, in the order of a thread's scores.
  struct Run {
    int64_t row, key; // behind the thread's own first ones
    int64_t score;    // number of the first
  };
  struct Runs {
    Value row, key; // the thread's first: in the tile, and in the block of keys
    Value keysLeft; // from there on, 32 bits; null where blocks are whole
    llvm::SmallVector<Run> all;
  };
  Runs runs();
  void beginOperand(const AttentionOperand &operand, const Shape &batch, Value first, llvm::SmallVector<Value> &to);
  void makeLogits(Value scores, const Runs &runs, const Run &run);
  void storePiece(const SharedArray &shared, Value piece);
  void storeLogSums(const SharedArray &shared);
  Value score(Value scores, int64_t number);
};

} // namespace nnf
#endif
