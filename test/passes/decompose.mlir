// RUN: nnf-opt %s -nnf-decompose | FileCheck %s

// Nothing to do, nothing changed.
// CHECK-LABEL: @primitives_stay
// CHECK-NEXT: nnf.prim.exp
// CHECK-NEXT: return
func.func @primitives_stay(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nnf.prim.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A kink is compare and select: NaN passes, and the derivative at 0 is torch's.
// CHECK-LABEL: @relu_keeps_nan
// CHECK: %[[C:.*]] = nnf.prim.compare lt %arg0
// CHECK: nnf.prim.select %[[C]], %{{.*}}, %arg0
// CHECK-NOT: nnf.prim.max
func.func @relu_keeps_nan(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nnf.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// 16-bit floats are computed in float32: one conversion in, one out.
// CHECK-LABEL: @half_converts_once
// CHECK: nnf.prim.convert {{.*}} (tensor<4x8xf16>) -> tensor<4x8xf32>
// CHECK-NOT: nnf.prim.convert
// CHECK: nnf.prim.div
// CHECK: nnf.prim.convert {{.*}} (tensor<4x8xf32>) -> tensor<4x8xf16>
// CHECK-NOT: nnf.prim.convert
func.func @half_converts_once(%x: tensor<4x8xf16>) -> tensor<4x8xf16> {
  %0 = nnf.softmax %x {dim = 1 : i64} : (tensor<4x8xf16>) -> tensor<4x8xf16>
  return %0 : tensor<4x8xf16>
}

// Moving data is no computation.
// CHECK-LABEL: @half_moves_as_it_is
// CHECK-NOT: nnf.prim.convert
// CHECK: return
func.func @half_moves_as_it_is(%x: tensor<4x8xf16>) -> tensor<8x4xf16> {
  %0 = nnf.transpose %x {dim0 = 0 : i64, dim1 = 1 : i64} : (tensor<4x8xf16>) -> tensor<8x4xf16>
  return %0 : tensor<8x4xf16>
}

// Evaluation folds the four vectors before they meet the data, so that they can merge into a convolution.
// CHECK-LABEL: @batch_norm_folds
// CHECK: nnf.prim.sqrt {{.*}} tensor<3xf32>
// CHECK: nnf.prim.div {{.*}} tensor<3xf32>
// CHECK: nnf.prim.sub {{.*}} tensor<3xf32>
// CHECK: nnf.prim.mul %arg0, {{.*}} tensor<2x3x8x8xf32>
// CHECK: nnf.prim.add {{.*}} tensor<2x3x8x8xf32>
// CHECK-NEXT: return
func.func @batch_norm_folds(%x: tensor<2x3x8x8xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %w: tensor<3xf32>,
                            %b: tensor<3xf32>) -> tensor<2x3x8x8xf32> {
  %0 = nnf.batch_norm %x, %m, %v, %w, %b {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
    : (tensor<2x3x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x8x8xf32>
  return %0 : tensor<2x3x8x8xf32>
}

// A number is rounded to the tensor's dtype and leaves nothing behind.
// CHECK-LABEL: @numbers_become_constants
// CHECK-NOT: nnf.number
// CHECK: nnf.constant dense<1.000000e-01> : tensor<f32>
func.func @numbers_become_constants(%x: tensor<4xf32>) -> tensor<4xf32> {
  %n = nnf.number 0.1 : f64 : tensor<f64>
  %0 = nnf.mul %x, %n : (tensor<4xf32>, tensor<f64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Views before gathers: a border is slices and a concatenation.
// CHECK-LABEL: @reflect_is_views
// CHECK-NOT: nnf.prim.gather
// CHECK: nnf.prim.concat
// CHECK-NOT: nnf.prim.gather
func.func @reflect_is_views(%x: tensor<2x3x8xf32>) -> tensor<2x3x12xf32> {
  %0 = nnf.pad %x {pad = array<i64: 2, 2>, mode = "reflect"} : (tensor<2x3x8xf32>) -> tensor<2x3x12xf32>
  return %0 : tensor<2x3x12xf32>
}

// CHECK-LABEL: @nearest_doubling_is_a_view
// CHECK: nnf.prim.broadcast
// CHECK: nnf.prim.reshape
// CHECK-NOT: nnf.prim.gather
// CHECK: return
func.func @nearest_doubling_is_a_view(%x: tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32> {
  %0 = nnf.interpolate %x {scale_factor = array<f64: 2.0>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32>
  return %0 : tensor<1x3x8x8xf32>
}

// A mean over windows that are the whole plane is a reduction.
// CHECK-LABEL: @global_pooling_is_a_reduction
// CHECK: nnf.prim.reduce add
// CHECK-NOT: nnf.prim.reduce_window
func.func @global_pooling_is_a_reduction(%x: tensor<?x3x?x?xf32, #nnf.dims<[N, 3, H, W]>>)
    -> tensor<?x3x1x1xf32, #nnf.dims<[N, 3, 1, 1]>> {
  %0 = nnf.adaptive_avg_pool2d %x {output_size = array<i64: 1>}
    : (tensor<?x3x?x?xf32, #nnf.dims<[N, 3, H, W]>>) -> tensor<?x3x1x1xf32, #nnf.dims<[N, 3, 1, 1]>>
  return %0 : tensor<?x3x1x1xf32, #nnf.dims<[N, 3, 1, 1]>>
}

// The largest of a box is taken one dimension after the other: windows of one size and distance as such, others from a
// table of their elements.
// CHECK-LABEL: @adaptive_max
// CHECK: nnf.prim.reduce_window max {{.*}}size = array<i64: 1, 1, 4, 1>{{.*}}stride = array<i64: 1, 1, 3, 1>
// CHECK: nnf.constant dense<{{\[}}0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 7, 8, 9, 10, 10]> : tensor<15xi64>
// CHECK: nnf.prim.gather clamp
// CHECK: nnf.prim.reduce max
// CHECK-NOT: nnf.prim.{{div|reduce|gather}}
// CHECK: return
func.func @adaptive_max(%x: tensor<1x2x16x11xf32>) -> tensor<1x2x5x3xf32> {
  %0 = nnf.adaptive_max_pool2d %x {output_size = array<i64: 5, 3>} : (tensor<1x2x16x11xf32>) -> tensor<1x2x5x3xf32>
  return %0 : tensor<1x2x5x3xf32>
}

// A run-time error names the node as the user wrote it.
// CHECK-LABEL: @check_names_the_node
// CHECK: nnf.prim.gather error
// CHECK-SAME: node 'tokens' (embedding), argument 'input': index {value}, expected 0 <= index < {bound}
func.func @check_names_the_node(%i: tensor<3xi64>, %w: tensor<10x4xf32>) -> tensor<3x4xf32> {
  %0 = nnf.embedding %i, %w : (tensor<3xi64>, tensor<10x4xf32>) -> tensor<3x4xf32> loc("tokens"("embedding"))
  return %0 : tensor<3x4xf32>
}

// Draws are keyed by the node's number; a dropout is one comparison of them.
// CHECK-LABEL: @draws
// CHECK: %[[KEY:.*]] = nnf.random_key 3
// CHECK: nnf.prim.rng_bits %[[KEY]] : (tensor<3xi64>) -> tensor<4x5xui32>
// CHECK: nnf.prim.compare
// CHECK: nnf.prim.select
func.func @draws(%x: tensor<4x5xf32>) -> tensor<4x5xf32> {
  %0 = nnf.dropout %x {nnf.random = 3 : i64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return %0 : tensor<4x5xf32>
}
