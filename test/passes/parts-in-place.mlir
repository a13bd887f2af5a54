// Concatenations whose operands are stored where they belong: what is in place, and where memory is.
// RUN: nnf-opt %s -split-input-file -nnf-form-groups=in-place -nnf-copy-outputs -nnf-pack-weights -nnf-plan-memory | FileCheck %s
// RUN: nnf-opt %s -split-input-file -nnf-form-groups | FileCheck %s --check-prefix=COPIES

// Windows of two widths: 16 and 24 channels of rows of 40. The second begins 64 bytes later; both are one buffer, which
// the last kernel reads as it is. Without the option there is a kernel that copies.
// CHECK-LABEL: module @channels
// CHECK: nnf.kernel @k0{{.*}} -> (tensor<2x3x16xf32> {nnf.within = #nnf.dims<[2, 3, 40]>})
// CHECK: nnf.kernel @k1{{.*}} -> (tensor<2x3x24xf32> {nnf.within = #nnf.dims<[2, 3, 40]>})
// CHECK: %[[A:.*]] = nnf.launch @k0{{.*}}nnf.offsets = #nnf.dims<[0]>, nnf.regions = array<i64: 0>
// CHECK: %[[B:.*]] = nnf.launch @k1{{.*}}nnf.offsets = #nnf.dims<[64]>, nnf.regions = array<i64: 0>
// CHECK: %[[C:.*]] = nnf.prim.concat %[[A]], %[[B]] {dim = 2 : i64, nnf.offsets = #nnf.dims<[0]>, nnf.regions = array<i64: 0>}
// CHECK: nnf.launch @k2(%[[C]])
// COPIES-LABEL: module @channels
// COPIES-COUNT-4: nnf.launch
!a = tensor<2x3x16xf32>
!b = tensor<2x3x24xf32>
!c = tensor<2x3x40xf32>
module @channels {
  func.func @main(%x: !a, %y: !b) -> !c {
    %a = nnf.prim.reduce_window max %x {dilation = array<i64: 1, 1, 1>, high = array<i64: 0, 1, 0>, indexDims = array<i64>, low = array<i64: 0, 1, 0>, size = array<i64: 1, 3, 1>, stride = array<i64: 1, 1, 1>} : (!a) -> !a
    %b = nnf.prim.reduce_window max %y {dilation = array<i64: 1, 1, 1>, high = array<i64: 0, 1, 0>, indexDims = array<i64>, low = array<i64: 0, 1, 0>, size = array<i64: 1, 3, 1>, stride = array<i64: 1, 1, 1>} : (!b) -> !b
    %c = nnf.prim.concat %a, %b {dim = 2 : i64} : (!a, !b) -> !c
    %m = nnf.prim.reduce_window max %c {dilation = array<i64: 1, 1, 1>, high = array<i64: 0, 1, 0>, indexDims = array<i64>, low = array<i64: 0, 1, 0>, size = array<i64: 1, 3, 1>, stride = array<i64: 1, 1, 1>} : (!c) -> !c
    return %m : !c
  }
}

// -----

// One piece after the other, in the caller's buffer: kernels know nothing of it, and equal ones are one.
// CHECK-LABEL: module @rows
// CHECK-COUNT-1: nnf.kernel
// CHECK-NOT: nnf.within
// CHECK: nnf.launch @k0{{.*}}nnf.offsets = #nnf.dims<[0]>, nnf.regions = array<i64: -1>
// CHECK: nnf.launch @k0{{.*}}nnf.offsets = #nnf.dims<[M * 64]>, nnf.regions = array<i64: -1>
// CHECK: nnf.prim.concat
// CHECK-NOT: nnf.launch
!x = tensor<?x16xf32, #nnf.dims<[M, 16]>>
!y = tensor<?x16xf32, #nnf.dims<[M * 2, 16]>>
module @rows {
  func.func @main(%x: !x, %z: !x) -> !y {
    %a = nnf.prim.reduce_window max %x {dilation = array<i64: 1, 1>, high = array<i64: 0, 1>, indexDims = array<i64>, low = array<i64: 0, 1>, size = array<i64: 1, 3>, stride = array<i64: 1, 1>} : (!x) -> !x
    %b = nnf.prim.reduce_window max %z {dilation = array<i64: 1, 1>, high = array<i64: 0, 1>, indexDims = array<i64>, low = array<i64: 0, 1>, size = array<i64: 1, 3>, stride = array<i64: 1, 1>} : (!x) -> !x
    %y = nnf.prim.concat %a, %b {dim = 0 : i64} : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// A part that is returned too, a graph's input, a value computed on while it is copied: a kernel copies.
// CHECK-LABEL: module @apart
// CHECK-NOT: nnf.within
// CHECK: func.func @main
// CHECK-NOT: nnf.prim.concat
!a = tensor<3x16xf32>
!c = tensor<3x32xf32>
module @apart {
  func.func @main(%x: !a, %y: !a) -> (!a, !c, !c, !c) {
    %a = nnf.prim.reduce_window max %x {dilation = array<i64: 1, 1>, high = array<i64: 0, 1>, indexDims = array<i64>, low = array<i64: 0, 1>, size = array<i64: 1, 3>, stride = array<i64: 1, 1>} : (!a) -> !a
    %b = nnf.prim.reduce_window max %y {dilation = array<i64: 1, 1>, high = array<i64: 0, 1>, indexDims = array<i64>, low = array<i64: 0, 1>, size = array<i64: 1, 3>, stride = array<i64: 1, 1>} : (!a) -> !a
    %d = nnf.prim.reduce_window add %y {dilation = array<i64: 1, 1>, high = array<i64: 0, 1>, indexDims = array<i64>, low = array<i64: 0, 1>, size = array<i64: 1, 3>, stride = array<i64: 1, 1>} : (!a) -> !a
    %returned = nnf.prim.concat %a, %b {dim = 1 : i64} : (!a, !a) -> !c
    %given = nnf.prim.concat %b, %y {dim = 1 : i64} : (!a, !a) -> !c
    %computed = nnf.prim.concat %b, %d {dim = 1 : i64} : (!a, !a) -> !c
    %e = nnf.prim.exp %computed : (!c) -> !c
    return %a, %returned, %given, %e : !a, !c, !c, !c
  }
}
