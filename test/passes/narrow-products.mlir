// RUN: nnf-opt %s -split-input-file -nnf-narrow-products | FileCheck %s

// Views come to stand before the conversion; what is a conversion already, or of float32, stays.
// CHECK-LABEL: func.func @main(%arg0: tensor<4x6xf16>, %arg1: tensor<4x8xf16>)
// CHECK: %[[B:.*]] = nnf.prim.convert %arg1
// CHECK: %[[T:.*]] = nnf.prim.transpose %arg0 {{.*}} -> tensor<6x4xf16>
// CHECK: %[[A:.*]] = nnf.prim.convert %[[T]] : (tensor<6x4xf16>) -> tensor<6x4xf32>
// CHECK: nnf.prim.dot %[[A]], %[[B]]
func.func @main(%a: tensor<4x6xf16>, %b: tensor<4x8xf16>) -> tensor<6x8xf32> {
  %0 = nnf.prim.convert %a : (tensor<4x6xf16>) -> tensor<4x6xf32>
  %1 = nnf.prim.transpose %0 {perm = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<6x4xf32>
  %2 = nnf.prim.convert %b : (tensor<4x8xf16>) -> tensor<4x8xf32>
  %3 = nnf.prim.dot %1, %2 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  return %3 : tensor<6x8xf32>
}

// -----

// CHECK-LABEL: func.func @main(%arg0: tensor<4x6xi32>
// CHECK-NEXT: %[[A:.*]] = nnf.prim.convert %arg0
// CHECK-NEXT: %[[T:.*]] = nnf.prim.transpose %[[A]]
// CHECK-NEXT: nnf.prim.dot %[[T]], %arg1
func.func @main(%a: tensor<4x6xi32>, %b: tensor<4x8xf32>) -> tensor<6x8xf32> {
  %0 = nnf.prim.convert %a : (tensor<4x6xi32>) -> tensor<4x6xf32>
  %1 = nnf.prim.transpose %0 {perm = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<6x4xf32>
  %3 = nnf.prim.dot %1, %b {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  return %3 : tensor<6x8xf32>
}
