// A tile of a product of matrices, or of a convolution, of 16-bit floats on a GPU of compute capability 9.0. One warp
// brings slabs by tensor maps; groups of four warps multiply them, 64 rows each, and give each slab back as soon as
// they have. The kernel around it is the graph's own (passes/kernels/gpu/HopperProduct.cpp), as in Product.cu. A block
// has one tile, or stays and goes through several: then slabs of the next tile come while sums of this one are stored.
//
// A warp that only copies needs few registers, but of blocks of one tile nobody has to give his up for the others: they
// have 288 threads at most, 168 registers for each. Blocks that stay keep more from tile to tile: there a whole third
// group is beside the two, whose first thread copies, and gives its registers to them.
#include "codegen/cuda/templates/HopperRegisters.cuh"
#include "passes/kernels/gpu/HopperTiles.h"
#include "passes/kernels/gpu/ProductTiles.h"

namespace {

/// An operand in global memory: its tensor map, and where the block's tile is in it.
struct MappedOperand {
  const char *map;
  int rank, lines; // which of its dimensions lines are, the first being their elements
  bool alongDepth; // lines run along the contracted dimension
  int first;       // row or column
  int firstStep;   // down the contracted dimension
  int batch[3];    // of rank - 2 dimensions
};

/// A convolution's input: its tensor map has the positions of the result one after the other, and copies what a tap
/// reads at them. The fastest spatial dimension comes first.
struct MappedImage {
  const char *map;
  int spatial;      // dimensions
  int channel;      // the first of the group
  int image, at[3]; // of the tile's first row: where in which image its first tap is
  int channels;     // of a group
  int taps[3], dilation[3];
};

template <int groups, int columns, int slabs> struct HopperTile {
  static constexpr int rows = groups * 64, depth = NNF_HOPPER_DEPTH;
  static constexpr int aBytes = rows * depth * 2, bBytes = columns * depth * 2, slabBytes = aBytes + bBytes;
  /// Lines that lie across come in blocks of 64 rows (columns).
  static constexpr int blockBytes = 64 * depth * 2;
  static constexpr int copyingWarp = groups * 4;

  NNF_DEVICE static TilePlace placeOf(const MappedOperand &operand, int element, int line) {
    return placeOfTile(element, line, operand.lines, operand.batch);
  }

  template <int extent>
  NNF_DEVICE static void copyOperand(u32 to, const MappedOperand &operand, int step, u32 barrier) {
    if (operand.alongDepth) {
      copyTile(to, operand.map, operand.rank, placeOf(operand, step, operand.first), barrier);
      return;
    }
#pragma unroll
    for (int block = 0; block < extent / 64; ++block)
      copyTile(to + block * blockBytes, operand.map, operand.rank, placeOf(operand, operand.first + block * 64, step),
               barrier);
  }

  /// Bytes from one 16 steps down to the next.
  NNF_DEVICE static u32 stepBytes(bool alongDepth) { return alongDepth ? 32 : 2048; }

  /// Slabs of two matrices.
  struct OfMatrices {
    const MappedOperand &a, &b;
    int step = 0; // of the next slab

    NNF_DEVICE bool aAlongDepth() const { return a.alongDepth; }
    NNF_DEVICE void copyNext(u32 to, u32 barrier) {
      copyOperand<rows>(to, a, a.firstStep + step, barrier);
      copyOperand<columns>(to + aBytes, b, b.firstStep + step, barrier);
      step += depth;
    }
  };

  /// Slabs of an image and of weights: of each tap all channels, the last slab of a tap with zeros behind them. Taps
  /// are a dimension of the weights' map, so that it, too, ends with the channels.
  struct OfImage {
    MappedImage a;
    const MappedOperand &b;
    int tapBatch;                            // which of the weights' batch taps are; none: there is one tap
    int channel = 0, tap = 0, ahead[3] = {}; // of the next slab

    NNF_DEVICE bool aAlongDepth() const { return true; }
    NNF_DEVICE void copyNext(u32 to, u32 barrier) {
      copyTap(to, a.map, a.spatial,
              {a.channel + channel, {a.at[0], a.at[1], a.at[2]}, a.image, {ahead[0], ahead[1], ahead[2]}}, barrier);
      MappedOperand weights = b;
#pragma unroll
      for (int d = 0; d < 3; ++d)
        weights.batch[d] = d == tapBatch ? tap : weights.batch[d];
      copyOperand<columns>(to + aBytes, weights, channel, barrier);
      channel += depth;
      if (channel >= a.channels)
        nextTap();
    }
    NNF_DEVICE void nextTap() {
      channel = 0;
      ++tap;
      bool carry = true;
#pragma unroll
      for (int d = 0; d < 3; ++d) {
        ahead[d] += carry ? a.dilation[d] : 0;
        carry = carry && ahead[d] >= a.taps[d] * a.dilation[d];
        ahead[d] = carry ? 0 : ahead[d];
      }
    }
  };

  /// A place in the ring of slabs, and the parity of its phase that is waited for next.
  struct Ring {
    int slab;
    u32 parity;

    NNF_DEVICE void next() {
      bool isLast = slab + 1 == slabs;
      slab = isLast ? 0 : slab + 1;
      parity ^= isLast;
    }
  };

  /// Slabs, then barriers. Patterns of chunks begin at multiples of 1024 bytes.
  struct Places {
    u32 first, filled, freed, turns;

    NNF_DEVICE explicit Places(NNF_SHARED char *shared)
        : first((addressOf(shared) + NNF_HOPPER_ALIGNMENT - 1) & ~u32(NNF_HOPPER_ALIGNMENT - 1)),
          filled(first + slabs * slabBytes), freed(filled + slabs * 8), turns(freed + slabs * 8) {}

    NNF_DEVICE void initSlabs() const {
#pragma unroll
      for (int s = 0; s < slabs; ++s) {
        initBarrier(filled + s * 8, 1);
        initBarrier(freed + s * 8, groups * 4);
      }
    }
  };

  template <typename Slabs>
  NNF_DEVICE static void multiply(bool isBfloat, Slabs slabsOf, int count, NNF_SHARED char *shared, float *result) {
    Places at(shared);
    int warp = threadInBlock() / warpThreads;
    if (threadInBlock() == 0) {
      at.initSlabs();
      showBarriers();
    }
    meetBlock();
    float sums[columns / 2]; // of warps that multiply
    if (warp == copyingWarp) {
      if (threadInBlock() % warpThreads == 0) {
        prefetchMap(slabsOf.a.map);
        prefetchMap(slabsOf.b.map);
        Ring ring = {0, 1};
        copySlabs(slabsOf, count, at, ring);
      }
    } else {
      Ring ring = {0, 0};
      multiplySlabs<false>(isBfloat, slabsOf.aAlongDepth(), slabsOf.b.alongDepth, count, at, ring, sums);
    }
#pragma unroll
    for (int i = 0; i < columns / 2; ++i)
      result[i] = sums[i];
  }

  /// What one thread does.
  template <typename Slabs> NNF_DEVICE static void copySlabs(Slabs slabsOf, int count, const Places &at, Ring &ring) {
    for (int i = 0; i < count; ++i) {
      waitFor(at.freed + ring.slab * 8, ring.parity);
      // Whole boxes count, also where they reach beyond the tensor.
      arriveAndExpect(at.filled + ring.slab * 8, slabBytes);
      slabsOf.copyNext(at.first + ring.slab * slabBytes, at.filled + ring.slab * 8);
      ring.next();
    }
  }

  NNF_DEVICE static void giveBack(const Places &at, int slab) {
    if (threadInBlock() % warpThreads == 0)
      arrive(at.freed + slab * 8);
  }

  /// What the other warps do. The last slab's place is only asked for again by a block that `stays`.
  template <bool stays>
  NNF_DEVICE static void multiplySlabs(bool isBfloat, bool aAlongDepth, bool bAlongDepth, int count, const Places &at,
                                       Ring &ring, float (&sums)[columns / 2]) {
    u32 ofGroup = threadInBlock() / groupThreads * blockBytes;
    int before = 0;
    clearSums(sums);
    for (int i = 0; i < count; ++i) {
      waitFor(at.filled + ring.slab * 8, ring.parity);
      u32 slab = at.first + ring.slab * slabBytes;
      beginProducts();
#pragma unroll
      for (int step = 0; step < depth / 16; ++step)
        multiplyTiles(isBfloat, sums, describeMatrix(slab + ofGroup + step * stepBytes(aAlongDepth), blockBytes),
                      !aAlongDepth, describeMatrix(slab + aBytes + step * stepBytes(bAlongDepth), blockBytes),
                      !bAlongDepth);
      commitProducts();
      // Products of this slab run on; those of the one before are done, and its place is free.
      waitForProducts<1>();
      if (i > 0)
        giveBack(at, before);
      before = ring.slab;
      ring.next();
    }
    waitForProducts<0>();
    takeSums(sums);
    if (stays && count > 0)
      giveBack(at, before);
  }

  // ---- a block that stays: it goes through several tiles

  /// What a thread keeps from tile to tile.
  struct State {
    Ring ring;
    u32 turn; // parity of the phase that is waited for before sums come to shared memory
  };
  static_assert(sizeof(State) == NNF_HOPPER_STATE_BYTES);

  /// In front of slabs: eight rows of sums of each warp of one group. Two groups take turns there, the first one first:
  /// while one stores its sums, the other has the tensor cores.
  static constexpr int stagedPitch = columns + NNF_PRODUCT_ROW_GAP, stagedBytes = NNF_HOPPER_STAGED_BYTES(columns);
  NNF_DEVICE static int group() { return threadInBlock() / groupThreads; }
  NNF_DEVICE static u32 turnOf(const Places &at, int group) { return at.turns + group * 8; }

  NNF_DEVICE static void stay(const char *a, const char *b, NNF_SHARED char *shared, State &state) {
    static_assert(groups == 2);
    Places at(shared + stagedBytes);
    state.ring = {0, group() == groups};
    state.turn = group() == 0;
    if (threadInBlock() == 0) {
      at.initSlabs();
      initBarrier(turnOf(at, 0), groupThreads / warpThreads);
      initBarrier(turnOf(at, 1), groupThreads / warpThreads);
      showBarriers();
    }
    if (threadInBlock() == copyingWarp * warpThreads) {
      prefetchMap(a);
      prefetchMap(b);
    }
    meetBlock();
  }

  template <typename Slabs>
  NNF_DEVICE static void copyTileOf(Slabs slabsOf, int count, NNF_SHARED char *shared, State &state) {
    copySlabs(slabsOf, count, Places(shared + stagedBytes), state.ring);
  }

  /// Sums of a tile, when it is this group's turn to store them.
  NNF_DEVICE static void multiplyTile(bool isBfloat, bool aAlongDepth, bool bAlongDepth, int count,
                                      NNF_SHARED char *shared, State &state, float *result) {
    Places at(shared + stagedBytes);
    float sums[columns / 2];
    multiplySlabs<true>(isBfloat, aAlongDepth, bAlongDepth, count, at, state.ring, sums);
    waitFor(turnOf(at, group()), state.turn);
    state.turn ^= 1;
#pragma unroll
    for (int i = 0; i < columns / 2; ++i)
      result[i] = sums[i];
  }

  /// Half of each warp's sums, as rows in shared memory: the upper or lower eight rows, or, to be stored transposed,
  /// all rows of half the columns, so that neighbours in a column are as many as they can.
  NNF_DEVICE static void stage(bool turned, const float *sums, int part, NNF_SHARED float *to) {
    constexpr int turnedPitch = stagedPitch / 2;
    int lane = threadInBlock() % warpThreads, warp = threadInBlock() / warpThreads % 4;
    NNF_SHARED float *first =
        turned ? to + (warp * 16 + lane / 4) * turnedPitch : to + (warp * 8 + lane / 4) * stagedPitch;
    first += lane % 4 * 2;
    if (part > 0)
      meetWarp(); // the half before has been read
#pragma unroll
    for (int p = 0; p < 2; ++p) {
      if (p != part)
        continue;
#pragma unroll
      for (int i = 0; i < columns / 8; ++i) {
        int rows = turned ? i % 2 : p, eight = turned ? p * (columns / 16) + i / 2 : i;
        NNF_SHARED float *at = turned ? first + rows * 8 * turnedPitch + i / 2 * 8 : first + i * 8;
        *reinterpret_cast<NNF_SHARED Pair *>(at) = {sums[eight * 4 + rows * 2], sums[eight * 4 + rows * 2 + 1]};
      }
    }
    meetWarp();
  }

  /// This warp has read its sums.
  NNF_DEVICE static void passTurn(NNF_SHARED char *shared) {
    meetWarp();
    if (threadInBlock() % warpThreads == 0)
      arrive(turnOf(Places(shared + stagedBytes), 1 - group()));
  }

  /// The sums of one group, as rows in shared memory.
  NNF_DEVICE static void spread(const float *sums, int part, NNF_SHARED float *to) {
    constexpr int pitch = columns + NNF_PRODUCT_ROW_GAP;
    int lane = threadInBlock() % warpThreads, warp = threadInBlock() / warpThreads;
    if (warp / 4 != part || warp == copyingWarp)
      return;
    NNF_SHARED float *first = to + (warp % 4 * 16 + lane / 4) * pitch + lane % 4 * 2;
#pragma unroll
    for (int j = 0; j < columns / 8; ++j)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        *reinterpret_cast<NNF_SHARED Pair *>(first + half * 8 * pitch + j * 8) = {sums[j * 4 + half * 2],
                                                                                  sums[j * 4 + half * 2 + 1]};
  }
};

} // namespace

