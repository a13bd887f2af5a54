// Two convolutions of 16-bit floats are two kernels around the template of 128 x 128 tiles, with the loop of a product:
// channels lie beside each other between them, so that rows are read from the image 16 bytes at a time. At the rim the
// image is turned once, and the second kernel stores its result as the graph wants it.
// RUN: nnfc compile %s --target=cuda --emit=ptx -o %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: FileCheck %s --check-prefix=MMA < %t.ptx
// RUN: FileCheck %s --check-prefix=NOT < %t.ptx
// CHECK: // kernel 0 {{.*}} transpose
// CHECK: // kernel 2 {{.*}} threads=128 {{.*}} convert+conv+compare+select
// CHECK: // kernel 4 {{.*}} threads=128 {{.*}} convert+conv+transpose
// CHECK-NOT: // kernel
// CHECK: cp.async.cg.shared.global [{{.*}}], [{{.*}}], 16, {{.*}};
// MMA-COUNT-128: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// MMA-NOT: mma.sync
// NOT-NOT: .local
// NOT-NOT: call
// NOT-NOT: cp.async.ca
module attributes {nnf.name = "convolutions"} {
  func.func @main(%x: tensor<32x128x28x28xf16> {nnf.name = "x"}, %v: tensor<128x128x3x3xf16> {nnf.name = "v"}, %w: tensor<256x128x3x3xf16> {nnf.name = "w"})
      -> (tensor<32x256x14x14xf16> {nnf.name = "y"}) {
    %0 = nnf.conv2d %x, %v {padding = array<i64: 1, 1>} : (tensor<32x128x28x28xf16>, tensor<128x128x3x3xf16>) -> tensor<32x128x28x28xf16>
    %1 = nnf.relu %0 : (tensor<32x128x28x28xf16>) -> tensor<32x128x28x28xf16>
    %y = nnf.conv2d %1, %w {padding = array<i64: 1, 1>, stride = array<i64: 2, 2>} : (tensor<32x128x28x28xf16>, tensor<256x128x3x3xf16>) -> tensor<32x256x14x14xf16>
    return %y : tensor<32x256x14x14xf16>
  }
}
