// Attention of a tile of queries of 16-bit floats on a GPU of compute capability 9.0. One thread brings the queries and
// slabs of keys and values by tensor maps; groups of four warps have 64 queries each: scores from shared memory, powers
// in registers, where they are the left operand of the mix. While a group makes powers of a slab's scores, its tensor
// cores mix the values of the slab before. The kernel around it is the graph's own
// (passes/kernels/gpu/HopperAttention.cpp): it makes logits of the scores in between.
#include "codegen/cuda/templates/Fragments.cuh"
#include "codegen/cuda/templates/HopperRegisters.cuh"
#include "codegen/cuda/templates/Softmax.cuh"
#include "passes/kernels/gpu/AttentionTiles.h"
#include "passes/kernels/gpu/HopperTiles.h"

namespace {

/// Queries, keys or values in global memory: the tensor map, and which entry of the batch.
struct MappedLines {
  const char *map;
  int rank, lines; // which of its dimensions lines are, the first being their elements
  bool alongDepth; // lines run along the dimension that the operand's product contracts
  int batch[3];    // of rank - 2 dimensions
};

/// How an operand of `free` rows (columns) and `steps` contracted ones lies in shared memory: boxes of lines of 64
/// elements, those with the same elements of all lines one after the other.
template <int free, int steps> struct MappedTile {
  static constexpr int lineBytes = NNF_HOPPER_DEPTH * 2, bytes = free * steps * 2;

  /// Asks for what begins at this row and step.
  NNF_DEVICE static void copy(u32 to, const MappedLines &from, int row, int step, u32 barrier) {
    if (from.alongDepth) {
#pragma unroll
      for (int i = 0; i < steps / 64; ++i)
        copyTile(to + i * free * lineBytes, from.map, from.rank,
                 placeOfTile(step + i * 64, row, from.lines, from.batch), barrier);
      return;
    }
#pragma unroll
    for (int i = 0; i < free / 64; ++i)
#pragma unroll
      for (int j = 0; j < steps / 64; ++j)
        copyTile(to + (i * steps + j * 64) * lineBytes, from.map, from.rank,
                 placeOfTile(row + i * 64, step + j * 64, from.lines, from.batch), barrier);
  }

  /// The first 16 steps, of rows from `row` on, which is a multiple of 64.
  NNF_DEVICE static u64 describe(u32 at, bool alongDepth, int row) {
    return alongDepth ? describeMatrix(at + row * lineBytes, free * lineBytes)
                      : describeMatrix(at + row / 64 * steps * lineBytes, steps * lineBytes);
  }
  /// 16 others of the same rows. One descriptor and numbers known beforehand: descriptors that each come of an address
  /// would each have registers of their own.
  NNF_DEVICE static u64 ahead(u64 first, bool alongDepth, int step) {
    int bytes = alongDepth ? step / 64 * free * lineBytes + step % 64 * 2 : step * lineBytes;
    return first + bytes / describedBytes;
  }
};

template <int groups, int keys, int width, int slabs> struct HopperAttention {
  static constexpr int queries = groups * 64, firstCopying = groups * groupThreads;
  /// A multiprocessor has 512 registers for one thread of each group. Where a third group copies, each has 168 of them
  /// at first, which is too few for those that multiply.
  static constexpr bool movesRegisters = NNF_HOPPER_ATTENTION_COPYING(groups) == groupThreads;
  static constexpr int fewRegisters = 24, manyRegisters = 240;
  using Queries = MappedTile<queries, width>;
  using Keys = MappedTile<keys, width>;
  using Values = MappedTile<width, keys>;
  static constexpr int slabBytes = Keys::bytes;
  static_assert(Values::bytes == slabBytes);

  /// What a thread keeps from one slab of keys to the next. It has rows lane / 4 of its warp's, and that + 8.
  struct State {
    float mix[width / 2];
    SoftmaxRow rows[2];
    u32 powers[keys / 4]; // of the slab whose values are mixed next, as operands
    int slab;             // the place that is waited for next, and the parity of its phase
    u32 parity;
    int valueSlab; // of the values that are mixed now
  };
  static_assert(sizeof(State) == NNF_HOPPER_ATTENTION_STATE_BYTES(keys, width));
  using Scores = float[keys / 2];

  /// Patterns of chunks begin at multiples of 1024 bytes: queries, then slabs, then barriers.
  struct Places {
    u32 query, first, filled, freed, queryFilled;

    NNF_DEVICE explicit Places(NNF_SHARED char *shared)
        : query((addressOf(shared) + NNF_HOPPER_ALIGNMENT - 1) & ~u32(NNF_HOPPER_ALIGNMENT - 1)),
          first(query + Queries::bytes), filled(first + slabs * slabBytes), freed(filled + slabs * 8),
          queryFilled(freed + slabs * 8) {}
  };

  /// `bound` is `end`, hidden: where there are two slabs, a compiler would make straight code of the loop's one turn,
  /// of which ptxas has too much under way at once, and spills.
  NNF_DEVICE static void begin(NNF_SHARED char *shared, int end, int &bound) {
    Places places(shared);
    bound = hidden(end);
    if (threadInBlock() == 0) {
#pragma unroll
      for (int s = 0; s < slabs; ++s) {
        initBarrier(places.filled + s * 8, 1);
        initBarrier(places.freed + s * 8, groups * 4);
      }
      initBarrier(places.queryFilled, 1);
      showBarriers();
    }
    meetBlock();
  }

  // ---- what the threads do that copy: one of them

  /// Slabs go round in the order in which they are used: the keys of each slab, then the values of the one before.
  struct Ring {
    const Places &places;
    int slab = 0;
    u32 parity = 1;

    template <typename Tile> NNF_DEVICE void copy(const MappedLines &from, int row, int step) {
      waitFor(places.freed + slab * 8, parity);
      // Whole boxes count, also where they reach beyond the tensor.
      arriveAndExpect(places.filled + slab * 8, slabBytes);
      Tile::copy(places.first + slab * slabBytes, from, row, step, places.filled + slab * 8);
      if (++slab == slabs)
        slab = 0, parity ^= 1;
    }
  };

  NNF_DEVICE static void copy(const MappedLines &query, const MappedLines &key, const MappedLines &value,
                              int firstQuery, int end, NNF_SHARED char *shared) {
    if constexpr (movesRegisters)
      giveRegisters<fewRegisters>();
    // One loop, too: these threads have few registers.
    if (threadInBlock() == firstCopying)
      copyAll(query, key, value, firstQuery, hidden(end), Places(shared));
    // As those do who multiply: before rows take the place of slabs, and before they are read.
    meetBlockAnywhere();
    meetBlockAnywhere();
  }

  NNF_DEVICE static void copyAll(const MappedLines &query, const MappedLines &key, const MappedLines &value,
                                 int firstQuery, int end, const Places &places) {
    prefetchMap(query.map);
    prefetchMap(key.map);
    prefetchMap(value.map);
    arriveAndExpect(places.queryFilled, Queries::bytes);
    Queries::copy(places.query, query, firstQuery, 0, places.queryFilled);
    Ring ring{places};
    ring.template copy<Keys>(key, 0, 0);
    for (int first = keys; first < end; first += keys) {
      ring.template copy<Keys>(key, first, 0);
      ring.template copy<Values>(value, 0, first - keys);
    }
    ring.template copy<Values>(value, 0, (end - 1) / keys * keys);
  }

  // ---- what the others do

  /// Waits for the slab that comes next.
  NNF_DEVICE static void awaitSlab(const Places &places, const State &state) {
    waitFor(places.filled + state.slab * 8, state.parity);
  }
  /// The place of the slab that has been waited for.
  NNF_DEVICE static int takeSlab(State &state) {
    int slab = state.slab;
    bool isLast = slab + 1 == slabs;
    state.slab = isLast ? 0 : slab + 1;
    state.parity ^= isLast;
    return slab;
  }
  NNF_DEVICE static void giveBack(const Places &places, int slab) {
    if (threadInBlock() % warpThreads == 0)
      arrive(places.freed + slab * 8);
  }

  NNF_DEVICE static void beginScores(bool isBfloat, bool queryAlong, bool keyAlong, int depth, const Places &places,
                                     int slab, Scores &scores) {
    int row = threadInBlock() / groupThreads * 64;
    // Of an address that LLVM does not know it makes no 16 descriptors in front of the loop over slabs.
    u32 query = static_cast<u32>(hiddenFromLlvm(static_cast<int>(places.query)));
    u64 left = Queries::describe(query, queryAlong, row),
        right = Keys::describe(places.first + slab * slabBytes, keyAlong, 0);
    multiplyFirstTiles(isBfloat, scores, left, !queryAlong, right, !keyAlong);
#pragma unroll
    for (int step = 16; step < width; step += 16) {
      if (step >= depth)
        continue;
      multiplyTiles(isBfloat, scores, Queries::ahead(left, queryAlong, step), !queryAlong,
                    Keys::ahead(right, keyAlong, step), !keyAlong);
    }
    commitProducts();
  }

  NNF_DEVICE static void beginMix(bool isBfloat, bool valueAlong, const Places &places, State &state) {
    mixFrom(isBfloat, valueAlong, Values::describe(places.first + state.valueSlab * slabBytes, valueAlong, 0), state);
  }
  template <int step = 0> NNF_DEVICE static void mixFrom(bool isBfloat, bool valueAlong, u64 values, State &state) {
    multiplyRows<step / 4>(isBfloat, state.mix, state.powers, Values::ahead(values, valueAlong, step), !valueAlong);
    if constexpr (step + 16 < keys)
      mixFrom<step + 16>(isBfloat, valueAlong, values, state);
    else
      commitProducts();
  }

  /// Logits become powers. Returns what the mix so far is to be multiplied with, of either row.
  NNF_DEVICE static Pair takePowers(Scores &logits, State &state) {
    Pair factors;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float row[keys / 4];
#pragma unroll
      for (int j = 0; j < keys / 4; ++j)
        row[j] = logits[j / 2 * 4 + half * 2 + j % 2];
      factors[half] = state.rows[half].template take<4>(row);
#pragma unroll
      for (int j = 0; j < keys / 4; ++j)
        logits[j / 2 * 4 + half * 2 + j % 2] = row[j];
    }
    return factors;
  }

