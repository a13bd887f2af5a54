// Tables of vectors, and classes as vectors.
#ifndef NNF_OPS_EMBEDDING
#define NNF_OPS_EMBEDDING
include "dialects/nnf/NnfBase.td"

def Nnf_EmbeddingOp : Nnf_Function<"embedding"> {
  let summary = "Rows of a table";
  let description = [{
    max_norm first scales every row that is read and longer than that down to it, in place. padding_idx,
    scale_grad_by_freq and sparse change gradients only.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, OptionalAttr<Nnf_Int>:$padding_idx,
      OptionalAttr<Nnf_Float>:$max_norm, DefaultValuedAttr<Nnf_Float, "2.0">:$norm_type,
      DefaultValuedAttr<Nnf_Bool, "false">:$scale_grad_by_freq, DefaultValuedAttr<Nnf_Bool, "false">:$sparse);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$new_weight);
  let effects = [Effect<"weight", 1>];
  let takes = [{
    input: int64 or int32 [...]
    weight: any dtype [V, D]; a float with max_norm, which changes it
    padding_idx: -V to V-1
    max_norm: the largest norm of a row; None: any
    norm_type: the norm of max_norm
    scale_grad_by_freq, sparse: without effect
  }];
  let gives = [{
    output: dtype of weight [..., D]
    new_weight: as weight
  }];
  let errors = [{
    input: dtype float32, expected int64 or int32
    input: run: index 10, expected 0 <= index < 10
    weight: rank 1, expected 2 [V, D]
    weight: dtype int64, expected a float
    padding_idx: 10, expected -10 to 9
  }];
  let formula = "output[i] = weight[input[i]]";
  let example = [{ %y = nnf.embedding %i, %w : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x3x4xf32> }];
}

def Nnf_EmbeddingBagOp : Nnf_Function<"embedding_bag", [AttrSizedOperandSegments]> {
  let summary = "Sums, means or maxima of rows of a table";
  let description = [{ An empty bag gives 0. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$offsets,
      OptionalAttr<Nnf_Float>:$max_norm, DefaultValuedAttr<Nnf_Float, "2.0">:$norm_type,
      DefaultValuedAttr<Nnf_Bool, "false">:$scale_grad_by_freq, DefaultValuedStrAttr<Nnf_String, "mean">:$mode,
      DefaultValuedAttr<Nnf_Bool, "false">:$sparse, Optional<Nnf_Tensor>:$per_sample_weights,
      DefaultValuedAttr<Nnf_Bool, "false">:$include_last_offset, OptionalAttr<Nnf_Int>:$padding_idx);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$new_weight);
  let effects = [Effect<"weight", 1>];
  let takes = [{
    input: int64 or int32 [B, L], B bags of L rows, or [L], which offsets cuts into bags
    weight: float [V, D]
    offsets: dtype of input [B], where each bag starts: 0 first, then none smaller; only for an input [L]
    max_norm, norm_type: as in embedding
    scale_grad_by_freq, sparse: without effect; scale_grad_by_freq not with 'max'
    mode: 'sum', 'mean' or 'max'
    per_sample_weights: dtype of weight, shape of input: what rows are multiplied by; only with 'sum'
    include_last_offset: offsets has one more entry, the end of the last bag
    padding_idx: a row that does not count, -V to V-1
  }];
  let gives = [{
    output: dtype of weight [B, D]
    new_weight: as weight
  }];
  let errors = [{
    input: dtype float32, expected int64 or int32
    input: rank 3, expected 1 or 2 [L] or [B, L]
    input: run: index 10, expected 0 <= index < 10
    weight: dtype int64, expected a float
    weight: rank 1, expected 2 [V, D]
    offsets: missing, expected a vector with an input of rank 1
    offsets: given, expected none with an input of rank 2
    offsets: dtype int32, expected int64 as 'input' has
    offsets: rank 2, expected 1 [B]
    offsets: shape [0], expected at least 1 entry when include_last_offset is true
    offsets: run: 3, expected 0 first, then none smaller than the one before or above 6
    scale_grad_by_freq: true, expected false with mode 'max'
    mode: 'avg', expected 'sum' or 'mean' or 'max'
    per_sample_weights: given, expected none with mode 'mean'
    per_sample_weights: dtype float64, expected float32 as 'weight' has
    per_sample_weights: shape [3, 3], expected the shape of 'input' = [3, 4]
    padding_idx: 10, expected -10 to 9
  }];
  let formula = "output[b] = mode of weight[input[i]] over i in bag b";
  let example = [{ %y = nnf.embedding_bag %i, %w {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x4xf32> }];
}

def Nnf_OneHotOp : Nnf_Function<"one_hot"> {
  let summary = "Indices as rows with a single 1";
  let arguments = (ins Nnf_Tensor:$tensor, DefaultValuedAttr<Nnf_Int, "-1">:$num_classes);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    tensor: int64 [...]
    num_classes: at least 1; -1 is the largest class and one, which only the run knows
  }];
  let gives = "output: int64 [..., num_classes]";
  let hasDataSize = 1;
  let errors = [{
    tensor: dtype int32, expected int64
    tensor: run: class 5, expected 0 <= class < 5
    tensor: run: class -1, expected 0 <= class
    tensor: shape [0], expected at least 1 element when num_classes is -1
    num_classes: 0, expected at least 1, or -1
  }];
  let formula = "output[i, k] = tensor[i] == k";
  let example = [{ %y = nnf.one_hot %i {num_classes = 5 : i64} : (tensor<3xi64>) -> tensor<3x5xi64> }];
}
#endif
