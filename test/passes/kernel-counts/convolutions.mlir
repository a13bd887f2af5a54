// Kernels of convolutions, pooling and resizing. Graphs begin and end channels-first: the transposes at the rim are
// paid once a network.
// RUN: %fuse %s | FileCheck %s

// Three kernels: channels last; convolution with bias and relu; channels first.
// could be 1: the convolution could read and write channels-first.
// CHECK-LABEL: module @conv_bias_relu {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!c = tensor<?x32x8x8xf32, #nnf.dims<[N, 32, 8, 8]>>
module @conv_bias_relu {
  func.func @main(%x: !x) -> !c {
    %w = nnf.weight "w" : tensor<32x16x3x3xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %c = nnf.conv2d %x, %w, %b {padding = array<i64: 1>} : (!x, tensor<32x16x3x3xf32>, tensor<32xf32>) -> !c
    %y = nnf.relu %c : (!c) -> !c
    return %y : !c
  }
}

// -----

// The same with fixed sizes.
// could be 1: as conv_bias_relu.
// CHECK-LABEL: module @conv_bias_relu_fixed {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!c = tensor<4x32x8x8xf32>
module @conv_bias_relu_fixed {
  func.func @main(%x: tensor<4x16x8x8xf32>) -> !c {
    %w = nnf.weight "w" : tensor<32x16x3x3xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %c = nnf.conv2d %x, %w, %b {padding = array<i64: 1>}
        : (tensor<4x16x8x8xf32>, tensor<32x16x3x3xf32>, tensor<32xf32>) -> !c
    %y = nnf.relu %c : (!c) -> !c
    return %y : !c
  }
}

// -----

// Three kernels: channels last, with the border written out; convolution; channels first.
// could be 1: as conv_bias_relu.
// CHECK-LABEL: module @conv_of_image_relu {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x3x32x32xf32, #nnf.dims<[N, 3, 32, 32]>>
!c = tensor<?x32x32x32xf32, #nnf.dims<[N, 32, 32, 32]>>
module @conv_of_image_relu {
  func.func @main(%x: !x) -> !c {
    %w = nnf.weight "w" : tensor<32x3x3x3xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %c = nnf.conv2d %x, %w, %b {padding = array<i64: 1>} : (!x, tensor<32x3x3x3xf32>, tensor<32xf32>) -> !c
    %y = nnf.relu %c : (!c) -> !c
    return %y : !c
  }
}

// -----

// Two kernels: the convolution reads channels-first rows; channels first.
// could be 1: as conv_bias_relu.
// CHECK-LABEL: module @conv_1x1_relu {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!c = tensor<?x32x8x8xf32, #nnf.dims<[N, 32, 8, 8]>>
module @conv_1x1_relu {
  func.func @main(%x: !x) -> !c {
    %w = nnf.weight "w" : tensor<32x16x1x1xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %c = nnf.conv2d %x, %w, %b : (!x, tensor<32x16x1x1xf32>, tensor<32xf32>) -> !c
    %y = nnf.relu %c : (!c) -> !c
    return %y : !c
  }
}

// -----

// Three kernels: channels last for its lanes; channels first.
// could be 1: as conv_bias_relu.
// CHECK-LABEL: module @depthwise_conv_relu6 {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
module @depthwise_conv_relu6 {
  func.func @main(%x: !x) -> !x {
    %w = nnf.weight "w" : tensor<16x1x3x3xf32>
    %b = nnf.weight "b" : tensor<16xf32>
    %c = nnf.conv2d %x, %w, %b {groups = 16 : i64, padding = array<i64: 1>}
        : (!x, tensor<16x1x3x3xf32>, tensor<16xf32>) -> !x
    %y = nnf.relu6 %c : (!x) -> !x
    return %y : !x
  }
}

// -----