  /// Sums of a product lie as left operands do.
  NNF_DEVICE static void setPowers(bool isBfloat, const Scores &powers, State &state) {
#pragma unroll
    for (int j = 0; j < keys / 4; ++j)
      state.powers[j] = packFloats(isBfloat, powers[j * 2], powers[j * 2 + 1]);
    setRows(state.powers);
  }

  /// Scores of the first slab.
  NNF_DEVICE static void multiplyFirst(bool isBfloat, bool queryAlong, bool keyAlong, int depth,
                                       NNF_SHARED char *shared, State &state, Scores &scores) {
    if constexpr (movesRegisters)
      takeRegisters<manyRegisters>();
    Places places(shared);
    state.rows[0] = state.rows[1] = {-infinity, 0};
    state.slab = state.valueSlab = 0;
    state.parity = 0;
    clearSums(state.mix);
    waitFor(places.queryFilled, 0);
    awaitSlab(places, state);
    int slab = takeSlab(state);
    beginProducts();
    beginScores(isBfloat, queryAlong, keyAlong, depth, places, slab, scores);
    waitForProducts<0>();
    giveBack(places, slab);
    takeSums(scores);
  }

  NNF_DEVICE static void takeFirst(bool isBfloat, NNF_SHARED char *shared, Scores &logits, State &state) {
    takePowers(logits, state);
    awaitSlab(Places(shared), state);
    setPowers(isBfloat, logits, state);
  }

