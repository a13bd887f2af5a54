// An attention of many heads is one kernel around the template of 128 queries: all of it inlined, queries, scores and
// sums in registers, copies of 16 bytes, powers as they come to the second product.
// RUN: nnfc compile %s --target=cuda --emit=ptx -o %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: FileCheck %s --check-prefix=MMA < %t.ptx
// RUN: FileCheck %s --check-prefix=LOAD < %t.ptx
// RUN: FileCheck %s --check-prefix=NOT < %t.ptx
// CHECK: // kernel 0 {{.*}} threads=128
// CHECK-NOT: // kernel
// CHECK: cp.async.cg.shared.global [{{.*}}], [{{.*}}], 16, {{.*}};
// CHECK: cp.async.wait_group 1;
// CHECK: shfl.sync.bfly
// CHECK: ex2.approx.ftz.f32
// CHECK: cvt.rn.bf16x2.f32
// CHECK: st.global.v4.b32
// MMA-COUNT-64: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// MMA-NOT: mma.sync
// LOAD-COUNT-24: ldmatrix.sync.aligned.m8n8.x4
// LOAD-NOT: ldmatrix
// NOT-NOT: .local
// NOT-NOT: call
// NOT-NOT: cp.async.ca
module attributes {nnf.name = "attention"} {
  func.func @main(%q: tensor<8x16x1024x64xbf16> {nnf.name = "q"}, %k: tensor<8x16x1024x64xbf16> {nnf.name = "k"}, %v: tensor<8x16x1024x64xbf16> {nnf.name = "v"}) -> (tensor<8x16x1024x64xbf16> {nnf.name = "y"}) {
    %y = nnf.scaled_dot_product_attention %q, %k, %v {is_causal = true} : (tensor<8x16x1024x64xbf16>, tensor<8x16x1024x64xbf16>, tensor<8x16x1024x64xbf16>) -> tensor<8x16x1024x64xbf16>
    return %y : tensor<8x16x1024x64xbf16>
  }
}
