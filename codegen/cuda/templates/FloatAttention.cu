// Attention of a tile of queries in float32, without tensor cores, in the order of Attention.cu. Eight threads beside
// each other share four queries: each has their scores with every eighth (or four neighbouring) keys, and every eighth
// part of their mix. Powers go from one to the other through shared memory.
#include "codegen/cuda/templates/FloatPieces.cuh"
#include "codegen/cuda/templates/Slabs.cuh"
#include "codegen/cuda/templates/Softmax.cuh"
#include "passes/kernels/gpu/AttentionTiles.h"

namespace {

/// Queries and keys of a thread, and the threads that share queries.
constexpr int piece = 4, sharers = 8;

template <int queries, int keys, int width> struct FloatTile {
  static constexpr int rowGroups = queries / piece, threads = rowGroups * sharers, columns = width / sharers;
  static_assert(keys == piece * sharers && columns % piece == 0);
  static constexpr int chunkElements = chunkBytes / 4;
  static constexpr int keyOffset = queries * width * 4, valueOffset = keyOffset + keys * width * 4,
                       powerOffset = valueOffset + keys * width * 4, powerPitch = keys + NNF_ATTENTION_POWER_GAP;

  struct State {
    float mix[piece][columns];
    SoftmaxRow rows[piece];
  };
  static_assert(sizeof(State) == NNF_FLOAT_ATTENTION_STATE_BYTES(width));
  using Scores = float[piece][piece];

  NNF_DEVICE static int rowGroup() { return threadInBlock() / sharers; }
  NNF_DEVICE static int member() { return threadInBlock() % sharers; }

  /// Which row, key or column number i of the thread is: one of neighbouring lines where lines run along the contracted
  /// dimension, so that threads beside each other read lines beside each other; else whole chunks.
  NNF_DEVICE static int row(bool alongDepth, int i) {
    return alongDepth ? i * rowGroups + rowGroup() : rowGroup() * piece + i;
  }
  NNF_DEVICE static int key(bool alongDepth, int i) {
    return alongDepth ? i * sharers + member() : member() * piece + i;
  }
  NNF_DEVICE static int column(bool alongKeys, int i) {
    return alongKeys ? i * sharers + member() : i / piece * (piece * sharers) + member() * piece + i % piece;
  }

  NNF_DEVICE static void copyKeys(const Operand &operand, int depth, int first, int end, NNF_SHARED char *shared) {
    copyOperand<keys, width, threads, 4>(shared + keyOffset, partOf<4>(operand, first, end), 0, depth);
    commitCopies();
  }

  NNF_DEVICE static void begin(const Operand &query, const Operand &key, int depth, int end, NNF_SHARED char *shared,
                               State &state) {
    copyOperand<queries, width, threads, 4>(shared, query, 0, depth);
    copyKeys(key, depth, 0, end, shared);
#pragma unroll
    for (int i = 0; i < piece; ++i) {
#pragma unroll
      for (int j = 0; j < columns; ++j)
        state.mix[i][j] = 0;
      state.rows[i] = {-infinity, 0};
    }
  }

  /// Four steps down of four lines, or of four neighbours in each of four lines: to[line][step].
  template <int extent, int depth>
  NNF_DEVICE static void load(NNF_SHARED char *slab, bool alongDepth, const int (&place)[piece], int step,
                              float (&to)[piece][piece]) {
#pragma unroll
    for (int i = 0; i < piece; ++i) {
      int offset = alongDepth ? AlongSlab<depth, 4>::offset(place[i], step / chunkElements)
                              : AcrossSlab<extent, 4>::offset(step + i, place[0] / chunkElements);
      Floats4 chunk = *reinterpret_cast<NNF_SHARED Floats4 *>(slab + offset);
#pragma unroll
      for (int s = 0; s < piece; ++s)
        (alongDepth ? to[i][s] : to[s][i]) = chunk[s];
    }
  }

  /// The scores of the keys that have been asked for; asks for their values.
  NNF_DEVICE static void multiply(bool queryAlongDepth, bool keyAlongDepth, const Operand &value, int depth, int first,
                                  int end, NNF_SHARED char *shared, Scores &scores) {
    // The keys are here, for all threads; and all have mixed the values before, whose place these take.
    waitForCopies<0>();
    meetBlock();
    copyOperand<width, keys, threads, 4>(shared + valueOffset, value, first, end);
    commitCopies();
    int rows[piece], columns[piece];
    float sums[piece][piece];
#pragma unroll
    for (int i = 0; i < piece; ++i) {
      rows[i] = row(queryAlongDepth, i), columns[i] = key(keyAlongDepth, i);
#pragma unroll
      for (int j = 0; j < piece; ++j)
        sums[i][j] = 0;
    }
    // Beyond the depth are zeros.
    for (int step = 0; step < depth; step += piece) {
      float x[piece][piece], y[piece][piece];
      load<queries, width>(shared, queryAlongDepth, rows, step, x);
      load<keys, width>(shared + keyOffset, keyAlongDepth, columns, step, y);
      addProducts(x, y, sums);
    }
#pragma unroll
    for (int i = 0; i < piece * piece; ++i)
      scores[i / piece][i % piece] = sums[i / piece][i % piece];
  }

  /// Adds what the logits' powers take of the values; asks for the next keys.
  NNF_DEVICE static void mix(const Operand &keyOperand, bool queryAlongDepth, bool valueAlongKeys, int depth, int first,
                             int end, NNF_SHARED char *shared, Scores &logits, State &state) {
    auto *powers = reinterpret_cast<NNF_SHARED float *>(shared + powerOffset);
    int rows[piece];
#pragma unroll
    for (int i = 0; i < piece; ++i) {
      rows[i] = row(queryAlongDepth, i);
      float factor = state.rows[i].template take<sharers>(logits[i]);
#pragma unroll
      for (int j = 0; j < columns; ++j)
        state.mix[i][j] *= factor;
      // Those of the block before have been read: all have been at the barrier in front of the scores.
#pragma unroll
      for (int j = 0; j < piece; ++j)
        powers[rows[i] * powerPitch + key(keyOperand.alongDepth, j)] = logits[i][j];
    }
    // Values and powers are here, and nobody multiplies keys that are overwritten now.
    waitForCopies<0>();
    meetBlock();
    if (first + keys < end)
      copyKeys(keyOperand, depth, first + keys, end, shared);
    float sums[piece][columns];
#pragma unroll
    for (int i = 0; i < piece * columns; ++i)
      sums[i / columns][i % columns] = state.mix[i / columns][i % columns];
#pragma unroll 1
    for (int step = 0; step < keys; step += piece) {
      Floats4 x[piece];
#pragma unroll
      for (int i = 0; i < piece; ++i)
        x[i] = *reinterpret_cast<NNF_SHARED Floats4 *>(powers + rows[i] * powerPitch + step);
#pragma unroll
      for (int part = 0; part < columns; part += piece) {
        int places[piece];
#pragma unroll
        for (int j = 0; j < piece; ++j)
          places[j] = column(valueAlongKeys, part + j);
        float y[piece][piece];
        load<width, keys>(shared + valueOffset, valueAlongKeys, places, step, y);
        addProducts(x, y, sums, part);
      }
    }
#pragma unroll
    for (int i = 0; i < piece * columns; ++i)
      state.mix[i / columns][i % columns] = sums[i / columns][i % columns];
  }

  /// The mix, totals and largest logits (times log2 e) as rows in shared memory.
  NNF_DEVICE static void spread(bool queryAlongDepth, bool valueAlongKeys, const State &state, NNF_SHARED float *to) {
    constexpr int pitch = width + NNF_ATTENTION_ROW_GAP;
    // Without keys some may be under way; nobody reads values that are overwritten now.
    waitForCopies<0>();
    meetBlock();
#pragma unroll
    for (int i = 0; i < piece; ++i) {
      NNF_SHARED float *line = to + row(queryAlongDepth, i) * pitch;
#pragma unroll
      for (int j = 0; j < columns; ++j)
        line[column(valueAlongKeys, j)] = state.mix[i][j];
      float total = sumOfThreads<sharers>(state.rows[i].total);
      if (member() == 0)
        line[width] = total, line[width + 1] = state.rows[i].largest;
    }
    meetBlock();
  }
};

} // namespace

