// RUN: nnf-opt %s -nnf-expand-ordered | FileCheck %s
// RUN: nnf-opt %s "-nnf-expand-ordered=all" | FileCheck %s --check-prefix=ALL

// Nothing to do, nothing changed.
// CHECK-LABEL: @nothing_to_do
// CHECK-NEXT: nnf.prim.exp
// CHECK-NEXT: return
func.func @nothing_to_do(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nnf.prim.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A short row is sorted by counting what comes before each element; a long one has a kernel.
// CHECK-LABEL: @short_row
// CHECK-NOT: nnf.prim.sort
// CHECK: nnf.prim.reduce add
// CHECK: nnf.prim.reduce max
// CHECK-LABEL: @long_row
// CHECK: nnf.prim.sort
// ALL-LABEL: @long_row
// ALL-NOT: nnf.prim.sort
// ALL: nnf.prim.reduce add
func.func @short_row(%x: tensor<9x32xf32>) -> (tensor<9x32xf32>, tensor<9x32xi64>) {
  %v, %i, %w = nnf.prim.sort %x {dim = 1 : i64, descending = false} : (tensor<9x32xf32>) -> (tensor<9x32xf32>, tensor<9x32xi64>, tensor<9x0xi64>)
  return %v, %i : tensor<9x32xf32>, tensor<9x32xi64>
}
func.func @long_row(%x: tensor<9x320xf32>) -> (tensor<9x320xf32>, tensor<9x320xi64>) {
  %v, %i, %w = nnf.prim.sort %x {dim = 1 : i64, descending = false} : (tensor<9x320xf32>) -> (tensor<9x320xf32>, tensor<9x320xi64>, tensor<9x0xi64>)
  return %v, %i : tensor<9x320xf32>, tensor<9x320xi64>
}

// CHECK-LABEL: @running_sum
// CHECK-NEXT: nnf.prim.cumulate add
// ALL-LABEL: @running_sum
// ALL: nnf.prim.convert {{.*}} -> tensor<?x5xf64
// ALL: nnf.prim.reduce add
func.func @running_sum(%x: tensor<?x5xf32, #nnf.dims<[N, 5]>>) -> tensor<?x5xf32, #nnf.dims<[N, 5]>> {
  %0 = nnf.prim.cumulate add %x {dim = 0 : i64, reverse = false} : (tensor<?x5xf32, #nnf.dims<[N, 5]>>) -> tensor<?x5xf32, #nnf.dims<[N, 5]>>
  return %0 : tensor<?x5xf32, #nnf.dims<[N, 5]>>
}

// The last update of a place stays; its index is checked apart.
// ALL-LABEL: @scatter
// ALL: nnf.prim.check
// ALL: nnf.prim.reduce max
// ALL: nnf.prim.gather clamp
func.func @scatter(%x: tensor<7x5xf32>, %i: tensor<3xi64>, %u: tensor<3x5xf32>) -> tensor<7x5xf32> {
  %0 = nnf.prim.scatter set error %x, %i, %u {scatterDims = array<i64: 0>, message = "index {value}"} : (tensor<7x5xf32>, tensor<3xi64>, tensor<3x5xf32>) -> tensor<7x5xf32>
  return %0 : tensor<7x5xf32>
}
// Of the first few only those are looked for; the ranks are counted among all.
// CHECK-LABEL: @first_of_short_row
// CHECK: nnf.prim.reduce add {{.*}} : (tensor<9x32x32xi64>) -> tensor<9x32xi64>
// CHECK: nnf.prim.reduce max {{.*}} : (tensor<9x5x32xi64>) -> tensor<9x5xi64>
// A share of an eighth is selected by the kernel.
// CHECK-LABEL: @few_of_short_row
// CHECK: nnf.prim.sort
// ALL-LABEL: @few_of_short_row
// ALL-NOT: nnf.prim.sort
func.func @first_of_short_row(%x: tensor<9x32xf32>) -> (tensor<9x5xf32>, tensor<9x5xi64>) {
  %v, %i, %w = nnf.prim.sort %x {dim = 1 : i64, descending = false} : (tensor<9x32xf32>) -> (tensor<9x5xf32>, tensor<9x5xi64>, tensor<9x0xi64>)
  return %v, %i : tensor<9x5xf32>, tensor<9x5xi64>
}
func.func @few_of_short_row(%x: tensor<9x32xf32>) -> (tensor<9x4xf32>, tensor<9x4xi64>) {
  %v, %i, %w = nnf.prim.sort %x {dim = 1 : i64, descending = false} : (tensor<9x32xf32>) -> (tensor<9x4xf32>, tensor<9x4xi64>, tensor<9x0xi64>)
  return %v, %i : tensor<9x4xf32>, tensor<9x4xi64>
}
