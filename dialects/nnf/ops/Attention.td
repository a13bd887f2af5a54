// Attention, alone and with its projections.
#ifndef NNF_OPS_ATTENTION
#define NNF_OPS_ATTENTION
include "dialects/nnf/NnfBase.td"

def Nnf_ScaledDotProductAttentionOp : Nnf_Function<"scaled_dot_product_attention"> {
  let summary = "Attention";
  let description = [{
    A row of scores with nothing kept gives 0. There is no training flag: dropout_p counts always.
  }];
  let arguments = (ins Nnf_Tensor:$query, Nnf_Tensor:$key, Nnf_Tensor:$value, Optional<Nnf_Tensor>:$attn_mask,
      DefaultValuedAttr<Nnf_Float, "0.0">:$dropout_p, DefaultValuedAttr<Nnf_Bool, "false">:$is_causal,
      OptionalAttr<Nnf_Float>:$scale, DefaultValuedAttr<Nnf_Bool, "false">:$enable_gqa);
  let results = (outs Nnf_Tensor:$output);
  let draws = 1;
  let takes = [{
    query: float [..., L, E]
    key: dtype of query [..., S, E]
    value: dtype of query [..., S, Ev]; the leading sizes of all three broadcast
    attn_mask: broadcasts to [..., L, S]; bool (True keeps) or the dtype of query (added to the scores)
    dropout_p: the probability with which a weight becomes 0, 0 to 1
    is_causal: keeps the lower triangle from the top left; only without attn_mask
    scale: what scores are multiplied by; None is 1 / sqrt(E)
    enable_gqa: the heads (dimension -3) of key and value repeat to those of query, which they divide
  }];
  let gives = "output: dtype of query [..., L, Ev]";
  let errors = [{
    query: dtype int64, expected a float
    key, value: dtype float64, expected float32 as 'query' has
    query, key, value: rank 1, expected at least 2
    key: size 7 at dimension 2, expected 8 as the last dimension of 'query' has
    value: size 5 at dimension 1, expected 6 as dimension -2 of 'key' has
    key, value: shape [3] does not broadcast with [2]: sizes 3 and 2 at dimension 0
    key, value: rank 2, expected heads at dimension -3 when enable_gqa is true
    key, value: 3 heads, expected a divisor of the 4 of 'query'
    attn_mask: dtype int64, expected float32 as 'query' has
    attn_mask: given, expected none when is_causal is true
    attn_mask: shape [3, 6], expected one that broadcasts to [2, 4, 6]
    attn_mask: shape [2, 1, 4, 6], expected one that broadcasts to [2, 4, 6]
    dropout_p: 1.5, expected 0 to 1
  }];
  let formula = "softmax(query * transpose(key) * scale + attn_mask) * value";
  let source = "Vaswani et al. 2017, section 3.2.1";
  let example = [{ %y = nnf.scaled_dot_product_attention %q, %k, %v : (tensor<2x4x8xf32>, tensor<2x6x8xf32>, tensor<2x6x5xf32>) -> tensor<2x4x5xf32> }];
}

