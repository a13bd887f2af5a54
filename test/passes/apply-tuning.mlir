// The method of a contraction is decided when its weights are packed, blocks on the kernels around it.
// RUN: split-file %s %t
// RUN: nnf-opt %t/graph.mlir -nnf-pack-contractions="winograd=2 tuning=%t/direct" -canonicalize | FileCheck %s --check-prefix=DIRECT
// RUN: nnf-opt %t/graph.mlir -nnf-pack-contractions="tuning=%t/winograd" -canonicalize | FileCheck %s --check-prefix=WINOGRAD
// RUN: nnf-opt %t/kernels.mlir -nnf-apply-tuning=tuning=%t/direct | FileCheck %s --check-prefix=CHOICE
// RUN: nnf-opt %t/kernels.mlir -nnf-apply-tuning=tuning=%t/direct -nnf-lower-kernels | FileCheck %s --check-prefix=GRID
// RUN: nnf-opt %t/kernels.mlir -nnf-lower-kernels | FileCheck %s --check-prefix=PLAIN
// RUN: not nnf-opt %t/kernels.mlir -nnf-apply-tuning=tuning=%t/winograd 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: nnf-opt %t/kernels.mlir -nnf-apply-tuning=tuning=%t/other 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not nnf-opt %t/kernels.mlir -nnf-apply-tuning=tuning=%t/gone 2>&1 | FileCheck %s --check-prefix=GONE

// Winograd's algorithm would pay.
// DIRECT: nnf.prim.conv {{.*}}packed = 16 : i64, {{.*}}tensor<1x4x3x3x64x16xf32>
// WINOGRAD: nnf.prim.conv {{.*}}winograd = 2 : i64{{.*}}tensor<1x4x4x4x64x16xf32>

// CHOICE: nnf.kernel @other
// CHOICE-NOT: nnf.choice
// CHOICE: nnf.kernel @after
// CHOICE-SAME: nnf.choice = "direct rows=5 tiles=60 panels=3 order=outer taps=2 chunk=32"

// 3136 rows are 628 tiles of up to 5, 11 tasks of 60; 4 panels are 2 tasks of 3.
// GRID: func.func private @after{{.*}}nnf.grid = #nnf.dims<[11, 2]>{{.*}}nnf.method = "direct rows=5 tiles=60 panels=3 order=outer taps=2 chunk=32"
// PLAIN-NOT: nnf.grid = #nnf.dims<[11, 2]>
// PLAIN: func.func private @after{{.*}}nnf.method = "direct rows=6 tiles=

// WRONG: error: tuning: '{{.*}}winograd', line 3: 'winograd2' found, but the kernel is 'direct'
// OTHER: warning: tuning: none of the kernels that '{{.*}}other' has lines for is in this model
// GONE: error: tuning: '{{.*}}gone' cannot be read: No such file or directory

//--- direct
nnfc-tuning 1
cpu haswell vector=32 registers=16 l1=32768 l2=524288
kernel conv/float32/in=1x56x56x64/out=64/taps=3x3/pad=1x1,1x1|neg direct rows=5 tiles=60 panels=3 order=outer taps=2 chunk=32
//--- winograd
nnfc-tuning 1
cpu haswell vector=32 registers=16 l1=32768 l2=524288
kernel conv/float32/in=1x56x56x64/out=64/taps=3x3/pad=1x1,1x1|neg winograd2
//--- other
nnfc-tuning 1
cpu haswell vector=32 registers=16 l1=32768 l2=524288
kernel conv/float32/in=1x56x56x64/out=65/taps=3x3/pad=1x1,1x1|neg winograd2
//--- graph.mlir
func.func @main(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = nnf.weight "w" : tensor<3x3x64x64xf32>
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
  return %0 : tensor<1x56x56x64xf32>
}
//--- kernels.mlir
nnf.kernel @other(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> attributes {symbols = [], title = "neg"} {
  %0 = nnf.prim.neg %x : (tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  nnf.yield %0 : tensor<1x56x56x64xf32>
}
nnf.kernel @after(%x: tensor<1x56x56x64xf32>, %w: tensor<1x4x3x3x64x16xf32>) -> tensor<1x56x56x64xf32> attributes {symbols = [], title = "conv+neg"} {
  %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 1, 1>, inputDilation = array<i64: 1, 1>, kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 1, 1>, packed = 16 : i64, stride = array<i64: 1, 1>} : (tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>) -> tensor<1x56x56x64xf32>
  %1 = nnf.prim.neg %0 : (tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  nnf.yield %1 : tensor<1x56x56x64xf32>
}
