// RUN: nnf-opt %s -split-input-file -nnf-split-reductions | FileCheck %s

// Nothing to do: a few elements, and enough rows.
// CHECK-LABEL: func.func @small
// CHECK-NEXT: nnf.prim.reduce add %{{.*}} {dims = array<i64: 0, 1>} :
// CHECK-NEXT: nnf.prim.reduce add %{{.*}} {dims = array<i64: 1>} :
// CHECK-NEXT: return
func.func @small(%x: tensor<64x64xf32>, %y: tensor<64x8192xf32>) -> (tensor<f32>, tensor<64xf32>) {
  %0 = nnf.prim.reduce add %x {dims = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
  %1 = nnf.prim.reduce add %y {dims = array<i64: 1>} : (tensor<64x8192xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<f32>, tensor<64xf32>
}

// -----

// Blocks of 16 rows, then of their results.
// CHECK-LABEL: func.func @all
// CHECK: %[[BLOCKS:.*]] = nnf.prim.reduce add %{{.*}} {block = 16 : i64, dims = array<i64: 0, 1>} : (tensor<8192x1024xf32>) -> tensor<512xf32>
// CHECK: nnf.prim.reduce add %[[BLOCKS]] {dims = array<i64: 0>} : (tensor<512xf32>) -> tensor<f32>
func.func @all(%x: tensor<8192x1024xf32>) -> tensor<f32> {
  %0 = nnf.prim.reduce add %x {dims = array<i64: 0, 1>} : (tensor<8192x1024xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// What is in front of the dimension that is cut is kept at first; the last block has fewer elements.
// CHECK-LABEL: func.func @inner
// CHECK: %[[BLOCKS:.*]] = nnf.prim.reduce max %{{.*}} {block = 5 : i64, dims = array<i64: 2, 3>} : (tensor<2x3x64x3136xf32>) -> tensor<2x3x13xf32>
// CHECK: nnf.prim.reduce max %[[BLOCKS]] {dims = array<i64: 0, 2>} : (tensor<2x3x13xf32>) -> tensor<3xf32>
func.func @inner(%x: tensor<2x3x64x3136xf32>) -> tensor<3xf32> {
  %0 = nnf.prim.reduce max %x {dims = array<i64: 0, 2, 3>} : (tensor<2x3x64x3136xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// Rows of a block's length need no blocks.
// CHECK-LABEL: func.func @rows
// CHECK: %[[ROWS:.*]] = nnf.prim.reduce add %{{.*}} {dims = array<i64: 1>} : (tensor<64x16384xf32>) -> tensor<64xf32>
// CHECK: nnf.prim.reduce add %[[ROWS]] {dims = array<i64: 0>} :
func.func @rows(%x: tensor<64x16384xf32>) -> tensor<f32> {
  %0 = nnf.prim.reduce add %x {dims = array<i64: 0, 1>} : (tensor<64x16384xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Across rows.
// CHECK-LABEL: func.func @columns
// CHECK: nnf.prim.reduce add %{{.*}} {block = 64 : i64, dims = array<i64: 0>} : (tensor<8192x1024xf32>) -> tensor<128x1024xf32>
func.func @columns(%x: tensor<8192x1024xf32>) -> tensor<1024xf32> {
  %0 = nnf.prim.reduce add %x {dims = array<i64: 0>} : (tensor<8192x1024xf32>) -> tensor<1024xf32>
  return %0 : tensor<1024xf32>
}

// -----

// A position in each block, the block of the best, its position.
// CHECK-LABEL: func.func @position
// CHECK: %[[IN_BLOCKS:.*]] = nnf.prim.arg_reduce max %{{.*}} {block = 16384 : i64, dim = 0 : i64} : (tensor<?xf32, #nnf.dims<[N]>>) -> tensor<?xi64, #nnf.dims<[N ceildiv 16384]>>
// CHECK: %[[BEST:.*]] = nnf.prim.gather clamp %{{.*}}, %[[IN_BLOCKS]]
// CHECK: %[[BLOCK:.*]] = nnf.prim.arg_reduce max %[[BEST]] {dim = 0 : i64}
// CHECK: nnf.prim.gather clamp %[[IN_BLOCKS]], %[[BLOCK]]
func.func @position(%x: tensor<?xf32, #nnf.dims<[N]>>) -> tensor<i64> {
  %0 = nnf.prim.arg_reduce max %x {dim = 0 : i64} : (tensor<?xf32, #nnf.dims<[N]>>) -> tensor<i64>
  return %0 : tensor<i64>
}

// -----

// Where there may be few elements: not when they need the result, nor when each is a row's result; nor what may share a
// kernel with such a one.
// CHECK-LABEL: func.func @whole
// CHECK-NOT: block
// CHECK: return
!n = tensor<?xf32, #nnf.dims<[N]>>
!nm = tensor<?x64xf32, #nnf.dims<[N, 64]>>
func.func @whole(%x: !nm, %y: !nm, %z: !n) -> (!nm, tensor<f32>, tensor<f32>) {
  %0 = nnf.prim.reduce max %x {dims = array<i64: 0, 1>} : (!nm) -> tensor<f32>
  %1 = nnf.prim.broadcast %0 {dims = array<i64>} : (tensor<f32>) -> !nm
  %2 = nnf.prim.sub %x, %1 : (!nm, !nm) -> !nm
  %3 = nnf.prim.reduce add %y {dims = array<i64: 1>} : (!nm) -> !n
  %4 = nnf.prim.reduce add %3 {dims = array<i64: 0>} : (!n) -> tensor<f32>
  %5 = nnf.prim.reduce add %z {dims = array<i64: 0>} : (!n) -> tensor<f32>
  return %2, %4, %5 : !nm, tensor<f32>, tensor<f32>
}
