// A causal attention of many heads of 128 for sm_90a: a group copies by tensor maps and gives its registers away; two
// others multiply 64 queries each, scores from shared memory, the mix with powers in registers. The mix of a slab is
// under way while powers of the next are made. Beside it in a library is the kernel for every GPU.
// RUN: nnfc compile %s --target=cuda --cuda-arch=sm_90a --emit=ptx -o %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: FileCheck %s --check-prefix=SCORES < %t.ptx
// RUN: FileCheck %s --check-prefix=MIX < %t.ptx
// RUN: FileCheck %s --check-prefix=NOT < %t.ptx
// RUN: nnfc compile %s --target=cuda --cuda-arch=sm_80,sm_90a -o %t.so
// RUN: nnfc inspect %t.so | FileCheck %s --check-prefix=INSPECT
// CHECK: // kernel 0 k0 threads=384 parameters=4
// CHECK: .param .align 64 .b8 k0_param_6[128]
// CHECK: .reqntid 384
// CHECK: fence.mbarrier_init.release.cluster
// CHECK: setmaxnreg.dec.sync.aligned.u32 24;
// CHECK: setmaxnreg.inc.sync.aligned.u32 240;
// CHECK: wgmma.wait_group.sync.aligned 0;
// CHECK: wgmma.wait_group.sync.aligned 1;
// CHECK: ex2.approx.ftz.f32
// CHECK: wgmma.wait_group.sync.aligned 0;
// CHECK: wgmma.wait_group.sync.aligned 0;
// CHECK: bar.sync 1;
// CHECK: st.shared.v2.b32
// CHECK: bar.sync 1;
// CHECK: st.global.v4.b32
// SCORES-COUNT-16: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}}, %rd{{.*}}, %rd
// SCORES-NOT: wgmma.mma_async{{.*}}}, %rd{{.*}}, %rd
// MIX-COUNT-16: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}}, {%r{{.*}}}, %rd{{.*}}, 1, 1, 1, 1;
// MIX-NOT: wgmma.mma_async{{.*}}}, {%r
// NOT-NOT: .local
// NOT-NOT: call
// NOT-NOT: mma.sync
// NOT-NOT: cp.async.cg
// INSPECT: sm_80: PTX
// INSPECT: k0: {{.*}} blocks of 128 threads
// INSPECT: sm_90a: PTX 8.0
// INSPECT: k0_sm_90a: {{.*}} blocks of 384 threads, {{.*}} of shared memory, a grid of 512, 3 tensor maps
module attributes {nnf.name = "attention"} {
  func.func @main(%q: tensor<4x16x1024x128xbf16> {nnf.name = "q"}, %k: tensor<4x16x1024x128xbf16> {nnf.name = "k"}, %v: tensor<4x16x1024x128xbf16> {nnf.name = "v"}) -> (tensor<4x16x1024x128xbf16> {nnf.name = "y"}) {
    %y = nnf.scaled_dot_product_attention %q, %k, %v {is_causal = true} : (tensor<4x16x1024x128xbf16>, tensor<4x16x1024x128xbf16>, tensor<4x16x1024x128xbf16>) -> tensor<4x16x1024x128xbf16>
    return %y : tensor<4x16x1024x128xbf16>
  }
}
