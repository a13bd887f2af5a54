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

// Uneven parts, and rows that only the run knows.
// CHECK-LABEL: func.func @main(%arg0: tensor<16x4100xf32>
// CHECK-NEXT: nnf.prim.dot
// CHECK-NEXT: return
func.func @main(%a: tensor<16x4100xf32>, %b: tensor<4100x64xf32>) -> tensor<16x64xf32> {
  %0 = nnf.prim.dot %a, %b {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<16x4100xf32>, tensor<4100x64xf32>) -> tensor<16x64xf32>
  return %0 : tensor<16x64xf32>
}
