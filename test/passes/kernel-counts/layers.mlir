// Kernels of linear layers, gates, dropout and embeddings: what is elementwise belongs to the product in front of it.
// RUN: %fuse %s | FileCheck %s

// One kernel: gelu is the product's epilogue.
// CHECK-LABEL: module @linear_gelu {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!h = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @linear_gelu {
  func.func @main(%x: !x) -> !h {
    %w = nnf.weight "w" : tensor<32x16xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %h = nnf.linear %x, %w, %b : (!x, tensor<32x16xf32>, tensor<32xf32>) -> !h
    %y = nnf.gelu %h : (!h) -> !h
    return %y : !h
  }
}

// -----

// Two kernels: a product with the packed weight, [i, o j]; the rows of its result times the second input, and the bias.
// CHECK-LABEL: module @bilinear {
// CHECK: nnf.prim.conv {{.*}}packed
// CHECK: nnf.kernel @
// CHECK: nnf.prim.reduce add
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!a = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!b = tensor<?x24xf32, #nnf.dims<[N, 24]>>
!y = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @bilinear {
  func.func @main(%a: !a, %b: !b) -> !y {
    %w = nnf.weight "w" : tensor<32x16x24xf32>
    %bias = nnf.weight "b" : tensor<32xf32>
    %y = nnf.bilinear %a, %b, %w, %bias : (!a, !b, tensor<32x16x24xf32>, tensor<32xf32>) -> !y
    return %y : !y
  }
}

// -----

// Three kernels: a product each, with bias and relu.
// CHECK-LABEL: module @mlp {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!l0 = tensor<?x32xf32, #nnf.dims<[N, 32]>>
!l2 = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!b0 = tensor<32xf32>
module @mlp {
  func.func @main(%x: !x) -> !l2 {
    %w0 = nnf.weight "w0" : tensor<32x16xf32>
    %b0 = nnf.weight "b0" : !b0
    %w1 = nnf.weight "w1" : tensor<32x32xf32>
    %b1 = nnf.weight "b1" : !b0
    %w2 = nnf.weight "w2" : tensor<10x32xf32>
    %b2 = nnf.weight "b2" : tensor<10xf32>
    %l0 = nnf.linear %x, %w0, %b0 : (!x, tensor<32x16xf32>, !b0) -> !l0
    %r0 = nnf.relu %l0 : (!l0) -> !l0
    %l1 = nnf.linear %r0, %w1, %b1 : (!l0, tensor<32x32xf32>, !b0) -> !l0
    %r1 = nnf.relu %l1 : (!l0) -> !l0
    %l2 = nnf.linear %r1, %w2, %b2 : (!l0, tensor<10x32xf32>, tensor<10xf32>) -> !l2
    return %l2 : !l2
  }
}

// -----

// Four kernels: three products and a softmax.
// CHECK-LABEL: module @mlp_softmax {
// CHECK-COUNT-4: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-4: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!l0 = tensor<?x32xf32, #nnf.dims<[N, 32]>>
!l2 = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!b0 = tensor<32xf32>
module @mlp_softmax {
  func.func @main(%x: !x) -> !l2 {
    %w0 = nnf.weight "w0" : tensor<32x16xf32>
    %b0 = nnf.weight "b0" : !b0
    %w1 = nnf.weight "w1" : tensor<32x32xf32>
    %b1 = nnf.weight "b1" : !b0
    %w2 = nnf.weight "w2" : tensor<10x32xf32>
    %b2 = nnf.weight "b2" : tensor<10xf32>
    %l0 = nnf.linear %x, %w0, %b0 : (!x, tensor<32x16xf32>, !b0) -> !l0
    %r0 = nnf.relu %l0 : (!l0) -> !l0
    %l1 = nnf.linear %r0, %w1, %b1 : (!l0, tensor<32x32xf32>, !b0) -> !l0
    %r1 = nnf.relu %l1 : (!l0) -> !l0
    %l2 = nnf.linear %r1, %w2, %b2 : (!l0, tensor<10x32xf32>, tensor<10xf32>) -> !l2
    %y = nnf.softmax %l2 {dim = -1 : i64} : (!l2) -> !l2
    return %y : !l2
  }
}

