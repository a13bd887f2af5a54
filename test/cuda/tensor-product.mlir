// A large product of 16-bit floats is one kernel around the template of 128 x 128 tiles: all of it inlined, sums in
// registers, copies of 16 bytes, and an epilogue that reads and stores 16 bytes at once.
// RUN: nnfc compile %s --target=cuda --emit=ptx -o %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: FileCheck %s --check-prefix=MMA < %t.ptx
// RUN: FileCheck %s --check-prefix=LOAD < %t.ptx
// RUN: FileCheck %s --check-prefix=NOT < %t.ptx
// CHECK: // kernel 0 {{.*}} threads=128
// CHECK: cp.async.cg.shared.global [{{.*}}], [{{.*}}], 16, {{.*}};
// CHECK: cp.async.wait_group 1;
// CHECK: bar.sync
// CHECK: st.shared.v2.b32
// CHECK: ld.shared.v4.b32
// CHECK: st.global.v4.b32
// MMA-COUNT-64: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// MMA-NOT: mma.sync
// LOAD-COUNT-16: ldmatrix.sync.aligned.m8n8.x4
// LOAD-NOT: ldmatrix
// NOT-NOT: .local
// NOT-NOT: call
// NOT-NOT: cp.async.ca
module attributes {nnf.name = "product"} {
  func.func @main(%a: tensor<4096x4096xbf16> {nnf.name = "a"}, %b: tensor<4096x4096xbf16> {nnf.name = "b"}) -> (tensor<4096x4096xbf16> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<4096x4096xbf16>, tensor<4096x4096xbf16>) -> tensor<4096x4096xbf16>
    return %y : tensor<4096x4096xbf16>
  }
}
