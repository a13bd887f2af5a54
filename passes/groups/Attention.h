// Attention among primitives: softmax(Q K^T, scaled and masked) V.
#ifndef NNF_PASSES_GROUPS_ATTENTION_H
#define NNF_PASSES_GROUPS_ATTENTION_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

/// Two products with a softmax over the keys between them, of which nobody else reads anything. Shapes, but for a batch
/// that reshapes may split and join on the way:
///   scores [batch, queries, keys] = Q K^T; logits: elementwise on scores (scale, mask, bias)
///   weights = exp(logits - largest) / total, rows that are masked as a whole perhaps 0
///   mix [batch, queries, columns] = weights V
struct Attention {
  PrimDotOp scores, mix;
  mlir::Value logits;
  mlir::Value largest, total; // of a row's logits, and of its powers
  /// The logarithm of a row's powers, as it is without the largest logit: what a part of the keys counts among others.
  /// -inf where all logits are. Read outside, beside the mix; null: nobody does.
  mlir::Value logSum;
  /// Which rows of weights are 0 in place of NaN.
  enum class Zeroed {
    None,
    Masked,    // all logits are -inf
    NotANumber // weights that are NaN; a row is NaN as a whole
  } zeroed = Zeroed::None;
  /// Weights are rounded to 16-bit floats before they are multiplied with values.
  bool roundsWeights = false;
  /// All but views that begin outside, `scores` and `mix` among them.
  llvm::SmallVector<mlir::Operation *> members;
  /// Logits of keys after the query are -inf: query i looks at keys 0 to i.
  bool isCausal = false;
  /// No member changes the batch: one index for each of its dimensions stands for all.
  bool hasOneBatch = true;

  /// The attention that ends in `mix`.
  static std::optional<Attention> of(PrimDotOp mix);

  Shape scoresBatch(), logitsBatch(), mixBatch();
  Dim queries() { return nnf::shapeOf(mix.getOutput()).rbegin()[1]; }
  Dim keys() { return nnf::shapeOf(mix.getLhs()).back(); }
  /// Elements of a query and a key, and of a value: fixed numbers.
  int64_t depth(), columns();
};

/// The value that a chain of reshapes, transposes, broadcasts and slices begins with.
mlir::Value beforeViews(mlir::Value value);

/// The dimension of an operand of `dot` that is neither batch nor contracted, where there is one such.
std::optional<int64_t> freeDim(llvm::ArrayRef<int64_t> batch, llvm::ArrayRef<int64_t> contracted, int64_t rank);

} // namespace nnf
#endif
