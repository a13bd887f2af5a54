// What the templates need of CUDA, as PTX: there is no toolkit when nnfc is built. Each instruction here has its twin
// in codegen/cuda/emulator, by the name that it has in PTX.
#pragma once

#include "codegen/cuda/templates/Compiler.cuh"

/// Elements of 16 bits, whatever float they are.
using Halfword = u16;

struct Words4 {
  u32 word[4];
};
constexpr int warpThreads = 32;

// ---- copies from global to shared memory that run beside what follows

/// Copies `bytes` of `size` (4, 8 or 16), and fills the rest with zeros. Of 16 bytes nothing stays in the first-level
/// cache.
template <int size> NNF_DEVICE inline void copyAsync(NNF_SHARED char *to, const void *from, int bytes) {
  if constexpr (size == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], %2, %3;" ::"r"(addressOf(to)), "l"(from), "n"(size), "r"(bytes)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(addressOf(to)), "l"(from), "n"(size), "r"(bytes)
                 : "memory");
}
/// What this thread has begun to copy since the last time is a group.
NNF_DEVICE inline void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits for all groups of this thread but the last `pending`.
template <int pending> NNF_DEVICE inline void waitForCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

// ---- tensor cores: what a warp does together

/// Four 8 x 8 matrices of 16-bit elements; eight threads each give the addresses of the rows of one. Thread 4 i + j
/// gets elements 2 j and 2 j + 1 of row i of each, or of its column i where `transposed`.
NNF_DEVICE inline Words4 loadMatrices(NNF_SHARED char *row, bool transposed) {
  Words4 r;
  if (transposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r.word[0]), "=r"(r.word[1]), "=r"(r.word[2]), "=r"(r.word[3])
                 : "r"(addressOf(row))
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r.word[0]), "=r"(r.word[1]), "=r"(r.word[2]), "=r"(r.word[3])
                 : "r"(addressOf(row))
                 : "memory");
  return r;
}

/// sums (16 x 8) += a (16 x 16) * b (16 x 8). Not volatile: order among products is the optimiser's.
NNF_DEVICE inline void multiplyMatrices(bool isBfloat, float (&sums)[4], const Words4 &a, u32 b0, u32 b1) {
  float d0, d1, d2, d3;
  if (isBfloat)
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, %12, %13};"
        : "=f"(d0), "=f"(d1), "=f"(d2), "=f"(d3)
        : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b0), "r"(b1), "f"(sums[0]), "f"(sums[1]),
          "f"(sums[2]), "f"(sums[3]));
  else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, %12, %13};"
        : "=f"(d0), "=f"(d1), "=f"(d2), "=f"(d3)
        : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b0), "r"(b1), "f"(sums[0]), "f"(sums[1]),
          "f"(sums[2]), "f"(sums[3]));
  sums[0] = d0, sums[1] = d1, sums[2] = d2, sums[3] = d3;
}

/// The nearest number of 10 bits of mantissa; of two the larger one.
NNF_DEVICE inline u32 roundToTf32(float value) {
  u32 word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(value));
  return word;
}

/// sums (16 x 8) += a (16 x 8) * b (8 x 8) of tf32.
NNF_DEVICE inline void multiplyTf32(float (&sums)[4], const Words4 &a, u32 b0, u32 b1) {
  float d0, d1, d2, d3;
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%10, %11, %12, %13};"
      : "=f"(d0), "=f"(d1), "=f"(d2), "=f"(d3)
      : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b0), "r"(b1), "f"(sums[0]), "f"(sums[1]),
        "f"(sums[2]), "f"(sums[3]));
  sums[0] = d0, sums[1] = d1, sums[2] = d2, sums[3] = d3;
}