  /// Scores of the next slab; the values of the one before are being mixed when they are there.
  NNF_DEVICE static void multiplyNext(bool isBfloat, bool queryAlong, bool keyAlong, bool valueAlong, int depth,
                                      NNF_SHARED char *shared, State &state, Scores &scores) {
    Places places(shared);
    int slab = takeSlab(state);
    beginProducts();
    beginScores(isBfloat, queryAlong, keyAlong, depth, places, slab, scores);
    awaitSlab(places, state);
    state.valueSlab = takeSlab(state);
    beginProducts();
    beginMix(isBfloat, valueAlong, places, state);
    waitForProducts<1>();
    giveBack(places, slab);
    takeSums(scores);
  }

  NNF_DEVICE static void takeNext(bool isBfloat, NNF_SHARED char *shared, Scores &logits, State &state) {
    Places places(shared);
    Pair factors = takePowers(logits, state);
    // The next slab is waited for here, in a loop: ptxas would make the powers only after the products' wait, but does
    // not move them across a loop.
    awaitSlab(places, state);
    waitForProducts<0>();
    giveBack(places, state.valueSlab);
    takeSums(state.mix);
    // Powers are packed only here, when nobody has the registers of those before any more: else there would be two
    // sets.
    takeSums(logits);
#pragma unroll
    for (int j = 0; j < width / 2; ++j)
      state.mix[j] *= factors[j / 2 % 2];
    setPowers(isBfloat, logits, state);
  }