def Nnf_MultiHeadAttentionForwardOp : Nnf_Function<"multi_head_attention_forward", [AttrSizedOperandSegments]> {
  let summary = "Attention of several heads, with its projections";
  let description = [{
    The projected query, key and value are cut into heads. Masks that are bool are True where a key is left out;
    keys that are added by bias_k and add_zero_attn are never masked.
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
  let takes = [{
    query: float [L, N, E] or [L, E]
    key: dtype of query [S, N, Ek] or [S, Ek]
    value: dtype of query [S, N, Ev] or [S, Ev]
    embed_dim_to_check: E
    num_heads: at least 1, a divisor of E
    in_proj_weight: dtype of query [3*E, E]; needed unless use_separate_proj_weight, and Ek = Ev = E then
    in_proj_bias: dtype of query [3*E]
    bias_k, bias_v: dtype of query [1, 1, E], also without its ones: one more key and value; both or neither, not with static_k and static_v
    add_zero_attn: one more key and value of zeros
    dropout_p: the probability with which a weight becomes 0 in training, 0 to 1
    out_proj_weight: dtype of query [E, E]
    out_proj_bias: dtype of query [E]
    training: whether dropout_p counts
    key_padding_mask: bool or the dtype of query (added) [N, S], or [S] without N
    need_weights: gives the second result
    attn_mask: bool or the dtype of query (added) [L, S] or [N*heads, L, S]
    use_separate_proj_weight: the three weights that follow, instead of in_proj_weight
    q_proj_weight: dtype of query [E, E]
    k_proj_weight: dtype of query [E, Ek]
    v_proj_weight: dtype of query [E, Ev]
    static_k, static_v: dtype of query [N*heads, S, E/heads]: they replace the projected key and value
    average_attn_weights: the second result is the mean over the heads
  }];
  let gives = [{
    output: as query
    weights: dtype of query [N, L, S], or [N, heads, L, S] where not averaged; without N where query is
  }];
  let errors = [{
    query: dtype int64, expected a float
    query: rank 1, expected 3 or 2 [L, N, E] or [L, E]
    query: last size 4, expected embed_dim_to_check, 8
    key, value: rank 2, expected 3 as 'query' has
    key, value: size 6 at dimension 2, expected 8 as 'query' has
    key: size 3 at dimension 1, expected 2 as 'query' has
    value: shape [6, 2, 4], expected the leading sizes of 'key' = [5, 2, 4]
    num_heads: 0, expected at least 1
    num_heads: 3, expected a divisor of the 8 of 'query'
    in_proj_weight: missing, expected a tensor [3*E, E]
    in_proj_weight: shape [8, 8], expected [3*E, E] = [24, 8]
    q_proj_weight, k_proj_weight, v_proj_weight: missing, expected a tensor when use_separate_proj_weight is true
    q_proj_weight, k_proj_weight, v_proj_weight: shape [8, 4], expected [E, in] = [8, 6]
    in_proj_bias: shape [8], expected [3*E] = [24]
    bias_k, bias_v: missing, expected bias_k and bias_v or neither
    bias_k: given, expected none with static_k or static_v
    bias_k, bias_v: shape [2, 8], expected [1, 1, E] = [1, 1, 8]
    dropout_p: 1.5, expected 0 to 1
    out_proj_weight: shape [8, 4], expected [E, E] = [8, 8]
    out_proj_bias: shape [4], expected [E] = [8]
    key_padding_mask: shape [2, 4], expected [N, S] = [2, 6]
    attn_mask: rank 1, expected 2 or 3 [L, S] or [N*heads, L, S]
    attn_mask: shape [4, 4], expected [L, S] = [4, 6]
    static_k, static_v: shape [2, 6, 4], expected [N*heads, S, E/heads] = [4, 6, 4]
    key, value, in_proj_weight, in_proj_bias: dtype float64, expected float32 as 'query' has
    bias_k, bias_v, static_k, static_v, out_proj_weight, out_proj_bias: dtype float64, expected float32 as 'query' has
    q_proj_weight, k_proj_weight, v_proj_weight: dtype float64, expected float32 as 'query' has
    key_padding_mask, attn_mask: dtype int64, expected float32 as 'query' has
  }];
  let formula = "softmax(q * transpose(k) / sqrt(E / num_heads) + masks) * v for each head, then linear(out_proj)";
  let source = "Vaswani et al. 2017, section 3.2.2";
  let example = [{ %y, %p = nnf.multi_head_attention_forward %q, %k, %v, %w, %o {embed_dim_to_check = 8 : i64, num_heads = 2 : i64, add_zero_attn = false, dropout_p = 0.0, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0>} : (tensor<4x2x8xf32>, tensor<6x2x8xf32>, tensor<6x2x8xf32>, tensor<24x8xf32>, tensor<8x8xf32>) -> (tensor<4x2x8xf32>, tensor<2x4x6xf32>) }];
}
#endif
