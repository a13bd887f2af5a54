// Bounds of a size (--dim N=1:32) reach kernels: they have those of their own symbols, and choices count on a size
// within them, not on one image.
// DEFINE: %{before} = -nnf-decompose -canonicalize -cse -nnf-assign-layout -canonicalize -nnf-pack-contractions -canonicalize -cse -nnf-split-prepare
// RUN: nnf-opt %s -split-input-file %{before} | sed '/@prepare()/,/^  }/d' | nnf-opt -split-input-file -nnf-form-groups=l2-bytes=524288 | FileCheck %s

// Of one image the expanded pixels stay in cache; nothing more is known of N.
// CHECK-LABEL: module @open
// CHECK-NOT: nnf.ranges
// CHECK: func.func @main
// CHECK-COUNT-4: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<?x24x20x20xf32, #nnf.dims<[N, 24, 20, 20]>>
!e = tensor<?x96x20x20xf32, #nnf.dims<[N, 96, 20, 20]>>
module @open {
  func.func @main(%x: !x) -> !x {
    %we = nnf.weight "we" : tensor<96x24x1x1xf32>
    %wd = nnf.weight "wd" : tensor<96x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<24x96x1x1xf32>
    %0 = nnf.conv2d %x, %we : (!x, tensor<96x24x1x1xf32>) -> !e
    %1 = nnf.conv2d %0, %wd {groups = 96 : i64, padding = array<i64: 1>} : (!e, tensor<96x1x3x3xf32>) -> !e
    %2 = nnf.conv2d %1, %wp : (!e, tensor<24x96x1x1xf32>) -> !x
    return %2 : !x
  }
}

// -----

// Those of 32 images would not stay: one kernel between the transposes. M is no size of these kernels.
// CHECK-LABEL: module @bounded
// CHECK: nnf.kernel @{{.*}}attributes {nnf.ranges = {N = array<i64: 1, 32>}
// CHECK: func.func @main
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<?x24x20x20xf32, #nnf.dims<[N, 24, 20, 20]>>
!e = tensor<?x96x20x20xf32, #nnf.dims<[N, 96, 20, 20]>>
module @bounded attributes {nnf.ranges = {M = array<i64: 1, 5>, N = array<i64: 1, 32>}} {
  func.func @main(%x: !x) -> !x {
    %we = nnf.weight "we" : tensor<96x24x1x1xf32>
    %wd = nnf.weight "wd" : tensor<96x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<24x96x1x1xf32>
    %0 = nnf.conv2d %x, %we : (!x, tensor<96x24x1x1xf32>) -> !e
    %1 = nnf.conv2d %0, %wd {groups = 96 : i64, padding = array<i64: 1>} : (!e, tensor<96x1x3x3xf32>) -> !e
    %2 = nnf.conv2d %1, %wp : (!e, tensor<24x96x1x1xf32>) -> !x
    return %2 : !x
  }
}
