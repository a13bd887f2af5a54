// RUN: nnf-opt %s -split-input-file -nnf-split-transposed-convs -cse | FileCheck %s

// Stride 2, kernel 3, symbolic length: phase 0 meets taps 0 and 2 (here 0 after the flip), phase 1 tap 1. No gaps are left, the
// phases interleave, and what the longest phase has too much is cut off.
// CHECK-LABEL: @stride_2
// CHECK: %[[TAPS0:.*]] = nnf.prim.slice %{{.*}}{start = #nnf.dims<[0, 0, 0]>, step = array<i64: 1, 1, 2>} : (tensor<5x3x3xf32>) -> tensor<5x3x2xf32>
// CHECK: nnf.prim.conv %{{.*}}, %[[TAPS0]] {{.*}}inputDilation = array<i64: 1>
// CHECK-SAME: low = array<i64: 1>
// CHECK: %[[TAPS1:.*]] = nnf.prim.slice %{{.*}}{start = #nnf.dims<[0, 0, 1]>, step = array<i64: 1, 1, 2>} : (tensor<5x3x3xf32>) -> tensor<5x3x1xf32>
// CHECK: nnf.prim.conv %{{.*}}, %[[TAPS1]] {{.*}}inputDilation = array<i64: 1>
// CHECK: nnf.prim.concat
// CHECK: nnf.prim.reshape
// CHECK: nnf.prim.slice {{.*}}-> tensor<?x5x?xf32, #nnf.dims<[N, 5, L * 2 + 1]>>
!x = tensor<?x3x?xf32, #nnf.dims<[N, 3, L]>>
!y = tensor<?x5x?xf32, #nnf.dims<[N, 5, L * 2 + 1]>>
func.func @stride_2(%x: !x, %w: tensor<5x3x3xf32>) -> !y {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 2>, inputDilation = array<i64: 2>, kernelDilation = array<i64: 1>, layout = 0 : i64, low = array<i64: 2>, stride = array<i64: 1>} : (!x, tensor<5x3x3xf32>) -> !y
  return %0 : !y
}

// -----

// Stride 3, kernel 2: no tap reaches one of the phases; it is zero.
// CHECK-LABEL: @empty_phase
// CHECK-COUNT-2: nnf.prim.conv
// CHECK-NOT: nnf.prim.conv
// CHECK: nnf.constant dense<0.000000e+00>
// CHECK: nnf.prim.concat
!x = tensor<?x3x4xf32, #nnf.dims<[N, 3, 4]>>
!y = tensor<?x5x11xf32, #nnf.dims<[N, 5, 11]>>
func.func @empty_phase(%x: !x, %w: tensor<5x3x2xf32>) -> !y {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 1>, inputDilation = array<i64: 3>, kernelDilation = array<i64: 1>, layout = 0 : i64, low = array<i64: 1>, stride = array<i64: 1>} : (!x, tensor<5x3x2xf32>) -> !y
  return %0 : !y
}

// -----

// Taps that are spread over the gaps themselves are left alone.
// CHECK-LABEL: @refused
// CHECK-NEXT: nnf.prim.conv {{.*}}inputDilation = array<i64: 2>, kernelDilation = array<i64: 3>
// CHECK-NEXT: return
!x = tensor<?x3x4xf32, #nnf.dims<[N, 3, 4]>>
!y = tensor<?x5x10xf32, #nnf.dims<[N, 5, 10]>>
func.func @refused(%x: !x, %w: tensor<5x3x2xf32>) -> !y {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 3>, inputDilation = array<i64: 2>, kernelDilation = array<i64: 3>, layout = 0 : i64, low = array<i64: 3>, stride = array<i64: 1>} : (!x, tensor<5x3x2xf32>) -> !y
  return %0 : !y
}

// -----

// CHECK-LABEL: @nothing_to_do
// CHECK-NEXT: nnf.prim.conv
// CHECK-NEXT: return
!x = tensor<?x3x8xf32, #nnf.dims<[N, 3, 8]>>
!y = tensor<?x5x7xf32, #nnf.dims<[N, 5, 7]>>
func.func @nothing_to_do(%x: !x, %w: tensor<5x3x2xf32>) -> !y {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0>, inputDilation = array<i64: 1>, kernelDilation = array<i64: 1>, layout = 0 : i64, low = array<i64: 0>, stride = array<i64: 1>} : (!x, tensor<5x3x2xf32>) -> !y
  return %0 : !y
}