  /// The values of the last slab; then the mix, totals and largest logits (times log2 e) as rows in shared memory.
  NNF_DEVICE static void finish(bool isBfloat, bool valueAlong, NNF_SHARED char *shared, State &state) {
    Places places(shared);
    state.valueSlab = takeSlab(state);
    beginProducts();
    beginMix(isBfloat, valueAlong, places, state);
    waitForProducts<0>();
    takeSums(state.mix);
    meetBlockAnywhere();
    spread(state, reinterpret_cast<NNF_SHARED float *>(shared));
    meetBlockAnywhere();
  }

  NNF_DEVICE static void spread(const State &state, NNF_SHARED float *to) {
    constexpr int pitch = width + NNF_ATTENTION_ROW_GAP;
    int lane = threadInBlock() % warpThreads, warp = threadInBlock() / warpThreads;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      NNF_SHARED float *row = to + (warp * 16 + half * 8 + lane / 4) * pitch;
#pragma unroll
      for (int j = 0; j < width / 8; ++j)
        *reinterpret_cast<NNF_SHARED Pair *>(row + j * 8 + lane % 4 * 2) = {state.mix[j * 4 + half * 2],
                                                                            state.mix[j * 4 + half * 2 + 1]};
      float total = sumOfThreads<4>(state.rows[half].total);
      if (lane % 4 == 0)
        row[width] = total, row[width + 1] = state.rows[half].largest;
    }
  }
};

} // namespace

#define NNF_INSTANTIATE(groups, keys, width, slabs)                                                                    \
  using HopperAttention##groups##x##keys##x##width = HopperAttention<groups, keys, width, slabs>;                      \
  NNF_TEMPLATE void nnf_hopper_attention_begin_##groups##x##keys##x##width(NNF_SHARED char *shared, int end,           \
                                                                           void *bound) {                              \
    HopperAttention##groups##x##keys##x##width::begin(shared, end, *static_cast<int *>(bound));                        \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_attention_copy_##groups##x##keys##x##width(                                             \
      const char *q, int qRank, int qLines, bool qAlong, int q0, int q1, int q2, const char *k, int kRank, int kLines, \
      bool kAlong, int k0, int k1, int k2, const char *v, int vRank, int vLines, bool vAlong, int v0, int v1, int v2,  \
      int firstQuery, int end, NNF_SHARED char *shared) {                                                              \
    HopperAttention##groups##x##keys##x##width::copy(                                                                  \
        {q, qRank, qLines, qAlong, {q0, q1, q2}}, {k, kRank, kLines, kAlong, {k0, k1, k2}},                            \
        {v, vRank, vLines, vAlong, {v0, v1, v2}}, firstQuery, end, shared);                                            \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_attention_first_scores_##groups##x##keys##x##width(                                     \
      bool isBfloat, bool qAlong, bool kAlong, int depth, NNF_SHARED char *shared, void *state, void *scores) {        \
    using T = HopperAttention##groups##x##keys##x##width;                                                              \
    T::multiplyFirst(isBfloat, qAlong, kAlong, depth, shared, *static_cast<T::State *>(state),                         \
                     *static_cast<T::Scores *>(scores));                                                               \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_attention_first_powers_##groups##x##keys##x##width(                                     \
      bool isBfloat, NNF_SHARED char *shared, void *logits, void *state) {                                             \
    using T = HopperAttention##groups##x##keys##x##width;                                                              \
    T::takeFirst(isBfloat, shared, *static_cast<T::Scores *>(logits), *static_cast<T::State *>(state));                \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_attention_scores_##groups##x##keys##x##width(                                           \
      bool isBfloat, bool qAlong, bool kAlong, bool vAlong, int depth, NNF_SHARED char *shared, void *state,           \
      void *scores) {                                                                                                  \
    using T = HopperAttention##groups##x##keys##x##width;                                                              \
    T::multiplyNext(isBfloat, qAlong, kAlong, vAlong, depth, shared, *static_cast<T::State *>(state),                  \
                    *static_cast<T::Scores *>(scores));                                                                \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_attention_powers_##groups##x##keys##x##width(bool isBfloat, NNF_SHARED char *shared,    \
                                                                            void *logits, void *state) {               \
    using T = HopperAttention##groups##x##keys##x##width;                                                              \
    T::takeNext(isBfloat, shared, *static_cast<T::Scores *>(logits), *static_cast<T::State *>(state));                 \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_attention_finish_##groups##x##keys##x##width(bool isBfloat, bool vAlong,                \
                                                                            NNF_SHARED char *shared, void *state) {    \
    using T = HopperAttention##groups##x##keys##x##width;                                                              \
    T::finish(isBfloat, vAlong, shared, *static_cast<T::State *>(state));                                              \
  }
NNF_HOPPER_ATTENTION_TILES(NNF_INSTANTIATE)
