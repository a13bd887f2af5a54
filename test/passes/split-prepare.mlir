// RUN: nnf-opt %s -split-input-file -nnf-split-prepare | FileCheck %s

// What is computed from weights leaves; the broadcast that reads it is free where it stands.
// CHECK-LABEL: module @scaled_weight
// CHECK: func.func @prepare() -> tensor<8xf32>
// CHECK-NEXT: nnf.weight "a"
// CHECK-NEXT: nnf.weight "b"
// CHECK-NEXT: %[[AB:.*]] = nnf.prim.mul
// CHECK-NEXT: return %[[AB]]
// CHECK: func.func @main
// CHECK-NEXT: %[[P:.*]] = nnf.weight "prepared.0" : tensor<8xf32>
// CHECK-NEXT: %[[B:.*]] = nnf.prim.broadcast %[[P]]
// CHECK-NEXT: nnf.prim.add %arg0, %[[B]]
// CHECK-NOT: nnf.weight
!x = tensor<?x8xf32, #nnf.dims<[N, 8]>>
module @scaled_weight {
  func.func @main(%x: !x) -> !x {
    %a = nnf.weight "a" : tensor<8xf32>
    %b = nnf.weight "b" : tensor<8xf32>
    %0 = nnf.prim.mul %a, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %1 = nnf.prim.broadcast %0 {dims = array<i64: 1>} : (tensor<8xf32>) -> !x
    %2 = nnf.prim.add %x, %1 : (!x, !x) -> !x
    return %2 : !x
  }
}

// -----

// A result of the graph that depends on weights alone is prepared whole; results keep their order.
// CHECK-LABEL: module @constant_result
// CHECK: func.func @prepare() -> (tensor<2x4xf32>, tensor<8xf32>)
// CHECK: func.func @main
// CHECK-DAG: nnf.weight "prepared.0" : tensor<2x4xf32>
// CHECK-DAG: nnf.weight "prepared.1" : tensor<8xf32>
module @constant_result {
  func.func @main() -> (tensor<2x4xf32>, tensor<8xf32>) {
    %a = nnf.weight "a" : tensor<8xf32>
    %0 = nnf.prim.neg %a : (tensor<8xf32>) -> tensor<8xf32>
    %1 = nnf.prim.reshape %0 : (tensor<8xf32>) -> tensor<2x4xf32>
    return %1, %0 : tensor<2x4xf32>, tensor<8xf32>
  }
}

// -----

// Refused: single numbers (cheaper to compute than to read), a view of a weight, a size known at run time only.
// CHECK-LABEL: module @refused
// CHECK-NOT: @prepare
// CHECK: nnf.prim.exp
// CHECK: nnf.prim.dim
!x = tensor<?x4xf32, #nnf.dims<[N, 4]>>
module @refused {
  func.func @main(%x: !x) -> (!x, tensor<i64>) {
    %one = nnf.constant dense<1.0> : tensor<f32>
    %e = nnf.prim.exp %one : (tensor<f32>) -> tensor<f32>
    %0 = nnf.prim.broadcast %e {dims = array<i64>} : (tensor<f32>) -> !x
    %w = nnf.weight "w" : tensor<2x2xf32>
    %1 = nnf.prim.reshape %w : (tensor<2x2xf32>) -> tensor<4xf32>
    %2 = nnf.prim.broadcast %1 {dims = array<i64: 1>} : (tensor<4xf32>) -> !x
    %3 = nnf.prim.add %0, %2 : (!x, !x) -> !x
    %4 = nnf.prim.add %3, %x : (!x, !x) -> !x
    %n = nnf.prim.dim {size = #nnf.dims<[N]>} : () -> tensor<i64>
    return %4, %n : !x, tensor<i64>
  }
}

// -----

// CHECK-LABEL: module @nothing_to_do
// CHECK-NOT: @prepare
// CHECK: nnf.prim.tanh
!x = tensor<?x4xf32, #nnf.dims<[N, 4]>>
module @nothing_to_do {
  func.func @main(%x: !x) -> !x {
    %0 = nnf.prim.tanh %x : (!x) -> !x
    return %0 : !x
  }
}

// -----

// What a step computes of weights alone is computed once, before any run.
// CHECK-LABEL: module @constants
// CHECK: func.func @prepare
// CHECK: exp
// CHECK: func.func private @body0
// CHECK: nnf.weight "prepared.0"
module @constants {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %r = nnf.loop @body0 from(%x) captures() trips <[3]> : (tensor<4xf32>) -> tensor<4xf32>
    return %r : tensor<4xf32>
  }
  func.func private @body0(%i: tensor<i64>, %v: tensor<4xf32>) -> tensor<4xf32> {
    %t = nnf.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
    %e = nnf.exp %t : (tensor<4xf32>) -> tensor<4xf32>
    %w = nnf.mul %v, %e : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    return %w : tensor<4xf32>
  }
}
