// Which products and softmaxes are one kernel, and which stay apart.
// DEFINE: %{before} = -nnf-decompose -canonicalize -cse -nnf-assign-layout -canonicalize -nnf-pack-contractions -nnf-split-reductions -canonicalize -cse
// RUN: nnf-opt %s -split-input-file %{before} -nnf-form-groups=attention | FileCheck %s
// RUN: nnf-opt %s -split-input-file %{before} -nnf-form-groups | FileCheck %s --check-prefix=APART

// Heads are split and joined by views: the kernel reads and writes them where they lie. Without the option the keys are
// transposed, products and softmax are kernels, and heads are joined.
// CHECK-LABEL: module @heads
// CHECK: nnf.kernel @k0(%{{.*}}: tensor<2x10x64xf32>, %{{.*}}: tensor<2x10x64xf32>, %{{.*}}: tensor<2x10x64xf32>) -> tensor<2x10x64xf32>
// CHECK-NOT: nnf.kernel
// CHECK-COUNT-1: nnf.launch
// CHECK-NOT: nnf.launch
// APART-LABEL: module @heads
// APART-COUNT-5: nnf.launch
// APART-NOT: nnf.launch
!x = tensor<2x10x64xf32>
!s = tensor<2x10x4x16xf32>
!h = tensor<2x4x10x16xf32>
module @heads {
  func.func @main(%q: !x, %k: !x, %v: !x) -> !x {
    %qs = nnf.reshape %q {shape = array<i64: 2, 10, 4, 16>} : (!x) -> !s
    %ks = nnf.reshape %k {shape = array<i64: 2, 10, 4, 16>} : (!x) -> !s
    %vs = nnf.reshape %v {shape = array<i64: 2, 10, 4, 16>} : (!x) -> !s
    %qh = nnf.permute %qs {dims = array<i64: 0, 2, 1, 3>} : (!s) -> !h
    %kh = nnf.permute %ks {dims = array<i64: 0, 2, 3, 1>} : (!s) -> tensor<2x4x16x10xf32>
    %vh = nnf.permute %vs {dims = array<i64: 0, 2, 1, 3>} : (!s) -> !h
    %scores = nnf.matmul %qh, %kh : (!h, tensor<2x4x16x10xf32>) -> tensor<2x4x10x10xf32>
    %weights = nnf.softmax %scores {dim = -1 : i64} : (tensor<2x4x10x10xf32>) -> tensor<2x4x10x10xf32>
    %mix = nnf.matmul %weights, %vh : (tensor<2x4x10x10xf32>, !h) -> !h
    %joined = nnf.permute %mix {dims = array<i64: 0, 2, 1, 3>} : (!h) -> !s
    %y = nnf.reshape %joined {shape = array<i64: 2, 10, 64>} : (!s) -> !x
    return %y : !x
  }
}

// -----

// Windows as Swin has them: a bias for each head, then a mask for each window of an image, for which the batch is split
// and joined again.
// CHECK-LABEL: module @windows
// APART-LABEL: module @windows
// CHECK: nnf.kernel @k0(
// CHECK-NOT: nnf.kernel
// CHECK-COUNT-1: nnf.launch
// CHECK-NOT: nnf.launch
!w = tensor<8x3x49x32xf32>
!s = tensor<8x3x49x49xf32>
!i = tensor<2x4x3x49x49xf32>
module @windows {
  func.func @main(%q: !w, %k: !w, %v: !w, %bias: tensor<3x49x49xf32>, %mask: tensor<4x1x49x49xf32>) -> !w {
    %kt = nnf.transpose %k {dim0 = -2 : i64, dim1 = -1 : i64} : (!w) -> tensor<8x3x32x49xf32>
    %scores = nnf.matmul %q, %kt : (!w, tensor<8x3x32x49xf32>) -> !s
    %biased = nnf.add %scores, %bias : (!s, tensor<3x49x49xf32>) -> !s
    %images = nnf.reshape %biased {shape = array<i64: 2, 4, 3, 49, 49>} : (!s) -> !i
    %masked = nnf.add %images, %mask : (!i, tensor<4x1x49x49xf32>) -> !i
    %logits = nnf.reshape %masked {shape = array<i64: 8, 3, 49, 49>} : (!i) -> !s
    %weights = nnf.softmax %logits {dim = -1 : i64} : (!s) -> !s
    %y = nnf.matmul %weights, %v : (!s, !w) -> !w
    return %y : !w
  }
}

// -----

// Rows that are masked as a whole: weights that are no number count as 0.
// CHECK-LABEL: module @not_a_number
// CHECK: nnf.kernel @k0(
// CHECK-NOT: nnf.kernel
!x = tensor<4x10x16xf32>
!s = tensor<4x10x10xf32>
module @not_a_number {
  func.func @main(%q: !x, %k: !x, %v: !x, %mask: tensor<10xf32>) -> !x {
    %kt = nnf.transpose %k {dim0 = -2 : i64, dim1 = -1 : i64} : (!x) -> tensor<4x16x10xf32>
    %scores = nnf.matmul %q, %kt : (!x, tensor<4x16x10xf32>) -> !s
    %logits = nnf.add %scores, %mask : (!s, tensor<10xf32>) -> !s
    %weights = nnf.softmax %logits {dim = -1 : i64} : (!s) -> !s
    %is_nan = nnf.prim.compare ne %weights, %weights : (!s, !s) -> tensor<4x10x10xi1>
    %zero = nnf.constant dense<0.0> : !s
    %numbers = nnf.prim.select %is_nan, %zero, %weights : (tensor<4x10x10xi1>, !s, !s) -> !s
    %y = nnf.matmul %numbers, %v : (!s, !x) -> !x
    return %y : !x
  }
}

