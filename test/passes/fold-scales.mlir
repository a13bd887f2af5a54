// RUN: nnf-opt %s -split-input-file -nnf-fold-scales -canonicalize | FileCheck %s

// (conv(x, w) + b) * s + t, all per channel: what is left on the run-time side is one convolution and one shift.
// CHECK-LABEL: @scale_through_bias
// CHECK-DAG: %[[W:.*]] = nnf.weight "w"
// CHECK-DAG: %[[S:.*]] = nnf.weight "s"
// CHECK-DAG: %[[ALONG:.*]] = nnf.prim.broadcast %[[S]] {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x3x3x3xf32>
// CHECK-DAG: %[[SCALED:.*]] = nnf.prim.mul %[[W]], %[[ALONG]]
// CHECK: %[[CONV:.*]] = nnf.prim.conv %{{.*}}, %[[SCALED]]
// CHECK-NOT: nnf.prim.mul %[[CONV]]
// CHECK: %[[SUM:.*]] = nnf.prim.add %[[CONV]], %{{.*}} : (tensor<?x4x6x6xf32, #nnf.dims<[N, 4, 6, 6]>>
// CHECK-NEXT: return %[[SUM]]
!x = tensor<?x3x8x8xf32, #nnf.dims<[N, 3, 8, 8]>>
!y = tensor<?x4x6x6xf32, #nnf.dims<[N, 4, 6, 6]>>
func.func @scale_through_bias(%x: !x) -> !y {
  %w = nnf.weight "w" : tensor<4x3x3x3xf32>
  %b = nnf.weight "b" : tensor<4xf32>
  %s = nnf.weight "s" : tensor<4xf32>
  %t = nnf.weight "t" : tensor<4xf32>
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (!x, tensor<4x3x3x3xf32>) -> !y
  %b1 = nnf.prim.broadcast %b {dims = array<i64: 1>} : (tensor<4xf32>) -> !y
  %1 = nnf.prim.add %0, %b1 : (!y, !y) -> !y
  %s1 = nnf.prim.broadcast %s {dims = array<i64: 1>} : (tensor<4xf32>) -> !y
  %2 = nnf.prim.mul %1, %s1 : (!y, !y) -> !y
  %t1 = nnf.prim.broadcast %t {dims = array<i64: 1>} : (tensor<4xf32>) -> !y
  %3 = nnf.prim.add %2, %t1 : (!y, !y) -> !y
  return %3 : !y
}

// -----

// A scale that is computed, one along another dimension, and a convolution somebody else reads stay as they are.
// CHECK-LABEL: @refused
// CHECK: %[[A:.*]] = nnf.prim.conv %{{.*}}, %[[W:.*]] {
// CHECK: nnf.prim.mul %[[A]],
// CHECK: %[[B:.*]] = nnf.prim.conv %{{.*}}, %[[W]] {
// CHECK: nnf.prim.mul %[[B]],
// CHECK: %[[C:.*]] = nnf.prim.conv %{{.*}}, %[[W]] {
// CHECK: nnf.prim.mul %[[C]],
!x = tensor<?x3x8x8xf32, #nnf.dims<[N, 3, 8, 8]>>
!y = tensor<?x6x6x6xf32, #nnf.dims<[N, 6, 6, 6]>>
func.func @refused(%x: !x, %computed: tensor<6xf32>) -> (!y, !y, !y, !y) {
  %w = nnf.weight "w" : tensor<6x3x3x3xf32>
  %s = nnf.weight "s" : tensor<6xf32>
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (!x, tensor<6x3x3x3xf32>) -> !y
  %s0 = nnf.prim.broadcast %computed {dims = array<i64: 1>} : (tensor<6xf32>) -> !y
  %1 = nnf.prim.mul %0, %s0 : (!y, !y) -> !y
  %2 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (!x, tensor<6x3x3x3xf32>) -> !y
  %s1 = nnf.prim.broadcast %s {dims = array<i64: 3>} : (tensor<6xf32>) -> !y
  %3 = nnf.prim.mul %2, %s1 : (!y, !y) -> !y
  %4 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 0, 0>, stride = array<i64: 1, 1>} : (!x, tensor<6x3x3x3xf32>) -> !y
  %s2 = nnf.prim.broadcast %s {dims = array<i64: 1>} : (tensor<6xf32>) -> !y
  %5 = nnf.prim.mul %4, %s2 : (!y, !y) -> !y
  return %1, %3, %4, %5 : !y, !y, !y, !y
}

// -----

// CHECK-LABEL: @nothing_to_do
// CHECK-NEXT: nnf.prim.mul
// CHECK-NEXT: return
!x = tensor<?x3xf32, #nnf.dims<[N, 3]>>
func.func @nothing_to_do(%x: !x) -> !x {
  %0 = nnf.prim.mul %x, %x : (!x, !x) -> !x
  return %0 : !x
}
