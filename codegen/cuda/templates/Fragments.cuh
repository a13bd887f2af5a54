// Operands of tensor cores, from slabs in shared memory that lie either way.
#pragma once

#include "codegen/cuda/templates/Slabs.cuh"

constexpr int halfwordsOfChunk = chunkBytes / 2;

/// 16 rows of A, 16 steps down, of a slab of `rows` rows and `depth` steps.
template <int rows, int depth>
NNF_DEVICE inline Words4 loadRows(NNF_SHARED char *slab, bool alongDepth, int row, int step) {
  int lane = threadInBlock() % warpThreads;
  if (alongDepth)
    return loadMatrices(
        slab + Slab<depth / halfwordsOfChunk>::offset(row + lane % 16, step / halfwordsOfChunk + lane / 16), false);
  return loadMatrices(slab + Slab<rows / halfwordsOfChunk>::offset(step + lane % 8 + lane / 16 * 8,
                                                                   row / halfwordsOfChunk + lane / 8 % 2),
                      true);
}

/// 16 columns of B, 16 steps down: two words for the first eight, two for the others.
template <int columns, int depth>
NNF_DEVICE inline Words4 loadColumns(NNF_SHARED char *slab, bool alongDepth, int column, int step) {
  int lane = threadInBlock() % warpThreads;
  if (alongDepth)
    return loadMatrices(slab + Slab<depth / halfwordsOfChunk>::offset(column + lane % 8 + lane / 16 * 8,
                                                                      step / halfwordsOfChunk + lane / 8 % 2),
                        false);
  return loadMatrices(
      slab + Slab<columns / halfwordsOfChunk>::offset(step + lane % 16, column / halfwordsOfChunk + lane / 16), true);
}

/// Two floats as a word of 16-bit floats, the first in its low half.
NNF_DEVICE inline u32 packFloats(bool isBfloat, float low, float high) {
  u32 word;
  if (isBfloat)
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  else
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}
