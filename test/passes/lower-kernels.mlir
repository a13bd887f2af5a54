// RUN: nnf-opt %s -split-input-file -nnf-lower-kernels -canonicalize -cse -verify-diagnostics | FileCheck %s

// Elementwise: the grid cuts the elements, of any number of rows as one; whole vectors, then a masked one.
// CHECK-LABEL: module @map
// CHECK: func.func private @k0(%arg0: !llvm.ptr {llvm.noalias}, %arg1: !llvm.ptr {llvm.noalias}, %arg2: i64, %arg3: i64, %arg4: i64, %arg5: !llvm.ptr)
// CHECK-SAME: nnf.grid = #nnf.dims<[1, N * 5 ceildiv 16384]>, nnf.kernel, nnf.method = "map", nnf.scratch = 0 : i64, nnf.symbols = ["N"], nnf.title = "neg"
// CHECK: arith.negf {{.*}} vector<8xf32>
// CHECK: llvm.store
// CHECK: llvm.intr.masked.load
// CHECK: arith.negf {{.*}} vector<8xf32>
// CHECK: llvm.intr.masked.store
// CHECK-NOT: arith.negf
module @map {
  nnf.kernel @k0(%a: tensor<?x10xf32, #nnf.dims<[N, 10]>>) -> tensor<?x10xf32, #nnf.dims<[N, 10]>> attributes {symbols = ["N"], title = "neg"} {
    %0 = nnf.prim.neg %a : (tensor<?x10xf32, #nnf.dims<[N, 10]>>) -> tensor<?x10xf32, #nnf.dims<[N, 10]>>
    nnf.yield %0 : tensor<?x10xf32, #nnf.dims<[N, 10]>>
  }
}

// -----

// A reduction along the row: lanes past its end hold the neutral element, and lanes are added in a tree.
// CHECK-LABEL: module @row
// CHECK: nnf.grid = #nnf.dims<[N ceildiv {{[0-9]+}}]>
// CHECK: %[[X:.*]] = llvm.intr.masked.load
// CHECK: %[[ONLY:.*]] = arith.select %{{.*}}, %[[X]], %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK: arith.addf %{{.*}}, %[[ONLY]]
// CHECK: arith.addf {{.*}} vector<4xf32>
// CHECK: arith.addf {{.*}} vector<2xf32>
module @row {
  nnf.kernel @k0(%a: tensor<?x10xf32, #nnf.dims<[N, 10]>>) -> tensor<?xf32, #nnf.dims<[N]>> attributes {symbols = ["N"], title = "reduce"} {
    %0 = nnf.prim.reduce add %a {dims = array<i64: 1>} : (tensor<?x10xf32, #nnf.dims<[N, 10]>>) -> tensor<?xf32, #nnf.dims<[N]>>
    nnf.yield %0 : tensor<?xf32, #nnf.dims<[N]>>
  }
}

// -----

// A reduction across rows: each lane has a column of its own, so there is nothing to combine at the end.
// CHECK-LABEL: module @column
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (vector<8xf32>)
// CHECK: arith.cmpf ogt, {{.*}} vector<8xf32>
// CHECK-NOT: vector.shuffle
// CHECK: return
module @column {
  nnf.kernel @k0(%a: tensor<?x16xf32, #nnf.dims<[N, 16]>>) -> tensor<16xf32> attributes {symbols = ["N"], title = "reduce"} {
    %0 = nnf.prim.reduce max %a {dims = array<i64: 0>} : (tensor<?x16xf32, #nnf.dims<[N, 16]>>) -> tensor<16xf32>
    nnf.yield %0 : tensor<16xf32>
  }
}

// -----

// 12 x 32 on 16 registers: two tiles of 6 rows by two vectors, 12 sums in registers, two steps at a time, and no mask.
// CHECK-LABEL: module @matmul
// CHECK: %{{.*}}:12 = scf.for
// CHECK-COUNT-24: vector.fma
// CHECK-NOT: vector.fma
// CHECK-NOT: masked
// CHECK: return
module @matmul {
  nnf.kernel @k0(%a: tensor<12x32xf32>, %b: tensor<32x32xf32>) -> tensor<12x32xf32> attributes {symbols = [], title = "dot"} {
    %0 = nnf.prim.dot %a, %b {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<12x32xf32>, tensor<32x32xf32>) -> tensor<12x32xf32>
    nnf.yield %0 : tensor<12x32xf32>
  }
}

// -----

// Sizes that come at run time. One row: four panels side by side, single ones, one that is masked. Else whole tiles,
// then three rows at a time, of which those that are there are stored.
// CHECK-LABEL: module @symbolic
// CHECK: nnf.grid = #nnf.dims<[N ceildiv 6 ceildiv {{[0-9]+}}, M ceildiv 16 ceildiv {{[0-9]+}}]>
// CHECK: arith.cmpi slt, %{{.*}}, %c2_i64
// CHECK-COUNT-16: vector.fma
// CHECK-COUNT-4: vector.fma
// CHECK: llvm.intr.masked.load
// CHECK-COUNT-4: vector.fma
// CHECK: llvm.intr.masked.store
// CHECK-COUNT-24: vector.fma
// CHECK: llvm.intr.masked.load
// CHECK-COUNT-24: vector.fma
// CHECK: llvm.intr.masked.store
// CHECK-COUNT-12: vector.fma
// CHECK: scf.if
// CHECK: llvm.intr.masked.load
// CHECK-COUNT-12: vector.fma
// CHECK: scf.if
// CHECK-NOT: vector.fma
module @symbolic {
  nnf.kernel @k0(%a: tensor<?x32xf32, #nnf.dims<[N, 32]>>, %b: tensor<32x?xf32, #nnf.dims<[32, M]>>) -> tensor<?x?xf32, #nnf.dims<[N, M]>> attributes {symbols = ["N", "M"], title = "dot"} {
    %0 = nnf.prim.dot %a, %b {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<?x32xf32, #nnf.dims<[N, 32]>>, tensor<32x?xf32, #nnf.dims<[32, M]>>) -> tensor<?x?xf32, #nnf.dims<[N, M]>>
    nnf.yield %0 : tensor<?x?xf32, #nnf.dims<[N, M]>>
  }
}

// -----

// Images of 20 rows are a batch of tiles of 5 rows, whatever their number.
// CHECK-LABEL: module @images
// CHECK: nnf.grid = #nnf.dims<[N, 1, 1]>
// CHECK-COUNT-20: vector.fma
// CHECK-NOT: vector.fma
// CHECK: return
module @images {
  nnf.kernel @k0(%a: tensor<?x20x32xf32, #nnf.dims<[N, 20, 32]>>, %b: tensor<32x16xf32>) -> tensor<?x20x16xf32, #nnf.dims<[N, 20, 16]>> attributes {symbols = ["N"], title = "dot"} {
    %0 = nnf.prim.dot %a, %b {lhsBatch = array<i64>, lhsContract = array<i64: 2>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<?x20x32xf32, #nnf.dims<[N, 20, 32]>>, tensor<32x16xf32>) -> tensor<?x20x16xf32, #nnf.dims<[N, 20, 16]>>
    nnf.yield %0 : tensor<?x20x16xf32, #nnf.dims<[N, 20, 16]>>
  }
}

// -----

// Padding: a tap outside reads a row of zeros, 16 channels long. The panel is 16 wide of which 10 are stored.
// CHECK-LABEL: module @padded
// CHECK: nnf.scratch = 64 : i64
// CHECK: %[[AT:.*]] = llvm.getelementptr inbounds %[[ZEROS:arg[0-9]+]]
// CHECK-NEXT: llvm.store %{{.*}}, %[[AT]] {{.*}} vector<8xf32>
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[ZEROS]] : !llvm.ptr
// CHECK: vector.fma
// CHECK: llvm.intr.masked.store
module @padded {
  nnf.kernel @k0(%a: tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>, %w: tensor<1x1x3x16x16xf32>) -> tensor<?x8x10xf32, #nnf.dims<[N, 8, 10]>> attributes {symbols = ["N"], title = "conv"} {
    %0 = nnf.prim.conv %a, %w {groups = 1 : i64, high = array<i64: 1>, inputDilation = array<i64: 1>, kernelDilation = array<i64: 1>, layout = 1 : i64, low = array<i64: 1>, packed = 16 : i64, stride = array<i64: 1>} : (tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>, tensor<1x1x3x16x16xf32>) -> tensor<?x8x10xf32, #nnf.dims<[N, 8, 10]>>
    nnf.yield %0 : tensor<?x8x10xf32, #nnf.dims<[N, 8, 10]>>
  }
}

// -----

// Columns that are not contiguous, and a weight that is computed, are no tiles: every result by itself.
// CHECK-LABEL: module @not_on_tiles
// CHECK: func.func private @columns
// CHECK-NOT: vector.fma
// CHECK-LABEL: func.func private @computed_weight
// CHECK-NOT: :12 = scf.for
module @not_on_tiles {
  nnf.kernel @columns(%a: tensor<?x32xf32, #nnf.dims<[N, 32]>>, %b: tensor<16x32xf32>) -> tensor<?x16xf32, #nnf.dims<[N, 16]>> attributes {symbols = ["N"], title = "dot"} {
    %0 = nnf.prim.dot %a, %b {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 1>} : (tensor<?x32xf32, #nnf.dims<[N, 32]>>, tensor<16x32xf32>) -> tensor<?x16xf32, #nnf.dims<[N, 16]>>
    nnf.yield %0 : tensor<?x16xf32, #nnf.dims<[N, 16]>>
  }
  nnf.kernel @computed_weight(%a: tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>, %w: tensor<3x16x16xf32>) -> tensor<?x6x16xf32, #nnf.dims<[N, 6, 16]>> attributes {symbols = ["N"], title = "conv"} {
    %0 = nnf.prim.conv %a, %w {groups = 1 : i64, high = array<i64: 0>, inputDilation = array<i64: 1>, kernelDilation = array<i64: 1>, layout = 1 : i64, low = array<i64: 0>, stride = array<i64: 1>} : (tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>, tensor<3x16x16xf32>) -> tensor<?x6x16xf32, #nnf.dims<[N, 6, 16]>>
    nnf.yield %0 : tensor<?x6x16xf32, #nnf.dims<[N, 6, 16]>>
  }
}

// -----

// The first few of many: a list of keys and positions in scratch, elements compared with its last in vectors. Workspace
// is what a sort of all needs.
// CHECK-LABEL: module @select
// CHECK: nnf.scratch = 144 : i64
// CHECK: %[[BETTER:.*]] = arith.cmpi ult, %{{.*}}, %{{.*}} : vector<8xi32>
// CHECK: %[[ANY:.*]] = vector.reduction <or>, %[[BETTER]]
// CHECK: scf.if %[[ANY]]
module @select {
  nnf.kernel @k0(%a: tensor<3x1000xf32>) -> (tensor<3x5xf32>, tensor<3x5xi64>, tensor<3x0xi64>) attributes {symbols = [], title = "sort"} {
    %v, %i, %w = nnf.prim.sort %a {dim = 1 : i64, descending = true} : (tensor<3x1000xf32>) -> (tensor<3x5xf32>, tensor<3x5xi64>, tensor<3x0xi64>)
    nnf.yield %v, %i, %w : tensor<3x5xf32>, tensor<3x5xi64>, tensor<3x0xi64>
  }
}

// -----

// Next to padding, channels that are not contiguous cannot come from a row of zeros. Grouping stores such an operand first.
module @strided_beside_padding {
  nnf.kernel @k0(%a: tensor<?x16x8xf32, #nnf.dims<[N, 16, 8]>>, %w: tensor<1x1x3x16x16xf32>) -> tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>> attributes {symbols = ["N"], title = "conv"} {
    %t = nnf.prim.transpose %a {perm = array<i64: 0, 2, 1>} : (tensor<?x16x8xf32, #nnf.dims<[N, 16, 8]>>) -> tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>
    // expected-error @+1 {{internal error: packed weights in a kernel that is no contraction on tiles}}
    %0 = nnf.prim.conv %t, %w {groups = 1 : i64, high = array<i64: 1>, inputDilation = array<i64: 1>, kernelDilation = array<i64: 1>, layout = 1 : i64, low = array<i64: 1>, packed = 16 : i64, stride = array<i64: 1>} : (tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>, tensor<1x1x3x16x16xf32>) -> tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>
    nnf.yield %0 : tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>
  }
}

// -----

// Panels in another order are no panels.
module @reordered_panels {
  nnf.kernel @k0(%a: tensor<?x16xf32, #nnf.dims<[N, 16]>>, %w: tensor<16x1x2x16xf32>) -> tensor<?x32xf32, #nnf.dims<[N, 32]>> attributes {symbols = ["N"], title = "conv"} {
    %t = nnf.prim.transpose %w {perm = array<i64: 1, 2, 0, 3>} : (tensor<16x1x2x16xf32>) -> tensor<1x2x16x16xf32>
    // expected-error @+1 {{internal error: packed weights in a kernel that is no contraction on tiles}}
    %0 = nnf.prim.conv %a, %t {groups = 1 : i64, high = array<i64>, inputDilation = array<i64>, kernelDilation = array<i64>, layout = 1 : i64, low = array<i64>, packed = 16 : i64, stride = array<i64>} : (tensor<?x16xf32, #nnf.dims<[N, 16]>>, tensor<1x2x16x16xf32>) -> tensor<?x32xf32, #nnf.dims<[N, 32]>>
    nnf.yield %0 : tensor<?x32xf32, #nnf.dims<[N, 32]>>
  }
}

// -----

// CHECK-LABEL: module @nothing_to_do
// CHECK-NEXT: func.func @main
// CHECK-NEXT: return
module @nothing_to_do {
  func.func @main(%x: tensor<?xf32, #nnf.dims<[N]>>) -> tensor<?xf32, #nnf.dims<[N]>> {
    return %x : tensor<?xf32, #nnf.dims<[N]>>
  }
}

// -----

// softmax: the largest element may overlook NaN, which the total has anyway; the total is 1 at least.
// CHECK-LABEL: module @softmax
// CHECK-NOT: arith.cmpf uno
// CHECK: llvm.intr.prefetch
// CHECK: arith.divf {{.*}} {nnf.by_total}
// CHECK-NOT: arith.cmpf uno
module @softmax {
  nnf.kernel @k0(%x: tensor<4x64xf32>) -> tensor<4x64xf32> attributes {symbols = [], title = "softmax"} {
    %max = nnf.prim.reduce max %x {dims = array<i64: 1>} : (tensor<4x64xf32>) -> tensor<4xf32>
    %largest = nnf.prim.broadcast %max {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x64xf32>
    %shifted = nnf.prim.sub %x, %largest : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
    %e = nnf.prim.exp %shifted : (tensor<4x64xf32>) -> tensor<4x64xf32>
    %sum = nnf.prim.reduce add %e {dims = array<i64: 1>} : (tensor<4x64xf32>) -> tensor<4xf32>
    %total = nnf.prim.broadcast %sum {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x64xf32>
    %y = nnf.prim.div %e, %total : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
    nnf.yield %y : tensor<4x64xf32>
  }
}

// -----

// The exponentials are a result, too: one that is a number beside a NaN must be NaN.
// CHECK-LABEL: module @softmax_and_exponentials
// CHECK: arith.cmpf uno
module @softmax_and_exponentials {
  nnf.kernel @k0(%x: tensor<4x64xf32>) -> (tensor<4x64xf32>, tensor<4x64xf32>) attributes {symbols = [], title = "softmax"} {
    %max = nnf.prim.reduce max %x {dims = array<i64: 1>} : (tensor<4x64xf32>) -> tensor<4xf32>
    %largest = nnf.prim.broadcast %max {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x64xf32>
    %shifted = nnf.prim.sub %x, %largest : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
    %e = nnf.prim.exp %shifted : (tensor<4x64xf32>) -> tensor<4x64xf32>
    %sum = nnf.prim.reduce add %e {dims = array<i64: 1>} : (tensor<4x64xf32>) -> tensor<4xf32>
    %total = nnf.prim.broadcast %sum {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<4x64xf32>
    %y = nnf.prim.div %e, %total : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
    nnf.yield %y, %e : tensor<4x64xf32>, tensor<4x64xf32>
  }
}
