// RUN: nnf-opt %s -split-input-file -nnf-integer-contractions -canonicalize -cse | FileCheck %s

// Two scales and two zero points: the sums are of integers, and scaled by the product of the scales.
// CHECK-LABEL: @convolution
// CHECK-SAME: (%[[X:.*]]: tensor<1x8x6x6xi8>)
// CHECK: %[[W:.*]] = nnf.weight "w"
// CHECK: %[[XI:.*]] = nnf.prim.convert %[[X]] : {{.*}} -> tensor<1x8x6x6xi32>
// CHECK: %[[XC:.*]] = nnf.prim.sub %[[XI]]
// CHECK: %[[WI:.*]] = nnf.prim.convert %[[W]] : {{.*}} -> tensor<16x8x3x3xi32>
// CHECK: %[[SUMS:.*]] = nnf.prim.conv %[[XC]], %[[WI]] {{.*}}high = array<i64: 1, 1>, {{.*}} -> tensor<1x16x6x6xi32>
// CHECK: %[[F:.*]] = nnf.prim.convert %[[SUMS]]
// CHECK: %[[S:.*]] = nnf.prim.mul {{.*}} tensor<16xf32>
// CHECK: %[[B:.*]] = nnf.prim.broadcast %[[S]] {dims = array<i64: 1>}
// CHECK: %[[Y:.*]] = nnf.prim.mul %[[F]], %[[B]]
// CHECK: return %[[Y]]
func.func @convolution(%x: tensor<1x8x6x6xi8>) -> tensor<1x16x6x6xf32> {
  %sx = nnf.constant dense<0.25> : tensor<f32>
  %zx = nnf.constant dense<-7> : tensor<i32>
  %w = nnf.weight "w" : tensor<16x8x3x3xi8>
  %sw = nnf.weight "s" : tensor<16xf32>
  %0 = nnf.prim.convert %x : (tensor<1x8x6x6xi8>) -> tensor<1x8x6x6xi32>
  %1 = nnf.prim.broadcast %zx {dims = array<i64>} : (tensor<i32>) -> tensor<1x8x6x6xi32>
  %2 = nnf.prim.sub %0, %1 : (tensor<1x8x6x6xi32>, tensor<1x8x6x6xi32>) -> tensor<1x8x6x6xi32>
  %3 = nnf.prim.convert %2 : (tensor<1x8x6x6xi32>) -> tensor<1x8x6x6xf32>
  %4 = nnf.prim.broadcast %sx {dims = array<i64>} : (tensor<f32>) -> tensor<1x8x6x6xf32>
  %5 = nnf.prim.mul %3, %4 : (tensor<1x8x6x6xf32>, tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xf32>
  %6 = nnf.prim.convert %w : (tensor<16x8x3x3xi8>) -> tensor<16x8x3x3xf32>
  %7 = nnf.prim.broadcast %sw {dims = array<i64: 0>} : (tensor<16xf32>) -> tensor<16x8x3x3xf32>
  %8 = nnf.prim.mul %6, %7 : (tensor<16x8x3x3xf32>, tensor<16x8x3x3xf32>) -> tensor<16x8x3x3xf32>
  %9 = nnf.prim.conv %5, %8 {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 0 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (tensor<1x8x6x6xf32>, tensor<16x8x3x3xf32>) -> tensor<1x16x6x6xf32>
  return %9 : tensor<1x16x6x6xf32>
}

// -----

// A scale for each contracted row of the weight stays where it is: sums of integers would need one for each term.
// CHECK-LABEL: @scales_of_rows
// CHECK: nnf.prim.dot {{.*}}xf32>
func.func @scales_of_rows(%x: tensor<4x8xui8>) -> tensor<4x16xf32> {
  %w = nnf.weight "w" : tensor<8x16xi8>
  %sw = nnf.weight "s" : tensor<8xf32>
  %0 = nnf.prim.convert %x : (tensor<4x8xui8>) -> tensor<4x8xf32>
  %1 = nnf.prim.convert %w : (tensor<8x16xi8>) -> tensor<8x16xf32>
  %2 = nnf.prim.broadcast %sw {dims = array<i64: 0>} : (tensor<8xf32>) -> tensor<8x16xf32>
  %3 = nnf.prim.mul %1, %2 : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %4 = nnf.prim.dot %0, %3 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  return %4 : tensor<4x16xf32>
}

// -----

// 70,000 products of 255 and 128 can be more than 32 bits hold: floats do not wrap.
// CHECK-LABEL: @too_many
// CHECK: nnf.prim.dot {{.*}}xf32>
func.func @too_many(%x: tensor<4x70000xui8>) -> tensor<4x16xf32> {
  %w = nnf.weight "w" : tensor<70000x16xi8>
  %0 = nnf.prim.convert %x : (tensor<4x70000xui8>) -> tensor<4x70000xf32>
  %1 = nnf.prim.convert %w : (tensor<70000x16xi8>) -> tensor<70000x16xf32>
  %2 = nnf.prim.dot %0, %1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<4x70000xf32>, tensor<70000x16xf32>) -> tensor<4x16xf32>
  return %2 : tensor<4x16xf32>
}

// -----

// Sums in float64 that become integers again, as QLinear operators are imported: no float comes between. The zero point
// is a float, too.
// CHECK-LABEL: @back_to_integers
// CHECK: nnf.constant dense<9> : tensor<i32>
// CHECK: %[[SUMS:.*]] = nnf.prim.dot {{.*}} -> tensor<4x16xi32>
// CHECK: %[[Y:.*]] = nnf.prim.convert %[[SUMS]] : (tensor<4x16xi32>) -> tensor<4x16xi64>
// CHECK: return %[[Y]]
func.func @back_to_integers(%x: tensor<4x8xui8>) -> tensor<4x16xi64> {
  %w = nnf.weight "w" : tensor<8x16xi8>
  %z = nnf.constant dense<9.0> : tensor<f64>
  %zs = nnf.prim.broadcast %z {dims = array<i64>} : (tensor<f64>) -> tensor<4x8xf64>
  %xs = nnf.prim.convert %x : (tensor<4x8xui8>) -> tensor<4x8xf64>
  %0 = nnf.prim.sub %xs, %zs : (tensor<4x8xf64>, tensor<4x8xf64>) -> tensor<4x8xf64>
  %1 = nnf.prim.convert %w : (tensor<8x16xi8>) -> tensor<8x16xf64>
  %2 = nnf.prim.dot %0, %1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<4x8xf64>, tensor<8x16xf64>) -> tensor<4x16xf64>
  %3 = nnf.prim.convert %2 : (tensor<4x16xf64>) -> tensor<4x16xi64>
  return %3 : tensor<4x16xi64>
}

// -----

// A computed right operand cannot be packed.
// CHECK-LABEL: @computed
// CHECK: nnf.prim.dot {{.*}}xf32>
func.func @computed(%x: tensor<4x8xui8>, %y: tensor<8x16xi8>) -> tensor<4x16xf32> {
  %0 = nnf.prim.convert %x : (tensor<4x8xui8>) -> tensor<4x8xf32>
  %1 = nnf.prim.convert %y : (tensor<8x16xi8>) -> tensor<8x16xf32>
  %2 = nnf.prim.dot %0, %1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  return %2 : tensor<4x16xf32>
}
