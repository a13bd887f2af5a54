// Kernels of softmax and what is built on it: one pass over rows each.
// RUN: %fuse %s | FileCheck %s

// One kernel: maximum, sum of exponentials and quotient of a row.
// CHECK-LABEL: module @softmax {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x1000xf32, #nnf.dims<[N, 1000]>>
module @softmax {
  func.func @main(%x: !x) -> !x {
    %y = nnf.softmax %x {dim = -1 : i64} : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel, though the rows lie across the innermost dimension.
// CHECK-LABEL: module @softmax_of_channels {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x21x32x32xf32, #nnf.dims<[N, 21, 32, 32]>>
module @softmax_of_channels {
  func.func @main(%x: !x) -> !x {
    %y = nnf.softmax %x {dim = 1 : i64} : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel: scale and mask are computed where the row is read.
// CHECK-LABEL: module @softmax_scaled_and_masked {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64x64xf32, #nnf.dims<[N, 64, 64]>>
module @softmax_scaled_and_masked {
  func.func @main(%x: !x, %m: tensor<64x64xf32>) -> !x {
    %v1 = nnf.number 1.250000e-01 : f64 : tensor<f64>
    %v1_ = nnf.mul %x, %v1 : (!x, tensor<f64>) -> !x
    %v2 = nnf.add %v1_, %m : (!x, tensor<64x64xf32>) -> !x
    %y = nnf.softmax %v2 {dim = -1 : i64} : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @log_softmax {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x1000xf32, #nnf.dims<[N, 1000]>>
module @log_softmax {
  func.func @main(%x: !x) -> !x {
    %y = nnf.log_softmax %x {dim = -1 : i64} : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel; the guard for infinite maxima is on the row's results.
// CHECK-LABEL: module @logsumexp {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x1000xf32, #nnf.dims<[N, 1000]>>
!y = tensor<?xf32, #nnf.dims<[N]>>
module @logsumexp {
  func.func @main(%x: !x) -> !y {
    %y = nnf.logsumexp %x {dim = array<i64: -1>} : (!x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: softmax and log_softmax of one row share its maximum and sum; nothing of the row's length is stored.
// CHECK-LABEL: module @entropy {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x1000xf32, #nnf.dims<[N, 1000]>>
!s = tensor<?xf32, #nnf.dims<[N]>>
module @entropy {
  func.func @main(%x: !x) -> !s {
    %p = nnf.softmax %x {dim = -1 : i64} : (!x) -> !x
    %l = nnf.log_softmax %x {dim = -1 : i64} : (!x) -> !x
    %pl = nnf.mul %p, %l : (!x, !x) -> !x
    %s = nnf.sum %pl {dim = array<i64: -1>} : (!x) -> !s
    %y = nnf.neg %s : (!s) -> !s
    return %y : !s
  }
}

// -----

// Two kernels: the noise is stored; the softmax of logits and noise.
// could be 1: what is costly is stored for a reduction: each of the three passes would draw the numbers again. A row of
// scratch would do.
// CHECK-LABEL: module @gumbel_softmax {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
module @gumbel_softmax {
  func.func @main(%x: !x) -> !x {
    %y = nnf.gumbel_softmax %x {nnf.random = 0 : i64} : (!x) -> !x
    return %y : !x
  }
}

// -----

// Four kernels: noise; softmax; position of the maximum; ones and zeros.
// could be 1: the position is that of the maximum the softmax finds; arg_reduce wants a buffer and is no member of a
// row.
// CHECK-LABEL: module @gumbel_softmax_hard {
// CHECK-COUNT-4: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-4: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
module @gumbel_softmax_hard {
  func.func @main(%x: !x) -> !x {
    %y = nnf.gumbel_softmax %x {hard = true, nnf.random = 0 : i64} : (!x) -> !x
    return %y : !x
  }
}
