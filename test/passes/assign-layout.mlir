// RUN: nnf-opt %s -split-input-file -nnf-assign-layout -canonicalize | FileCheck %s

// Two convolutions, a bias, an activation, a pool: the transposes between them meet and cancel; one is left at each end.
// CHECK-LABEL: @network
// CHECK: %[[X:.*]] = nnf.prim.transpose %arg0 {perm = array<i64: 0, 2, 3, 1>} : {{.*}}-> tensor<?x8x8x3xf32, #nnf.dims<[N, 8, 8, 3]>>
// CHECK-NOT: perm = array<i64: 0
// CHECK: nnf.prim.conv %[[X]], {{.*}}layout = 1
// CHECK-NOT: perm = array<i64: 0
// CHECK: nnf.prim.broadcast %{{.*}}{dims = array<i64: 3>} : (tensor<4xf32>) -> tensor<?x8x8x4xf32
// CHECK: nnf.prim.reduce_window max {{.*}}size = array<i64: 1, 2, 2, 1>, stride = array<i64: 1, 2, 2, 1>
// CHECK-NOT: perm = array<i64: 0
// CHECK: %[[LAST:.*]] = nnf.prim.conv {{.*}}layout = 1
// CHECK-NEXT: %[[Y:.*]] = nnf.prim.transpose %[[LAST]] {perm = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT: return %[[Y]]
!x = tensor<?x3x8x8xf32, #nnf.dims<[N, 3, 8, 8]>>
!a = tensor<?x4x8x8xf32, #nnf.dims<[N, 4, 8, 8]>>
!b = tensor<?x4x4x4xf32, #nnf.dims<[N, 4, 4, 4]>>
func.func @network(%x: !x, %w0: tensor<4x3x1x1xf32>, %b0: tensor<4xf32>, %w1: tensor<4x4x1x1xf32>) -> !b {
  %0 = nnf.prim.conv %x, %w0 {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (!x, tensor<4x3x1x1xf32>) -> !a
  %1 = nnf.prim.broadcast %b0 {dims = array<i64: 1>} : (tensor<4xf32>) -> !a
  %2 = nnf.prim.add %0, %1 : (!a, !a) -> !a
  %3 = nnf.prim.tanh %2 : (!a) -> !a
  %4 = nnf.prim.reduce_window max %3 {size = array<i64: 1, 1, 2, 2>, stride = array<i64: 1, 1, 2, 2>, dilation = array<i64: 1, 1, 1, 1>, low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 0, 0>, indexDims = array<i64>} : (!a) -> !b
  %5 = nnf.prim.conv %4, %w1 {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (!b, tensor<4x4x1x1xf32>) -> !b
  return %5 : !b
}

// -----

// Through what else keeps its dimensions apart: pad, slice, concat, reduce.
// CHECK-LABEL: @sinks
// CHECK: nnf.prim.pad %arg0
// CHECK-SAME: low = array<i64: 0, 1, 0>
// CHECK: nnf.prim.slice {{.*}}start = #nnf.dims<[0, 1, 0]>, step = array<i64: 1, 2, 1>
// CHECK: nnf.prim.concat {{.*}}{dim = 1 : i64}
// CHECK: nnf.prim.reduce add {{.*}}{dims = array<i64: 1>}
// CHECK-NOT: nnf.prim.transpose
// CHECK: return
!t = tensor<?x4x3xf32, #nnf.dims<[N, 4, 3]>>
!x = tensor<?x3x4xf32, #nnf.dims<[N, 3, 4]>>
!p = tensor<?x3x6xf32, #nnf.dims<[N, 3, 6]>>
!s = tensor<?x3x3xf32, #nnf.dims<[N, 3, 3]>>
!c = tensor<?x3x6xf32, #nnf.dims<[N, 3, 6]>>
!r = tensor<?x3xf32, #nnf.dims<[N, 3]>>
func.func @sinks(%t: !t) -> !r {
  %z = nnf.constant dense<0.0> : tensor<f32>
  %x = nnf.prim.transpose %t {perm = array<i64: 0, 2, 1>} : (!t) -> !x
  %0 = nnf.prim.pad %x, %z {low = array<i64: 0, 0, 1>, high = array<i64: 0, 0, 1>, interior = array<i64: 0, 0, 0>} : (!x, tensor<f32>) -> !p
  %1 = nnf.prim.slice %0 {start = #nnf.dims<[0, 0, 1]>, step = array<i64: 1, 1, 2>} : (!p) -> !s
  %2 = nnf.prim.concat %1, %1 {dim = 2 : i64} : (!s, !s) -> !c
  %3 = nnf.prim.reduce add %2 {dims = array<i64: 2>} : (!c) -> !r
  return %3 : !r
}

// -----

// An operand that would have to be transposed for it keeps the transpose in front: sinking saves nothing.
// CHECK-LABEL: @refused
// CHECK-NEXT: nnf.prim.transpose %arg0
// CHECK-NEXT: nnf.prim.add
// CHECK-NEXT: return
!t = tensor<?x4xf32, #nnf.dims<[N, 4]>>
!x = tensor<4x?xf32, #nnf.dims<[4, N]>>
func.func @refused(%t: !t, %other: !x) -> !x {
  %0 = nnf.prim.transpose %t {perm = array<i64: 1, 0>} : (!t) -> !x
  %1 = nnf.prim.add %0, %other : (!x, !x) -> !x
  return %1 : !x
}

// -----

// A transpose that moves only a 1 is a reshape.
// CHECK-LABEL: @moves_ones
// CHECK-NEXT: nnf.prim.reshape %arg0
// CHECK-NEXT: return
func.func @moves_ones(%t: tensor<?x1x8xf32, #nnf.dims<[N, 1, 8]>>) -> tensor<?x8x1xf32, #nnf.dims<[N, 8, 1]>> {
  %0 = nnf.prim.transpose %t {perm = array<i64: 0, 2, 1>} : (tensor<?x1x8xf32, #nnf.dims<[N, 1, 8]>>) -> tensor<?x8x1xf32, #nnf.dims<[N, 8, 1]>>
  return %0 : tensor<?x8x1xf32, #nnf.dims<[N, 8, 1]>>
}

// -----

// Rows are picked where they lie; the dimensions that are left change places after it.
// CHECK-LABEL: @gather
// CHECK-NEXT: %[[G:.*]] = nnf.prim.gather clamp %arg0, %arg1 {gatherDims = array<i64: 1>{{.*}} -> tensor<6x2x5x3xf32>
// CHECK-NEXT: nnf.prim.transpose %[[G]] {perm = array<i64: 0, 1, 3, 2>}
// CHECK-NEXT: return
func.func @gather(%x: tensor<2x4x5x3xf32>, %i: tensor<6xi64>) -> tensor<6x2x3x5xf32> {
  %0 = nnf.prim.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %1 = nnf.prim.gather clamp %0, %i {gatherDims = array<i64: 2>, message = "", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<2x3x4x5xf32>, tensor<6xi64>) -> tensor<6x2x3x5xf32>
  return %1 : tensor<6x2x3x5xf32>
}

// -----

// Zeros around what a convolution reads become its padding.
// CHECK-LABEL: @padded
// CHECK-NOT: nnf.prim.pad
// CHECK: nnf.prim.conv {{.*}}high = array<i64: 2, 1>{{.*}}low = array<i64: 0, 1>
// CHECK: return
!p = tensor<1x4x9x8xf32>
!y = tensor<1x4x8x8xf32>
func.func @padded(%x: tensor<1x4x8x8xf32>, %w: tensor<4x1x3x3xf32>) -> tensor<1x4x8x8xf32> {
  %zero = nnf.constant dense<0.0> : tensor<f32>
  %0 = nnf.prim.pad %x, %zero {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 1, 0>, interior = array<i64: 0, 0, 0, 0>} : (!y, tensor<f32>) -> !p
  %1 = nnf.prim.conv %0, %w {stride = array<i64: 1, 1>, low = array<i64: 0, 1>, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, groups = 4 : i64, layout = 0 : i64} : (!p, tensor<4x1x3x3xf32>) -> !y
  return %1 : !y
}

// -----

// Ones around it, and what is cropped, stay.
// CHECK-LABEL: @ones_around
// CHECK-COUNT-2: nnf.prim.pad
// CHECK: return
!y = tensor<1x4x8x8xf32>
!p = tensor<1x4x9x8xf32>
func.func @ones_around(%x: !y, %w: tensor<4x1x3x3xf32>) -> (tensor<1x4x7x6xf32>, tensor<1x4x6x6xf32>) {
  %one = nnf.constant dense<1.0> : tensor<f32>
  %zero = nnf.constant dense<0.0> : tensor<f32>
  %0 = nnf.prim.pad %x, %one {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 1, 0>, interior = array<i64: 0, 0, 0, 0>} : (!y, tensor<f32>) -> !p
  %1 = nnf.prim.conv %0, %w {stride = array<i64: 1, 1>, low = array<i64: 0, 0>, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, groups = 4 : i64, layout = 0 : i64} : (!p, tensor<4x1x3x3xf32>) -> tensor<1x4x7x6xf32>
  %2 = nnf.prim.pad %x, %zero {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, -1, 0>, interior = array<i64: 0, 0, 0, 0>} : (!y, tensor<f32>) -> !y
  %3 = nnf.prim.conv %2, %w {stride = array<i64: 1, 1>, low = array<i64: 0, 0>, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, groups = 4 : i64, layout = 0 : i64} : (!y, tensor<4x1x3x3xf32>) -> tensor<1x4x6x6xf32>
  return %1, %3 : tensor<1x4x7x6xf32>, tensor<1x4x6x6xf32>
}

// -----

// CHECK-LABEL: @nothing_to_do
// CHECK-NEXT: nnf.prim.tanh
// CHECK-NEXT: return
!x = tensor<?x8xf32, #nnf.dims<[N, 8]>>
func.func @nothing_to_do(%x: !x) -> !x {
  %0 = nnf.prim.tanh %x : (!x) -> !x
  return %0 : !x
}

// -----

// A mean that keeps its dimensions: the division is of the sums, and the product of one pixel has its activation behind
// it; what adds and drops sizes of 1 comes in between and after.
// CHECK-LABEL: @one_pixel
// CHECK: %[[SUM:.*]] = nnf.prim.reduce add
// CHECK: %[[MEAN:.*]] = nnf.prim.div %[[SUM]], {{.*}} -> tensor<2x32xf32>
// CHECK: %[[PIXEL:.*]] = nnf.prim.reshape {{.*}} -> tensor<2x1x1x32xf32>
// CHECK: %[[CONV:.*]] = nnf.prim.conv %[[PIXEL]]
// CHECK-NEXT: nnf.prim.exp %[[CONV]]
!x = tensor<2x32x8x8xf32>
!m = tensor<2x32x1x1xf32>
!y = tensor<2x16x1x1xf32>
func.func @one_pixel(%x: !x) -> !y {
  %n = nnf.constant dense<64.0> : tensor<f32>
  %w = nnf.weight "w" : tensor<16x32x1x1xf32>
  %0 = nnf.prim.reduce add %x {dims = array<i64: 2, 3>} : (!x) -> tensor<2x32xf32>
  %1 = nnf.prim.reshape %0 : (tensor<2x32xf32>) -> !m
  %2 = nnf.prim.broadcast %n {dims = array<i64>} : (tensor<f32>) -> !m
  %3 = nnf.prim.div %1, %2 : (!m, !m) -> !m
  %4 = nnf.prim.conv %3, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (!m, tensor<16x32x1x1xf32>) -> !y
  %5 = nnf.prim.exp %4 : (!y) -> !y
  return %5 : !y
}

// -----

// A convolution of one pixel between tensors of N,C,* is a product of its weight and each image as it lies; what follows
// has the product's shape.
// CHECK-LABEL: @product
// CHECK-NOT: nnf.prim.transpose
// CHECK: %[[X:.*]] = nnf.prim.reshape %arg0 : {{.*}}-> tensor<2x3x64xf32
// CHECK: %[[DOT:.*]] = nnf.prim.dot %{{.*}}, %[[X]]
// CHECK: nnf.prim.add %[[DOT]], %{{.*}}tensor<2x4x64xf32
// CHECK: %[[Y:.*]] = nnf.prim.tanh {{.*}}tensor<2x4x64xf32
// CHECK-NEXT: nnf.prim.reshape %[[Y]]
// CHECK-NEXT: return
func.func @product(%x: tensor<2x3x8x8xf32>, %w: tensor<4x3x1x1xf32>, %b: tensor<4xf32>) -> tensor<2x4x8x8xf32> {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (tensor<2x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<2x4x8x8xf32>
  %1 = nnf.prim.broadcast %b {dims = array<i64: 1>} : (tensor<4xf32>) -> tensor<2x4x8x8xf32>
  %2 = nnf.prim.add %0, %1 : (tensor<2x4x8x8xf32>, tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %3 = nnf.prim.tanh %2 : (tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  return %3 : tensor<2x4x8x8xf32>
}

// -----

// One that shares its layout with another of 3 x 3 goes with it; with fewer pixels than channels the weight is packed.
// CHECK-LABEL: @shared
// CHECK-NOT: nnf.prim.dot
// CHECK: return
func.func @shared(%x: tensor<2x3x8x8xf32>, %w: tensor<4x3x1x1xf32>, %v: tensor<4x4x3x3xf32>) -> tensor<2x4x8x8xf32> {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (tensor<2x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<2x4x8x8xf32>
  %1 = nnf.prim.tanh %0 : (tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %2 = nnf.prim.conv %1, %v {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (tensor<2x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<2x4x8x8xf32>
  return %2 : tensor<2x4x8x8xf32>
}

// CHECK-LABEL: @few
// CHECK-NOT: nnf.prim.dot
// CHECK: return
func.func @few(%x: tensor<2x8x2x2xf32>, %w: tensor<4x8x1x1xf32>) -> tensor<2x4x2x2xf32> {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (tensor<2x8x2x2xf32>, tensor<4x8x1x1xf32>) -> tensor<2x4x2x2xf32>
  return %0 : tensor<2x4x2x2xf32>
}

// -----

// With a stride it is one of the pixels that it reads, where the graph gives the image: what orders them takes these
// alone. Between convolutions the stride stays the convolution's.
// CHECK-LABEL: @strided
// CHECK: %[[PIXELS:.*]] = nnf.prim.slice %arg0 {{.*}}step = array<i64: 1, 1, 2, 2>{{.*}} -> tensor<1x4x5x4xf32>
// CHECK: %[[X:.*]] = nnf.prim.reshape %[[PIXELS]] : {{.*}}-> tensor<1x4x20xf32
// CHECK: nnf.prim.dot %{{.*}}, %[[X]]
func.func @strided(%x: tensor<1x4x9x8xf32>, %w: tensor<8x4x1x1xf32>) -> tensor<1x8x5x4xf32> {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x4x9x8xf32>, tensor<8x4x1x1xf32>) -> tensor<1x8x5x4xf32>
  return %0 : tensor<1x8x5x4xf32>
}

// CHECK-LABEL: @strided_inside
// CHECK-NOT: nnf.prim.slice
// CHECK: nnf.prim.conv {{.*}}stride = array<i64: 2, 2>
// CHECK-NOT: nnf.prim.slice
// CHECK: return
func.func @strided_inside(%x: tensor<1x4x9x8xf32>, %w: tensor<8x4x1x1xf32>) -> tensor<1x8x5x4xf32> {
  %0 = nnf.prim.tanh %x : (tensor<1x4x9x8xf32>) -> tensor<1x4x9x8xf32>
  %1 = nnf.prim.conv %0, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x4x9x8xf32>, tensor<8x4x1x1xf32>) -> tensor<1x8x5x4xf32>
  return %1 : tensor<1x8x5x4xf32>
}

// -----

// Windows along the last dimension: the transpose stays in front of the sum, which reads each as it lies.
// CHECK-LABEL: @windows_of_rows
// CHECK: nnf.prim.transpose
// CHECK: nnf.prim.reduce
// CHECK-NOT: nnf.prim.transpose
// CHECK: return
// Short ones do not fill a register: lanes lie along the other dimension, which the sum leaves last.
// CHECK-LABEL: @short_windows
// CHECK: nnf.prim.reduce
// CHECK: nnf.prim.transpose
// CHECK: return
func.func @windows_of_rows(%x: tensor<6x1000xf32>, %at: tensor<50x20xi64>) -> tensor<6x50xf32> {
  %0 = nnf.prim.gather clamp %x, %at {gatherDims = array<i64: 1>, message = "", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<6x1000xf32>, tensor<50x20xi64>) -> tensor<50x20x6xf32>
  %1 = nnf.prim.transpose %0 {perm = array<i64: 2, 0, 1>} : (tensor<50x20x6xf32>) -> tensor<6x50x20xf32>
  %2 = nnf.prim.reduce add %1 {dims = array<i64: 2>} : (tensor<6x50x20xf32>) -> tensor<6x50xf32>
  return %2 : tensor<6x50xf32>
}
func.func @short_windows(%x: tensor<6x1000xf32>, %at: tensor<50x5xi64>) -> tensor<6x50xf32> {
  %0 = nnf.prim.gather clamp %x, %at {gatherDims = array<i64: 1>, message = "", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<6x1000xf32>, tensor<50x5xi64>) -> tensor<50x5x6xf32>
  %1 = nnf.prim.transpose %0 {perm = array<i64: 2, 0, 1>} : (tensor<50x5x6xf32>) -> tensor<6x50x5xf32>
  %2 = nnf.prim.reduce add %1 {dims = array<i64: 2>} : (tensor<6x50x5xf32>) -> tensor<6x50xf32>
  return %2 : tensor<6x50xf32>
}
