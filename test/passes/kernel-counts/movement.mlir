// Kernels of what moves, orders or joins elements.
// RUN: %fuse %s | FileCheck %s

// One kernel.
// CHECK-LABEL: module @unfold {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x4x8x8xf32, #nnf.dims<[N, 4, 8, 8]>>
!y = tensor<?x36x64xf32, #nnf.dims<[N, 36, 64]>>
module @unfold {
  func.func @main(%x: !x) -> !y {
    %y = nnf.unfold %x {kernel_size = array<i64: 3>, padding = array<i64: 1>} : (!x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: a sum of shifted planes.
// CHECK-LABEL: module @fold {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.{{kernel @|prim.(gather|rem)}}
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x36x64xf32, #nnf.dims<[N, 36, 64]>>
!y = tensor<?x4x8x8xf32, #nnf.dims<[N, 4, 8, 8]>>
module @fold {
  func.func @main(%x: !x) -> !y {
    %y = nnf.fold %x {kernel_size = array<i64: 3>, output_size = array<i64: 8, 8>, padding = array<i64: 1>} : (!x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: the parts are computed where they are written.
// CHECK-LABEL: module @cat_of_computed {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!y = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @cat_of_computed {
  func.func @main(%x: !x, %z: !x) -> !y {
    %r = nnf.relu %x : (!x) -> !x
    %t = nnf.tanh %z : (!x) -> !x
    %y = nnf.cat %r, %t {dim = 1 : i64} : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// Two kernels: each product writes its part of the joined buffer.
// CHECK-LABEL: module @cat_of_two_linears {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!a = tensor<?x32xf32, #nnf.dims<[N, 32]>>
!y = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!w0 = tensor<32x16xf32>
!b0 = tensor<32xf32>
module @cat_of_two_linears {
  func.func @main(%x: !x) -> !y {
    %w0 = nnf.weight "w0" : !w0
    %b0 = nnf.weight "b0" : !b0
    %w1 = nnf.weight "w1" : !w0
    %b1 = nnf.weight "b1" : !b0
    %a = nnf.linear %x, %w0, %b0 : (!x, !w0, !b0) -> !a
    %r = nnf.relu %a : (!a) -> !a
    %b = nnf.linear %x, %w1, %b1 : (!x, !w0, !b0) -> !a
    %t = nnf.tanh %b : (!a) -> !a
    %y = nnf.cat %r, %t {dim = 1 : i64} : (!a, !a) -> !y
    return %y : !y
  }
}

// -----

// One kernel.
// CHECK-LABEL: module @stack {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x16xf32, #nnf.dims<[N, 16]>>
!y = tensor<?x2x16xf32, #nnf.dims<[N, 2, 16]>>
module @stack {
  func.func @main(%x: !x, %z: !x) -> !y {
    %y = nnf.stack %x, %z {dim = 1 : i64} : (!x, !x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: the halves are read where they lie.
// CHECK-LABEL: module @split_gate {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!t0 = tensor<?x32xf32, #nnf.dims<[N, 32]>>
module @split_gate {
  func.func @main(%x: !x) -> !t0 {
    %0:2 = nnf.split %x {dim = 1 : i64, split_size_or_sections = array<i64: 32>} : (!x) -> (!t0, !t0)
    %t = nnf.tanh %0#0 : (!t0) -> !t0
    %s = nnf.sigmoid %0#1 : (!t0) -> !t0
    %y = nnf.mul %t, %s : (!t0, !t0) -> !t0
    return %y : !t0
  }
}

// -----

// One kernel: halves, the join and both products.
// CHECK-LABEL: module @rotary {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x4x?x16xf32, #nnf.dims<[N, 4, L, 16]>>
!c = tensor<?x16xf32, #nnf.dims<[L, 16]>>
!t0 = tensor<?x4x?x8xf32, #nnf.dims<[N, 4, L, 8]>>
module @rotary {
  func.func @main(%x: !x, %c: !c, %s: !c) -> !x {
    %0:2 = nnf.split %x {dim = 3 : i64, split_size_or_sections = array<i64: 8>} : (!x) -> (!t0, !t0)
    %n = nnf.neg %0#1 : (!t0) -> !t0
    %r = nnf.cat %n, %0#0 {dim = 3 : i64} : (!t0, !t0) -> !x
    %xc = nnf.mul %x, %c : (!x, !c) -> !x
    %rs = nnf.mul %r, %s : (!x, !c) -> !x
    %y = nnf.add %xc, %rs : (!x, !x) -> !x
    return %y : !x
  }
}

// -----

// Three kernels for rows of up to 64: ranks by comparing all pairs; the permutation; the sorted values.
// could be 1: a row's ranks could stay in scratch.
// CHECK-LABEL: module @sort {
// CHECK-COUNT-3: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-3: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @sort {
  func.func @main(%x: !x) -> (!x, tensor<?x64xi64, #nnf.dims<[N, 64]>>) {
    %values, %indices = nnf.sort %x : (!x) -> (!x, tensor<?x64xi64, #nnf.dims<[N, 64]>>)
    return %values, %indices : !x, tensor<?x64xi64, #nnf.dims<[N, 64]>>
  }
}

// -----

// One kernel with a third result, its working memory.
// CHECK-LABEL: module @long_sort {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x5000xf32, #nnf.dims<[N, 5000]>>
module @long_sort {
  func.func @main(%x: !x) -> (!x, tensor<?x5000xi64, #nnf.dims<[N, 5000]>>) {
    %values, %indices = nnf.sort %x : (!x) -> (!x, tensor<?x5000xi64, #nnf.dims<[N, 5000]>>)
    return %values, %indices : !x, tensor<?x5000xi64, #nnf.dims<[N, 5000]>>
  }
}

// -----

// One kernel: five of 64 are selected.
// CHECK-LABEL: module @topk {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!indices = tensor<?x5xf32, #nnf.dims<[N, 5]>>
module @topk {
  func.func @main(%x: !x) -> (!indices, tensor<?x5xi64, #nnf.dims<[N, 5]>>) {
    %values, %indices = nnf.topk %x {k = 5 : i64} : (!x) -> (!indices, tensor<?x5xi64, #nnf.dims<[N, 5]>>)
    return %values, %indices : !indices, tensor<?x5xi64, #nnf.dims<[N, 5]>>
  }
}

// -----

// One kernel: as topk.
// CHECK-LABEL: module @long_topk {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x5000xf32, #nnf.dims<[N, 5000]>>
!indices = tensor<?x5xf32, #nnf.dims<[N, 5]>>
module @long_topk {
  func.func @main(%x: !x) -> (!indices, tensor<?x5xi64, #nnf.dims<[N, 5]>>) {
    %values, %indices = nnf.topk %x {k = 5 : i64} : (!x) -> (!indices, tensor<?x5xi64, #nnf.dims<[N, 5]>>)
    return %values, %indices : !indices, tensor<?x5xi64, #nnf.dims<[N, 5]>>
  }
}

// -----

// Two kernels: softmax; position of the maximum.
// could be 1: arg_reduce wants a buffer and is no member of a row.
// CHECK-LABEL: module @argmax_of_softmax {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
!y = tensor<?xi64, #nnf.dims<[N]>>
module @argmax_of_softmax {
  func.func @main(%x: !x) -> !y {
    %p = nnf.softmax %x {dim = -1 : i64} : (!x) -> !x
    %y = nnf.argmax %p {dim = -1 : i64} : (!x) -> !y
    return %y : !y
  }
}

// -----

// One kernel: the running sum computes what it adds.
// CHECK-LABEL: module @cumsum_of_exp {
// CHECK-COUNT-1: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-1: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?x64xf32, #nnf.dims<[N, 64]>>
module @cumsum_of_exp {
  func.func @main(%x: !x) -> !x {
    %e = nnf.exp %x : (!x) -> !x
    %y = nnf.cumsum %e {dim = -1 : i64} : (!x) -> !x
    return %y : !x
  }
}

// -----

// Two kernels: the check of the classes, which has to pass first; ones and zeros.
// could be 1: a check is a kernel of its own.
// CHECK-LABEL: module @one_hot_float {
// CHECK-COUNT-2: nnf.kernel @
// CHECK-NOT: nnf.kernel @
// CHECK-COUNT-2: nnf.launch @
// CHECK-NOT: nnf.{{kernel|launch}} @
!x = tensor<?xi64, #nnf.dims<[N]>>
!h = tensor<?x10xi64, #nnf.dims<[N, 10]>>
!y = tensor<?x10xf32, #nnf.dims<[N, 10]>>
module @one_hot_float {
  func.func @main(%x: !x) -> !y {
    %h = nnf.one_hot %x {num_classes = 10 : i64} : (!x) -> !h
    %y = nnf.to %h {dtype = f32} : (!h) -> !y
    return %y : !y
  }
}