/// What a kernel tells of two matrices, or of an image and weights, and the slabs of a tile that this makes.
#define NNF_MATRICES                                                                                                   \
  const char *a, int aRank, int aLines, bool aAlongDepth, int aFirst, int aFirstStep, int a0, int a1, int a2,          \
      const char *b, int bRank, int bLines, bool bAlongDepth, int bFirst, int bFirstStep, int b0, int b1, int b2,      \
      int steps
#define NNF_IMAGE                                                                                                      \
  const char *image, int spatial, int firstChannel, int firstImage, int at0, int at1, int at2, int channels,           \
      int taps0, int taps1, int taps2, int dilation0, int dilation1, int dilation2, const char *b, int bRank,          \
      int bLines, bool bAlongDepth, int bFirst, int bTap, int b0, int b1, int b2

#define NNF_SLABS_OF_MATRICES                                                                                          \
  const MappedOperand left = {a, aRank, aLines, aAlongDepth, aFirst, aFirstStep, {a0, a1, a2}},                        \
                      right = {b, bRank, bLines, bAlongDepth, bFirst, bFirstStep, {b0, b1, b2}};                       \
  OfTile::OfMatrices slabsOf{left, right};                                                                             \
  int count = (steps + NNF_HOPPER_DEPTH - 1) / NNF_HOPPER_DEPTH;
