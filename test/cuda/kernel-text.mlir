// A kernel that calls a template, as the CUDA C++ that NVRTC gets: the template's sources without #include, then the
// kernel, whose epilogue is written from the IR: rows of sums as vectors, arithmetic that must not be fused as
// functions, what may be fused as C++ has it.
// RUN: nnfc compile %s --target=cuda -o %t.cu
// RUN: FileCheck %s < %t.cu
// RUN: FileCheck %s --check-prefix=NOT < %t.cu
// NOT-NOT: #include
// NOT-NOT: #pragma once
// CHECK: #define NNF_BESIDE_KERNELS
// CHECK: struct Operand {
// CHECK: NNF_PRODUCT_TILES(NNF_INSTANTIATE)
// CHECK: extern NNF_SHARED_ARRAY char k0_shared0[]
// CHECK: NNF_KERNEL(128) void k0(char *__restrict__ a0, char *__restrict__ a1, char *__restrict__ a2, char *__restrict__ a3) {
// CHECK-DAG: float v{{[0-9]+}}[8];
// CHECK-DAG: alignas(16) char v{{[0-9]+}}[128];
// CHECK: blockNumber()
// CHECK: threadInBlock()
// CHECK: nnf_product_64x64x64(true, Address{v{{[0-9]+}}}, s64(512ull), s32(16u), true, s32(v{{[0-9]+}}), Address{
// CHECK-SAME: SharedAddress{((NNF_SHARED char *)k0_shared0)}, Address{
// CHECK: meetBlock();
// CHECK: nnf_spread_64x64x64(Address{
// CHECK: loadEach<float, 8, 16>(
// CHECK: NNF_EACH(8) v{{[0-9]+}}[i] =
// CHECK: storeEach<u16, 8, 16>(
// CHECK: goto b{{[0-9]+}};
// CHECK: return;
module attributes {nnf.name = "product"} {
  func.func @main(%a: tensor<512x512xbf16> {nnf.name = "a"}, %b: tensor<512x512xbf16> {nnf.name = "b"}, %c: tensor<512xbf16> {nnf.name = "c"}) -> (tensor<512x512xbf16> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<512x512xbf16>, tensor<512x512xbf16>) -> tensor<512x512xbf16>
    %z = nnf.add %y, %c : (tensor<512x512xbf16>, tensor<512xbf16>) -> tensor<512x512xbf16>
    return %z : tensor<512x512xbf16>
  }
}
