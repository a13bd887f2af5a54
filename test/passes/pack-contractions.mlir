// RUN: nnf-opt %s -split-input-file -nnf-pack-contractions -canonicalize | FileCheck %s
// RUN: nnf-opt %s -split-input-file -nnf-pack-contractions=vector-bytes=64 -canonicalize | FileCheck %s --check-prefix=WIDE
// RUN: nnf-opt %s -split-input-file -nnf-pack-contractions="winograd=2" -canonicalize | FileCheck %s --check-prefix=WINOGRAD
// RUN: nnf-opt %s -split-input-file -nnf-pack-contractions="winograd=4" -canonicalize | FileCheck %s --check-prefix=LARGE
// RUN: nnf-opt %s -split-input-file -nnf-pack-contractions=byte-dots=true -canonicalize -cse | FileCheck %s --check-prefix=BYTES
// RUN: nnf-opt %s -split-input-file -nnf-pack-contractions=has-f16c=false -canonicalize | FileCheck %s --check-prefix=WIDENED

// A product with a constant matrix is a convolution without taps; 20 outputs are two panels of 16, the last filled up.
// CHECK-LABEL: @linear
// CHECK: nnf.prim.pad {{.*}}high = array<i64: 0, 0, 12>
// CHECK: %[[W:.*]] = nnf.prim.transpose {{.*}}-> tensor<1x2x8x16xf32>
// CHECK: nnf.prim.conv %arg0, %[[W]] {{.*}}packed = 16
// CHECK-NOT: nnf.prim.dot
// WIDE-LABEL: @linear
// WIDE: nnf.prim.conv {{.*}}packed = 32 {{.*}}tensor<1x1x8x32xf32>
!x = tensor<?x8xf32, #nnf.dims<[N, 8]>>
!y = tensor<?x20xf32, #nnf.dims<[N, 20]>>
func.func @linear(%x: !x) -> !y {
  %w = nnf.weight "w" : tensor<20x8xf32>
  %0 = nnf.prim.dot %x, %w {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 1>} : (!x, tensor<20x8xf32>) -> !y
  return %0 : !y
}

// -----

// Three input channels: taps would be short runs, so the padding goes to memory and rows of taps become one run.
// CHECK-LABEL: @first_layer
// CHECK: %[[P:.*]] = nnf.prim.pad %arg0, {{.*}}high = array<i64: 0, 1, 1, 0>, interior = array<i64: 0, 0, 0, 0>, low = array<i64: 0, 1, 1, 0>
// CHECK: nnf.prim.conv %[[P]], {{.*}}high = array<i64: 0, 0>, {{.*}}low = array<i64: 0, 0>, packed = 16
!x = tensor<?x8x8x3xf32, #nnf.dims<[N, 8, 8, 3]>>
!y = tensor<?x8x8x16xf32, #nnf.dims<[N, 8, 8, 16]>>
func.func @first_layer(%x: !x) -> !y {
  %w = nnf.weight "w" : tensor<3x3x3x16xf32>
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (!x, tensor<3x3x3x16xf32>) -> !y
  return %0 : !y
}

// -----