#define NNF_SLABS_OF_IMAGE                                                                                             \
  const MappedOperand weights = {b, bRank, bLines, bAlongDepth, bFirst, 0, {b0, b1, b2}};                              \
  OfTile::OfImage slabsOf{{image,                                                                                      \
                           spatial,                                                                                    \
                           firstChannel,                                                                               \
                           firstImage,                                                                                 \
                           {at0, at1, at2},                                                                            \
                           channels,                                                                                   \
                           {taps0, taps1, taps2},                                                                      \
                           {dilation0, dilation1, dilation2}},                                                         \
                          weights,                                                                                     \
                          bTap};                                                                                       \
  int count = taps0 * taps1 * taps2 * ((channels + NNF_HOPPER_DEPTH - 1) / NNF_HOPPER_DEPTH);

#define NNF_INSTANTIATE(groups, columns, slabs)                                                                        \
  NNF_TEMPLATE void nnf_hopper_product_##groups##x##columns(bool isBfloat, NNF_MATRICES, NNF_SHARED char *shared,      \
                                                            float *sums) {                                             \
    using OfTile = HopperTile<groups, columns, slabs>;                                                                 \
    NNF_SLABS_OF_MATRICES                                                                                              \
    OfTile::multiply(isBfloat, slabsOf, count, shared, sums);                                                          \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_convolution_##groups##x##columns(bool isBfloat, NNF_IMAGE, NNF_SHARED char *shared,     \
                                                                float *sums) {                                         \
    using OfTile = HopperTile<groups, columns, slabs>;                                                                 \
    NNF_SLABS_OF_IMAGE                                                                                                 \
    OfTile::multiply(isBfloat, slabsOf, count, shared, sums);                                                          \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_spread_##groups##x##columns(const float *sums, int part, NNF_SHARED float *shared) {    \
    HopperTile<groups, columns, slabs>::spread(sums, part, shared);                                                    \
  }