// -----

// Two kernels: product, bias and residual; layer_norm.
// CHECK-LABEL: module @linear_residual_layer_norm {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!b = tensor<64xf32>
module @linear_residual_layer_norm {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : tensor<64x64xf32>
    %b = nnf.weight "b" : !b
    %s = nnf.weight "s" : !b
    %t = nnf.weight "t" : !b
    %h = nnf.linear %x, %w, %b : (!x, tensor<64x64xf32>, !b) -> !x
    %a = nnf.add %x, %h : (!x, !x) -> !x
    %y = nnf.layer_norm %a, %s, %t {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !b, !b) -> !x
    return %y : !x
  }
}

// -----

// Two kernels: the sum and its layer_norm; the product, with the same sum computed again for the residual.
// CHECK-LABEL: module @layer_norm_linear_residual {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @layer_norm_linear_residual {
  func.func @main(%x: !x, %f: !x) -> !x {
    %w = nnf.weight "w" : tensor<64x64xf32>
    %s = nnf.add %x, %f : (!x, !x) -> !x
    %n = nnf.layer_norm %s {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 0, 0>} : (!x) -> !x
    %h = nnf.linear %n, %w : (!x, tensor<64x64xf32>) -> !x
    %y = nnf.add %s, %h : (!x, !x) -> !x
    return %y : !x
  }
}

// -----

// One kernel, though swish reads the product twice.
// CHECK-LABEL: module @linear_swish {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!h = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @linear_swish {
  func.func @main(%x: !x) -> !h {
    %w = nnf.weight "w" : tensor<32x16xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %h = nnf.linear %x, %w, %b : (!x, tensor<32x16xf32>, tensor<32xf32>) -> !h
    %s = nnf.sigmoid %h : (!h) -> !h
    %y = nnf.mul %h, %s : (!h, !h) -> !h
    return %y : !h
  }
}

// -----

