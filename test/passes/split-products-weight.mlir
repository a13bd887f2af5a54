// A weight is filled up with zeros when the model is compiled: the product reads whole shares of it, and of its rows as
// many steps as there are.
// RUN: nnf-opt %s -nnf-split-products -nnf-split-prepare='keep-narrow=true' | FileCheck %s
// CHECK-LABEL: func.func @prepare()
// CHECK: nnf.prim.pad {{.*}} : (tensor<1000x72xf16>, tensor<f16>) -> tensor<1024x72xf16>
// CHECK: return
// CHECK-LABEL: func.func @main(%arg0: tensor<40x1000xf16>)
// CHECK: nnf.prim.pad %arg0, {{.*}} -> tensor<40x1024xf16>
// CHECK-NOT: nnf.prim.pad
// CHECK: nnf.prim.dot {{.*}} -> tensor<16x40x72xf32>
func.func @main(%a: tensor<40x1000xf16>) -> tensor<40x72xf32> {
  %w = nnf.weight "w" : tensor<1000x72xf16>
  %0 = nnf.prim.convert %a : (tensor<40x1000xf16>) -> tensor<40x1000xf32>
  %1 = nnf.prim.convert %w : (tensor<1000x72xf16>) -> tensor<1000x72xf32>
  %2 = nnf.prim.dot %0, %1 {lhsBatch = array<i64>, lhsContract = array<i64: 1>, rhsBatch = array<i64>, rhsContract = array<i64: 0>} : (tensor<40x1000xf32>, tensor<1000x72xf32>) -> tensor<40x72xf32>
  return %2 : tensor<40x72xf32>
}
