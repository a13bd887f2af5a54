// Which depthwise convolutions are one kernel with the pointwise ones around them: those whose images leave the cache.
// DEFINE: %{before} = -nnf-decompose -canonicalize -cse -nnf-assign-layout -canonicalize -nnf-pack-contractions -canonicalize -cse -nnf-split-prepare
// DEFINE: %{main} = nnf-opt %s -split-input-file %{before} | sed '/@prepare()/,/^  }/d' | nnf-opt -split-input-file
// RUN: %{main} -nnf-form-groups=l2-bytes=524288 | FileCheck %s
// RUN: %{main} -nnf-form-groups | FileCheck %s --check-prefix=APART

// Expansion, taps, projection and what is added: one kernel between the transposes at the rim.
// CHECK-LABEL: module @inverted_residual
// CHECK: nnf.kernel @[[BLOCK:k[0-9]+]](%{{.*}}: tensor<2x40x40x24xf32>
// CHECK-COUNT-3: nnf.prim.conv %
// CHECK: nnf.yield
// CHECK: func.func @main
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
// APART-LABEL: module @inverted_residual
// APART: func.func @main
// APART-COUNT-4: nnf.launch
// APART-NOT: nnf.launch
!x = tensor<2x24x40x40xf32>
!e = tensor<2x96x40x40xf32>
module @inverted_residual {
  func.func @main(%x: !x) -> !x {
    %we = nnf.weight "we" : tensor<96x24x1x1xf32>
    %be = nnf.weight "be" : tensor<96xf32>
    %wd = nnf.weight "wd" : tensor<96x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<24x96x1x1xf32>
    %0 = nnf.conv2d %x, %we, %be : (!x, tensor<96x24x1x1xf32>, tensor<96xf32>) -> !e
    %1 = nnf.silu %0 : (!e) -> !e
    %2 = nnf.conv2d %1, %wd {groups = 96 : i64, padding = array<i64: 1>} : (!e, tensor<96x1x3x3xf32>) -> !e
    %3 = nnf.relu6 %2 : (!e) -> !e
    %4 = nnf.conv2d %3, %wp : (!e, tensor<24x96x1x1xf32>) -> !x
    %5 = nnf.add %4, %x : (!x, !x) -> !x
    return %5 : !x
  }
}

// -----

// The expanded image has another reader: it is stored, and the rest is one kernel.
// CHECK-LABEL: module @expanded_is_read
// APART-LABEL: module @expanded_is_read
// CHECK: func.func @main
// CHECK-COUNT-4: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<2x24x40x40xf32>
!e = tensor<2x96x40x40xf32>
module @expanded_is_read {
  func.func @main(%x: !x) -> (!x, !e) {
    %we = nnf.weight "we" : tensor<96x24x1x1xf32>
    %wd = nnf.weight "wd" : tensor<96x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<24x96x1x1xf32>
    %0 = nnf.conv2d %x, %we : (!x, tensor<96x24x1x1xf32>) -> !e
    %2 = nnf.conv2d %0, %wd {groups = 96 : i64, padding = array<i64: 1>} : (!e, tensor<96x1x3x3xf32>) -> !e
    %4 = nnf.conv2d %2, %wp : (!e, tensor<24x96x1x1xf32>) -> !x
    return %4, %0 : !x, !e
  }
}

// -----

// What comes of the taps is gated by its own means: the expansion and the taps are one kernel.
// CHECK-LABEL: module @gated
// CHECK: nnf.kernel
// CHECK: nnf.kernel @{{k[0-9]+}}(%{{.*}}: tensor<2x40x40x24xf32>
// CHECK-COUNT-2: nnf.prim.conv %
// CHECK: nnf.yield
// CHECK: nnf.kernel
!x = tensor<2x24x40x40xf32>
!e = tensor<2x96x40x40xf32>
!m = tensor<2x96x1x1xf32>
module @gated {
  func.func @main(%x: !x) -> !x {
    %we = nnf.weight "we" : tensor<96x24x1x1xf32>
    %wd = nnf.weight "wd" : tensor<96x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<24x96x1x1xf32>
    %0 = nnf.conv2d %x, %we : (!x, tensor<96x24x1x1xf32>) -> !e
    %1 = nnf.conv2d %0, %wd {groups = 96 : i64, padding = array<i64: 1>} : (!e, tensor<96x1x3x3xf32>) -> !e
    %2 = nnf.adaptive_avg_pool2d %1 {output_size = array<i64: 1, 1>} : (!e) -> !m
    %3 = nnf.sigmoid %2 : (!m) -> !m
    %4 = nnf.mul %1, %3 : (!e, !m) -> !e
    %5 = nnf.conv2d %4, %wp : (!e, tensor<24x96x1x1xf32>) -> !x
    return %5 : !x
  }
}