#define NNF_INSTANTIATE(queries, keys, width)                                                                          \
  using Tile##queries##x##keys##x##width = FloatTile<queries, keys, width>;                                            \
  NNF_TEMPLATE void nnf_float_attention_begin_##queries##x##keys##x##width(                                            \
      const char *q, i64 qPitch, int qCopyBytes, bool qAlong, int qRows, const char *k, i64 kPitch, int kCopyBytes,    \
      bool kAlong, int depth, int end, NNF_SHARED char *shared, void *state) {                                         \
    using T = Tile##queries##x##keys##x##width;                                                                        \
    T::begin({q, qPitch, qCopyBytes, qAlong, qRows}, {k, kPitch, kCopyBytes, kAlong, 0}, depth, end, shared,           \
             *static_cast<T::State *>(state));                                                                         \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_float_attention_scores_##queries##x##keys##x##width(                                           \
      bool qAlong, bool kAlong, const char *v, i64 vPitch, int vCopyBytes, bool vAlong, int depth, int columns,        \
      int first, int end, NNF_SHARED char *shared, void *scores) {                                                     \
    using T = Tile##queries##x##keys##x##width;                                                                        \
    T::multiply(qAlong, kAlong, {v, vPitch, vCopyBytes, vAlong, columns}, depth, first, end, shared,                   \
                *static_cast<T::Scores *>(scores));                                                                    \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_float_attention_mix_##queries##x##keys##x##width(                                              \
      const char *k, i64 kPitch, int kCopyBytes, bool kAlong, bool qAlong, bool vAlong, int depth, int first, int end, \
      NNF_SHARED char *shared, void *scores, void *state) {                                                            \
    using T = Tile##queries##x##keys##x##width;                                                                        \
    T::mix({k, kPitch, kCopyBytes, kAlong, 0}, qAlong, vAlong, depth, first, end, shared,                              \
           *static_cast<T::Scores *>(scores), *static_cast<T::State *>(state));                                        \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_float_attention_spread_##queries##x##keys##x##width(                                           \
      bool qAlong, bool vAlong, const void *state, NNF_SHARED float *shared) {                                         \
    using T = Tile##queries##x##keys##x##width;                                                                        \
    T::spread(qAlong, vAlong, *static_cast<const T::State *>(state), shared);                                          \
  }
NNF_FLOAT_ATTENTION_TILES(NNF_INSTANTIATE)
