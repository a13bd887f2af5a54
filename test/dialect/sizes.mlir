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