// -----

// Scores of two products (content and position): the second is stored, and added to the first.
// CHECK-LABEL: module @two_products
// CHECK-COUNT-2: nnf.launch {{.*}}tensor<4x10x16xf32>
// CHECK-NOT: nnf.launch
!x = tensor<4x10x16xf32>
!s = tensor<4x10x10xf32>
module @two_products {
  func.func @main(%q: !x, %kt: tensor<4x16x10xf32>, %rt: tensor<4x16x10xf32>, %v: !x) -> !x {
    %content = nnf.matmul %q, %kt : (!x, tensor<4x16x10xf32>) -> !s
    %position = nnf.matmul %q, %rt : (!x, tensor<4x16x10xf32>) -> !s
    %scores = nnf.add %content, %position : (!s, !s) -> !s
    %weights = nnf.softmax %scores {dim = -1 : i64} : (!s) -> !s
    %y = nnf.matmul %weights, %v : (!s, !x) -> !x
    return %y : !x
  }
}

// -----

// The weights are a result, too.
// CHECK-LABEL: module @weights_are_read
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<4x10x16xf32>
!s = tensor<4x10x10xf32>
module @weights_are_read {
  func.func @main(%q: !x, %kt: tensor<4x16x10xf32>, %v: !x) -> (!x, !s) {
    %scores = nnf.matmul %q, %kt : (!x, tensor<4x16x10xf32>) -> !s
    %weights = nnf.softmax %scores {dim = -1 : i64} : (!s) -> !s
    %y = nnf.matmul %weights, %v : (!s, !x) -> !x
    return %y, %weights : !x, !s
  }
}

// -----

// So are the scores.
// CHECK-LABEL: module @scores_are_read
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<4x10x16xf32>
!s = tensor<4x10x10xf32>
module @scores_are_read {
  func.func @main(%q: !x, %kt: tensor<4x16x10xf32>, %v: !x) -> (!x, !s) {
    %scores = nnf.matmul %q, %kt : (!x, tensor<4x16x10xf32>) -> !s
    %weights = nnf.softmax %scores {dim = -1 : i64} : (!s) -> !s
    %y = nnf.matmul %weights, %v : (!s, !x) -> !x
    return %y, %scores : !x, !s
  }
}

// -----

// The softmax is over the queries.
// CHECK-LABEL: module @softmax_of_queries
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<4x10x16xf32>
!s = tensor<4x10x10xf32>
module @softmax_of_queries {
  func.func @main(%q: !x, %kt: tensor<4x16x10xf32>, %v: !x) -> !x {
    %scores = nnf.matmul %q, %kt : (!x, tensor<4x16x10xf32>) -> !s
    %weights = nnf.softmax %scores {dim = 1 : i64} : (!s) -> !s
    %y = nnf.matmul %weights, %v : (!s, !x) -> !x
    return %y : !x
  }
}

// -----

// Weights are scaled after the softmax, as dropout scales them: they are not those of a row's total alone.
// CHECK-LABEL: module @scaled_weights
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<4x10x16xf32>
!s = tensor<4x10x10xf32>
module @scaled_weights {
  func.func @main(%q: !x, %kt: tensor<4x16x10xf32>, %v: !x, %heads: tensor<10xf32>) -> !x {
    %scores = nnf.matmul %q, %kt : (!x, tensor<4x16x10xf32>) -> !s
    %weights = nnf.softmax %scores {dim = -1 : i64} : (!s) -> !s
    %scaled = nnf.mul %weights, %heads : (!s, tensor<10xf32>) -> !s
    %y = nnf.matmul %scaled, %v : (!s, !x) -> !x
    return %y : !x
  }
}

// -----

// Panels of keys are in scratch memory, whose size is a number.
// CHECK-LABEL: module @symbolic_depth
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!q = tensor<4x10x?xf32, #nnf.dims<[4, 10, D]>>
!k = tensor<4x?x10xf32, #nnf.dims<[4, D, 10]>>
!s = tensor<4x10x10xf32>
module @symbolic_depth {
  func.func @main(%q: !q, %kt: !k, %v: tensor<4x10x16xf32>) -> tensor<4x10x16xf32> {
    %scores = nnf.matmul %q, %kt : (!q, !k) -> !s
    %weights = nnf.softmax %scores {dim = -1 : i64} : (!s) -> !s
    %y = nnf.matmul %weights, %v : (!s, tensor<4x10x16xf32>) -> tensor<4x10x16xf32>
    return %y : tensor<4x10x16xf32>
  }
}

// -----

// Integers have no microkernel; the softmax is of floats.
// CHECK-LABEL: module @whole_numbers
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<4x10x16xi32>
!s = tensor<4x10x10xi32>
!f = tensor<4x10x10xf32>
module @whole_numbers {
  func.func @main(%q: !x, %kt: tensor<4x16x10xi32>, %v: tensor<4x10x16xf32>) -> tensor<4x10x16xf32> {
    %scores = nnf.matmul %q, %kt : (!x, tensor<4x16x10xi32>) -> !s
    %floats = nnf.prim.convert %scores : (!s) -> !f
    %weights = nnf.softmax %floats {dim = -1 : i64} : (!f) -> !f
    %y = nnf.matmul %weights, %v : (!f, tensor<4x10x16xf32>) -> tensor<4x10x16xf32>
    return %y : tensor<4x10x16xf32>
  }
}
