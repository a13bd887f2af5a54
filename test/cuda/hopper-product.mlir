// A large product of 16-bit floats for sm_90a: one thread copies by tensor maps, two groups of four multiply 64 x 256 each,
// four products for a slab. There are more tiles than an H100 runs at once: blocks stay, and one group multiplies while
// the other stores its sums. Beside it in a library is the kernel for every GPU.
// RUN: nnfc compile %s --target=cuda --cuda-arch=sm_90a --emit=ptx -o %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: FileCheck %s --check-prefix=PRODUCT < %t.ptx
// RUN: FileCheck %s --check-prefix=NOT < %t.ptx
// RUN: nnfc compile %s --target=cuda --cuda-arch=sm_80,sm_90a -o %t.so
// RUN: nnfc inspect %t.so | FileCheck %s --check-prefix=INSPECT
// CHECK: // kernel 0 k0 threads=384 parameters=3
// CHECK: .param .align 64 .b8 k0_param_3[128]
// CHECK: .param .align 64 .b8 k0_param_4[128]
// CHECK: .reqntid 384
// CHECK: mbarrier.init.shared::cta.b64
// CHECK: fence.mbarrier_init.release.cluster
// CHECK: setmaxnreg.dec.sync.aligned.u32 40
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64
// CHECK-COUNT-5: cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
// CHECK: setmaxnreg.inc.sync.aligned.u32 232
// CHECK: wgmma.wait_group.sync.aligned 1;
// CHECK: wgmma.wait_group.sync.aligned 0;
// CHECK: mbarrier.try_wait
// CHECK: st.shared.v2.b32
// CHECK: bar.warp.sync
// CHECK: ld.shared.v4.b32
// CHECK: st.global.v4.b32
// PRODUCT-COUNT-4: wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16
// PRODUCT-NOT: wgmma.mma_async
// NOT-NOT: .local
// NOT-NOT: call
// NOT-NOT: mma.sync
// NOT-NOT: cp.async.cg
// INSPECT: sm_80: PTX
// INSPECT: k0: {{.*}} blocks of 128 threads
// INSPECT: sm_90a: PTX 8.0
// INSPECT: k0_sm_90a: {{.*}} blocks of 384 threads, {{.*}} of shared memory, a grid of 132 that stay, 2 tensor maps
module attributes {nnf.name = "product"} {
  func.func @main(%a: tensor<4096x4096xbf16> {nnf.name = "a"}, %b: tensor<4096x4096xbf16> {nnf.name = "b"}) -> (tensor<4096x4096xbf16> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<4096x4096xbf16>, tensor<4096x4096xbf16>) -> tensor<4096x4096xbf16>
    return %y : tensor<4096x4096xbf16>
  }
}
