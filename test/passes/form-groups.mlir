// Kernels that typical graphs come to. The passes in front bring them into the form grouping sees.
// DEFINE: %{before} = -nnf-decompose -canonicalize -cse -nnf-fold-scales -nnf-assign-layout -canonicalize -nnf-pack-contractions -canonicalize -cse -nnf-split-prepare
// RUN: nnf-opt %s -split-input-file %{before} -nnf-form-groups | FileCheck %s

// The activation works on the tile: one kernel, though relu reads its operand twice.
// CHECK-LABEL: module @linear_relu
// CHECK: nnf.kernel @k0({{.*}} title = "conv+add+compare+select"
// CHECK-NOT: nnf.kernel
// CHECK: func.func @main
// CHECK: nnf.launch @k0(%arg0, %{{.*}}, %{{.*}}) sizes <[N]>
// CHECK-NOT: nnf.launch
module @linear_relu {
  func.func @main(%x: tensor<?x16xf32, #nnf.dims<[N, 16]>>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>> {
    %w = nnf.weight "w" : tensor<8x16xf32>
    %b = nnf.weight "b" : tensor<8xf32>
    %0 = nnf.linear %x, %w, %b : (tensor<?x16xf32, #nnf.dims<[N, 16]>>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>>
    %1 = nnf.relu %0 : (tensor<?x8xf32, #nnf.dims<[N, 8]>>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>>
    return %1 : tensor<?x8xf32, #nnf.dims<[N, 8]>>
  }
}

// -----

// CHECK-LABEL: module @gelu_epilogue
// CHECK: nnf.kernel @k0({{.*}} title = "conv+add+mul+erf"
// CHECK-NOT: nnf.kernel
// CHECK: func.func @main
// CHECK-COUNT-1: nnf.launch
// CHECK-NOT: nnf.launch
module @gelu_epilogue {
  func.func @main(%x: tensor<?x16xf32, #nnf.dims<[N, 16]>>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>> {
    %w = nnf.weight "w" : tensor<8x16xf32>
    %b = nnf.weight "b" : tensor<8xf32>
    %0 = nnf.linear %x, %w, %b : (tensor<?x16xf32, #nnf.dims<[N, 16]>>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>>
    %1 = nnf.gelu %0 : (tensor<?x8xf32, #nnf.dims<[N, 8]>>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>>
    return %1 : tensor<?x8xf32, #nnf.dims<[N, 8]>>
  }
}

// -----

// CHECK-LABEL: module @softmax
// CHECK: nnf.kernel @k0({{.*}} title = "reduce+sub+exp+div"
// CHECK-NOT: nnf.kernel
// CHECK-COUNT-1: nnf.launch
// CHECK-NOT: nnf.launch
module @softmax {
  func.func @main(%x: tensor<?x8xf32, #nnf.dims<[N, 8]>>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>> {
    %1 = nnf.softmax %x {dim = -1 : i64} : (tensor<?x8xf32, #nnf.dims<[N, 8]>>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>>
    return %1 : tensor<?x8xf32, #nnf.dims<[N, 8]>>
  }
}

// -----

// CHECK-LABEL: module @layer_norm
// CHECK: nnf.kernel @k0(
// CHECK-NOT: nnf.kernel
// CHECK: %[[W:.*]] = nnf.weight "w"
// CHECK: %[[B:.*]] = nnf.weight "b"
// CHECK: nnf.launch @k0(%arg0, %[[W]], %[[B]])
// CHECK-NOT: nnf.launch
module @layer_norm {
  func.func @main(%x: tensor<?x8xf32, #nnf.dims<[N, 8]>>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>> {
    %w = nnf.weight "w" : tensor<8xf32>
    %b = nnf.weight "b" : tensor<8xf32>
    %1 = nnf.layer_norm %x, %w, %b {normalized_shape = array<i64: 8>, operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<?x8xf32, #nnf.dims<[N, 8]>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #nnf.dims<[N, 8]>>
    return %1 : tensor<?x8xf32, #nnf.dims<[N, 8]>>
  }
}

// -----

// Batch normalisation, residual and activation are the second convolution's epilogue. The transposes at the rim are kernels of
// their own: next to padding, the channels a convolution reads are contiguous.
// CHECK-LABEL: module @residual_block
// CHECK: func.func @prepare
// CHECK: func.func @main
// CHECK: %[[X:.*]] = nnf.launch @[[IN:.*]](%arg0) {{.*}} -> tensor<?x8x8x16xf32
// CHECK: %[[SKIP:.*]] = nnf.launch @[[FIRST:.*]](%[[X]], %{{.*}})
// CHECK: %[[SUM:.*]] = nnf.launch @[[SECOND:.*]](%[[SKIP]], %{{.*}}, %{{.*}})
// CHECK: %[[Y:.*]] = nnf.launch @[[OUT:.*]](%[[SUM]]) {{.*}} -> tensor<?x16x8x8xf32
// CHECK-NOT: nnf.launch
// CHECK: return %[[Y]]
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
module @residual_block {
  func.func @main(%x: !x) -> !x {
    %w0 = nnf.weight "w0" : tensor<16x16x3x3xf32>
    %w1 = nnf.weight "w1" : tensor<16x16x3x3xf32>
    %m = nnf.weight "m" : tensor<16xf32>
    %v = nnf.weight "v" : tensor<16xf32>
    %g = nnf.weight "g" : tensor<16xf32>
    %b = nnf.weight "b" : tensor<16xf32>
    %0 = nnf.conv2d %x, %w0 {padding = array<i64: 1>} : (!x, tensor<16x16x3x3xf32>) -> !x
    %1 = nnf.conv2d %0, %w1 {padding = array<i64: 1>} : (!x, tensor<16x16x3x3xf32>) -> !x
    %2 = nnf.batch_norm %1, %m, %v, %g, %b {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (!x, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) -> !x
    %3 = nnf.add %2, %0 : (!x, !x) -> !x
    %4 = nnf.relu %3 : (!x) -> !x
    return %4 : !x
  }
}

// -----

// Of an image of few pixels a convolution reads channels that lie apart, as they come; but not pixels with gaps between
// them, of whose lines a tile for many outputs would have little.
// CHECK-LABEL: module @few_pixels
// CHECK: nnf.kernel @{{.*}} title = "transpose+conv"
module @few_pixels {
  func.func @main(%x: tensor<1x256x7x7xf32>) -> tensor<1x128x7x7xf32> {
    %w = nnf.weight "w" : tensor<128x256x1x1xf32>
    %0 = nnf.conv2d %x, %w : (tensor<1x256x7x7xf32>, tensor<128x256x1x1xf32>) -> tensor<1x128x7x7xf32>
    return %0 : tensor<1x128x7x7xf32>
  }
}

// -----

// CHECK-LABEL: module @few_pixels_apart
// CHECK-NOT: title = {{.*}}transpose+conv"
// CHECK: func.func @main
module @few_pixels_apart {
  func.func @main(%x: tensor<1x256x14x14xf32>) -> tensor<1x128x7x7xf32> {
    %w = nnf.weight "w" : tensor<128x256x1x1xf32>
    %0 = nnf.conv2d %x, %w {stride = array<i64: 2>} : (tensor<1x256x14x14xf32>, tensor<128x256x1x1xf32>) -> tensor<1x128x7x7xf32>
    return %0 : tensor<1x128x7x7xf32>
  }
}

// -----

// One kernel launched twice, although the shared bias is repeated only once in the graph.
// CHECK-LABEL: module @equal_layers
// CHECK: nnf.kernel @k0({{.*}} title = "conv+add+compare+select"
// CHECK-NOT: nnf.kernel
// CHECK: func.func @main
// CHECK: %[[H:.*]] = nnf.launch @k0(%arg0, %[[W0:[^,]*]], %[[B:.*]]) sizes
// CHECK: nnf.launch @k0(%[[H]], %{{.*}}, %[[B]]) sizes
// CHECK-NOT: nnf.launch
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
module @equal_layers {
  func.func @main(%x: !x) -> !x {
    %w0 = nnf.weight "w0" : tensor<16x16xf32>
    %w1 = nnf.weight "w1" : tensor<16x16xf32>
    %b = nnf.weight "b" : tensor<16xf32>
    %0 = nnf.linear %x, %w0, %b : (!x, tensor<16x16xf32>, tensor<16xf32>) -> !x
    %1 = nnf.relu %0 : (!x) -> !x
    %2 = nnf.linear %1, %w1, %b : (!x, tensor<16x16xf32>, tensor<16xf32>) -> !x
    %3 = nnf.relu %2 : (!x) -> !x
    return %3 : !x
  }
}

// -----

// The sum reads what another group makes of the first one's result: joining the first group would close a cycle.
// CHECK-LABEL: module @diamond
// CHECK: func.func @main
// CHECK: %[[A:.*]] = nnf.launch @k0(%arg0)
// CHECK: %[[B:.*]] = nnf.launch @k1(%[[A]])
// CHECK: nnf.launch @k2(%[[B]], %[[A]])
// CHECK-NOT: nnf.launch
!x = tensor<?x8xf32, #nnf.dims<[N, 8]>>
module @diamond {
  func.func @main(%x: !x) -> !x {
    %0 = nnf.prim.reduce add %x {dims = array<i64: 1>} : (!x) -> tensor<?xf32, #nnf.dims<[N]>>
    %1 = nnf.prim.broadcast %0 {dims = array<i64: 0>} : (tensor<?xf32, #nnf.dims<[N]>>) -> !x
    %2 = nnf.prim.arg_reduce max %1 {dim = 1 : i64} : (!x) -> tensor<?xi64, #nnf.dims<[N]>>
    %3 = nnf.prim.convert %2 : (tensor<?xi64, #nnf.dims<[N]>>) -> tensor<?xf32, #nnf.dims<[N]>>
    %4 = nnf.prim.broadcast %3 {dims = array<i64: 0>} : (tensor<?xf32, #nnf.dims<[N]>>) -> !x
    %5 = nnf.prim.add %1, %4 : (!x, !x) -> !x
    return %5 : !x
  }
}

// -----

// Heads are split and joined by strides: q and v are read where they lie, k is transposed once for contiguous columns.
// CHECK-LABEL: module @attention
// CHECK: func.func @main
// CHECK: %[[K:.*]] = nnf.launch @{{.*}}(%arg1) {{.*}} -> tensor<?x4x16x?xf32
// CHECK: %[[S:.*]] = nnf.launch @{{.*}}(%arg0, %[[K]]) sizes <[B, S]>
// CHECK: %[[P:.*]] = nnf.launch @{{.*}}(%[[S]]) sizes <[B, S]>
// CHECK: %[[O:.*]] = nnf.launch @{{.*}}(%arg2, %[[P]]) sizes <[B, S]>
// CHECK: nnf.launch @{{.*}}(%[[O]]) {{.*}} -> tensor<?x?x64xf32
// CHECK-NOT: nnf.launch
!q = tensor<?x4x?x16xf32, #nnf.dims<[B, 4, S, 16]>>
!t = tensor<?x?x64xf32, #nnf.dims<[B, S, 64]>>
!h = tensor<?x?x4x16xf32, #nnf.dims<[B, S, 4, 16]>>
module @attention {
  func.func @main(%q: !t, %k: !t, %v: !t) -> !t {
    %q0 = nnf.prim.reshape %q : (!t) -> !h
    %k0 = nnf.prim.reshape %k : (!t) -> !h
    %v0 = nnf.prim.reshape %v : (!t) -> !h
    %q1 = nnf.prim.transpose %q0 {perm = array<i64: 0, 2, 1, 3>} : (!h) -> !q
    %k1 = nnf.prim.transpose %k0 {perm = array<i64: 0, 2, 1, 3>} : (!h) -> !q
    %v1 = nnf.prim.transpose %v0 {perm = array<i64: 0, 2, 1, 3>} : (!h) -> !q
    %a = nnf.scaled_dot_product_attention %q1, %k1, %v1 : (!q, !q, !q) -> !q
    %t = nnf.prim.transpose %a {perm = array<i64: 0, 2, 1, 3>} : (!q) -> !h
    %y = nnf.prim.reshape %t : (!h) -> !t
    return %y : !t
  }
}

// -----

// Two reductions read it: computed and stored once.
// CHECK-LABEL: module @two_readers
// CHECK-COUNT-1: nnf.prim.exp
// CHECK-NOT: nnf.prim.exp
// CHECK: func.func @main
// CHECK: %[[E:.*]] = nnf.launch @k0(%arg0)
// CHECK-DAG: nnf.launch @k1(%[[E]])
// CHECK-DAG: nnf.launch @k2(%[[E]])
// CHECK-NOT: nnf.launch
!x = tensor<?x8xf32, #nnf.dims<[N, 8]>>
module @two_readers {
  func.func @main(%x: !x) -> (tensor<?xf32, #nnf.dims<[N]>>, tensor<8xf32>) {
    %0 = nnf.prim.exp %x : (!x) -> !x
    %1 = nnf.prim.reduce add %0 {dims = array<i64: 1>} : (!x) -> tensor<?xf32, #nnf.dims<[N]>>
    %2 = nnf.prim.reduce max %0 {dims = array<i64: 0>} : (!x) -> tensor<8xf32>
    return %1, %2 : tensor<?xf32, #nnf.dims<[N]>>, tensor<8xf32>
  }
}

// -----

// A result of other sizes is the same buffer: no copy.
// CHECK-LABEL: module @returned_reshape
// CHECK: nnf.kernel @k0({{.*}} -> tensor<?xf32, #nnf.dims<[N * 8]>>
// CHECK: nnf.prim.exp
// CHECK-NEXT: nnf.prim.reshape
// CHECK-NOT: nnf.kernel
// CHECK-COUNT-1: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<?x8xf32, #nnf.dims<[N, 8]>>
!y = tensor<?xf32, #nnf.dims<[N * 8]>>
module @returned_reshape {
  func.func @main(%x: !x) -> !y {
    %0 = nnf.prim.exp %x : (!x) -> !x
    %1 = nnf.prim.reshape %0 : (!x) -> !y
    return %1 : !y
  }
}

// -----

// A table is an operand; a constant of one value is written into the kernel.
// CHECK-LABEL: module @tables
// CHECK: nnf.kernel @k0
// CHECK-NEXT: nnf.constant dense<2.000000e+00>
// CHECK-NOT: nnf.constant
// CHECK: func.func @main
// CHECK: %[[T:.*]] = nnf.constant dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]>
// CHECK: nnf.launch @k0({{.*}}%[[T]]
!x = tensor<?x4xf32, #nnf.dims<[N, 4]>>
module @tables {
  func.func @main(%x: !x) -> !x {
    %t = nnf.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
    %s = nnf.constant dense<2.0> : tensor<4xf32>
    %0 = nnf.prim.broadcast %t {dims = array<i64: 1>} : (tensor<4xf32>) -> !x
    %1 = nnf.prim.broadcast %s {dims = array<i64: 1>} : (tensor<4xf32>) -> !x
    %2 = nnf.prim.mul %x, %1 : (!x, !x) -> !x
    %3 = nnf.prim.add %2, %0 : (!x, !x) -> !x
    return %3 : !x
  }
}

// -----

// CHECK-LABEL: module @nothing_to_do
// CHECK-NOT: nnf.kernel
// CHECK: %[[W:.*]] = nnf.weight "w"
// CHECK-NEXT: return %arg0, %[[W]]
!x = tensor<?x4xf32, #nnf.dims<[N, 4]>>
module @nothing_to_do {
  func.func @main(%x: !x) -> (!x, tensor<2xf32>) {
    %w = nnf.weight "w" : tensor<2xf32>
    return %x, %w : !x, tensor<2xf32>
  }
}

// -----

// A value read through many different views is stored: each view would compute it, and what it is made of, again.
// CHECK-LABEL: module @views_of_views
// CHECK-COUNT-2: nnf.launch
module @views_of_views {
  func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
    %f0 = nnf.prim.slice %x {start = #nnf.dims<[7]>, step = array<i64: -1>} : (tensor<8xf32>) -> tensor<8xf32>
    %0 = nnf.prim.add %x, %f0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %f1 = nnf.prim.slice %0 {start = #nnf.dims<[7]>, step = array<i64: -1>} : (tensor<8xf32>) -> tensor<8xf32>
    %1 = nnf.prim.mul %0, %f1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %f2 = nnf.prim.slice %1 {start = #nnf.dims<[7]>, step = array<i64: -1>} : (tensor<8xf32>) -> tensor<8xf32>
    %2 = nnf.prim.add %1, %f2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %f3 = nnf.prim.slice %2 {start = #nnf.dims<[7]>, step = array<i64: -1>} : (tensor<8xf32>) -> tensor<8xf32>
    %3 = nnf.prim.mul %2, %f3 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %f4 = nnf.prim.slice %3 {start = #nnf.dims<[7]>, step = array<i64: -1>} : (tensor<8xf32>) -> tensor<8xf32>
    %4 = nnf.prim.add %3, %f4 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    return %4 : tensor<8xf32>
  }
}

// -----

// The sum needs the maximum through another kernel: in one group they would wait for each other.
// CHECK-LABEL: module @sibling_that_needs_the_row
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!r = tensor<20xf32>
!x = tensor<20x100xf32>
module @sibling_that_needs_the_row {
  func.func @main(%x: !x) -> (!r, !r) {
    %m = nnf.prim.reduce max %x {dims = array<i64: 1>} : (!x) -> !r
    %c = nnf.prim.cumulate add %m {dim = 0 : i64, reverse = false} : (!r) -> !r
    %b = nnf.prim.broadcast %c {dims = array<i64: 0>} : (!r) -> !x
    %d = nnf.prim.sub %x, %b : (!x, !x) -> !x
    %s = nnf.prim.reduce add %d {dims = array<i64: 1>} : (!x) -> !r
    %y = nnf.prim.add %s, %m : (!r, !r) -> !r
    return %s, %y : !r, !r
  }
}

// -----

// The other way round: the group of the maximum already needs the sum through another kernel.
// CHECK-LABEL: module @sibling_that_feeds_the_row
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!r = tensor<20xf32>
!x = tensor<20x100xf32>
module @sibling_that_feeds_the_row {
  func.func @main(%x: !x, %z: !x) -> !r {
    %m = nnf.prim.reduce max %x {dims = array<i64: 1>} : (!x) -> !r
    %s = nnf.prim.reduce add %z {dims = array<i64: 1>} : (!x) -> !r
    %c = nnf.prim.cumulate add %s {dim = 0 : i64, reverse = false} : (!r) -> !r
    %e = nnf.prim.add %m, %c : (!r, !r) -> !r
    %f = nnf.prim.mul %e, %s : (!r, !r) -> !r
    return %f : !r
  }
}

// -----

// Of an embedding only the sizes are used: no kernel looks at its indices.
// CHECK-LABEL: module @unread
// CHECK-NOT: nnf.kernel
// CHECK: return %arg0
module @unread {
  func.func @main(%x: tensor<3xi64>) -> tensor<3xi64> {
    %w = nnf.weight "w" : tensor<5x4xf32>
    %0 = nnf.embedding %x, %w : (tensor<3xi64>, tensor<5x4xf32>) -> tensor<3x4xf32>
    return %x : tensor<3xi64>
  }
}
