// Kernels of attention, and of what is around it.
// RUN: %fuse %s | FileCheck %s

// One kernel.
// CHECK-LABEL: module @attention {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!q = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, L, 16]>>
!k = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, S, 16]>>
module @attention {
  func.func @main(%q: !q, %k: !k, %v: !k) -> !q {
    %y = nnf.scaled_dot_product_attention %q, %k, %v {nnf.random = 0 : i64} : (!q, !k, !k) -> !q
    return %y : !q
  }
}

// -----

// The same with fixed sizes.
// CHECK-LABEL: module @attention_fixed {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!q = tensor<2x4x10x16xf32>
module @attention_fixed {
  func.func @main(%q: !q, %k: !q, %v: !q) -> !q {
    %y = nnf.scaled_dot_product_attention %q, %k, %v {nnf.random = 0 : i64} : (!q, !q, !q) -> !q
    return %y : !q
  }
}

// -----

// One kernel: no mask is stored.
// CHECK-LABEL: module @attention_causal {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!q = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, L, 16]>>
!k = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, S, 16]>>
module @attention_causal {
  func.func @main(%q: !q, %k: !k, %v: !k) -> !q {
    %y = nnf.scaled_dot_product_attention %q, %k, %v {is_causal = true, nnf.random = 0 : i64} : (!q, !k, !k) -> !q
    return %y : !q
  }
}

// -----

// One kernel: the mask is read where scores are.
// CHECK-LABEL: module @attention_added_mask {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!q = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, L, 16]>>
!k = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, S, 16]>>
!m = tensor<?x?xf32, #nnf.dims<[L, S]>>
module @attention_added_mask {
  func.func @main(%q: !q, %k: !k, %v: !k, %m: !m) -> !q {
    %y = nnf.scaled_dot_product_attention %q, %k, %v, %m {nnf.random = 0 : i64} : (!q, !k, !k, !m) -> !q
    return %y : !q
  }
}

// -----

// One kernel, as with the added mask.
// CHECK-LABEL: module @attention_bool_mask {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!q = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, L, 16]>>
!k = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, S, 16]>>
!m = tensor<?x1x1x?xi1, #nnf.dims<[N, 1, 1, S]>>
module @attention_bool_mask {
  func.func @main(%q: !q, %k: !k, %v: !k, %m: !m) -> !q {
    %y = nnf.scaled_dot_product_attention %q, %k, %v, %m {nnf.random = 0 : i64} : (!q, !k, !k, !m) -> !q
    return %y : !q
  }
}

// -----

// One kernel: heads that share keys and values read the same ones.
// CHECK-LABEL: module @attention_grouped_heads {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!q = tensor<?x8x?x16xf32, #nnf.dims<[N, 8, L, 16]>>
!k = tensor<?x2x?x16xf32, #nnf.dims<[N, 2, S, 16]>>
module @attention_grouped_heads {
  func.func @main(%q: !q, %k: !k, %v: !k) -> !q {
    %y = nnf.scaled_dot_product_attention %q, %k, %v {enable_gqa = true, nnf.random = 0 : i64} : (!q, !k, !k) -> !q
    return %y : !q
  }
}

// -----

// Three kernels: the three projections as one product; attention, which reads heads where they lie and writes them
// joined; the product for the output.
// CHECK-LABEL: module @self_attention {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x?x64xf32, #nnf.dims<[L, N, 64]>>
module @self_attention {
  func.func @main(%x: !x) -> !x {
    %wi = nnf.weight "wi" : tensor<192x64xf32>
    %bi = nnf.weight "bi" : tensor<192xf32>
    %wo = nnf.weight "wo" : tensor<64x64xf32>
    %bo = nnf.weight "bo" : tensor<64xf32>
    %output = nnf.multi_head_attention_forward %x, %x, %x, %wi, %bi, %wo, %bo {add_zero_attn = false,
        dropout_p = 0.000000e+00 : f64, embed_dim_to_check = 64 : i64, need_weights = false, nnf.random = 0 : i64,
        num_heads = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0>,
        training = false}
        : (!x, !x, !x, tensor<192x64xf32>, tensor<192xf32>, tensor<64x64xf32>, tensor<64xf32>) -> !x
    return %output : !x
  }
}

