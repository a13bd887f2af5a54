// Kernels of normalisations, distances and statistics: what works on the same rows is one kernel.
// RUN: %fuse %s | FileCheck %s

// One kernel: mean, variance and the affine map.
// CHECK-LABEL: module @layer_norm {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!w = tensor<64xf32>
module @layer_norm {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %y = nnf.layer_norm %x, %w, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    return %y : !x
  }
}

// -----

// One kernel with fixed sizes too.
// CHECK-LABEL: module @layer_norm_fixed {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<32x64xf32>
!w = tensor<64xf32>
module @layer_norm_fixed {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %y = nnf.layer_norm %x, %w, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    return %y : !x
  }
}

// -----

// One kernel: the sum is computed where the row is read.
// CHECK-LABEL: module @layer_norm_of_residual {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!w = tensor<64xf32>
module @layer_norm_of_residual {
  func.func @main(%x: !x, %r: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %s = nnf.add %x, %r : (!x, !x) -> !x
    %y = nnf.layer_norm %s, %w, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    return %y : !x
  }
}

// -----

// One kernel: the sum, which is a result of the graph, is stored by the kernel of its layer_norm.
// CHECK-LABEL: module @residual_and_its_layer_norm {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!w = tensor<64xf32>
module @residual_and_its_layer_norm {
  func.func @main(%x: !x, %r: !x) -> (!x, !x) {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %s = nnf.add %x, %r : (!x, !x) -> !x
    %y = nnf.layer_norm %s, %w, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    return %s, %y : !x, !x
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @layer_norm_gelu {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!w = tensor<64xf32>
module @layer_norm_gelu {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %l = nnf.layer_norm %x, %w, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    %y = nnf.gelu %l : (!x) -> !x
    return %y : !x
  }
}

// -----

// Two kernels: gelu, stored; layer_norm.
// could be 1: what is costly is stored for a reduction: three passes would compute it. A row of scratch would do.
// CHECK-LABEL: module @gelu_layer_norm {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @gelu_layer_norm {
  func.func @main(%x: !x) -> !x {
    %e = nnf.gelu %x : (!x) -> !x
    %y = nnf.layer_norm %e {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 0, 0>} : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel: two dimensions are a row.
// CHECK-LABEL: module @layer_norm_two_dims {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>
!w = tensor<8x16xf32>
module @layer_norm_two_dims {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %y = nnf.layer_norm %x, %w, %b {normalized_shape = array<i64: 8, 16>, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    return %y : !x
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @rms_norm {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @rms_norm {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : tensor<64xf32>
    %y = nnf.rms_norm %x, %w {normalized_shape = array<i64: 64>} : (!x, tensor<64xf32>) -> !x
    return %y : !x
  }
}

// -----

// One kernel: the affine map of channels is made in the shape of the groups.
// CHECK-LABEL: module @group_norm {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!w = tensor<16xf32>
module @group_norm {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %y = nnf.group_norm %x, %w, %b {num_groups = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    return %y : !x
  }
}

// -----

// Two kernels: groups, normalised; silu.
// could be 1: silu comes after the reshape back to channels, and a row's group ends at a reshape of whole rows.
// CHECK-LABEL: module @group_norm_silu {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!w = tensor<16xf32>
module @group_norm_silu {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %n = nnf.group_norm %x, %w, %b {num_groups = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!x, !w, !w) -> !x
    %y = nnf.silu %n : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @instance_norm {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!w = tensor<16xf32>
module @instance_norm {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %output = nnf.instance_norm %x, %w, %b {operandSegmentSizes = array<i32: 1, 0, 0, 1, 1>} : (!x, !w, !w) -> !x
    return %output : !x
  }
}

// -----

// One kernel: a scale and a shift, prepared from the four vectors.
// CHECK-LABEL: module @batch_norm_eval {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!m = tensor<16xf32>
module @batch_norm_eval {
  func.func @main(%x: !x) -> !x {
    %m = nnf.weight "m" : !m
    %v = nnf.weight "v" : !m
    %w = nnf.weight "w" : !m
    %b = nnf.weight "b" : !m
    %output = nnf.batch_norm %x, %m, %v, %w, %b {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
        : (!x, !m, !m, !m, !m) -> !x
    return %output : !x
  }
}

// -----

// One kernel: statistics of channels and what they normalise.
// CHECK-LABEL: module @batch_norm_training {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!w = tensor<16xf32>
module @batch_norm_training {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %output, %new_mean, %new_var = nnf.batch_norm %x, %w, %b {operandSegmentSizes = array<i32: 1, 0, 0, 1, 1>,
        training = true}
        : (!x, !w, !w) -> (!x, !w, !w)
    return %output : !x
  }
}

// -----

// One kernel with three results: the running statistics are updated beside.
// CHECK-LABEL: module @batch_norm_training_with_statistics {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!m = tensor<16xf32>
module @batch_norm_training_with_statistics {
  func.func @main(%x: !x, %m: !m {nnf.inout = 1 : i64, nnf.name = "m"}, %v: !m {nnf.inout = 2 : i64,
      nnf.name = "v"}) -> (!x, !m {nnf.effect, nnf.name = "m"}, !m {nnf.effect, nnf.name = "v"}) {
    %w = nnf.weight "w" : !m
    %b = nnf.weight "b" : !m
    %output, %new_mean, %new_var = nnf.batch_norm %x, %m, %v, %w, %b {operandSegmentSizes = array<i32: 1, 1, 1, 1,
        1>, training = true}
        : (!x, !m, !m, !m, !m) -> (!x, !m, !m)
    return %output, %new_mean, %new_var : !x, !m, !m
  }
}

// -----

// One kernel: columns are the rows of the reduction; relu is in it.
// CHECK-LABEL: module @batch_norm_of_rows_training {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!w = tensor<16xf32>
module @batch_norm_of_rows_training {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : !w
    %b = nnf.weight "b" : !w
    %output, %new_mean, %new_var = nnf.batch_norm %x, %w, %b {operandSegmentSizes = array<i32: 1, 0, 0, 1, 1>,
        training = true}
        : (!x, !w, !w) -> (!x, !w, !w)
    %y = nnf.relu %output : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @normalize {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @normalize {
  func.func @main(%x: !x) -> !x {
    %y = nnf.normalize %x : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel, across the innermost dimension.
// CHECK-LABEL: module @normalize_channels {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
module @normalize_channels {
  func.func @main(%x: !x) -> !x {
    %y = nnf.normalize %x : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel: both norms, and the product of what they scale.
// CHECK-LABEL: module @cosine_similarity {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!a = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<?xf32, #nnf.dims<[N]>>
module @cosine_similarity {
  func.func @main(%a: !a, %b: !a) -> !y {
    %y = nnf.cosine_similarity %a, %b : (!a, !a) -> !y
    return %y : !y
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @pairwise_distance {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!a = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<?xf32, #nnf.dims<[N]>>
module @pairwise_distance {
  func.func @main(%a: !a, %b: !a) -> !y {
    %y = nnf.pairwise_distance %a, %b : (!a, !a) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: squares; their windows and the quotient.
// could be 1: windows want a buffer, even of what costs one multiplication.
// CHECK-LABEL: module @local_response_norm {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
module @local_response_norm {
  func.func @main(%x: !x) -> !x {
    %y = nnf.local_response_norm %x {size = 5 : i64} : (!x) -> !x
    return %y : !x
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @var {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<?xf32, #nnf.dims<[N]>>
module @var {
  func.func @main(%x: !x) -> !y {
    %y = nnf.var %x {dim = array<i64: -1>} : (!x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: mean and deviation of a row share their passes.
// CHECK-LABEL: module @standardize {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!m = tensor<?x1xf32, #nnf.dims<[N, 1]>>
module @standardize {
  func.func @main(%x: !x) -> !x {
    %m = nnf.mean %x {dim = array<i64: -1>, keepdim = true} : (!x) -> !m
    %s = nnf.std %x {dim = array<i64: -1>, keepdim = true} : (!x) -> !m
    %d = nnf.sub %x, %m : (!x, !m) -> !x
    %y = nnf.div %d, %s : (!x, !m) -> !x
    return %y : !x
  }
}

// -----

// Two kernels: sums in blocks; the mean.
// CHECK-LABEL: module @mean_of_all {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<f32>
module @mean_of_all {
  func.func @main(%x: !x) -> !y {
    %y = nnf.mean %x : (!x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: two reductions that read the same rows.
// CHECK-LABEL: module @sum_and_maximum {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!s = tensor<?xf32, #nnf.dims<[N]>>
module @sum_and_maximum {
  func.func @main(%x: !x) -> (!s, !s) {
    %s = nnf.sum %x {dim = array<i64: -1>} : (!x) -> !s
    %m = nnf.amax %x {dim = array<i64: -1>} : (!x) -> !s
    return %s, %m : !s, !s
  }
}

// -----

// One kernel: both sums and their quotient.
// CHECK-LABEL: module @masked_mean {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!s = tensor<?xf32, #nnf.dims<[N]>>
module @masked_mean {
  func.func @main(%x: !x, %m: !x) -> !s {
    %xm = nnf.mul %x, %m : (!x, !x) -> !x
    %s = nnf.sum %xm {dim = array<i64: 1>} : (!x) -> !s
    %n = nnf.sum %m {dim = array<i64: 1>} : (!x) -> !s
    %y = nnf.div %s, %n : (!s, !s) -> !s
    return %y : !s
  }
}

// -----

// One kernel: one pass reads the exponentials once.
// CHECK-LABEL: module @mean_of_sigmoid {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<?xf32, #nnf.dims<[N]>>
module @mean_of_sigmoid {
  func.func @main(%x: !x) -> !y {
    %s = nnf.sigmoid %x : (!x) -> !x
    %y = nnf.mean %s {dim = array<i64: 1>} : (!x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: minimum, maximum and what is scaled by both.
// CHECK-LABEL: module @minmax_scale {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!lo = tensor<?x1xf32, #nnf.dims<[N, 1]>>
module @minmax_scale {
  func.func @main(%x: !x) -> !x {
    %lo = nnf.amin %x {dim = array<i64: -1>, keepdim = true} : (!x) -> !lo
    %hi = nnf.amax %x {dim = array<i64: -1>, keepdim = true} : (!x) -> !lo
    %d = nnf.sub %x, %lo : (!x, !lo) -> !x
    %r = nnf.sub %hi, %lo : (!lo, !lo) -> !lo
    %y = nnf.div %d, %r : (!x, !lo) -> !x
    return %y : !x
  }
}
