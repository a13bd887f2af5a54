// RUN: nnf-opt %s | FileCheck %s
// Sizes are inferred as arithmetic on symbols; a result type that says otherwise would not verify.

// CHECK-LABEL: @convolution
func.func @convolution(%x: tensor<?x3x?x?xf32, #nnf.dims<[N, 3, H, W]>>, %w: tensor<4x3x3x3xf32>)
    -> tensor<?x4x?x?xf32, #nnf.dims<[N, 4, (H + -1) floordiv 2 + 1, W + -2]>> {
  // CHECK: nnf.conv2d
  %y = nnf.conv2d %x, %w {stride = array<i64: 2, 1>, padding = array<i64: 1, 0>}
    : (tensor<?x3x?x?xf32, #nnf.dims<[N, 3, H, W]>>, tensor<4x3x3x3xf32>)
    -> tensor<?x4x?x?xf32, #nnf.dims<[N, 4, (H + -1) floordiv 2 + 1, W + -2]>>
  return %y : tensor<?x4x?x?xf32, #nnf.dims<[N, 4, (H + -1) floordiv 2 + 1, W + -2]>>
}

// CHECK-LABEL: @reshape_divides
func.func @reshape_divides(%x: tensor<?x4x6xf32, #nnf.dims<[N, 4, 6]>>) -> tensor<?x8xf32, #nnf.dims<[N * 3, 8]>> {
  %y = nnf.reshape %x {shape = array<i64: -1, 8>}
    : (tensor<?x4x6xf32, #nnf.dims<[N, 4, 6]>>) -> tensor<?x8xf32, #nnf.dims<[N * 3, 8]>>
  return %y : tensor<?x8xf32, #nnf.dims<[N * 3, 8]>>
}

// The product of sizes is the same in any order, and so is that of a sum.
// CHECK-LABEL: @flatten_products
func.func @flatten_products(%x: tensor<?x2x?x4xf32, #nnf.dims<[H + 1, 2, N, 4]>>, %y: tensor<?x?xf32, #nnf.dims<[N * 8, H + 1]>>)
    -> tensor<?xf32, #nnf.dims<[N * H * 16 + N * 16]>> {
  %a = nnf.reshape %x {shape = array<i64: -1>}
    : (tensor<?x2x?x4xf32, #nnf.dims<[H + 1, 2, N, 4]>>) -> tensor<?xf32, #nnf.dims<[N * H * 8 + N * 8]>>
  %b = nnf.reshape %y {shape = array<i64: -1>}
    : (tensor<?x?xf32, #nnf.dims<[N * 8, H + 1]>>) -> tensor<?xf32, #nnf.dims<[(H + 1) * (N * 8)]>>
  %c = nnf.cat %a, %b : (tensor<?xf32, #nnf.dims<[N * H * 8 + N * 8]>>, tensor<?xf32, #nnf.dims<[N * H * 8 + N * 8]>>)
    -> tensor<?xf32, #nnf.dims<[N * H * 16 + N * 16]>>
  return %c : tensor<?xf32, #nnf.dims<[N * H * 16 + N * 16]>>
}

// In ceil mode the last window starts inside the input or its left padding: 3 of 7, not 4.
// CHECK-LABEL: @ceil_mode
func.func @ceil_mode(%x: tensor<1x1x7xf32>) -> tensor<1x1x3xf32> {
  %y = nnf.max_pool1d %x {kernel_size = array<i64: 2>, stride = array<i64: 3>, padding = array<i64: 1>,
                          ceil_mode = true} : (tensor<1x1x7xf32>) -> tensor<1x1x3xf32>
  return %y : tensor<1x1x3xf32>
}

// CHECK-LABEL: @joins_symbols
func.func @joins_symbols(%a: tensor<?x2xf32, #nnf.dims<[N, 2]>>, %b: tensor<?x2xf32, #nnf.dims<[M, 2]>>)
    -> tensor<?x2xf32, #nnf.dims<[N + M, 2]>> {
  %y = nnf.cat %a, %b : (tensor<?x2xf32, #nnf.dims<[N, 2]>>, tensor<?x2xf32, #nnf.dims<[M, 2]>>)
    -> tensor<?x2xf32, #nnf.dims<[N + M, 2]>>
  return %y : tensor<?x2xf32, #nnf.dims<[N + M, 2]>>
}
