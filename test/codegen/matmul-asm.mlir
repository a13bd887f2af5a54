// The loop that a matrix product spends its time in: all sums in registers, nothing spilled.
// RUN: nnfc compile %s --emit=s --cpu=x86-64-v3 -o %t.s
// RUN: %python %root/test/codegen/hot_loop.py %t.s --op=vfmadd231ps --at-least=10
// RUN: nnfc compile %s --emit=s --cpu=x86-64-v4 -o %t.v4.s
// RUN: %python %root/test/codegen/hot_loop.py %t.v4.s --op=vfmadd231ps --at-least=22
// RUN: nnfc compile %s --emit=s --triple=aarch64-linux-gnu -o %t.arm.s
// RUN: FileCheck %s --check-prefix=ARM < %t.arm.s
// ARM-COUNT-22: fmla v{{[0-9]+}}.4s, v{{[0-9]+}}.4s,
// Without fused multiply-add there is no such loop, and the check says so.
// RUN: nnfc compile %s --emit=s --cpu=x86-64-v2 -o %t.v2.s
// RUN: not %python %root/test/codegen/hot_loop.py %t.v2.s --op=vfmadd231ps --at-least=1 2>&1 | FileCheck %s
// CHECK: no loop with vfmadd231ps
module attributes {nnf.name = "product"} {
  func.func @main(%a: tensor<256x256xf32> {nnf.name = "a"}, %b: tensor<256x256xf32> {nnf.name = "b"}) -> (tensor<256x256xf32> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
    return %y : tensor<256x256xf32>
  }
}
