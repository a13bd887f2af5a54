// RUN: nnf-opt %s -split-input-file -nnf-join-products -canonicalize | FileCheck %s

// Biases go side by side; columns without one get -0.0, which changes nothing. The readers get slices, here through
// views. The second weight is transposed: its columns are rows.
// CHECK-LABEL: @bias_of_one
// CHECK: %[[T:.*]] = nnf.prim.transpose
// CHECK: %[[W:.*]] = nnf.prim.concat %{{.*}}, %[[T]] {dim = 1 : i64} {{.*}} -> tensor<64x64xf32>
// CHECK: %[[D:.*]] = nnf.prim.dot %arg0, %[[W]]
// CHECK-NOT: nnf.prim.dot
// CHECK: %[[S:.*]] = nnf.prim.add %[[D]]
// CHECK: nnf.prim.slice %[[S]] {start = #nnf.dims<[0, 0]>
// CHECK: nnf.prim.slice %[[S]] {start = #nnf.dims<[0, 32]>
!x = tensor<?x64xf32, #nnf.dims<[M, 64]>>
!y = tensor<?x32xf32, #nnf.dims<[M, 32]>>
!h = tensor<?x2x16xf32, #nnf.dims<[M, 2, 16]>>
!s = tensor<?x2xf32, #nnf.dims<[M, 2]>>
func.func @bias_of_one(%x: !x) -> (!s, !s) {
  %w0 = nnf.weight "w0" : tensor<64x32xf32>
  %b0 = nnf.weight "b0" : tensor<32xf32>
  %q = nnf.prim.dot %x, %w0 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (!x, tensor<64x32xf32>) -> !y
  %qb = nnf.prim.broadcast %b0 {dims = array<i64: 1>} : (tensor<32xf32>) -> !y
  %qq = nnf.prim.add %q, %qb : (!y, !y) -> !y
  %r = nnf.prim.reshape %qq : (!y) -> !h
  %s = nnf.prim.reduce add %r {dims = array<i64: 2>} : (!h) -> !s
  %w1 = nnf.weight "w1" : tensor<32x64xf32>
  %k = nnf.prim.dot %x, %w1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 1>} : (!x, tensor<32x64xf32>) -> !y
  %r1 = nnf.prim.reshape %k : (!y) -> !h
  %s1 = nnf.prim.reduce add %r1 {dims = array<i64: 2>} : (!h) -> !s
  return %s, %s1 : !s, !s
}

// -----

// An activation with two readers of its input is one step after the other; both products take it.
// CHECK-LABEL: @same_activation
// CHECK: %[[D:.*]] = nnf.prim.dot
// CHECK: %[[E:.*]] = nnf.prim.exp %[[D]]
// CHECK: %[[P:.*]] = nnf.prim.mul %[[D]], %[[E]]
// CHECK-NOT: nnf.prim.exp
// CHECK: nnf.prim.slice %[[P]]
// CHECK: nnf.prim.slice %[[P]]
!x = tensor<8x64xf32>
!y = tensor<8x32xf32>
func.func @same_activation(%x: !x) -> (tensor<8xf32>, tensor<8xf32>) {
  %w0 = nnf.weight "w0" : tensor<64x32xf32>
  %w1 = nnf.weight "w1" : tensor<64x32xf32>
  %a = nnf.prim.dot %x, %w0 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (!x, tensor<64x32xf32>) -> !y
  %ea = nnf.prim.exp %a : (!y) -> !y
  %pa = nnf.prim.mul %a, %ea : (!y, !y) -> !y
  %ra = nnf.prim.reduce add %pa {dims = array<i64: 1>} : (!y) -> tensor<8xf32>
  %b = nnf.prim.dot %x, %w1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (!x, tensor<64x32xf32>) -> !y
  %eb = nnf.prim.exp %b : (!y) -> !y
  %pb = nnf.prim.mul %b, %eb : (!y, !y) -> !y
  %rb = nnf.prim.reduce add %pb {dims = array<i64: 1>} : (!y) -> tensor<8xf32>
  return %ra, %rb : tensor<8xf32>, tensor<8xf32>
}

// -----