// -----

// Without an expansion: the taps and what follows, at any batch.
// CHECK-LABEL: module @separable
// CHECK: func.func @main
// CHECK-COUNT-3: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<?x64x56x56xf32, #nnf.dims<[N, 64, 56, 56]>>
!y = tensor<?x128x56x56xf32, #nnf.dims<[N, 128, 56, 56]>>
module @separable {
  func.func @main(%x: !x) -> !y {
    %wd = nnf.weight "wd" : tensor<64x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<128x64x1x1xf32>
    %0 = nnf.conv2d %x, %wd {groups = 64 : i64, padding = array<i64: 1>} : (!x, tensor<64x1x3x3xf32>) -> !x
    %1 = nnf.relu %0 : (!x) -> !x
    %2 = nnf.conv2d %1, %wp : (!x, tensor<128x64x1x1xf32>) -> !y
    return %2 : !y
  }
}

// -----

// Images of 28 KB stay in cache: a kernel each.
// CHECK-LABEL: module @small
// CHECK: func.func @main
// CHECK-COUNT-4: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<1x32x15x15xf32>
module @small {
  func.func @main(%x: !x) -> !x {
    %wd = nnf.weight "wd" : tensor<32x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<32x32x1x1xf32>
    %0 = nnf.conv2d %x, %wd {groups = 32 : i64, padding = array<i64: 1>} : (!x, tensor<32x1x3x3xf32>) -> !x
    %2 = nnf.conv2d %0, %wp : (!x, tensor<32x32x1x1xf32>) -> !x
    return %2 : !x
  }
}

// -----

// Of images of any size nothing is known: a kernel each.
// CHECK-LABEL: module @any_size
// CHECK: func.func @main
// CHECK-COUNT-4: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<1x32x?x?xf32, #nnf.dims<[1, 32, H, W]>>
module @any_size {
  func.func @main(%x: !x) -> !x {
    %wd = nnf.weight "wd" : tensor<32x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<32x32x1x1xf32>
    %0 = nnf.conv2d %x, %wd {groups = 32 : i64, padding = array<i64: 1>} : (!x, tensor<32x1x3x3xf32>) -> !x
    %2 = nnf.conv2d %0, %wp : (!x, tensor<32x32x1x1xf32>) -> !x
    return %2 : !x
  }
}

// -----

// Two rows of this image and a panel of what they expand to are more than the cache holds.
// CHECK-LABEL: module @too_wide
// CHECK: func.func @main
// CHECK-COUNT-4: nnf.launch
// CHECK-NOT: nnf.launch
!x = tensor<1x16x4x9000xf32>
!e = tensor<1x64x4x9000xf32>
module @too_wide {
  func.func @main(%x: !x) -> !x {
    %we = nnf.weight "we" : tensor<64x16x1x1xf32>
    %wd = nnf.weight "wd" : tensor<64x1x3x3xf32>
    %wp = nnf.weight "wp" : tensor<16x64x1x1xf32>
    %0 = nnf.conv2d %x, %we : (!x, tensor<64x16x1x1xf32>) -> !e
    %1 = nnf.conv2d %0, %wd {groups = 64 : i64, padding = array<i64: 1>} : (!e, tensor<64x1x3x3xf32>) -> !e
    %2 = nnf.conv2d %1, %wp : (!e, tensor<16x64x1x1xf32>) -> !x
    return %2 : !x
  }
}
