// RUN: nnf-opt %s -split-input-file -nnf-lower-kernels -canonicalize -cse | FileCheck %s
// Positions that kernels compute: those that are sums of indices are read as they lie, without a look at bounds.

// The sums of windows of 20 that begin somewhere in rows of 1000: positions are one number and the lanes.
// CHECK-LABEL: func.func private @side_by_side
// CHECK: llvm.load {{.*}} -> vector<8xf32>
// CHECK-NOT: gather
// CHECK-NOT: arith.maxsi
// CHECK: return
// Of windows that begin where a table says, nothing is known: their positions are held to the row.
// CHECK-LABEL: func.func private @from_table
// CHECK: arith.maxsi
// CHECK: return
module @windows {
  nnf.kernel @side_by_side(%x: tensor<6x1000xf32>) -> tensor<6x50xf32> attributes {symbols = [], title = "sum"} {
    %step = nnf.constant dense<19> : tensor<i64>
    %steps = nnf.prim.broadcast %step {dims = array<i64>} : (tensor<i64>) -> tensor<50xi64>
    %i = nnf.prim.iota {dim = 0 : i64} : () -> tensor<50xi64>
    %start = nnf.prim.mul %i, %steps : (tensor<50xi64>, tensor<50xi64>) -> tensor<50xi64>
    %starts = nnf.prim.broadcast %start {dims = array<i64: 0>} : (tensor<50xi64>) -> tensor<50x20xi64>
    %tap = nnf.prim.iota {dim = 1 : i64} : () -> tensor<50x20xi64>
    %at = nnf.prim.add %starts, %tap : (tensor<50x20xi64>, tensor<50x20xi64>) -> tensor<50x20xi64>
    %0 = nnf.prim.gather clamp %x, %at {gatherDims = array<i64: 1>, message = "", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<6x1000xf32>, tensor<50x20xi64>) -> tensor<50x20x6xf32>
    %1 = nnf.prim.transpose %0 {perm = array<i64: 2, 0, 1>} : (tensor<50x20x6xf32>) -> tensor<6x50x20xf32>
    %2 = nnf.prim.reduce add %1 {dims = array<i64: 2>} : (tensor<6x50x20xf32>) -> tensor<6x50xf32>
    nnf.yield %2 : tensor<6x50xf32>
  }
  nnf.kernel @from_table(%x: tensor<6x1000xf32>, %start: tensor<50xi64>) -> tensor<6x50xf32> attributes {symbols = [], title = "sum"} {
    %starts = nnf.prim.broadcast %start {dims = array<i64: 0>} : (tensor<50xi64>) -> tensor<50x20xi64>
    %tap = nnf.prim.iota {dim = 1 : i64} : () -> tensor<50x20xi64>
    %at = nnf.prim.add %starts, %tap : (tensor<50x20xi64>, tensor<50x20xi64>) -> tensor<50x20xi64>
    %0 = nnf.prim.gather clamp %x, %at {gatherDims = array<i64: 1>, message = "", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<6x1000xf32>, tensor<50x20xi64>) -> tensor<50x20x6xf32>
    %1 = nnf.prim.transpose %0 {perm = array<i64: 2, 0, 1>} : (tensor<50x20x6xf32>) -> tensor<6x50x20xf32>
    %2 = nnf.prim.reduce add %1 {dims = array<i64: 2>} : (tensor<6x50x20xf32>) -> tensor<6x50xf32>
    nnf.yield %2 : tensor<6x50xf32>
  }
}