// Three kernels: channels last; all three convolutions with their activations and the residual; channels first.
// could be 1: as conv_bias_relu.
// CHECK-LABEL: module @inverted_residual {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<1x24x56x56xf32>
!e = tensor<1x144x56x56xf32>
module @inverted_residual {
  func.func @main(%x: !x) -> !x {
    %we = nnf.weight "we" : tensor<144x24x1x1xf32>
    %wd = nnf.weight "wd" : tensor<144x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<24x144x1x1xf32>
    %0 = nnf.conv2d %x, %we : (!x, tensor<144x24x1x1xf32>) -> !e
    %1 = nnf.relu6 %0 : (!e) -> !e
    %2 = nnf.conv2d %1, %wd {groups = 144 : i64, padding = array<i64: 1>} : (!e, tensor<144x1x3x3xf32>) -> !e
    %3 = nnf.relu6 %2 : (!e) -> !e
    %4 = nnf.conv2d %3, %wp : (!e, tensor<24x144x1x1xf32>) -> !x
    %5 = nnf.add %4, %x : (!x, !x) -> !x
    return %5 : !x
  }
}

// -----

// Three kernels: batch_norm costs none, its scale is in the weight and its shift in the epilogue.
// could be 1: as conv_bias_relu.
// CHECK-LABEL: module @conv_batch_norm_relu {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!c = tensor<?x32x8x8xf32, #nnf.dims<[N, 32, 8, 8]>>
!m = tensor<32xf32>
module @conv_batch_norm_relu {
  func.func @main(%x: !x) -> !c {
    %w = nnf.weight "w" : tensor<32x16x3x3xf32>
    %m = nnf.weight "m" : !m
    %v = nnf.weight "v" : !m
    %s = nnf.weight "s" : !m
    %b = nnf.weight "b" : !m
    %c = nnf.conv2d %x, %w {padding = array<i64: 1>} : (!x, tensor<32x16x3x3xf32>) -> !c
    %output = nnf.batch_norm %c, %m, %v, %s, %b {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
        : (!c, !m, !m, !m, !m) -> !c
    %y = nnf.relu %output : (!c) -> !c
    return %y : !c
  }
}

// -----

// Four kernels: channels last; convolution with relu; convolution; channels first, with the residual and relu.
// could be 2: as conv_bias_relu.
// CHECK-LABEL: module @residual_block {
// CHECK-COUNT-4: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-4: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!w0 = tensor<16x16x3x3xf32>
!b0 = tensor<16xf32>
module @residual_block {
  func.func @main(%x: !x) -> !x {
    %w0 = nnf.weight "w0" : !w0
    %b0 = nnf.weight "b0" : !b0
    %w1 = nnf.weight "w1" : !w0
    %b1 = nnf.weight "b1" : !b0
    %c0 = nnf.conv2d %x, %w0, %b0 {padding = array<i64: 1>} : (!x, !w0, !b0) -> !x
    %h = nnf.relu %c0 : (!x) -> !x
    %c1 = nnf.conv2d %h, %w1, %b1 {padding = array<i64: 1>} : (!x, !w0, !b0) -> !x
    %a = nnf.add %c1, %x : (!x, !x) -> !x
    %y = nnf.relu %a : (!x) -> !x
    return %y : !x
  }
}

// -----

// Three kernels, five launches: channels last; one convolution, three times; channels first.
// could be 1: as conv_bias_relu; with three launches.
// CHECK-LABEL: module @three_convs {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-5: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!w0 = tensor<16x16x3x3xf32>
!b0 = tensor<16xf32>
module @three_convs {
  func.func @main(%x: !x) -> !x {
    %w0 = nnf.weight "w0" : !w0
    %b0 = nnf.weight "b0" : !b0
    %w1 = nnf.weight "w1" : !w0
    %b1 = nnf.weight "b1" : !b0
    %w2 = nnf.weight "w2" : !w0
    %b2 = nnf.weight "b2" : !b0
    %c0 = nnf.conv2d %x, %w0, %b0 {padding = array<i64: 1>} : (!x, !w0, !b0) -> !x
    %r0 = nnf.relu %c0 : (!x) -> !x
    %c1 = nnf.conv2d %r0, %w1, %b1 {padding = array<i64: 1>} : (!x, !w0, !b0) -> !x
    %r1 = nnf.relu %c1 : (!x) -> !x
    %c2 = nnf.conv2d %r1, %w2, %b2 {padding = array<i64: 1>} : (!x, !w0, !b0) -> !x
    %r2 = nnf.relu %c2 : (!x) -> !x
    return %r2 : !x
  }
}

// -----

// Four kernels: means; product and relu; product and sigmoid; the scaled input.
// CHECK-LABEL: module @squeeze_and_excite {
// CHECK-COUNT-4: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-4: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64x8x8xf32, #nnf.dims<[N, 64, 8, 8]>>
!p = tensor<?x64x1x1xf32, #nnf.dims<[N, 64, 1, 1]>>
!c0 = tensor<?x16x1x1xf32, #nnf.dims<[N, 16, 1, 1]>>
module @squeeze_and_excite {
  func.func @main(%x: !x) -> !x {
    %w0 = nnf.weight "w0" : tensor<16x64x1x1xf32>
    %b0 = nnf.weight "b0" : tensor<16xf32>
    %w1 = nnf.weight "w1" : tensor<64x16x1x1xf32>
    %b1 = nnf.weight "b1" : tensor<64xf32>
    %p = nnf.adaptive_avg_pool2d %x {output_size = array<i64: 1>} : (!x) -> !p
    %c0 = nnf.conv2d %p, %w0, %b0 : (!p, tensor<16x64x1x1xf32>, tensor<16xf32>) -> !c0
    %h = nnf.relu %c0 : (!c0) -> !c0
    %c1 = nnf.conv2d %h, %w1, %b1 : (!c0, tensor<64x16x1x1xf32>, tensor<64xf32>) -> !p
    %s = nnf.sigmoid %c1 : (!p) -> !p
    %y = nnf.mul %x, %s : (!x, !p) -> !x
    return %y : !x
  }
}

// -----

// Four kernels: channels last, with the border; convolution with relu; pooling; channels first.
// could be 2: pooling could write channels-first, but a group around a window ends at a transpose; the convolution as
// conv_bias_relu.
// CHECK-LABEL: module @conv_relu_max_pool {
// CHECK-COUNT-4: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-4: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x3x32x32xf32, #nnf.dims<[N, 3, 32, 32]>>
!c = tensor<?x32x32x32xf32, #nnf.dims<[N, 32, 32, 32]>>
!output = tensor<?x32x16x16xf32, #nnf.dims<[N, 32, 16, 16]>>
module @conv_relu_max_pool {
  func.func @main(%x: !x) -> !output {
    %w = nnf.weight "w" : tensor<32x3x3x3xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %c = nnf.conv2d %x, %w, %b {padding = array<i64: 1>} : (!x, tensor<32x3x3x3xf32>, tensor<32xf32>) -> !c
    %r = nnf.relu %c : (!c) -> !c
    %output = nnf.max_pool2d %r {kernel_size = array<i64: 2>} : (!c) -> !output
    return %output : !output
  }
}

// -----

// Two kernels: means; product.
// CHECK-LABEL: module @adaptive_avg_pool_flatten_linear {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64x8x8xf32, #nnf.dims<[N, 64, 8, 8]>>
!p = tensor<?x64x1x1xf32, #nnf.dims<[N, 64, 1, 1]>>
!f = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<?x10xf32, #nnf.dims<[N, 10]>>
module @adaptive_avg_pool_flatten_linear {
  func.func @main(%x: !x) -> !y {
    %w = nnf.weight "w" : tensor<10x64xf32>
    %b = nnf.weight "b" : tensor<10xf32>
    %p = nnf.adaptive_avg_pool2d %x {output_size = array<i64: 1>} : (!x) -> !p
    %f = nnf.flatten %p {start_dim = 1 : i64} : (!p) -> !f
    %y = nnf.linear %f, %w, %b : (!f, tensor<10x64xf32>, tensor<10xf32>) -> !y
    return %y : !y
  }
}

// -----

// Eight kernels: six for the positions and weights of 16 columns; rows; columns and the sum.
// could be 1: the six depend on sizes alone: prepare takes only what depends on weights or tables. The rows'
// intermediate result could stay in registers.
// CHECK-LABEL: module @interpolate_bilinear_add {
// CHECK-COUNT-8: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-8: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!r = tensor<?x16x16x16xf32, #nnf.dims<[N, 16, 16, 16]>>
module @interpolate_bilinear_add {
  func.func @main(%x: !x, %r: !r) -> !r {
    %u = nnf.interpolate %x {align_corners = false, mode = "bilinear", scale_factor = array<f64: 2.000000e+00>}
        : (!x) -> !r
    %y = nnf.add %u, %r : (!r, !r) -> !r
    return %y : !r
  }
}

// -----

// Two kernels with sizes bound at run time: rows, columns. Positions and weights are
// computed where they are used.
// could be 1: rows as interpolate_bilinear_add.
// CHECK-LABEL: module @interpolate_bilinear_symbolic {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x?x?xf32, #nnf.dims<[N, 16, H, W]>>
!y = tensor<?x16x?x?xf32, #nnf.dims<[N, 16, H * 2, W * 2]>>
module @interpolate_bilinear_symbolic {
  func.func @main(%x: !x) -> !y {
    %y = nnf.interpolate %x {align_corners = false, mode = "bilinear", scale_factor = array<f64: 2.000000e+00>}
        : (!x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: both parts are written in place, one of them resized.
// CHECK-LABEL: module @interpolate_nearest_cat {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!r = tensor<?x16x16x16xf32, #nnf.dims<[N, 16, 16, 16]>>
!y = tensor<?x32x16x16xf32, #nnf.dims<[N, 32, 16, 16]>>
module @interpolate_nearest_cat {
  func.func @main(%x: !x, %r: !r) -> !y {
    %u = nnf.interpolate %x {scale_factor = array<f64: 2.000000e+00>} : (!x) -> !r
    %y = nnf.cat %u, %r {dim = 1 : i64} : (!r, !r) -> !y
    return %y : !y
  }
}

// -----

// Three kernels: the border is written out; convolution; channels first.
// could be 1: a border of zeros is the convolution's own padding; then as conv_bias_relu.
// CHECK-LABEL: module @pad_conv {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!p = tensor<?x16x10x10xf32, #nnf.dims<[N, 16, 10, 10]>>
!y = tensor<?x32x8x8xf32, #nnf.dims<[N, 32, 8, 8]>>
module @pad_conv {
  func.func @main(%x: !x) -> !y {
    %w = nnf.weight "w" : tensor<32x16x3x3xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %p = nnf.pad %x {pad = array<i64: 1, 1, 1, 1>} : (!x) -> !p
    %y = nnf.conv2d %p, %w, %b : (!p, tensor<32x16x3x3xf32>, tensor<32xf32>) -> !y
    return %y : !y
  }
}

// -----

// Three kernels: borders of columns and rows; convolution; channels first.
// could be 2: as conv_bias_relu.
// CHECK-LABEL: module @reflect_pad_conv {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!p = tensor<?x16x10x10xf32, #nnf.dims<[N, 16, 10, 10]>>
!y = tensor<?x32x8x8xf32, #nnf.dims<[N, 32, 8, 8]>>
module @reflect_pad_conv {
  func.func @main(%x: !x) -> !y {
    %w = nnf.weight "w" : tensor<32x16x3x3xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %p = nnf.pad %x {mode = "reflect", pad = array<i64: 1, 1, 1, 1>} : (!x) -> !p
    %y = nnf.conv2d %p, %w, %b : (!p, tensor<32x16x3x3xf32>, tensor<32xf32>) -> !y
    return %y : !y
  }
}

// -----

// Three kernels: channels last; convolution; channels first and pixels in place at once.
// could be 1: as conv_bias_relu.
// CHECK-LABEL: module @conv_pixel_shuffle {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!c = tensor<?x12x8x8xf32, #nnf.dims<[N, 12, 8, 8]>>
!y = tensor<?x3x16x16xf32, #nnf.dims<[N, 3, 16, 16]>>
module @conv_pixel_shuffle {
  func.func @main(%x: !x) -> !y {
    %w = nnf.weight "w" : tensor<12x16x3x3xf32>
    %b = nnf.weight "b" : tensor<12xf32>
    %c = nnf.conv2d %x, %w, %b {padding = array<i64: 1>} : (!x, tensor<12x16x3x3xf32>, tensor<12xf32>) -> !c
    %y = nnf.pixel_shuffle %c {upscale_factor = 2 : i64} : (!c) -> !y
    return %y : !y
  }
}

// -----

// Four kernels: channels last; convolution; groups; the affine map and silu, channels first.
// could be 2: as group_norm and conv_bias_relu.
// CHECK-LABEL: module @conv_group_norm_silu {
// CHECK-COUNT-4: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-4: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!c = tensor<?x32x8x8xf32, #nnf.dims<[N, 32, 8, 8]>>
!b = tensor<32xf32>
module @conv_group_norm_silu {
  func.func @main(%x: !x) -> !c {
    %w = nnf.weight "w" : tensor<32x16x3x3xf32>
    %b = nnf.weight "b" : !b
    %s = nnf.weight "s" : !b
    %t = nnf.weight "t" : !b
    %c = nnf.conv2d %x, %w, %b {padding = array<i64: 1>} : (!x, tensor<32x16x3x3xf32>, !b) -> !c
    %n = nnf.group_norm %c, %s, %t {num_groups = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 1>}
        : (!c, !b, !b) -> !c
    %y = nnf.silu %n : (!c) -> !c
    return %y : !c
  }
}

// -----

// Four kernels, eight launches: a convolution for each of four phases; pairs of phases joined, twice; all joined; bias
// and relu.
// could be 1: windows do not overlap: one product whose columns are the phases, as in conv_pixel_shuffle. A reshape
// between transpose and join keeps the layout from passing.
// CHECK-LABEL: module @conv_transpose_relu {
// CHECK-COUNT-4: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-8: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!c = tensor<?x8x16x16xf32, #nnf.dims<[N, 8, 16, 16]>>
module @conv_transpose_relu {
  func.func @main(%x: !x) -> !c {
    %w = nnf.weight "w" : tensor<16x8x2x2xf32>
    %b = nnf.weight "b" : tensor<8xf32>
    %c = nnf.conv_transpose2d %x, %w, %b {stride = array<i64: 2>} : (!x, tensor<16x8x2x2xf32>, tensor<8xf32>) -> !c
    %y = nnf.relu %c : (!c) -> !c
    return %y : !c
  }
}

// -----

// Three kernels with a length bound at run time.
// could be 1: as conv_bias_relu.
// CHECK-LABEL: module @conv1d_relu {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x?xf32, #nnf.dims<[N, 16, L]>>
!c = tensor<?x32x?xf32, #nnf.dims<[N, 32, L]>>
module @conv1d_relu {
  func.func @main(%x: !x) -> !c {
    %w = nnf.weight "w" : tensor<32x16x3xf32>
    %b = nnf.weight "b" : tensor<32xf32>
    %c = nnf.conv1d %x, %w, %b {padding = array<i64: 1>} : (!x, tensor<32x16x3xf32>, tensor<32xf32>) -> !c
    %y = nnf.relu %c : (!c) -> !c
    return %y : !c
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @max_pool {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!output = tensor<?x16x4x4xf32, #nnf.dims<[N, 16, 4, 4]>>
module @max_pool {
  func.func @main(%x: !x) -> !output {
    %output = nnf.max_pool2d %x {kernel_size = array<i64: 2>} : (!x) -> !output
    return %output : !output
  }
}

// -----

// One kernel with two results.
// CHECK-LABEL: module @max_pool_indices {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!indices = tensor<?x16x4x4xf32, #nnf.dims<[N, 16, 4, 4]>>
module @max_pool_indices {
  func.func @main(%x: !x) -> (!indices, tensor<?x16x4x4xi64, #nnf.dims<[N, 16, 4, 4]>>) {
    %output, %indices = nnf.max_pool2d %x {kernel_size = array<i64: 2>, return_indices = true}
        : (!x) -> (!indices, tensor<?x16x4x4xi64, #nnf.dims<[N, 16, 4, 4]>>)
    return %output, %indices : !indices, tensor<?x16x4x4xi64, #nnf.dims<[N, 16, 4, 4]>>
  }
}

// -----

// Two kernels: relu; windows.
// could be 1: as local_response_norm.
// CHECK-LABEL: module @relu_avg_pool {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16x8x8xf32, #nnf.dims<[N, 16, 8, 8]>>
!y = tensor<?x16x4x4xf32, #nnf.dims<[N, 16, 4, 4]>>
module @relu_avg_pool {
  func.func @main(%x: !x) -> !y {
    %r = nnf.relu %x : (!x) -> !x
    %y = nnf.avg_pool2d %r {kernel_size = array<i64: 2>} : (!x) -> !y
    return %y : !y
  }
}
