// Kernels of losses. Rows are spread over tasks, so the mean over rows is a kernel of its own; a mean of everything is
// one of blocks, and one of their results.
// RUN: %fuse %s | FileCheck %s

// Three kernels: product with bias and relu; product with bias and the loss of each logit; the mean. Stored are the
// hidden layer and one number a logit.
// CHECK-LABEL: module @bce_of_two_layers {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!t = tensor<?x1xf32, #nnf.dims<[N, 1]>>
!h = tensor<?x32xf32, #nnf.dims<[N, 32]>>
!y = tensor<f32>
module @bce_of_two_layers {
  func.func @main(%x: !x, %t: !t) -> !y {
    %w0 = nnf.weight "w0" : tensor<32x16xf32>
    %b0 = nnf.weight "b0" : tensor<32xf32>
    %w1 = nnf.weight "w1" : tensor<1x32xf32>
    %b1 = nnf.weight "b1" : tensor<1xf32>
    %h = nnf.linear %x, %w0, %b0 : (!x, tensor<32x16xf32>, tensor<32xf32>) -> !h
    %r = nnf.relu %h : (!h) -> !h
    %z = nnf.linear %r, %w1, %b1 : (!h, tensor<1x32xf32>, tensor<1xf32>) -> !t
    %y = nnf.binary_cross_entropy_with_logits %z, %t {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (!t, !t) -> !y
    return %y : !y
  }
}

// -----

// Two kernels without the mean: the loss is the second product's epilogue, so logits are not stored.
// CHECK-LABEL: module @bce_without_mean {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!t = tensor<?x8xf32, #nnf.dims<[N, 8]>>
!h = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @bce_without_mean {
  func.func @main(%x: !x, %t: !t) -> !t {
    %w0 = nnf.weight "w0" : tensor<32x16xf32>
    %b0 = nnf.weight "b0" : tensor<32xf32>
    %w1 = nnf.weight "w1" : tensor<8x32xf32>
    %b1 = nnf.weight "b1" : tensor<8xf32>
    %h = nnf.linear %x, %w0, %b0 : (!x, tensor<32x16xf32>, tensor<32xf32>) -> !h
    %r = nnf.relu %h : (!h) -> !h
    %z = nnf.linear %r, %w1, %b1 : (!h, tensor<8x32xf32>, tensor<8xf32>) -> !t
    %y = nnf.binary_cross_entropy_with_logits %z, %t {operandSegmentSizes = array<i32: 1, 1, 0, 0>, reduction = "none"}
        : (!t, !t) -> !t
    return %y : !t
  }
}

// -----

// Two kernels: the losses and their sums in blocks; the mean.
// CHECK-LABEL: module @bce_alone {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @bce_alone {
  func.func @main(%x: !x, %t: !x) -> !y {
    %y = nnf.binary_cross_entropy_with_logits %x, %t {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Four kernels: probabilities; the check that they are; the losses and their sums in blocks; the mean.
// could be 3: the check reads what the losses read.
// CHECK-LABEL: module @bce_of_sigmoid {
// CHECK-COUNT-4: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-4: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @bce_of_sigmoid {
  func.func @main(%x: !x, %t: !x) -> !y {
    %s = nnf.sigmoid %x : (!x) -> !x
    %y = nnf.binary_cross_entropy %s, %t : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: log_softmax, stored whole; picked losses, weights, and their sums' quotient.
// CHECK-LABEL: module @log_softmax_nll_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!t = tensor<?xi64, #nnf.dims<[N]>>
!y = tensor<f32>
module @log_softmax_nll_loss {
  func.func @main(%x: !x, %t: !t) -> !y {
    %l = nnf.log_softmax %x {dim = 1 : i64} : (!x) -> !x
    %y = nnf.nll_loss %l, %t : (!x, !t) -> !y
    return %y : !y
  }
}

// -----

// One kernel: the target's logarithm is found while the row is read; log_softmax is never stored.
// CHECK-LABEL: module @cross_entropy_none {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!t = tensor<?xi64, #nnf.dims<[N]>>
!y = tensor<?xf32, #nnf.dims<[N]>>
module @cross_entropy_none {
  func.func @main(%x: !x, %t: !t) -> !y {
    %y = nnf.cross_entropy %x, %t {reduction = "none"} : (!x, !t) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: the loss of each row; their sum.
// CHECK-LABEL: module @cross_entropy_sum {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!t = tensor<?xi64, #nnf.dims<[N]>>
!y = tensor<f32>
module @cross_entropy_sum {
  func.func @main(%x: !x, %t: !t) -> !y {
    %y = nnf.cross_entropy %x, %t {reduction = "sum"} : (!x, !t) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: the loss and the weight of each row; their sums' quotient.
// CHECK-LABEL: module @cross_entropy_mean {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!t = tensor<?xi64, #nnf.dims<[N]>>
!y = tensor<f32>
module @cross_entropy_mean {
  func.func @main(%x: !x, %t: !t) -> !y {
    %y = nnf.cross_entropy %x, %t : (!x, !t) -> !y
    return %y : !y
  }
}

// -----

// Two kernels, as cross_entropy_mean.
// CHECK-LABEL: module @cross_entropy_label_smoothing {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!t = tensor<?xi64, #nnf.dims<[N]>>
!y = tensor<f32>
module @cross_entropy_label_smoothing {
  func.func @main(%x: !x, %t: !t) -> !y {
    %y = nnf.cross_entropy %x, %t {label_smoothing = 1.000000e-01 : f64} : (!x, !t) -> !y
    return %y : !y
  }
}

// -----

// Two kernels, as cross_entropy_mean.
// CHECK-LABEL: module @cross_entropy_weighted {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!t = tensor<?xi64, #nnf.dims<[N]>>
!y = tensor<f32>
module @cross_entropy_weighted {
  func.func @main(%x: !x, %t: !t) -> !y {
    %w = nnf.weight "w" : tensor<10xf32>
    %y = nnf.cross_entropy %x, %t, %w : (!x, !t, tensor<10xf32>) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: the loss of each row, with log_softmax never stored; the mean.
// CHECK-LABEL: module @cross_entropy_of_probabilities {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!y = tensor<f32>
module @cross_entropy_of_probabilities {
  func.func @main(%x: !x, %t: !x) -> !y {
    %y = nnf.cross_entropy %x, %t : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// As cross_entropy_mean, with classes across the innermost dimensions.
// CHECK-LABEL: module @cross_entropy_of_pixels {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x21x32x32xf32, #nnf.dims<[N, 21, 32, 32]>>
!t = tensor<?x32x32xi64, #nnf.dims<[N, 32, 32]>>
!y = tensor<f32>
module @cross_entropy_of_pixels {
  func.func @main(%x: !x, %t: !t) -> !y {
    %y = nnf.cross_entropy %x, %t : (!x, !t) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: squares and their sums in blocks; the mean.
// CHECK-LABEL: module @mse_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @mse_loss {
  func.func @main(%x: !x, %t: !x) -> !y {
    %y = nnf.mse_loss %x, %t : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: so few elements are no work for several threads.
// CHECK-LABEL: module @mean_of_squares_fixed {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<32x64xf32>
!y = tensor<f32>
module @mean_of_squares_fixed {
  func.func @main(%x: !x, %t: !x) -> !y {
    %y = nnf.mse_loss %x, %t : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels, as mse_loss.
// CHECK-LABEL: module @smooth_l1_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @smooth_l1_loss {
  func.func @main(%x: !x, %t: !x) -> !y {
    %y = nnf.smooth_l1_loss %x, %t : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels, as mse_loss.
// CHECK-LABEL: module @huber_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @huber_loss {
  func.func @main(%x: !x, %t: !x) -> !y {
    %y = nnf.huber_loss %x, %t : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels, as bce_alone.
// CHECK-LABEL: module @soft_margin_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @soft_margin_loss {
  func.func @main(%x: !x, %t: !x) -> !y {
    %y = nnf.soft_margin_loss %x, %t : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels, as bce_alone.
// CHECK-LABEL: module @kl_div {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @kl_div {
  func.func @main(%x: !x, %t: !x) -> !y {
    %y = nnf.kl_div %x, %t {reduction = "batchmean"} : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: softmax and log_softmax of the rows, with the losses, stored; their mean.
// CHECK-LABEL: module @kl_div_of_log_softmax {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @kl_div_of_log_softmax {
  func.func @main(%x: !x, %t: !x) -> !y {
    %l = nnf.log_softmax %x {dim = -1 : i64} : (!x) -> !x
    %p = nnf.softmax %t {dim = -1 : i64} : (!x) -> !x
    %y = nnf.kl_div %l, %p {reduction = "batchmean"} : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: both distances and the loss of each row; the mean.
// CHECK-LABEL: module @triplet_margin_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!a = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @triplet_margin_loss {
  func.func @main(%a: !a, %p: !a, %n: !a) -> !y {
    %y = nnf.triplet_margin_loss %a, %p, %n : (!a, !a, !a) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: three sums and the loss of each row; the mean.
// CHECK-LABEL: module @cosine_embedding_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!a = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!t = tensor<?xf32, #nnf.dims<[N]>>
!y = tensor<f32>
module @cosine_embedding_loss {
  func.func @main(%a: !a, %p: !a, %t: !t) -> !y {
    %y = nnf.cosine_embedding_loss %a, %p, %t : (!a, !a, !t) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: the loss of each row; the mean.
// CHECK-LABEL: module @multi_margin_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x10xf32, #nnf.dims<[N, 10]>>
!t = tensor<?xi64, #nnf.dims<[N]>>
!y = tensor<f32>
module @multi_margin_loss {
  func.func @main(%x: !x, %t: !t) -> !y {
    %y = nnf.multi_margin_loss %x, %t : (!x, !t) -> !y
    return %y : !y
  }
}

// -----

// One kernel: three sums of a row and their quotient.
// CHECK-LABEL: module @dice {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!both = tensor<?xf32, #nnf.dims<[N]>>
module @dice {
  func.func @main(%x: !x, %t: !x) -> !both {
    %s = nnf.sigmoid %x : (!x) -> !x
    %st = nnf.mul %s, %t : (!x, !x) -> !x
    %both = nnf.sum %st {dim = array<i64: 1>} : (!x) -> !both
    %a = nnf.sum %s {dim = array<i64: 1>} : (!x) -> !both
    %b = nnf.sum %t {dim = array<i64: 1>} : (!x) -> !both
    %u = nnf.add %a, %b : (!both, !both) -> !both
    %y = nnf.div %both, %u : (!both, !both) -> !both
    return %y : !both
  }
}

// -----

// Two kernels, as mse_loss.
// CHECK-LABEL: module @margin_ranking_loss {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!a = tensor<?xf32, #nnf.dims<[N]>>
!y = tensor<f32>
module @margin_ranking_loss {
  func.func @main(%a: !a, %p: !a, %t: !a) -> !y {
    %y = nnf.margin_ranking_loss %a, %p, %t : (!a, !a, !a) -> !y
    return %y : !y
  }
}
