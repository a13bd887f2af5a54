// The sizes of attention with several heads.
#ifndef NNF_DIALECTS_NNF_INFER_ATTENTION_H
#define NNF_DIALECTS_NNF_INFER_ATTENTION_H

#include "dialects/nnf/infer/Arguments.h"

namespace nnf {

struct AttentionSizes {
  bool isBatched;
  Dim batch, queries;
  Dim source;    // keys as given
  Dim keys;      // with those of bias_k and add_zero_attn
  Dim width;     // E
  Dim headWidth; // E / heads
};

llvm::FailureOr<AttentionSizes> attentionSizes(mlir::Location loc, mlir::Value query, mlir::Value key,
                                               mlir::Value staticKey, bool hasBiasKey, bool addZero, int64_t heads);

} // namespace nnf
#endif
