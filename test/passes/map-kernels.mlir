// RUN: nnf-opt %s -split-input-file -nnf-lower-kernels=can-store-past-caches=1 -canonicalize -cse | FileCheck %s
// RUN: nnf-opt %s -split-input-file -nnf-lower-kernels -canonicalize -cse | FileCheck %s --check-prefix=NEVER
// The loops of map kernels: which dimensions are one, and which way lanes lie.

// Nothing tells the dimensions apart: 10 * N elements in one row.
// CHECK-LABEL: module @joined
// CHECK: nnf.grid = #nnf.dims<[1, N * 5 ceildiv 16384]>
// CHECK-NOT: arith.remui
// CHECK: return
module @joined {
  nnf.kernel @k0(%a: tensor<?x10xf32, #nnf.dims<[N, 10]>>) -> tensor<?x10xf32, #nnf.dims<[N, 10]>> attributes {symbols = ["N"], title = "neg"} {
    %0 = nnf.prim.neg %a : (tensor<?x10xf32, #nnf.dims<[N, 10]>>) -> tensor<?x10xf32, #nnf.dims<[N, 10]>>
    nnf.yield %0 : tensor<?x10xf32, #nnf.dims<[N, 10]>>
  }
}

// -----

// A number for each channel: rows are the 4 x 4 elements of one, two whole vectors.
// CHECK-LABEL: module @planes
// CHECK: nnf.grid = #nnf.dims<[1, 1]>
// CHECK-NOT: masked
// CHECK-NOT: arith.remui
// CHECK: return
module @planes {
  nnf.kernel @k0(%a: tensor<3x5x4x4xf32>, %s: tensor<3x5xf32>) -> tensor<3x5x4x4xf32> attributes {symbols = [], title = "mul"} {
    %0 = nnf.prim.broadcast %s {dims = array<i64: 0, 1>} : (tensor<3x5xf32>) -> tensor<3x5x4x4xf32>
    %1 = nnf.prim.mul %a, %0 : (tensor<3x5x4x4xf32>, tensor<3x5x4x4xf32>) -> tensor<3x5x4x4xf32>
    nnf.yield %1 : tensor<3x5x4x4xf32>
  }
}

// -----

// A reshape that only cuts what another joins costs no division.
// CHECK-LABEL: module @cut_and_joined
// CHECK-NOT: arith.divui
// CHECK-NOT: arith.remui
// CHECK: return
module @cut_and_joined {
  nnf.kernel @k0(%a: tensor<6x32xf32>, %s: tensor<6xf32>) -> tensor<6x32xf32> attributes {symbols = [], title = "mul"} {
    %0 = nnf.prim.reshape %a : (tensor<6x32xf32>) -> tensor<6x4x8xf32>
    %1 = nnf.prim.neg %0 : (tensor<6x4x8xf32>) -> tensor<6x4x8xf32>
    %2 = nnf.prim.reshape %1 : (tensor<6x4x8xf32>) -> tensor<6x32xf32>
    %3 = nnf.prim.broadcast %s {dims = array<i64: 0>} : (tensor<6xf32>) -> tensor<6x32xf32>
    %4 = nnf.prim.mul %2, %3 : (tensor<6x32xf32>, tensor<6x32xf32>) -> tensor<6x32xf32>
    nnf.yield %4 : tensor<6x32xf32>
  }
}

// -----

// A transpose in front of one operand: 8 rows of it are loaded, turned by 24 shuffles, and what is elementwise happens
// on the 8 rows of the result. No element is gathered, none is masked.
// CHECK-LABEL: module @turned
// CHECK-COUNT-8: llvm.load {{.*}} -> vector<8xf32>
// CHECK-COUNT-24: vector.shuffle
// CHECK-NOT: vector.shuffle
// CHECK: llvm.load {{.*}} -> vector<8xf32>
// CHECK: arith.addf
// CHECK: llvm.store {{.*}} vector<8xf32>
// CHECK-NOT: masked
// CHECK-NOT: scf.if
// CHECK: return
module @turned {
  nnf.kernel @k0(%a: tensor<32x64xf32>, %b: tensor<64x32xf32>) -> tensor<32x64xf32> attributes {symbols = [], title = "add"} {
    %0 = nnf.prim.neg %b : (tensor<64x32xf32>) -> tensor<64x32xf32>
    %1 = nnf.prim.transpose %0 {perm = array<i64: 1, 0>} : (tensor<64x32xf32>) -> tensor<32x64xf32>
    %2 = nnf.prim.add %a, %1 : (tensor<32x64xf32>, tensor<32x64xf32>) -> tensor<32x64xf32>
    nnf.yield %2 : tensor<32x64xf32>
  }
}

// -----

// Any sizes: whole blocks, and ragged ones with masks and rows left out.
// CHECK-LABEL: module @ragged
// CHECK: nnf.grid = #nnf.dims<[B, N ceildiv {{[0-9]+}}, M ceildiv {{[0-9]+}}]>
// CHECK: scf.if
// CHECK-COUNT-8: llvm.load {{.*}} -> vector<8xf32>
// CHECK-COUNT-24: vector.shuffle
// CHECK: } else {
// CHECK-COUNT-8: llvm.intr.masked.load
// CHECK-COUNT-24: vector.shuffle
// CHECK: scf.if
// CHECK: llvm.intr.masked.store
// CHECK-NOT: gather
// CHECK: return
module @ragged {
  nnf.kernel @k0(%b: tensor<?x?x?xf32, #nnf.dims<[B, M, N]>>) -> tensor<?x?x?xf32, #nnf.dims<[B, N, M]>> attributes {symbols = ["B", "M", "N"], title = "transpose"} {
    %0 = nnf.prim.transpose %b {perm = array<i64: 0, 2, 1>} : (tensor<?x?x?xf32, #nnf.dims<[B, M, N]>>) -> tensor<?x?x?xf32, #nnf.dims<[B, N, M]>>
    nnf.yield %0 : tensor<?x?x?xf32, #nnf.dims<[B, N, M]>>
  }
}

// -----

// Channels first, of 4 x 4 elements a channel: the two dimensions are one axis of 16, in front of the operand and behind.
// CHECK-LABEL: module @channels_first
// CHECK-NOT: masked
// CHECK-NOT: arith.remui
// CHECK: return
module @channels_first {
  nnf.kernel @k0(%a: tensor<3x4x4x8xf32>) -> tensor<3x8x4x4xf32> attributes {symbols = [], title = "transpose"} {
    %0 = nnf.prim.transpose %a {perm = array<i64: 0, 3, 1, 2>} : (tensor<3x4x4x8xf32>) -> tensor<3x8x4x4xf32>
    nnf.yield %0 : tensor<3x8x4x4xf32>
  }
}

// -----

// Much work on a turned operand is a loop over the rows of a block in scratch memory, rather than eight copies of it.
// CHECK-LABEL: module @heavy
// CHECK: nnf.scratch = 512 : i64
// CHECK-COUNT-1: math.erf
// CHECK-NOT: math.erf
// CHECK: return
module @heavy {
  nnf.kernel @k0(%a: tensor<32x64xf32>, %b: tensor<64x32xf32>) -> tensor<32x64xf32> attributes {symbols = [], title = "add"} {
    %0 = nnf.prim.transpose %b {perm = array<i64: 1, 0>} : (tensor<64x32xf32>) -> tensor<32x64xf32>
    %1 = nnf.prim.add %a, %0 : (tensor<32x64xf32>, tensor<32x64xf32>) -> tensor<32x64xf32>
    %2 = nnf.prim.erf %1 : (tensor<32x64xf32>) -> tensor<32x64xf32>
    %3 = nnf.prim.exp %2 : (tensor<32x64xf32>) -> tensor<32x64xf32>
    nnf.yield %3 : tensor<32x64xf32>
  }
}

// -----

// Rows of 3: lanes along the 16 rows, and three vectors of columns interleave into three of the result.
// CHECK-LABEL: module @columns
// CHECK-COUNT-3: llvm.load {{.*}} -> vector<8xf32>
// CHECK: vector.shuffle
// CHECK-COUNT-3: llvm.store {{.*}} vector<8xf32>
// CHECK-NOT: masked
// CHECK: return
module @columns {
  nnf.kernel @k0(%a: tensor<2x3x4x4xf32>) -> tensor<2x4x4x3xf32> attributes {symbols = [], title = "transpose"} {
    %0 = nnf.prim.transpose %a {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x3x4x4xf32>) -> tensor<2x4x4x3xf32>
    nnf.yield %0 : tensor<2x4x4x3xf32>
  }
}

// -----

// Backward: lanes change places, of the mask too.
// CHECK-LABEL: module @backward
// CHECK: llvm.load {{.*}} -> vector<8xf32>
// CHECK: vector.shuffle {{.*}} [15, 14, 13, 12, 11, 10, 9, 8]
// CHECK: vector.shuffle {{.*}} [7, 6, 5, 4, 3, 2, 1, 0] : vector<8xi1>
// CHECK: llvm.intr.masked.load
// CHECK-NOT: gather
// CHECK: return
module @backward {
  nnf.kernel @k0(%a: tensor<6x?xf32, #nnf.dims<[6, N]>>) -> tensor<6x?xf32, #nnf.dims<[6, N]>> attributes {symbols = ["N"], title = "slice"} {
    %0 = nnf.prim.slice %a {start = #nnf.dims<[0, N + -1]>, step = array<i64: 1, -1>} : (tensor<6x?xf32, #nnf.dims<[6, N]>>) -> tensor<6x?xf32, #nnf.dims<[6, N]>>
    nnf.yield %0 : tensor<6x?xf32, #nnf.dims<[6, N]>>
  }
}

// -----

// Every third: three vectors, of which the last ends with the last element that is read. Past whole vectors, and where
// elements lie far apart, a gather has one address and constant distances of 32 bits.
// CHECK-LABEL: module @every_third
// CHECK-COUNT-3: llvm.load {{.*}} -> vector<8xf32>
// CHECK-NOT: llvm.load
// CHECK: llvm.getelementptr {{.*}} vector<8xi32>
// CHECK: gather
// CHECK: return
module @every_third {
  nnf.kernel @k0(%a: tensor<6x36xf32>) -> tensor<6x12xf32> attributes {symbols = [], title = "slice"} {
    %0 = nnf.prim.slice %a {start = #nnf.dims<[0, 2]>, step = array<i64: 1, 3>} : (tensor<6x36xf32>) -> tensor<6x12xf32>
    nnf.yield %0 : tensor<6x12xf32>
  }
}

// -----

// Positions from a tensor: 32 bits reach all of a table of known size, and would not of one that may have any.
// CHECK-LABEL: module @positions
// CHECK-LABEL: func.func private @known
// CHECK: llvm.getelementptr {{.*}} vector<8xi32>
// CHECK-LABEL: func.func private @any
// CHECK: llvm.getelementptr {{.*}} vector<8xi64>
// CHECK-NOT: vector<8xi32>)
module @positions {
  nnf.kernel @known(%t: tensor<1000xf32>, %i: tensor<64xi64>) -> tensor<64xf32> attributes {symbols = [], title = "gather"} {
    %0 = nnf.prim.gather clamp %t, %i {gatherDims = array<i64: 0>, message = "", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1000xf32>, tensor<64xi64>) -> tensor<64xf32>
    nnf.yield %0 : tensor<64xf32>
  }
  nnf.kernel @any(%t: tensor<?xf32, #nnf.dims<[N]>>, %i: tensor<64xi64>) -> tensor<64xf32> attributes {symbols = ["N"], title = "gather"} {
    %0 = nnf.prim.gather clamp %t, %i {gatherDims = array<i64: 0>, message = "", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<?xf32, #nnf.dims<[N]>>, tensor<64xi64>) -> tensor<64xf32>
    nnf.yield %0 : tensor<64xf32>
  }
}

// -----

// A result of 32 MB is stored past the caches where its address suits, and what the kernel does ends with a fence. A
// smaller one, the rest of a row, and what a target cannot: as ever.
// CHECK-LABEL: func.func private @large
// CHECK: scf.if
// CHECK-NEXT: llvm.store %[[X:.*]], %[[AT:.*]] {alignment = 32 : i64, nontemporal} : vector<8xf32>
// CHECK: else
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : vector<4xf32>
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : vector<4xf32>
// CHECK: llvm.intr.masked.store
// CHECK: llvm.call_intrinsic "llvm.x86.sse.sfence"()
// CHECK-NEXT: return
// CHECK-LABEL: func.func private @small
// CHECK-NOT: nontemporal
// CHECK-NOT: sfence
// CHECK-LABEL: module @end
// NEVER-NOT: nontemporal
// NEVER-NOT: sfence
module @past_caches {
  nnf.kernel @large(%a: tensor<8388609xf32>) -> tensor<8388609xf32> attributes {symbols = [], title = "neg"} {
    %0 = nnf.prim.neg %a : (tensor<8388609xf32>) -> tensor<8388609xf32>
    nnf.yield %0 : tensor<8388609xf32>
  }
  nnf.kernel @small(%a: tensor<8388600xf32>) -> tensor<8388600xf32> attributes {symbols = [], title = "neg"} {
    %0 = nnf.prim.neg %a : (tensor<8388600xf32>) -> tensor<8388600xf32>
    nnf.yield %0 : tensor<8388600xf32>
  }
}

// -----

module @end {}