// Many channels: padding stays with the convolution, which reads a row of zeros there. Groups have panels of their own.
// CHECK-LABEL: @groups
// CHECK: nnf.prim.conv %arg0, {{.*}}groups = 2 : i64, high = array<i64: 1, 1>, {{.*}}packed = 16 : i64, {{.*}}tensor<2x1x3x3x16x16xf32>
!x = tensor<?x8x8x32xf32, #nnf.dims<[N, 8, 8, 32]>>
func.func @groups(%x: !x) -> !x {
  %w = nnf.weight "w" : tensor<3x3x16x32xf32>
  %0 = nnf.prim.conv %x, %w {groups = 2 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (!x, tensor<3x3x16x32xf32>) -> !x
  return %0 : !x
}

// -----

// Two computed operands: q k^T gets k with contiguous columns, and is no convolution.
// CHECK-LABEL: @computed
// CHECK: %[[K:.*]] = nnf.prim.transpose %arg1 {perm = array<i64: 0, 2, 1>}
// CHECK: nnf.prim.dot %arg0, %[[K]] {lhsBatch = array<i64: 0>, lhsContract = array<i64: 2>, rhsBatch = array<i64: 0>, rhsContract = array<i64: 1>}
!q = tensor<?x?x8xf32, #nnf.dims<[B, S, 8]>>
!s = tensor<?x?x?xf32, #nnf.dims<[B, S, S]>>
func.func @computed(%q: !q, %k: !q) -> !s {
  %0 = nnf.prim.dot %q, %k {lhsBatch = array<i64: 0>, lhsContract = array<i64: 2>, rhsBatch = array<i64: 0>, rhsContract = array<i64: 2>} : (!q, !q) -> !s
  return %0 : !s
}

// -----

// Refused: depthwise (lanes lie along channels instead), a computed weight, 16-bit floats.
// CHECK-LABEL: @refused
// CHECK-NOT: packed
// CHECK: return
!x = tensor<?x8x16xf32, #nnf.dims<[N, 8, 16]>>
!h = tensor<?x8x16xf16, #nnf.dims<[N, 8, 16]>>
func.func @refused(%x: !x, %h: !h, %w1: tensor<1x16x16xf32>) -> (!x, !x, !h) {
  %w0 = nnf.weight "w0" : tensor<1x1x16xf32>
  %w2 = nnf.weight "w2" : tensor<1x16x16xf16>
  %0 = nnf.prim.conv %x, %w0 {groups = 16 : i64, high = array<i64: 0>, inputDilation = array<i64: 1>, kernelDilation = array<i64: 1>, layout = 1 : i64, low = array<i64: 0>, stride = array<i64: 1>} : (!x, tensor<1x1x16xf32>) -> !x
  %1 = nnf.prim.conv %x, %w1 {groups = 1 : i64, high = array<i64: 0>, inputDilation = array<i64: 1>, kernelDilation = array<i64: 1>, layout = 1 : i64, low = array<i64: 0>, stride = array<i64: 1>} : (!x, tensor<1x16x16xf32>) -> !x
  %2 = nnf.prim.conv %h, %w2 {groups = 1 : i64, high = array<i64: 0>, inputDilation = array<i64: 1>, kernelDilation = array<i64: 1>, layout = 1 : i64, low = array<i64: 0>, stride = array<i64: 1>} : (!h, tensor<1x16x16xf16>) -> !h
  return %0, %1, %2 : !x, !x, !h
}

// -----

// Three taps each way at stride 1: by Winograd's algorithm, where that is asked for and there are enough channels.
// CHECK-LABEL: @three_taps
// CHECK-NOT: winograd
// CHECK: return
// WINOGRAD-LABEL: @three_taps
// WINOGRAD-COUNT-2: nnf.prim.dot
// WINOGRAD: nnf.prim.conv {{.*}}packed = 16 : i64, {{.*}}winograd = 2 : i64{{.*}}, tensor<1x2x4x4x32x16xf32>) -> tensor<1x14x14x32xf32>
// WINOGRAD-NOT: winograd
// WINOGRAD: return
// LARGE-LABEL: @three_taps
// LARGE: nnf.prim.conv {{.*}}winograd = 4 : i64{{.*}}, tensor<1x2x6x6x32x16xf32>) -> tensor<1x14x14x32xf32>
!x = tensor<1x14x14x32xf32>
func.func @three_taps(%x: !x) -> (!x, tensor<1x7x7x32xf32>, tensor<1x14x14x8xf32>) {
  %w0 = nnf.weight "w0" : tensor<3x3x32x32xf32>
  %w1 = nnf.weight "w1" : tensor<3x3x32x8xf32>
  %0 = nnf.prim.conv %x, %w0 {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (!x, tensor<3x3x32x32xf32>) -> !x
  %1 = nnf.prim.conv %x, %w0 {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, stride = array<i64: 2, 2>} : (!x, tensor<3x3x32x32xf32>) -> tensor<1x7x7x32xf32>
  %2 = nnf.prim.conv %x, %w1 {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (!x, tensor<3x3x32x8xf32>) -> tensor<1x14x14x8xf32>
  return %0, %1, %2 : !x, tensor<1x7x7x32xf32>, tensor<1x14x14x8xf32>
}

// -----

// CHECK-LABEL: @nothing_to_do
// CHECK-NEXT: nnf.prim.dot %arg0, %arg1
// CHECK-NEXT: return
!x = tensor<?x8xf32, #nnf.dims<[N, 8]>>
func.func @nothing_to_do(%x: !x, %w: tensor<8x8xf32>) -> !x {
  %0 = nnf.prim.dot %x, %w {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (!x, tensor<8x8xf32>) -> !x
  return %0 : !x
}

// -----

// Narrow integers, here bytes less a zero point: words by words, two of a column beside each other. The zero points are
// in them.
// CHECK-LABEL: @integers
// CHECK: %[[X:.*]] = nnf.prim.convert {{.*}} -> tensor<?x6x6x16xi16
// CHECK: nnf.prim.transpose {{.*}} -> tensor<1x2x3x3x8x16x2xi16>
// CHECK: nnf.prim.conv %[[X]], {{.*}}high = array<i64: 1, 1>, {{.*}}packed = 16 {{.*}}tensor<1x2x3x3x16x16xi16>{{.*}} -> tensor<?x6x6x20xi32
// Where the target multiplies bytes: unsigned ones, 128 more, so that padding is of the zero point, which a pad in front
// says, and the sums of the weights times it are taken off.
// BYTES-LABEL: @integers
// BYTES: %[[B:.*]] = nnf.prim.convert %arg0 {{.*}} -> tensor<?x6x6x16xui8
// BYTES: %[[X:.*]] = nnf.prim.xor %[[B]]
// BYTES: %[[P:.*]] = nnf.prim.pad %[[X]], {{.*}}high = array<i64: 0, 1, 1, 0>
// BYTES: nnf.prim.reduce add {{.*}} -> tensor<20xi32>
// BYTES: nnf.prim.transpose {{.*}} -> tensor<1x2x3x3x4x16x4xi8>
// BYTES: %[[S:.*]] = nnf.prim.conv %[[P]], {{.*}}high = array<i64: 0, 0>, {{.*}}tensor<1x2x3x3x16x16xi8>
// BYTES: nnf.prim.sub %[[S]]
!x = tensor<?x6x6x16xi8, #nnf.dims<[N, 6, 6, 16]>>
!xi = tensor<?x6x6x16xi32, #nnf.dims<[N, 6, 6, 16]>>
!y = tensor<?x6x6x20xi32, #nnf.dims<[N, 6, 6, 20]>>
func.func @integers(%x: !x) -> !y {
  %w = nnf.weight "w" : tensor<3x3x16x20xi8>
  %z = nnf.constant dense<-3> : tensor<i32>
  %0 = nnf.prim.convert %x : (!x) -> !xi
  %1 = nnf.prim.broadcast %z {dims = array<i64>} : (tensor<i32>) -> !xi
  %2 = nnf.prim.sub %0, %1 : (!xi, !xi) -> !xi
  %3 = nnf.prim.convert %w : (tensor<3x3x16x20xi8>) -> tensor<3x3x16x20xi32>
  %4 = nnf.prim.conv %2, %3 {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (!xi, tensor<3x3x16x20xi32>) -> !y
  return %4 : !y
}

// -----

// A depthwise convolution of narrow integers is one of floats, which hold its sums.
// CHECK-LABEL: @depthwise_integers
// CHECK: %[[S:.*]] = nnf.prim.conv {{.*}} -> tensor<1x6x6x32xf32>
// CHECK: nnf.prim.convert %[[S]] {{.*}} -> tensor<1x6x6x32xi32>
func.func @depthwise_integers(%x: tensor<1x6x6x32xui8>) -> tensor<1x6x6x32xi32> {
  %w = nnf.weight "w" : tensor<3x3x1x32xi8>
  %0 = nnf.prim.convert %x : (tensor<1x6x6x32xui8>) -> tensor<1x6x6x32xi32>
  %1 = nnf.prim.convert %w : (tensor<3x3x1x32xi8>) -> tensor<3x3x1x32xi32>
  %2 = nnf.prim.conv %0, %1 {groups = 32 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (tensor<1x6x6x32xi32>, tensor<3x3x1x32xi32>) -> tensor<1x6x6x32xi32>
  return %2 : tensor<1x6x6x32xi32>
}

// -----

// Weights that are 16-bit floats stay so in panels. float16 needs an instruction to widen them, bfloat16 a shift.
// CHECK-LABEL: @sixteen_bits
// CHECK: nnf.prim.conv %arg0, {{.*}}packed = 16 {{.*}}(tensor<4x512xf32>, tensor<1x32x512x16xf16>)
// CHECK: nnf.prim.conv %arg0, {{.*}}packed = 16 {{.*}}(tensor<4x512xf32>, tensor<1x32x512x16xbf16>)
// WIDENED-LABEL: @sixteen_bits
// WIDENED: nnf.prim.conv %arg0, {{.*}}packed = 16 {{.*}}(tensor<4x512xf32>, tensor<1x32x512x16xf32>)
// WIDENED: nnf.prim.conv %arg0, {{.*}}packed = 16 {{.*}}(tensor<4x512xf32>, tensor<1x32x512x16xbf16>)
func.func @sixteen_bits(%x: tensor<4x512xf32>) -> (tensor<4x512xf32>, tensor<4x512xf32>) {
  %w = nnf.weight "w" : tensor<512x512xf16>
  %v = nnf.weight "v" : tensor<512x512xbf16>
  %0 = nnf.prim.convert %w : (tensor<512x512xf16>) -> tensor<512x512xf32>
  %1 = nnf.prim.convert %v : (tensor<512x512xbf16>) -> tensor<512x512xf32>
  %2 = nnf.prim.dot %x, %0 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 1>} : (tensor<4x512xf32>, tensor<512x512xf32>) -> tensor<4x512xf32>
  %3 = nnf.prim.dot %x, %1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<4x512xf32>, tensor<512x512xf32>) -> tensor<4x512xf32>
  return %2, %3 : tensor<4x512xf32>, tensor<4x512xf32>
}
