// RUN: nnf-opt %s -split-input-file -nnf-lower-kernels -canonicalize -cse | FileCheck %s
// Rows of map kernels: how wide lanes are, where rows are cut, and which loop is innermost.

// Bytes fill a register; where the mask of a row's rest would be one of bytes, eight lanes leave fewer to it.
// CHECK-LABEL: func.func private @bytes
// CHECK: arith.andi {{.*}} : vector<32xi1>
// CHECK-NOT: masked
// CHECK-LABEL: func.func private @bytes_with_rest
// CHECK: arith.andi {{.*}} : vector<8xi1>
// CHECK-LABEL: func.func private @bytes_and_words
// CHECK: arith.select {{.*}} : vector<8xi1>, vector<8xf32>
module @narrow {
  nnf.kernel @bytes(%a: tensor<4x96xi1>, %b: tensor<4x96xi1>) -> tensor<4x96xi1> attributes {symbols = [], title = "and"} {
    %0 = nnf.prim.and %a, %b : (tensor<4x96xi1>, tensor<4x96xi1>) -> tensor<4x96xi1>
    nnf.yield %0 : tensor<4x96xi1>
  }
  nnf.kernel @bytes_with_rest(%a: tensor<95xi1>, %b: tensor<95xi1>) -> tensor<95xi1> attributes {symbols = [], title = "and"} {
    %0 = nnf.prim.and %a, %b : (tensor<95xi1>, tensor<95xi1>) -> tensor<95xi1>
    nnf.yield %0 : tensor<95xi1>
  }
  nnf.kernel @bytes_and_words(%c: tensor<96xi1>, %a: tensor<96xf32>, %b: tensor<96xf32>) -> tensor<96xf32> attributes {symbols = [], title = "where"} {
    %0 = nnf.prim.select %c, %a, %b : (tensor<96xi1>, tensor<96xf32>, tensor<96xf32>) -> tensor<96xf32>
    nnf.yield %0 : tensor<96xf32>
  }
}

// -----

// A border of one on either side, reflected: an element by itself, vectors of one operand only, and an element.
// CHECK-LABEL: func.func private @border
// CHECK: llvm.load {{.*}} -> f32
// CHECK: llvm.load {{.*}} -> vector<8xf32>
// CHECK-NOT: arith.select
// CHECK-NOT: masked
// CHECK: llvm.load {{.*}} -> f32
// CHECK: return
// Rows of whole vectors are cut between vectors: the first one is of two operands, the others are of one.
// CHECK-LABEL: func.func private @turned_round
// CHECK: llvm.intr.masked.load
// CHECK: llvm.intr.masked.load
// CHECK: scf.for
// CHECK-NOT: masked
// CHECK: llvm.load {{.*}} -> vector<8xf32>
// CHECK-NOT: masked
// CHECK: return
module @cut {
  nnf.kernel @border(%a: tensor<5x32xf32>) -> tensor<5x34xf32> attributes {symbols = [], title = "pad"} {
    %0 = nnf.prim.slice %a {start = #nnf.dims<[0, 1]>, step = array<i64: 1, -1>} : (tensor<5x32xf32>) -> tensor<5x1xf32>
    %1 = nnf.prim.slice %a {start = #nnf.dims<[0, 30]>, step = array<i64: 1, -1>} : (tensor<5x32xf32>) -> tensor<5x1xf32>
    %2 = nnf.prim.concat %0, %a, %1 {dim = 1 : i64} : (tensor<5x1xf32>, tensor<5x32xf32>, tensor<5x1xf32>) -> tensor<5x34xf32>
    nnf.yield %2 : tensor<5x34xf32>
  }
  nnf.kernel @turned_round(%a: tensor<5x32xf32>) -> tensor<5x32xf32> attributes {symbols = [], title = "roll"} {
    %0 = nnf.prim.slice %a {start = #nnf.dims<[0, 29]>, step = array<i64: 1, 1>} : (tensor<5x32xf32>) -> tensor<5x3xf32>
    %1 = nnf.prim.slice %a {start = #nnf.dims<[0, 0]>, step = array<i64: 1, 1>} : (tensor<5x32xf32>) -> tensor<5x29xf32>
    %2 = nnf.prim.concat %0, %1 {dim = 1 : i64} : (tensor<5x3xf32>, tensor<5x29xf32>) -> tensor<5x32xf32>
    nnf.yield %2 : tensor<5x32xf32>
  }
}

// -----

// Zeros around each row: what is inside is neither compared nor masked.
// CHECK-LABEL: func.func private @zeros
// CHECK: llvm.load {{.*}} -> vector<8xf32>
// CHECK-NOT: vector<8xi1>
// CHECK: return
module @padded {
  nnf.kernel @zeros(%a: tensor<5x32xf32>) -> tensor<5x34xf32> attributes {symbols = [], title = "pad"} {
    %zero = nnf.constant dense<0.0> : tensor<f32>
    %0 = nnf.prim.pad %a, %zero {low = array<i64: 0, 1>, high = array<i64: 0, 1>, interior = array<i64: 0, 0>} : (tensor<5x32xf32>, tensor<f32>) -> tensor<5x34xf32>
    nnf.yield %0 : tensor<5x34xf32>
  }
}

// -----

// What is costly is the same for all channels: they are the innermost loop, in which it can stand in front.
// CHECK-LABEL: func.func private @shared
// CHECK: nnf.grid = #nnf.dims<[1, 1]>
// CHECK: scf.for {{.*}} to %c128_i64 step %c8_i64
// CHECK-NEXT: scf.for {{.*}} to %c64_i64 step %c1_i64
// CHECK: math.exp
// CHECK: return
module @repeated {
  nnf.kernel @shared(%a: tensor<2x64x128xf32>, %b: tensor<2x128xf32>) -> tensor<2x64x128xf32> attributes {symbols = [], title = "mul"} {
    %0 = nnf.prim.exp %b : (tensor<2x128xf32>) -> tensor<2x128xf32>
    %1 = nnf.prim.sin %0 : (tensor<2x128xf32>) -> tensor<2x128xf32>
    %2 = nnf.prim.tanh %1 : (tensor<2x128xf32>) -> tensor<2x128xf32>
    %3 = nnf.prim.broadcast %2 {dims = array<i64: 0, 2>} : (tensor<2x128xf32>) -> tensor<2x64x128xf32>
    %4 = nnf.prim.mul %a, %3 : (tensor<2x64x128xf32>, tensor<2x64x128xf32>) -> tensor<2x64x128xf32>
    nnf.yield %4 : tensor<2x64x128xf32>
  }
}