// One kernel: a chain is computed in registers.
// CHECK-LABEL: module @mish_silu_hardswish {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @mish_silu_hardswish {
  func.func @main(%x: !x) -> !x {
    %m = nnf.mish %x : (!x) -> !x
    %s = nnf.silu %m : (!x) -> !x
    %y = nnf.hardswish %s : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel: both halves are read where they lie.
// CHECK-LABEL: module @glu {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @glu {
  func.func @main(%x: !x) -> !y {
    %y = nnf.glu %x : (!x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: the product, stored; glu.
// could be 1: the halves of a row could be columns of one tile.
// CHECK-LABEL: module @linear_glu {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!h = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @linear_glu {
  func.func @main(%x: !x) -> !y {
    %w = nnf.weight "w" : tensor<64x16xf32>
    %b = nnf.weight "b" : tensor<64xf32>
    %h = nnf.linear %x, %w, %b : (!x, tensor<64x16xf32>, tensor<64xf32>) -> !h
    %y = nnf.glu %h : (!h) -> !y
    return %y : !y
  }
}

// -----

// Three kernels: one product; the other with silu of the first; the last.
// could be 2: both read the same rows; as one product a row's halves would have to be columns of one tile, or both would
// be stored before the gate.
// CHECK-LABEL: module @swiglu {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!a = tensor<?x32xf32, #nnf.dims<[N, 32]>>
!w = tensor<32x16xf32>
module @swiglu {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %v = nnf.weight "v" : !w
    %o = nnf.weight "o" : tensor<16x32xf32>
    %a = nnf.linear %x, %w : (!x, !w) -> !a
    %s = nnf.silu %a : (!a) -> !a
    %b = nnf.linear %x, %v : (!x, !w) -> !a
    %p = nnf.mul %s, %b : (!a, !a) -> !a
    %y = nnf.linear %p, %o : (!a, tensor<16x32xf32>) -> !x
    return %y : !x
  }
}

// -----

// One kernel: numbers are drawn where they are used.
// CHECK-LABEL: module @dropout_training {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @dropout_training {
  func.func @main(%x: !x) -> !x {
    %y = nnf.dropout %x {nnf.random = 0 : i64, p = 1.000000e-01 : f64} : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel: dropout is part of the epilogue.
// CHECK-LABEL: module @linear_relu_dropout {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!h = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @linear_relu_dropout {
  func.func @main(%x: !x) -> !h {
    %w = nnf.weight "w" : tensor<32x16xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %h = nnf.linear %x, %w, %b : (!x, tensor<32x16xf32>, tensor<32xf32>) -> !h
    %r = nnf.relu %h : (!h) -> !h
    %y = nnf.dropout %r {nnf.random = 0 : i64, p = 1.000000e-01 : f64} : (!h) -> !h
    return %y : !h
  }
}

// -----

// Two kernels: random bits; dropout, residual and layer_norm.
// could be 1: what is costly is stored for a reduction; a row of scratch would do.
// CHECK-LABEL: module @dropout_residual_layer_norm {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!w = tensor<64xf32>
module @dropout_residual_layer_norm {
  func.func @main(%x: !x, %r: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %d = nnf.dropout %x {nnf.random = 0 : i64, p = 1.000000e-01 : f64} : (!x) -> !x
    %s = nnf.add %d, %r : (!x, !x) -> !x
    %y = nnf.layer_norm %s, %w, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    return %y : !x
  }
}

// -----

// One kernel: rows are read from the table where layer_norm needs them.
// CHECK-LABEL: module @embedding_layer_norm {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!i = tensor<?x16xi64, #nnf.dims<[N, 16]>>
!output = tensor<?x16x64xf32, #nnf.dims<[N, 16, 64]>>
!w = tensor<64xf32>
module @embedding_layer_norm {
  func.func @main(%i: !i) -> !output {
    %e = nnf.weight "e" : tensor<100x64xf32>
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %output = nnf.embedding %i, %e : (!i, tensor<100x64xf32>) -> !output
    %y = nnf.layer_norm %output, %w, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!output, !w, !w) -> !output
    return %y : !output
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @token_and_position_embedding_layer_norm {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!i = tensor<?x16xi64, #nnf.dims<[N, 16]>>
!output = tensor<?x16x64xf32, #nnf.dims<[N, 16, 64]>>
!w = tensor<64xf32>
module @token_and_position_embedding_layer_norm {
  func.func @main(%i: !i) -> !output {
    %e = nnf.weight "e" : tensor<100x64xf32>
    %p = nnf.weight "p" : tensor<16x64xf32>
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %output = nnf.embedding %i, %e : (!i, tensor<100x64xf32>) -> !output
    %s = nnf.add %output, %p : (!output, tensor<16x64xf32>) -> !output
    %y = nnf.layer_norm %s, %w, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!output, !w, !w) -> !output
    return %y : !output
  }
}

// -----

// One kernel: rows are read and summed.
// CHECK-LABEL: module @embedding_bag {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!i = tensor<?x16xi64, #nnf.dims<[N, 16]>>
!output = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @embedding_bag {
  func.func @main(%i: !i) -> !output {
    %e = nnf.weight "e" : tensor<100x64xf32>
    %output = nnf.embedding_bag %i, %e {mode = "sum", operandSegmentSizes = array<i32: 1, 1, 0, 0>}
        : (!i, tensor<100x64xf32>) -> !output
    return %output : !output
  }
}

// -----

// Seven kernels: the check of offsets; marks where bags start; their running sum; bag of each index; sums of rows;
// sizes of bags; the mean.
// could be 2: after the check, a bag could run from its offset to the next: reductions have no bounds that depend on
// data.
// CHECK-LABEL: module @embedding_bag_offsets {
// CHECK-COUNT-7: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-7: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!i = tensor<?xi64, #nnf.dims<[M]>>
!o = tensor<?xi64, #nnf.dims<[N]>>
!output = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @embedding_bag_offsets {
  func.func @main(%i: !i, %o: !o) -> !output {
    %e = nnf.weight "e" : tensor<100x64xf32>
    %output = nnf.embedding_bag %i, %e, %o {operandSegmentSizes = array<i32: 1, 1, 1, 0>}
        : (!i, tensor<100x64xf32>, !o) -> !output
    return %output : !output
  }
}