// One has an exponential that the other lacks and could not take on after it is stored.
// CHECK-LABEL: @other_activation
// CHECK-COUNT-2: nnf.prim.dot
!x = tensor<8x64xf32>
!y = tensor<8x32xf32>
func.func @other_activation(%x: !x) -> (!y, tensor<8xf32>) {
  %w0 = nnf.weight "w0" : tensor<64x32xf32>
  %w1 = nnf.weight "w1" : tensor<64x32xf32>
  %a = nnf.prim.dot %x, %w0 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (!x, tensor<64x32xf32>) -> !y
  %ea = nnf.prim.exp %a : (!y) -> !y
  %b = nnf.prim.dot %x, %w1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (!x, tensor<64x32xf32>) -> !y
  %rb = nnf.prim.reduce add %b {dims = array<i64: 1>} : (!y) -> tensor<8xf32>
  return %ea, %rb : !y, tensor<8xf32>
}

// -----

// Much work for a launch less: the rows of the result would lie further apart for nothing.
// CHECK-LABEL: @large
// CHECK-COUNT-2: nnf.prim.dot
!x = tensor<64x1024xf32>
!w = tensor<1024x1024xf32>
!y = tensor<64x1024xf32>
func.func @large(%x: !x) -> (tensor<64xf32>, tensor<64xf32>) {
  %w0 = nnf.weight "w0" : !w
  %w1 = nnf.weight "w1" : !w
  %a = nnf.prim.dot %x, %w0 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (!x, !w) -> !y
  %ra = nnf.prim.reduce add %a {dims = array<i64: 1>} : (!y) -> tensor<64xf32>
  %b = nnf.prim.dot %x, %w1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (!x, !w) -> !y
  %rb = nnf.prim.reduce add %b {dims = array<i64: 1>} : (!y) -> tensor<64xf32>
  return %ra, %rb : tensor<64xf32>, tensor<64xf32>
}

// -----

// A window would want its input in a buffer of its own; of the three, two are joined. Strides are the same for both.
// CHECK-LABEL: @convolutions
// CHECK: %[[W:.*]] = nnf.prim.concat {{.*}} -> tensor<1x1x32x48xf32>
// CHECK: nnf.prim.conv %arg0, %[[W]] {{.*}}-> tensor<1x4x4x48xf32>
// CHECK: nnf.prim.conv %arg0, {{.*}}-> tensor<1x4x4x16xf32>
// CHECK: nnf.prim.reduce_window
!x = tensor<1x8x8x32xf32>
!y = tensor<1x4x4x16xf32>
!z = tensor<1x4x4x32xf32>
!v = tensor<1x1x32x16xf32>
!r = tensor<1x4x4xf32>
func.func @convolutions(%x: !x) -> (!r, !r, tensor<1x3x3x16xf32>) {
  %w0 = nnf.weight "w0" : !v
  %w1 = nnf.weight "w1" : tensor<1x1x32x32xf32>
  %w2 = nnf.weight "w2" : !v
  %a = nnf.prim.conv %x, %w0 {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 0, 0>, stride = array<i64: 2, 2>} : (!x, !v) -> !y
  %ra = nnf.prim.reduce add %a {dims = array<i64: 3>} : (!y) -> !r
  %c = nnf.prim.conv %x, %w2 {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 0, 0>, stride = array<i64: 2, 2>} : (!x, !v) -> !y
  %m = nnf.prim.reduce_window max %c {dilation = array<i64: 1, 1, 1, 1>, high = array<i64: 0, 0, 0, 0>, indexDims = array<i64>, low = array<i64: 0, 0, 0, 0>, size = array<i64: 1, 2, 2, 1>, stride = array<i64: 1, 1, 1, 1>} : (!y) -> tensor<1x3x3x16xf32>
  %b = nnf.prim.conv %x, %w1 {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 0, 0>, stride = array<i64: 2, 2>} : (!x, tensor<1x1x32x32xf32>) -> !z
  %rb = nnf.prim.reduce add %b {dims = array<i64: 3>} : (!z) -> !r
  return %ra, %rb, %m : !r, !r, tensor<1x3x3x16xf32>
}