NNF_HOPPER_TILES(NNF_INSTANTIATE)

/// Of 504 for one thread of each group (a multiprocessor has 512). From here on the groups' ways do not join again.
NNF_TEMPLATE void nnf_hopper_give_registers() { giveRegisters<40>(); }
NNF_TEMPLATE void nnf_hopper_take_registers() { takeRegisters<232>(); }

#define NNF_INSTANTIATE_STAYING(groups, columns, slabs)                                                                \
  using Staying##groups##x##columns = HopperTile<groups, columns, slabs>;                                              \
  NNF_TEMPLATE void nnf_hopper_stay_##groups##x##columns(const char *a, const char *b, NNF_SHARED char *shared,        \
                                                         Staying##groups##x##columns::State *state) {                  \
    Staying##groups##x##columns::stay(a, b, shared, *state);                                                           \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_copy_product_##groups##x##columns(NNF_MATRICES, NNF_SHARED char *shared,                \
                                                                 Staying##groups##x##columns::State *state) {          \
    using OfTile = Staying##groups##x##columns;                                                                        \
    NNF_SLABS_OF_MATRICES                                                                                              \
    OfTile::copyTileOf(slabsOf, count, shared, *state);                                                                \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_copy_convolution_##groups##x##columns(NNF_IMAGE, NNF_SHARED char *shared,               \
                                                                     Staying##groups##x##columns::State *state) {      \
    using OfTile = Staying##groups##x##columns;                                                                        \
    NNF_SLABS_OF_IMAGE                                                                                                 \
    OfTile::copyTileOf(slabsOf, count, shared, *state);                                                                \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_tile_##groups##x##columns(bool isBfloat, bool aAlongDepth, bool bAlongDepth, int count, \
                                                         NNF_SHARED char *shared,                                      \
                                                         Staying##groups##x##columns::State *state, float *sums) {     \
    Staying##groups##x##columns::multiplyTile(isBfloat, aAlongDepth, bAlongDepth, count, shared, *state, sums);        \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_stage_##groups##x##columns(bool turned, const float *sums, int part,                    \
                                                          NNF_SHARED float *shared) {                                  \
    Staying##groups##x##columns::stage(turned, sums, part, shared);                                                    \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_pass_##groups##x##columns(NNF_SHARED char *shared) {                                    \
    Staying##groups##x##columns::passTurn(shared);                                                                     \
  }
NNF_HOPPER_STAYING_TILES(NNF_INSTANTIATE_STAYING)
