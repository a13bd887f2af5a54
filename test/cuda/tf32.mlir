// A large product of float32 with --allow-tf32 is one kernel around the template of 128 x 128 tiles: on tensor cores,
// each operand rounded once in a register, copies of 16 bytes, float32 in and out. Without the flag it is exact.
// RUN: nnfc compile %s --target=cuda --emit=ptx --allow-tf32 -o %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: FileCheck %s --check-prefix=MMA < %t.ptx
// RUN: FileCheck %s --check-prefix=ROUND < %t.ptx
// RUN: FileCheck %s --check-prefix=LOAD < %t.ptx
// RUN: FileCheck %s --check-prefix=NOT < %t.ptx
// RUN: nnfc compile %s --target=cuda --emit=ptx -o %t.exact.ptx
// RUN: FileCheck %s --check-prefix=EXACT < %t.exact.ptx
// CHECK: // kernel 0 {{.*}} threads=128
// CHECK: cp.async.cg.shared.global [{{.*}}], [{{.*}}], 16, {{.*}};
// CHECK: cp.async.wait_group 1;
// CHECK: bar.sync
// CHECK: ld.shared.v4.b32
// CHECK: st.global.v4.b32
// MMA-COUNT-64: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// MMA-NOT: mma.sync
// LOAD-COUNT-8: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// LOAD-NOT: ldmatrix
// ROUND-COUNT-64: cvt.rna.tf32.f32
// ROUND-NOT: cvt.rna
// NOT-NOT: .local
// NOT-NOT: call
// NOT-NOT: cp.async.ca
// NOT-NOT: ldmatrix.sync.aligned.m8n8.x4.trans
// EXACT-NOT: tf32
// EXACT: fma.rn.f32
// EXACT-NOT: tf32
module attributes {nnf.name = "product"} {
  func.func @main(%a: tensor<4096x4096xf32> {nnf.name = "a"}, %b: tensor<4096x4096xf32> {nnf.name = "b"}) -> (tensor<4096x4096xf32> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<4096x4096xf32>, tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
    return %y : tensor<4096x4096xf32>
  }
}
