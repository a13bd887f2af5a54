// Attention.
#ifndef NNF_OPS_ATTENTION
#define NNF_OPS_ATTENTION
include "dialects/nnf/NnfBase.td"

def Nnf_ScaledDotProductAttentionOp : Nnf_Function<"scaled_dot_product_attention"> {
  let summary = "Attention";
  let description = [{
    query *, L, E; key *, S, E; value *, S, Ev; attn_mask broadcasts to *, L, S: bool (true keeps) or added. is_causal
    keeps the lower triangle from the top left. scale left out is 1 / sqrt(E). A row with nothing kept is 0. With
    enable_gqa the heads (dimension -3) of key and value repeat to those of query. dropout_p is the
    probability with which a weight becomes 0; there is no training flag.
  }];
  let arguments = (ins Nnf_Tensor:$query, Nnf_Tensor:$key, Nnf_Tensor:$value, Optional<Nnf_Tensor>:$attn_mask,
      DefaultValuedAttr<Nnf_Float, "0.0">:$dropout_p, DefaultValuedAttr<Nnf_Bool, "false">:$is_causal,
      OptionalAttr<Nnf_Float>:$scale, DefaultValuedAttr<Nnf_Bool, "false">:$enable_gqa);
  let results = (outs Nnf_Tensor:$output);
  let draws = 1;
  let formula = "softmax(query * transpose(key) * scale + attn_mask) * value";
  let source = "Vaswani et al. 2017, section 3.2.1";
  let example = [{ %y = nnf.scaled_dot_product_attention %q, %k, %v : (tensor<2x4x8xf32>, tensor<2x6x8xf32>, tensor<2x6x5xf32>) -> tensor<2x4x5xf32> }];
}

def Nnf_MultiHeadAttentionForwardOp : Nnf_Function<"multi_head_attention_forward", [AttrSizedOperandSegments]> {
  let summary = "Attention of several heads, with its projections";
  let description = [{
    query L, N, E; key S, N, Ek; value S, N, Ev; or all without N. in_proj_weight 3E, E, or with use_separate_proj_weight
    q_proj_weight E, E, k_proj_weight E, Ek and v_proj_weight E, Ev; in_proj_bias 3E. bias_k and bias_v 1, 1, E are a
    further key and value, add_zero_attn one of zeros; static_k and static_v N*heads, S, E/heads replace the projected
    ones. Masks that are bool are true where left out, others are added: key_padding_mask N, S, attn_mask L, S or
    N*heads, L, S. The second result, with need_weights, is N, L, S (the mean over heads), or N, heads, L, S. In
    training, dropout_p is the probability with which a weight becomes 0.
  }];
  let arguments = (ins Nnf_Tensor:$query, Nnf_Tensor:$key, Nnf_Tensor:$value, Nnf_Int:$embed_dim_to_check,
      Nnf_Int:$num_heads, Optional<Nnf_Tensor>:$in_proj_weight, Optional<Nnf_Tensor>:$in_proj_bias,
      Optional<Nnf_Tensor>:$bias_k, Optional<Nnf_Tensor>:$bias_v, Nnf_Bool:$add_zero_attn, Nnf_Float:$dropout_p,
      Nnf_Tensor:$out_proj_weight, Optional<Nnf_Tensor>:$out_proj_bias, DefaultValuedAttr<Nnf_Bool, "true">:$training,
      Optional<Nnf_Tensor>:$key_padding_mask, DefaultValuedAttr<Nnf_Bool, "true">:$need_weights,
      Optional<Nnf_Tensor>:$attn_mask, DefaultValuedAttr<Nnf_Bool, "false">:$use_separate_proj_weight,
      Optional<Nnf_Tensor>:$q_proj_weight, Optional<Nnf_Tensor>:$k_proj_weight, Optional<Nnf_Tensor>:$v_proj_weight,
      Optional<Nnf_Tensor>:$static_k, Optional<Nnf_Tensor>:$static_v,
      DefaultValuedAttr<Nnf_Bool, "true">:$average_attn_weights);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$weights);
  let draws = 1;
  let formula = "softmax(q * transpose(k) / sqrt(E / num_heads) + masks) * v for each head, then linear(out_proj)";
  let source = "Vaswani et al. 2017, section 3.2.2";
  let example = [{ %y, %p = nnf.multi_head_attention_forward %q, %k, %v, %w, %o {embed_dim_to_check = 8 : i64, num_heads = 2 : i64, add_zero_attn = false, dropout_p = 0.0, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0>} : (tensor<4x2x8xf32>, tensor<6x2x8xf32>, tensor<6x2x8xf32>, tensor<24x8xf32>, tensor<8x8xf32>) -> (tensor<4x2x8xf32>, tensor<2x4x6xf32>) }];
}
#endif
