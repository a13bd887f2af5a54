// Loops and branches: what they read is stored, their memory is planned with what is around them.
// RUN: nnf-opt %s -split-input-file -nnf-decompose -canonicalize -cse -nnf-form-groups -nnf-copy-outputs -nnf-pack-weights -nnf-plan-memory | FileCheck %s

// The sum that a loop begins with is stored before; what is made of the result comes after. Slices are written straight
// into the stacked tensor, which is the caller's: no copy but of what a step gives twice.
// CHECK-LABEL: module @counted
// CHECK: func.func @main
// CHECK: %[[FIRST:.*]] = nnf.launch
// CHECK: %[[LOOP:.*]]:2 = nnf.loop @body0 from(%[[FIRST]]) captures() trips <[N]> {nnf.offsets = {{.*}}, nnf.regions = array<i64: 0, 0, 0, -2, -9223372036854775808>}
// CHECK: nnf.launch {{.*}}(%[[LOOP]]#0
// CHECK-NOT: nnf.launch
// CHECK: func.func private @body0
// CHECK: nnf.launch {{.*}}nnf.regions = array<i64: -1>
// CHECK: nnf.launch @nnf.copy{{.*}}nnf.regions = array<i64: -2>
module @counted {
  func.func @main(%x: tensor<?x8xf32, #nnf.dims<[N, 8]>>) -> (tensor<8xf32>, tensor<?x8xf32, #nnf.dims<[N, 8]>>) {
    %s = nnf.sum %x {dim = array<i64: 0>} : (tensor<?x8xf32, #nnf.dims<[N, 8]>>) -> tensor<8xf32>
    %r:2 = nnf.loop @body0 from(%s) captures() trips <[N]> : (tensor<8xf32>) -> (tensor<8xf32>, tensor<?x8xf32, #nnf.dims<[N, 8]>>)
    %y = nnf.exp %r#0 : (tensor<8xf32>) -> tensor<8xf32>
    return %y, %r#1 : tensor<8xf32>, tensor<?x8xf32, #nnf.dims<[N, 8]>>
  }
  func.func private @body0(%i: tensor<i64>, %v: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
    %w = nnf.tanh %v : (tensor<8xf32>) -> tensor<8xf32>
    return %w, %w : tensor<8xf32>, tensor<8xf32>
  }
}

// -----

// A branch may give a size of its own: memory and the size are handed on, and what has the size waits.
// CHECK-LABEL: module @branches
// CHECK: func.func @main
// CHECK: %[[IF:.*]] = nnf.if {{.*}} sizes [0] {nnf.offsets = {{.*}}, nnf.regions = array<i64: -9223372036854775808, {{.*}}>}
// CHECK: nnf.launch {{.*}}(%[[IF]]) sizes <[size(0)]>
module @branches {
  func.func @main(%c: tensor<i64>, %x: tensor<8xf32>) -> tensor<?xf32, #nnf.dims<[size(0)]>> {
    %r = nnf.if %c then @body0 else @body1 captures(%x) sizes [0] : (tensor<i64>, tensor<8xf32>) -> tensor<?xf32, #nnf.dims<[size(0)]>>
    %y = nnf.exp %r : (tensor<?xf32, #nnf.dims<[size(0)]>>) -> tensor<?xf32, #nnf.dims<[size(0)]>>
    return %y : tensor<?xf32, #nnf.dims<[size(0)]>>
  }
  func.func private @body0(%x: tensor<8xf32>) -> tensor<8xf32> {
    %w = nnf.tanh %x : (tensor<8xf32>) -> tensor<8xf32>
    return %w : tensor<8xf32>
  }
  func.func private @body1(%x: tensor<8xf32>) -> tensor<2xf32> {
    %w = nnf.slice %x {dim = array<i64: 0>, start = array<i64: 0>, end = array<i64: 2>, step = array<i64: 1>} : (tensor<8xf32>) -> tensor<2xf32>
    return %w : tensor<2xf32>
  }
}
