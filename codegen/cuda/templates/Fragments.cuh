// Operands of tensor cores, from slabs in shared memory that lie either way.
#pragma once

#include "codegen/cuda/templates/Slabs.cuh"

/// Steps down that one instruction multiplies: 32 bytes of a row or column. Elements of four bytes are float32 that
/// tensor cores take as tf32.
template <int elementBytes> constexpr int fragmentSteps = 32 / elementBytes;

/// Words of float32 become tf32: rounded to 10 bits of mantissa.
NNF_DEVICE inline void roundWords(Words4 &words) {
#pragma unroll
  for (int i = 0; i < 4; ++i)
    words.word[i] = roundToTf32(__builtin_bit_cast(float, words.word[i]));
}

/// The word of line `line + lines` at `at + more` in a slab of words that lies across the contracted dimension; `at` is
/// less than 8, `lines` and `more` are multiples of that.
template <int extent> NNF_DEVICE inline u32 wordAcross(NNF_SHARED char *slab, int line, int at, int lines, int more) {
  return *reinterpret_cast<NNF_SHARED u32 *>(
      AcrossSlab<extent, 4>::at(slab + at % 4 * 4, line, at / 4, lines, more / 4));
}

/// 16 rows of A, fragmentSteps steps down, of a slab of `rows` rows and `depth` steps. Of tf32 a thread has of row
/// lane / 4 (and the eighth after it) steps lane % 4 and that + 4: eight words of a line are what ldmatrix takes for
/// eight 16-bit elements. It does not transpose words, so that these are read one by one.
template <int rows, int depth, int elementBytes>
NNF_DEVICE inline Words4 loadRows(NNF_SHARED char *slab, bool alongDepth, int row, int step) {
  constexpr int chunkElements = chunkBytes / elementBytes;
  int lane = threadInBlock() % warpThreads;
  Words4 words;
  if (alongDepth) {
    words =
        loadMatrices(AlongSlab<depth, elementBytes>::at(slab, lane % 16, lane / 16, row, step / chunkElements), false);
  } else if constexpr (elementBytes == 2) {
    words = loadMatrices(
        AcrossSlab<rows, 2>::at(slab, lane % 8 + lane / 16 * 8, lane / 8 % 2, step, row / chunkElements), true);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      words.word[i] = wordAcross<rows>(slab, lane % 4 + i / 2 * 4, lane / 4, step, row + i % 2 * 8);
  }
  if constexpr (elementBytes == 4)
    roundWords(words);
  return words;
}

/// 16 columns of B, fragmentSteps steps down: two words for the first eight, two for the others.
template <int columns, int depth, int elementBytes>
NNF_DEVICE inline Words4 loadColumns(NNF_SHARED char *slab, bool alongDepth, int column, int step) {
  constexpr int chunkElements = chunkBytes / elementBytes;
  int lane = threadInBlock() % warpThreads;
  Words4 words;
  if (alongDepth) {
    words = loadMatrices(
        AlongSlab<depth, elementBytes>::at(slab, lane % 8 + lane / 16 * 8, lane / 8 % 2, column, step / chunkElements),
        false);
  } else if constexpr (elementBytes == 2) {
    words = loadMatrices(AcrossSlab<columns, 2>::at(slab, lane % 16, lane / 16, step, column / chunkElements), true);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      words.word[i] = wordAcross<columns>(slab, lane % 4 + i % 2 * 4, lane / 4, step, column + i / 2 * 8);
  }
  if constexpr (elementBytes == 4)
    roundWords(words);
  return words;
}

/// The same of tf32 for rows whose steps are in the order of sums: a thread has steps 2 * (lane % 4) and the next one.
template <int columns, int depth>
NNF_DEVICE inline Words4 loadColumnsOfSums(NNF_SHARED char *slab, bool alongDepth, int column, int step) {
  int lane = threadInBlock() % warpThreads;
  Words4 words;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    int down = lane % 4 * 2 + i % 2, more = column + i / 2 * 8;
    words.word[i] = alongDepth ? *reinterpret_cast<NNF_SHARED u32 *>(
                                     AlongSlab<depth, 4>::at(slab + down % 4 * 4, lane / 4, down / 4, more, step / 4))
                               : wordAcross<columns>(slab, down, lane / 4, step, more);
  }
  roundWords(words);
  return words;
}

/// sums (16 x 8) += a * b, fragmentSteps steps down.
template <int elementBytes>
NNF_DEVICE inline void multiplyFragments(bool isBfloat, float (&sums)[4], const Words4 &a, u32 b0, u32 b1) {
  if constexpr (elementBytes == 4)
    multiplyTf32(sums, a, b0, b1);
  else
    multiplyMatrices(isBfloat, sums, a, b0, b1);
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
