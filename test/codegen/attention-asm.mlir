// The loops that attention spends its time in, for tiles of two lengths: scores and the mix of values with all sums in
// registers, nothing spilled.
// RUN: nnfc compile %s --emit=s --cpu=x86-64-v3 -o %t.s
// RUN: %python %root/test/codegen/hot_loop.py %t.s --op=vfmadd231ps --at-least=10 --with=vbroadcastss --loops=4
// RUN: nnfc compile %s --emit=s --cpu=x86-64-v4 -o %t.v4.s
// RUN: %python %root/test/codegen/hot_loop.py %t.v4.s --op=vfmadd231ps --at-least=22 --with=vbroadcastss --loops=4
// RUN: nnfc compile %s --emit=s --triple=aarch64-linux-gnu -o %t.arm.s
// RUN: FileCheck %s --check-prefix=ARM < %t.arm.s
// ARM-COUNT-22: fmla v{{[0-9]+}}.4s, v{{[0-9]+}}.4s,
module attributes {nnf.name = "attention"} {
  func.func @main(%q: tensor<1x12x128x64xf32> {nnf.name = "q"}, %k: tensor<1x12x128x64xf32> {nnf.name = "k"}, %v: tensor<1x12x128x64xf32> {nnf.name = "v"}) -> (tensor<1x12x128x64xf32> {nnf.name = "y"}) {
    %y = nnf.scaled_dot_product_attention %q, %k, %v {nnf.random = 0 : i64} : (tensor<1x12x128x64xf32>, tensor<1x12x128x64xf32>, tensor<1x12x128x64xf32>) -> tensor<1x12x128x64xf32>
    return %y : tensor<1x12x128x64xf32>
  }
}
