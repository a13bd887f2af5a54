// Tables of vectors, and classes as vectors.
#ifndef NNF_OPS_EMBEDDING
#define NNF_OPS_EMBEDDING
include "dialects/nnf/NnfBase.td"

def Nnf_EmbeddingOp : Nnf_Function<"embedding"> {
  let summary = "Rows of a table";
  let description = [{
    input int64 or int32 of any shape, weight V, D. An index outside 0..V-1 is a run-time error. max_norm first scales
    every row that is read and longer than that (by norm_type) down to it, in place. padding_idx, scale_grad_by_freq and
    sparse change gradients only.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, OptionalAttr<Nnf_Int>:$padding_idx,
      OptionalAttr<Nnf_Float>:$max_norm, DefaultValuedAttr<Nnf_Float, "2.0">:$norm_type,
      DefaultValuedAttr<Nnf_Bool, "false">:$scale_grad_by_freq, DefaultValuedAttr<Nnf_Bool, "false">:$sparse);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$new_weight);
  let effects = [Effect<"weight", 1>];
  let formula = "output[i] = weight[input[i]]";
  let example = [{ %y = nnf.embedding %i, %w : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x3x4xf32> }];
}

def Nnf_EmbeddingBagOp : Nnf_Function<"embedding_bag", [AttrSizedOperandSegments]> {
  let summary = "Sums, means or maxima of rows of a table";
  let description = [{
    input int64 or int32: B, L are B bags of L rows; a vector is cut by offsets, which starts each bag (with
    include_last_offset it ends the last one too). weight V, D. mode is sum, mean or max; an empty bag gives 0.
    padding_idx names a row that does not count. per_sample_weights scale rows, with sum only. max_norm as in embedding.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$offsets,
      OptionalAttr<Nnf_Float>:$max_norm, DefaultValuedAttr<Nnf_Float, "2.0">:$norm_type,
      DefaultValuedAttr<Nnf_Bool, "false">:$scale_grad_by_freq, DefaultValuedStrAttr<Nnf_String, "mean">:$mode,
      DefaultValuedAttr<Nnf_Bool, "false">:$sparse, Optional<Nnf_Tensor>:$per_sample_weights,
      DefaultValuedAttr<Nnf_Bool, "false">:$include_last_offset, OptionalAttr<Nnf_Int>:$padding_idx);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$new_weight);
  let effects = [Effect<"weight", 1>];
  let formula = "output[b] = mode of weight[input[i]] over i in bag b";
  let example = [{ %y = nnf.embedding_bag %i, %w {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x4xf32> }];
}

def Nnf_OneHotOp : Nnf_Function<"one_hot"> {
  let summary = "Indices as rows with a single 1";
  let description = [{ tensor int64; gives int64 *, num_classes. A class outside is a run-time error. num_classes = -1 is not there yet. }];
  let arguments = (ins Nnf_Tensor:$tensor, DefaultValuedAttr<Nnf_Int, "-1">:$num_classes);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i, k] = tensor[i] == k";
  let example = [{ %y = nnf.one_hot %i {num_classes = 5 : i64} : (tensor<3xi64>) -> tensor<3x5xi64> }];
}
#endif
