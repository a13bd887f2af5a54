// The loops that an inverted residual spends its time in (expansion, taps in the middle and at both edges of a row,
// projection): all sums in registers, nothing spilled.
// RUN: nnfc compile %s --emit=s --cpu=x86-64-v4 -o %t.v4.s
// RUN: %python %root/test/codegen/hot_loop.py %t.v4.s --op=vfmadd231ps --at-least=22 --loops=5
// With 16 registers a tile of taps has one value on the stack; products have none.
// RUN: nnfc compile %s --emit=s --cpu=x86-64-v3 -o %t.s
// RUN: %python %root/test/codegen/hot_loop.py %t.s --op=vfmadd231ps --at-least=11 --with=vbroadcastss --loops=2
!x = tensor<1x32x60x60xf32>
!e = tensor<1x96x60x60xf32>
module attributes {nnf.name = "block"} {
  func.func @main(%x: !x {nnf.name = "x"}) -> (!x {nnf.name = "y"}) {
    %we = nnf.constant dense<0.5> : tensor<96x32x1x1xf32>
    %wd = nnf.constant dense<0.25> : tensor<96x1x3x3xf32>
    %wp = nnf.constant dense<0.125> : tensor<32x96x1x1xf32>
    %0 = nnf.conv2d %x, %we : (!x, tensor<96x32x1x1xf32>) -> !e
    %1 = nnf.relu6 %0 : (!e) -> !e
    %2 = nnf.conv2d %1, %wd {groups = 96 : i64, padding = array<i64: 1>} : (!e, tensor<96x1x3x3xf32>) -> !e
    %3 = nnf.relu6 %2 : (!e) -> !e
    %4 = nnf.conv2d %3, %wp : (!e, tensor<32x96x1x1xf32>) -> !x
    %5 = nnf.add %4, %x : (!x, !x) -> !x
    return %5 : !x
  }
}
