// A convolution of 16-bit floats for sm_90a: the image's tensor map has the positions of the result one after the other
// (im2col mode), so that the kernel copies no chunk itself and computes no address of one.
// RUN: nnfc compile %s --target=cuda --cuda-arch=sm_90a --emit=ptx -o %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: FileCheck %s --check-prefix=PRODUCT < %t.ptx
// RUN: FileCheck %s --check-prefix=NOT < %t.ptx
// RUN: nnfc compile %s --target=cuda --cuda-arch=sm_80,sm_90a -o %t.so
// RUN: nnfc inspect %t.so | FileCheck %s --check-prefix=INSPECT
// CHECK: // kernel [[N:[0-9]+]] [[K:k[0-9]+]] threads=288 parameters=3 {{.*}}conv
// CHECK: .entry [[K]](
// CHECK: .param .align 64 .b8 [[K]]_param_3[128]
// CHECK: .param .align 64 .b8 [[K]]_param_4[128]
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64
// CHECK: cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes
// CHECK-COUNT-4: cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
// CHECK: wgmma.wait_group.sync.aligned 1;
// PRODUCT-COUNT-4: wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16
// PRODUCT-NOT: wgmma.mma_async
// NOT-NOT: .local
// NOT-NOT: mma.sync
// NOT-NOT: cp.async.cg
// INSPECT: sm_90a: PTX 8.0
// INSPECT: _sm_90a: {{.*}}conv{{.*}}, blocks of 288 threads, {{.*}} of shared memory, a grid of 98, 2 tensor maps
module attributes {nnf.name = "convolution"} {
  func.func @main(%x: tensor<64x256x14x14xf16> {nnf.name = "x"}, %w: tensor<256x256x3x3xf16> {nnf.name = "w"}, %r: tensor<64x256x14x14xf16> {nnf.name = "r"}) -> (tensor<64x256x14x14xf16> {nnf.name = "y"}) {
    %c = nnf.conv2d %x, %w {padding = array<i64: 1, 1>} : (tensor<64x256x14x14xf16>, tensor<256x256x3x3xf16>) -> tensor<64x256x14x14xf16>
    %s = nnf.add %c, %r : (tensor<64x256x14x14xf16>, tensor<64x256x14x14xf16>) -> tensor<64x256x14x14xf16>
    %y = nnf.relu %s : (tensor<64x256x14x14xf16>) -> tensor<64x256x14x14xf16>
    return %y : tensor<64x256x14x14xf16>
  }
}
