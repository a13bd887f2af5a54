// Attention of a tile of queries on tensor cores: softmax(Q K^T) V of 16-bit floats, or of float32 as tf32, with
// scores, powers and sums in float32 registers. A block goes from one block of keys to the next, with the largest
// score, the total and the mix of values so far of each query. While scores are multiplied the block's values are on
// their way to shared memory, while values are mixed the next keys. The kernel around it is the graph's own
// (passes/kernels/gpu/GpuAttention.cpp): it makes logits of the scores in between, gets the mix back row by row, and
// goes on from there.
#pragma once

#include "codegen/cuda/templates/Fragments.cuh"
#include "codegen/cuda/templates/Softmax.cuh"
#include "passes/kernels/gpu/AttentionTiles.h"

namespace {

template <int bytes, int queries, int keys, int width, int warps> struct AttentionTile {
  static constexpr int threads = warps * warpThreads;
  /// Of a warp: pieces of 16 queries, and of eight keys or columns.
  static constexpr int rowPieces = queries / warps / 16, keyPieces = keys / 8, columnPieces = width / 8;
  static constexpr int keyOffset = queries * width * bytes, valueOffset = keyOffset + keys * width * bytes;
  /// Queries stay in registers: they are not read again for each block of keys.
  static constexpr int queryPieces = width / fragmentSteps<bytes>;
  /// ... but for wide ones, which would leave too few registers.
  static constexpr bool keepsQueries = bytes * width <= mostQueryBytes;

  /// What a thread keeps from one block of keys to the next. Of each piece of queries it has rows lane / 4 and that
  /// + 8.
  struct State {
    float mix[rowPieces][columnPieces][4];
    SoftmaxRow rows[rowPieces][2];
    Words4 query[rowPieces][queryPieces];
  };
  static_assert(sizeof(State) == (bytes == 2 ? NNF_ATTENTION_STATE_BYTES(queries, width, warps)
                                             : NNF_TF32_ATTENTION_STATE_BYTES(queries, width, warps)));
  using Scores = float[rowPieces][keyPieces][4];

  NNF_DEVICE static int firstRow() { return threadInBlock() / warpThreads * (rowPieces * 16); }

  NNF_DEVICE static void copyKeys(const Operand &operand, int depth, int first, int end, NNF_SHARED char *shared) {
    copyOperand<keys, width, threads, bytes>(shared + keyOffset, partOf<bytes>(operand, first, end), 0, depth);
    commitCopies();
  }

  NNF_DEVICE static void begin(const Operand &query, const Operand &key, int depth, int end, NNF_SHARED char *shared,
                               State &state) {
    copyOperand<queries, width, threads, bytes>(shared, query, 0, depth);
    commitCopies();
    copyKeys(key, depth, 0, end, shared);
#pragma unroll
    for (int i = 0; i < rowPieces; ++i) {
#pragma unroll
      for (int j = 0; j < columnPieces; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          state.mix[i][j][e] = 0;
      state.rows[i][0] = state.rows[i][1] = {-infinity, 0};
    }
    if constexpr (!keepsQueries)
      return;
    waitForCopies<1>();
    meetBlock();
#pragma unroll
    for (int i = 0; i < rowPieces; ++i)
#pragma unroll
      for (int s = 0; s < queryPieces; ++s)
        state.query[i][s] =
            loadRows<queries, width, bytes>(shared, query.alongDepth, firstRow() + i * 16, s * fragmentSteps<bytes>);
  }

  /// The scores of the keys that have been asked for; asks for their values.
  NNF_DEVICE static void multiply(bool isBfloat, bool queryAlongDepth, bool keyAlongDepth, const Operand &value,
                                  int depth, int first, int end, NNF_SHARED char *shared, const State &state,
                                  Scores &scores) {
    // The keys are here, for all threads; and all have mixed the values before, whose place these take.
    waitForCopies<0>();
    meetBlock();
    copyOperand<width, keys, threads, bytes>(shared + valueOffset, value, first, end);
    commitCopies();
#pragma unroll
    for (int i = 0; i < rowPieces; ++i)
#pragma unroll
      for (int j = 0; j < keyPieces; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          scores[i][j][e] = 0;
#pragma unroll keepsQueries ? queryPieces : 4
    for (int step = 0; step < width; step += fragmentSteps<bytes>) {
      if (step >= depth)
        continue;
      Words4 a[rowPieces];
#pragma unroll
      for (int i = 0; i < rowPieces; ++i)
        a[i] = keepsQueries ? state.query[i][step / fragmentSteps<bytes>]
                            : loadRows<queries, width, bytes>(shared, queryAlongDepth, firstRow() + i * 16, step);
#pragma unroll
      for (int j = 0; j < keyPieces; j += 2) {
        Words4 b = loadColumns<keys, width, bytes>(shared + keyOffset, keyAlongDepth, j * 8, step);
#pragma unroll
        for (int i = 0; i < rowPieces; ++i) {
          multiplyFragments<bytes>(isBfloat, scores[i][j], a[i], b.word[0], b.word[1]);
          multiplyFragments<bytes>(isBfloat, scores[i][j + 1], a[i], b.word[2], b.word[3]);
        }
      }
    }
  }

  /// Logits become powers: operands of the second product as they lie in registers.
  NNF_DEVICE static void takePowers(Scores &logits, State &state) {
#pragma unroll
    for (int i = 0; i < rowPieces; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float row[keyPieces * 2];
#pragma unroll
        for (int j = 0; j < keyPieces * 2; ++j)
          row[j] = logits[i][j / 2][half * 2 + j % 2];
        float factor = state.rows[i][half].template take<4>(row);
#pragma unroll
        for (int j = 0; j < keyPieces * 2; ++j)
          logits[i][j / 2][half * 2 + j % 2] = row[j];
#pragma unroll
        for (int j = 0; j < columnPieces * 2; ++j)
          state.mix[i][j / 2][half * 2 + j % 2] *= factor;
      }
  }

  /// Of 16 queries, fragmentSteps keys down. The sums of a product lie as 16-bit operands do; of tf32 keys 2 i and 2 i
  /// + 1 stand for steps i and i + 4, of the values as well.
  NNF_DEVICE static Words4 powersAsRows(bool isBfloat, const float (&powers)[keyPieces][4], int step) {
    auto &left = powers[step / 8];
    if constexpr (bytes == 4) {
      return {roundToTf32(left[0]), roundToTf32(left[2]), roundToTf32(left[1]), roundToTf32(left[3])};
    } else {
      auto &right = powers[step / 8 + 1];
      return {packFloats(isBfloat, left[0], left[1]), packFloats(isBfloat, left[2], left[3]),
              packFloats(isBfloat, right[0], right[1]), packFloats(isBfloat, right[2], right[3])};
    }
  }
  NNF_DEVICE static Words4 loadValues(NNF_SHARED char *slab, bool alongKeys, int column, int step) {
    if constexpr (bytes == 4)
      return loadColumnsOfSums<width, keys>(slab, alongKeys, column, step);
    else
      return loadColumns<width, keys, bytes>(slab, alongKeys, column, step);
  }

  /// Adds what the logits' powers take of the values; asks for the next keys.
  NNF_DEVICE static void mix(bool isBfloat, const Operand &key, bool valueAlongKeys, int depth, int columns, int first,
                             int end, NNF_SHARED char *shared, Scores &logits, State &state) {
    // The values are here, and nobody multiplies keys that are overwritten now.
    waitForCopies<0>();
    meetBlock();
    if (first + keys < end)
      copyKeys(key, depth, first + keys, end, shared);
    takePowers(logits, state);
#pragma unroll
    for (int step = 0; step < keys; step += fragmentSteps<bytes>) {
      Words4 a[rowPieces];
#pragma unroll
      for (int i = 0; i < rowPieces; ++i)
        a[i] = powersAsRows(isBfloat, logits[i], step);
#pragma unroll
      for (int j = 0; j < columnPieces; j += 2) {
        if (j * 8 >= columns)
          continue;
        Words4 b = loadValues(shared + valueOffset, valueAlongKeys, j * 8, step);
#pragma unroll
        for (int i = 0; i < rowPieces; ++i) {
          multiplyFragments<bytes>(isBfloat, state.mix[i][j], a[i], b.word[0], b.word[1]);
          multiplyFragments<bytes>(isBfloat, state.mix[i][j + 1], a[i], b.word[2], b.word[3]);
        }
      }
    }
  }

  /// The mix, totals and largest logits (times log2 e) as rows in shared memory.
  NNF_DEVICE static void spread(const State &state, NNF_SHARED float *to) {
    constexpr int pitch = width + NNF_ATTENTION_ROW_GAP;
    // Without keys some may be under way; nobody reads values that are overwritten now.
    waitForCopies<0>();
    meetBlock();
    int lane = threadInBlock() % warpThreads;
    NNF_SHARED float *first = to + (firstRow() + lane / 4) * pitch;
#pragma unroll
    for (int i = 0; i < rowPieces; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        NNF_SHARED float *row = first + (i * 16 + half * 8) * pitch;
#pragma unroll
        for (int j = 0; j < columnPieces; ++j)
          *reinterpret_cast<NNF_SHARED Pair *>(row + j * 8 + lane % 4 * 2) = {state.mix[i][j][half * 2],
                                                                              state.mix[i][j][half * 2 + 1]};
        float total = sumOfThreads<4>(state.rows[i][half].total);
        if (lane % 4 == 0)
          row[width] = total, row[width + 1] = state.rows[i][half].largest;
      }
    meetBlock();
  }
};

} // namespace