// -----

// Three kernels, four launches: projection of queries, and of the result; one product for keys and values; attention.
// CHECK-LABEL: module @cross_attention {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-4: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x?x64xf32, #nnf.dims<[L, N, 64]>>
!m = tensor<?x?x64xf32, #nnf.dims<[S, N, 64]>>
module @cross_attention {
  func.func @main(%x: !x, %m: !m) -> !x {
    %wi = nnf.weight "wi" : tensor<192x64xf32>
    %bi = nnf.weight "bi" : tensor<192xf32>
    %wo = nnf.weight "wo" : tensor<64x64xf32>
    %bo = nnf.weight "bo" : tensor<64xf32>
    %output = nnf.multi_head_attention_forward %x, %m, %m, %wi, %bi, %wo, %bo {add_zero_attn = false,
        dropout_p = 0.000000e+00 : f64, embed_dim_to_check = 64 : i64, need_weights = false, nnf.random = 0 : i64,
        num_heads = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0>,
        training = false}
        : (!x, !m, !m, tensor<192x64xf32>, tensor<192xf32>, tensor<64x64xf32>, tensor<64xf32>) -> !x
    return %output : !x
  }
}

// -----

// Six kernels, seven launches: the three projections as one product; attention; its output with the residual;
// layer_norm, twice; product with gelu; product with residual.
// CHECK-LABEL: module @transformer_layer {
// CHECK-COUNT-6: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-7: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x?x64xf32, #nnf.dims<[L, N, 64]>>
!u = tensor<?x?x256xf32, #nnf.dims<[L, N, 256]>>
!bo = tensor<64xf32>
module @transformer_layer {
  func.func @main(%x: !x) -> !x {
    %wi = nnf.weight "wi" : tensor<192x64xf32>
    %bi = nnf.weight "bi" : tensor<192xf32>
    %wo = nnf.weight "wo" : tensor<64x64xf32>
    %bo = nnf.weight "bo" : !bo
    %g0 = nnf.weight "g0" : !bo
    %c0 = nnf.weight "c0" : !bo
    %w0 = nnf.weight "w0" : tensor<256x64xf32>
    %b0 = nnf.weight "b0" : tensor<256xf32>
    %w1 = nnf.weight "w1" : tensor<64x256xf32>
    %b1 = nnf.weight "b1" : !bo
    %g1 = nnf.weight "g1" : !bo
    %c1 = nnf.weight "c1" : !bo
    %output = nnf.multi_head_attention_forward %x, %x, %x, %wi, %bi, %wo, %bo {add_zero_attn = false,
        dropout_p = 0.000000e+00 : f64, embed_dim_to_check = 64 : i64, need_weights = false, nnf.random = 0 : i64,
        num_heads = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0>,
        training = false}
        : (!x, !x, !x, tensor<192x64xf32>, tensor<192xf32>, tensor<64x64xf32>, !bo) -> !x
    %r = nnf.add %x, %output : (!x, !x) -> !x
    %s = nnf.layer_norm %r, %g0, %c0 {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !bo, !bo) -> !x
    %u = nnf.linear %s, %w0, %b0 : (!x, tensor<256x64xf32>, tensor<256xf32>) -> !u
    %e = nnf.gelu %u : (!u) -> !u
    %f = nnf.linear %e, %w1, %b1 : (!u, tensor<64x256xf32>, !bo) -> !x
    %q = nnf.add %s, %f : (!x, !x) -> !x
    %y = nnf.layer_norm %q, %g1, %c1 {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !bo, !bo) -> !x
    return %y : !x
  }
}
