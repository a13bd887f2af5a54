// RUN: nnf-opt %s -split-input-file -nnf-decompose -canonicalize -cse -nnf-narrow-products -nnf-split-attention -canonicalize -cse | FileCheck %s

// One query of eight heads: parts of the keys are a batch, in views of keys and values; each has its mix, and the
// logarithm of its powers (-inf where it has nothing), by which they are weighed and added.
// CHECK-LABEL: func.func @main(%arg0: tensor<8x1x64xf16>
// CHECK: nnf.prim.broadcast %arg0 {dims = array<i64: 1, 2, 3>} : (tensor<8x1x64xf16>) -> tensor<32x8x1x64xf16>
// CHECK: %[[K:.*]] = nnf.prim.reshape %arg1 : (tensor<8x4096x64xf16>) -> tensor<8x32x128x64xf16>
// CHECK: nnf.prim.transpose %[[K]] {perm = array<i64: 1, 0, 2, 3>}
// CHECK: nnf.prim.dot {{.*}} -> tensor<32x8x1x128xf32>
// CHECK: %[[LARGEST:.*]] = nnf.prim.reduce max {{.*}} -> tensor<32x8x1xf32>
// CHECK: %[[TOTAL:.*]] = nnf.prim.reduce add {{.*}} -> tensor<32x8x1xf32>
// CHECK: %[[LOG:.*]] = nnf.prim.log %[[TOTAL]]
// CHECK: %[[SUM:.*]] = nnf.prim.add %[[LARGEST]], %[[LOG]]
// CHECK: %[[LOGSUM:.*]] = nnf.prim.select %{{.*}}, %{{.*}}, %[[SUM]]
// CHECK: %[[MIX:.*]] = nnf.prim.dot {{.*}} -> tensor<32x8x1x64xf32>
// CHECK: %[[EACH:.*]] = nnf.prim.broadcast %[[LOGSUM]]
// CHECK: nnf.prim.reduce max %[[EACH]] {dims = array<i64: 0>}
// CHECK: %[[WEIGHED:.*]] = nnf.prim.mul %{{.*}}, %[[MIX]]
// CHECK: nnf.prim.reduce add %[[WEIGHED]] {dims = array<i64: 0>} : (tensor<32x8x1x64xf32>) -> tensor<8x1x64xf32>
// CHECK: nnf.prim.div
func.func @main(%q: tensor<8x1x64xf16>, %k: tensor<8x4096x64xf16>, %v: tensor<8x4096x64xf16>) -> tensor<8x1x64xf16> {
  %y = nnf.scaled_dot_product_attention %q, %k, %v : (tensor<8x1x64xf16>, tensor<8x4096x64xf16>, tensor<8x4096x64xf16>) -> tensor<8x1x64xf16>
  return %y : tensor<8x1x64xf16>
}

// -----

// So many heads fill a GPU.
// CHECK-LABEL: func.func @main(%arg0: tensor<512x64x64xf16>
// CHECK-NOT: nnf.prim.log
// CHECK: return
func.func @main(%q: tensor<512x64x64xf16>, %k: tensor<512x1024x64xf16>, %v: tensor<512x1024x64xf16>) -> tensor<512x64x64xf16> {
  %y = nnf.scaled_dot_product_attention %q, %k, %v : (tensor<512x64x64xf16>, tensor<512x1024x64xf16>, tensor<512x1024x64xf16>) -> tensor<512x64x64xf16>
  return %y : tensor<512x64x64xf16>
}

// -----

// Queries that look at no keys behind them; a number of keys that has no parts.
// CHECK-LABEL: func.func @main(%arg0: tensor<1x64x64xf16>
// CHECK-NOT: nnf.prim.log
// CHECK: return
func.func @main(%q: tensor<1x64x64xf16>, %k: tensor<1x4096x64xf16>, %v: tensor<1x4096x64xf16>) -> tensor<1x64x64xf16> {
  %y = nnf.scaled_dot_product_attention %q, %k, %v {is_causal = true} : (tensor<1x64x64xf16>, tensor<1x4096x64xf16>, tensor<1x4096x64xf16>) -> tensor<1x64x64xf16>
  return %y : tensor<1x64x64xf16>
}

// -----

// CHECK-LABEL: func.func @main(%arg0: tensor<1x1x64xf16>
// CHECK-NOT: nnf.prim.log
// CHECK: return
func.func @main(%q: tensor<1x1x64xf16>, %k: tensor<1x4099x64xf16>, %v: tensor<1x4099x64xf16>) -> tensor<1x1x64xf16> {
  %y = nnf.scaled_dot_product_attention %q, %k, %v : (tensor<1x1x64xf16>, tensor<1x4099x64xf16>, tensor<1x4099x64xf16>) -> tensor<1x1x64xf16>
  return %y : tensor<1x1x64xf16>
}
