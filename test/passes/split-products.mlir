// RUN: nnf-opt %s -split-input-file -nnf-split-products | FileCheck %s

// One tile and much to contract: parts are a batch, in views of the operands, and a reduction adds them.
// CHECK-LABEL: func.func @main(%arg0: tensor<16x4096xf16>, %arg1: tensor<4096x64xf16>)
// CHECK: %[[A:.*]] = nnf.prim.reshape %arg0 : (tensor<16x4096xf16>) -> tensor<16x32x128xf16>
// CHECK: %[[L:.*]] = nnf.prim.convert %[[A]]
// CHECK: %[[B:.*]] = nnf.prim.reshape %arg1 : (tensor<4096x64xf16>) -> tensor<32x128x64xf16>
// CHECK: %[[R:.*]] = nnf.prim.convert %[[B]]
// CHECK: %[[P:.*]] = nnf.prim.dot %[[L]], %[[R]] {lhsBatch = array<i64: 1>, lhsContract = array<i64: 2>, rhsBatch = array<i64: 0>, rhsContract = array<i64: 1>} : {{.*}} -> tensor<32x16x64xf32>
// CHECK: nnf.prim.reduce add %[[P]] {dims = array<i64: 0>}
func.func @main(%a: tensor<16x4096xf16>, %b: tensor<4096x64xf16>) -> tensor<16x64xf32> {
  %0 = nnf.prim.convert %a : (tensor<16x4096xf16>) -> tensor<16x4096xf32>
  %1 = nnf.prim.convert %b : (tensor<4096x64xf16>) -> tensor<4096x64xf32>
  %2 = nnf.prim.dot %0, %1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<16x4096xf32>, tensor<4096x64xf32>) -> tensor<16x64xf32>
  return %2 : tensor<16x64xf32>
}

// -----

// So many tiles fill a GPU.
// CHECK-LABEL: func.func @main(%arg0: tensor<4096x4096xf32>
// CHECK-NEXT: nnf.prim.dot %arg0, %arg1
// CHECK-NEXT: return
func.func @main(%a: tensor<4096x4096xf32>, %b: tensor<4096x4096xf32>) -> tensor<4096x4096xf32> {
  %0 = nnf.prim.dot %a, %b {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<4096x4096xf32>, tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
  return %0 : tensor<4096x4096xf32>
}

// -----

// Whole slabs for each part, of which the last has 4 steps: behind it are zeros that kernels do not read.
// CHECK-LABEL: func.func @main(%arg0: tensor<16x4100xf32>
// CHECK: %[[A:.*]] = nnf.prim.pad %arg0, %{{.*}} {high = array<i64: 0, 124>, {{.*}}} : (tensor<16x4100xf32>, tensor<f32>) -> tensor<16x4224xf32>
// CHECK: nnf.prim.reshape %[[A]] : (tensor<16x4224xf32>) -> tensor<16x22x192xf32>
// CHECK: %[[B:.*]] = nnf.prim.pad %arg1, %{{.*}} {high = array<i64: 124, 0>, {{.*}}}
// CHECK: nnf.prim.reshape %[[B]] : (tensor<4224x64xf32>) -> tensor<22x192x64xf32>
// CHECK: nnf.prim.dot {{.*}} -> tensor<22x16x64xf32>
func.func @main(%a: tensor<16x4100xf32>, %b: tensor<4100x64xf32>) -> tensor<16x64xf32> {
  %0 = nnf.prim.dot %a, %b {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<16x4100xf32>, tensor<4100x64xf32>) -> tensor<16x64xf32>
  return %0 : tensor<16x64xf32>
}

// -----

// A convolution of few positions: its channels become groups, the weight's columns those of all, and a reduction adds.
// CHECK-LABEL: func.func @main(%arg0: tensor<1x5x5x512xf32>, %arg1: tensor<3x3x512x16xf32>)
// CHECK: %[[A:.*]] = nnf.prim.reshape %arg1 : (tensor<3x3x512x16xf32>) -> tensor<3x3x[[P:[0-9]+]]x[[C:[0-9]+]]x1x16xf32>
// CHECK: %[[T:.*]] = nnf.prim.transpose %[[A]] {perm = array<i64: 0, 1, 3, 4, 2, 5>}
// CHECK: %[[W:.*]] = nnf.prim.reshape %[[T]] : {{.*}} -> tensor<3x3x[[C]]x[[O:[0-9]+]]xf32>
// CHECK: %[[Y:.*]] = nnf.prim.conv %arg0, %[[W]] {groups = [[P]] : i64, {{.*}} -> tensor<1x5x5x[[O]]xf32>
// CHECK: %[[R:.*]] = nnf.prim.reshape %[[Y]] : {{.*}} -> tensor<1x5x5x[[P]]x16xf32>
// CHECK: nnf.prim.reduce add %[[R]] {dims = array<i64: 3>} : {{.*}} -> tensor<1x5x5x16xf32>
func.func @main(%a: tensor<1x5x5x512xf32>, %b: tensor<3x3x512x16xf32>) -> tensor<1x5x5x16xf32> {
  %0 = nnf.prim.conv %a, %b {stride = array<i64: 1, 1>, low = array<i64: 1, 1>, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, groups = 1 : i64, layout = 1 : i64} : (tensor<1x5x5x512xf32>, tensor<3x3x512x16xf32>) -> tensor<1x5x5x16xf32>
  return %0 : tensor<1x5x5x16xf32>
}

// -----

// With code for compute capability 9.0 alone the split is that of an H100's model; beside the others' one for both.
// CHECK-LABEL: module attributes {nnf.hopper = "alone"}
// CHECK: nnf.prim.dot {{.*}} -> tensor<32x64x64xf32>
module attributes {nnf.hopper = "alone"} {
  func.func @main(%a: tensor<64x4096xf16>, %b: tensor<4096x64xf16>) -> tensor<64x64xf32> {
    %0 = nnf.prim.convert %a : (tensor<64x4096xf16>) -> tensor<64x4096xf32>
    %1 = nnf.prim.convert %b : (tensor<4096x64xf16>) -> tensor<4096x64xf32>
    %2 = nnf.prim.dot %0, %1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<64x4096xf32>, tensor<4096x64xf32>) -> tensor<64x64xf32>
    return %2 : tensor<64x64xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {nnf.hopper = "beside"}
// CHECK: nnf.prim.dot {{.*}} -> tensor<22x64x64xf32>
module attributes {nnf.hopper = "beside"} {
  func.func @main(%a: tensor<64x4096xf16>, %b: tensor<4096x64xf16>) -> tensor<64x64xf32> {
    %0 = nnf.prim.convert %a : (tensor<64x4096xf16>) -> tensor<64x4096xf32>
    %1 = nnf.prim.convert %b : (tensor<4096x64xf16>) -> tensor<4096x64xf32>
    %2 = nnf.prim.dot %0, %1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<64x4096xf32>, tensor<4096x64xf32>) -> tensor<64x64xf32>
    return %2 : tensor<64x64xf32>
  }
}
