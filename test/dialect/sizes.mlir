// Sizes that are no affine expression, and what a run's sizes must meet.
// RUN: nnf-opt %s | nnf-opt | FileCheck %s
// RUN: nnf-opt %s --nnf-decompose | FileCheck %s --check-prefix=DECOMPOSED

// CHECK-LABEL: @derived
// CHECK-SAME: tensor<?xf32, #nnf.dims<[max(N + -10, 0)]>>
// CHECK-SAME: tensor<?xf32, #nnf.dims<[min(N, 3) * 2]>>
// CHECK-SAME: tensor<?xf32, #nnf.dims<[scaled(N, {{1.69.*e\+00}})]>>
func.func @derived(%a: tensor<?xf32, #nnf.dims<[max(N + -10, 0)]>>, %b: tensor<?xf32, #nnf.dims<[2 * min(N, 3)]>>,
                   %c: tensor<?xf32, #nnf.dims<[scaled(N, 1.7)]>>) {
  return
}

// One that is larger whatever N is needs no symbol of its own.
// CHECK-LABEL: @plain
// CHECK-SAME: tensor<?xf32, #nnf.dims<[N + 1]>>
func.func @plain(%a: tensor<?xf32, #nnf.dims<[max(N + 1, 0)]>>) {
  return
}

// DECOMPOSED-LABEL: @required
// DECOMPOSED: nnf.require <[N, N * -1 + N floordiv 2 * 2]> "argument 'input': size {value} at dimension 0, expected an even size [NNFC-E0216]"
func.func @required(%x: tensor<?xf32, #nnf.dims<[N]>>) -> tensor<?xf32, #nnf.dims<[N floordiv 2]>> {
  %y = nnf.glu %x : (tensor<?xf32, #nnf.dims<[N]>>) -> tensor<?xf32, #nnf.dims<[N floordiv 2]>>
  return %y : tensor<?xf32, #nnf.dims<[N floordiv 2]>>
}

// Equal sizes of different expressions: the op is decomposed as if they were one.
// DECOMPOSED-LABEL: @agree
// DECOMPOSED: nnf.require <[N, N + -8]> "argument 'other': size 8 at dimension 0, expected {value} [NNFC-E0208]"
// DECOMPOSED: nnf.require <[N, N * -1 + 8]>
// DECOMPOSED: nnf.prim.reshape {{.*}} -> tensor<4x8xf32>
func.func @agree(%x: tensor<4x?xf32, #nnf.dims<[4, N]>>, %w: tensor<8x5xf32>) -> tensor<4x5xf32> {
  %y = nnf.matmul %x, %w : (tensor<4x?xf32, #nnf.dims<[4, N]>>, tensor<8x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}

// CHECK-LABEL: @joint
// CHECK-SAME: -> tensor<?xf32, #nnf.dims<[joint(M, N)]>>
// DECOMPOSED-LABEL: @joint
// DECOMPOSED-DAG: argument 'other': size {value} at dimension 0, expected N or 1 to broadcast [NNFC-E0209]
// DECOMPOSED-DAG: argument 'other': size {value} at dimension 0, expected M or 1 to broadcast [NNFC-E0209]
// DECOMPOSED: nnf.prim.add {{.*}} -> tensor<?xf32, #nnf.dims<[joint(M, N)]>>
func.func @joint(%a: tensor<?xf32, #nnf.dims<[N]>>, %b: tensor<?xf32, #nnf.dims<[M]>>) -> tensor<?xf32, #nnf.dims<[joint(joint(N, M), N)]>> {
  %y = nnf.add %a, %b : (tensor<?xf32, #nnf.dims<[N]>>, tensor<?xf32, #nnf.dims<[M]>>) -> tensor<?xf32, #nnf.dims<[joint(N, M)]>>
  return %y : tensor<?xf32, #nnf.dims<[joint(N, M)]>>
}
