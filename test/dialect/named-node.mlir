// RUN: not nnf-opt %s 2>&1 | FileCheck %s
// A node's name and op stand in its location, and in what is said of it.

// CHECK: node 'act' (gelu), argument 'approximate': 'fast', expected 'none' or 'tanh'
func.func @named_node(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = nnf.gelu %x {approximate = "fast"} : (tensor<4xf32>) -> tensor<4xf32> loc("act"("gelu"))
  return %y : tensor<4xf32>
}
