// What a GPU's attention kernel reads, and the tiles it is cut into.
#ifndef NNF_PASSES_KERNELS_GPU_GPUATTENTION_H
#define NNF_PASSES_KERNELS_GPU_GPUATTENTION_H

#include "passes/groups/Attention.h"
#include "passes/kernels/StridedView.h"
#include "passes/kernels/gpu/Multiplier.h"
#include <string>

namespace nnf {

/// Queries, keys or values: 16-bit floats or float32 in memory, in lines at one distance.
struct AttentionOperand {
  StridedView view;     // of what `reshapes` begin with
  Shape batchStrides;   // of its batch
  Dim lineStride;       // elements from one line to the next
  bool alongContracted; // lines run along the contracted dimension of the operand's product
  int64_t copyBytes;    // of a line that may be copied at once: 16, 8, 4 or 2
  /// Between the operand and the view, the last one first: those that split or join the batch alone, as heads that
  /// several queries share are repeated.
  llvm::SmallVector<PrimReshapeOp> reshapes;

  static std::optional<AttentionOperand> of(mlir::Value operand, llvm::ArrayRef<int64_t> batch, int64_t contracted);
  /// Elements from one position of the dimension that is not contracted to the next.
  Dim freeStride() const;
};

/// One of NNF_ATTENTION_TILES, NNF_TF32_ATTENTION_TILES or NNF_FLOAT_ATTENTION_TILES.
struct AttentionTile {
  Multiplier multiplier;
  int64_t queries, keys, width; // width: elements of a query or value, at most
  int64_t threads;
  int64_t stateBytes; // that a thread keeps from one block of keys to the next
  int64_t sharedBytes;
  int64_t copying = 0; // of the threads, the last ones, that have no scores

  int64_t multiplying() const { return threads - copying; }
  bool isFma() const { return multiplier == Multiplier::Fma; }
  /// Scores of a thread.
  int64_t scores() const { return queries * keys / multiplying(); }
  /// From one row of the mix in shared memory to the next, in floats; number `width` of a row is its total,
  /// the next one its largest logit, times log2 e.
  int64_t spreadPitch() const;
  /// The template of a function: "nnf_tf32_attention_mix_64x32x64".
  std::string name(llvm::StringRef function) const;
};

/// An attention that templates multiply (codegen/cuda/templates): operands are alike and lie in lines.
struct GpuAttention {
  mlir::Type element; // of all operands
  Multiplier multiplier;
  AttentionOperand query, key, value;

  static std::optional<GpuAttention> of(Attention &attention);
  AttentionTile tile(Attention &attention) const;
  /// Cycles that a GPU takes if keys are cut in so many parts, by a model of it (docs/design/0013).
  double cycles(Attention &attention, int64_t parts) const;

private:
  AttentionTile tileOf(Attention &attention, int64_t entries) const;
};

} // namespace nnf
#endif
