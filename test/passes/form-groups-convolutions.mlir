// What a GPU's convolutions read as it lies, and store as the graph wants it.
// RUN: nnf-opt %s -split-input-file -nnf-form-groups=narrow-products=1 | FileCheck %s
// A transpose behind a convolution is its kernel's. Float32 is read from a view of any strides.
// CHECK-LABEL: nnf.kernel @k0(
// CHECK: nnf.prim.transpose
// CHECK: nnf.prim.conv
// CHECK: nnf.prim.transpose
// CHECK-NOT: nnf.kernel
// CHECK: func.func @main
func.func @main(%x: tensor<2x8x6x6xf32> {nnf.name = "x"}, %w: tensor<3x3x8x16xf32> {nnf.name = "w"}) -> (tensor<2x16x6x6xf32> {nnf.name = "y"}) {
  %0 = nnf.prim.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x8x6x6xf32>) -> tensor<2x6x6x8xf32>
  %1 = nnf.prim.conv %0, %w {stride = array<i64: 1, 1>, low = array<i64: 1, 1>, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, groups = 1, layout = 1} : (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> tensor<2x6x6x16xf32>
  %2 = nnf.prim.transpose %1 {perm = array<i64: 0, 3, 1, 2>} : (tensor<2x6x6x16xf32>) -> tensor<2x16x6x6xf32>
  return %2 : tensor<2x16x6x6xf32>
}

// -----

// Between products 16 bits are stored: the conversion to float32 is the reader's, a sum's beside it, too.
// CHECK-LABEL: nnf.kernel @k0(
// CHECK-SAME: -> tensor<2x6x6x8xf16>
// CHECK: nnf.kernel @k1(
// CHECK-SAME: tensor<2x6x6x8xf16>
// CHECK-SAME: -> tensor<2x6x6x8xf32>
// CHECK-NOT: nnf.kernel
// CHECK: func.func @main
func.func @main(%x: tensor<2x6x6x8xf16> {nnf.name = "x"}, %w: tensor<3x3x8x8xf32> {nnf.name = "w"}) -> (tensor<2x6x6x8xf32> {nnf.name = "y"}) {
  %0 = nnf.prim.convert %x : (tensor<2x6x6x8xf16>) -> tensor<2x6x6x8xf32>
  %1 = nnf.prim.conv %0, %w {stride = array<i64: 1, 1>, low = array<i64: 1, 1>, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, groups = 1, layout = 1} : (tensor<2x6x6x8xf32>, tensor<3x3x8x8xf32>) -> tensor<2x6x6x8xf32>
  %2 = nnf.prim.convert %1 : (tensor<2x6x6x8xf32>) -> tensor<2x6x6x8xf16>
  %3 = nnf.prim.convert %2 : (tensor<2x6x6x8xf16>) -> tensor<2x6x6x8xf32>
  %4 = nnf.prim.conv %3, %w {stride = array<i64: 1, 1>, low = array<i64: 1, 1>, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, groups = 1, layout = 1} : (tensor<2x6x6x8xf32>, tensor<3x3x8x8xf32>) -> tensor<2x6x6x8xf32>
  %5 = nnf.prim.add %4, %3 : (tensor<2x6x6x8xf32>, tensor<2x6x6x8xf32>) -> tensor<2x6x6x8xf32>
  return %5 : tensor<2x6x6x8xf32>
}
