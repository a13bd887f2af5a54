// RUN: nnf-opt %s -split-input-file -nnf-lower-kernels -canonicalize -cse | FileCheck %s
// Loops of steps: what is done once for a row, and rows that a step leaves alone.

// The number that all elements are added to is read once a step, not for each vector of them.
// CHECK-LABEL: module @row_values
// CHECK: scf.for
// CHECK: llvm.load {{.*}} -> f32
// CHECK: scf.for
// CHECK-NOT: llvm.load {{.*}} -> f32
// CHECK: return
module @row_values {
  nnf.kernel @k0(%a: tensor<2x64xf32>) -> (tensor<2x64xf32>, tensor<2x64xf32>) attributes {symbols = [], title = "loop"} {
    %0:2 = "nnf.prim.loop"(%a) <{operandSegmentSizes = array<i32: 1, 0>, resultSegmentSizes = array<i32: 1, 1>, rows = 1 : i64, trips = #nnf.dims<[64]>}> ({
    ^bb0(%i: tensor<i64>, %x: tensor<2x64xf32>):
      %row = nnf.prim.iota {dim = 0 : i64} : () -> tensor<2xi64>
      %column = nnf.prim.broadcast %i {dims = array<i64>} : (tensor<i64>) -> tensor<2xi64>
      %own = nnf.prim.gather clamp %x, %row, %column {gatherDims = array<i64: 0, 1>, message = "", operandSegmentSizes = array<i32: 1, 2, 0>} : (tensor<2x64xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<2xf32>
      %all = nnf.prim.broadcast %own {dims = array<i64: 0>} : (tensor<2xf32>) -> tensor<2x64xf32>
      %sum = nnf.prim.add %x, %all : (tensor<2x64xf32>, tensor<2x64xf32>) -> tensor<2x64xf32>
      nnf.yield %sum : tensor<2x64xf32>
    }) : (tensor<2x64xf32>) -> (tensor<2x64xf32>, tensor<2x64xf32>)
    nnf.yield %0#0, %0#1 : tensor<2x64xf32>, tensor<2x64xf32>
  }
}

// -----

// A step that leaves a row as it is looks at its elements no more.
// CHECK-LABEL: module @idle_rows
// CHECK: scf.for
// CHECK: llvm.load {{.*}} -> i8
// CHECK: scf.if
// CHECK: scf.for
// CHECK: math.erf
// CHECK: return
module @idle_rows {
  nnf.kernel @k0(%a: tensor<2x64xf32>, %mask: tensor<2x64xi1>) -> (tensor<2x64xf32>, tensor<2x64xf32>) attributes {symbols = [], title = "loop"} {
    %0:2 = "nnf.prim.loop"(%a, %mask) <{operandSegmentSizes = array<i32: 1, 1>, resultSegmentSizes = array<i32: 1, 1>, rows = 1 : i64, trips = #nnf.dims<[64]>}> ({
    ^bb0(%i: tensor<i64>, %x: tensor<2x64xf32>, %m: tensor<2x64xi1>):
      %row = nnf.prim.iota {dim = 0 : i64} : () -> tensor<2xi64>
      %column = nnf.prim.broadcast %i {dims = array<i64>} : (tensor<i64>) -> tensor<2xi64>
      %own = nnf.prim.gather clamp %m, %row, %column {gatherDims = array<i64: 0, 1>, message = "", operandSegmentSizes = array<i32: 1, 2, 0>} : (tensor<2x64xi1>, tensor<2xi64>, tensor<2xi64>) -> tensor<2xi1>
      %all = nnf.prim.broadcast %own {dims = array<i64: 0>} : (tensor<2xi1>) -> tensor<2x64xi1>
      %erf = nnf.prim.erf %x : (tensor<2x64xf32>) -> tensor<2x64xf32>
      %next = nnf.prim.select %all, %erf, %x : (tensor<2x64xi1>, tensor<2x64xf32>, tensor<2x64xf32>) -> tensor<2x64xf32>
      nnf.yield %next : tensor<2x64xf32>
    }) : (tensor<2x64xf32>, tensor<2x64xi1>) -> (tensor<2x64xf32>, tensor<2x64xf32>)
    nnf.yield %0#0, %0#1 : tensor<2x64xf32>, tensor<2x64xf32>
  }
}
