// A tile of a product of matrices, or of a convolution, of 16-bit floats on a GPU of compute capability 9.0. One warp
// brings slabs by tensor maps; groups of four warps multiply them, 64 rows each, and give each slab back as soon as
// they have. The kernel around it is the graph's own (passes/kernels/gpu/HopperProduct.cpp), as in Product.cu.
//
// A warp that only copies needs no registers, but nobody has to give his up for the others: blocks have 288 threads at
// most, and a multiprocessor 65,536 registers, 224 for each. So there is no setmaxnreg.
#include "codegen/cuda/templates/Hopper.cuh"
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

  template <typename Slabs>
  NNF_DEVICE static void multiply(bool isBfloat, Slabs slabsOf, int count, NNF_SHARED char *shared, float *result) {
    // Patterns of chunks begin at multiples of 1024 bytes.
    u32 first = (addressOf(shared) + NNF_HOPPER_ALIGNMENT - 1) & ~u32(NNF_HOPPER_ALIGNMENT - 1);
    u32 filled = first + slabs * slabBytes, freed = filled + slabs * 8;
    int warp = threadInBlock() / warpThreads;
    if (threadInBlock() == 0) {
#pragma unroll
      for (int s = 0; s < slabs; ++s) {
        initBarrier(filled + s * 8, 1);
        initBarrier(freed + s * 8, groups * 4);
      }
      showBarriers();
    }
    meetBlock();
    float sums[columns / 2]; // of warps that multiply
    if (warp == copyingWarp) {
      if (threadInBlock() % warpThreads == 0) {
        prefetchMap(slabsOf.a.map);
        prefetchMap(slabsOf.b.map);
        copySlabs(slabsOf, count, first, filled, freed);
      }
    } else {
      multiplySlabs(isBfloat, slabsOf.aAlongDepth(), slabsOf.b.alongDepth, count, first, filled, freed, sums);
    }
#pragma unroll
    for (int i = 0; i < columns / 2; ++i)
      result[i] = sums[i];
  }

  /// What one thread does.
  template <typename Slabs>
  NNF_DEVICE static void copySlabs(Slabs &slabsOf, int count, u32 first, u32 filled, u32 freed) {
    int slab = 0;
    u32 parity = 1;
    for (int i = 0; i < count; ++i) {
      waitFor(freed + slab * 8, parity);
      // Whole boxes count, also where they reach beyond the tensor.
      arriveAndExpect(filled + slab * 8, slabBytes);
      slabsOf.copyNext(first + slab * slabBytes, filled + slab * 8);
      if (++slab == slabs)
        slab = 0, parity ^= 1;
    }
  }

  /// What the other warps do.
  NNF_DEVICE static void multiplySlabs(bool isBfloat, bool aAlongDepth, bool bAlongDepth, int count, u32 first,
                                       u32 filled, u32 freed, float (&sums)[columns / 2]) {
    u32 ofGroup = threadInBlock() / groupThreads * blockBytes;
    int slab = 0, before = 0;
    clearSums(sums);
    u32 parity = 0;
    for (int i = 0; i < count; ++i) {
      waitFor(filled + slab * 8, parity);
      u32 at = first + slab * slabBytes;
      beginProducts();
#pragma unroll
      for (int step = 0; step < depth / 16; ++step)
        multiplyTiles(isBfloat, sums, describeMatrix(at + ofGroup + step * stepBytes(aAlongDepth), blockBytes),
                      !aAlongDepth, describeMatrix(at + aBytes + step * stepBytes(bAlongDepth), blockBytes),
                      !bAlongDepth);
      commitProducts();
      // Products of this slab run on; those of the one before are done, and its place is free.
      waitForProducts<1>();
      if (i > 0 && threadInBlock() % warpThreads == 0)
        arrive(freed + before * 8);
      before = slab;
      if (++slab == slabs)
        slab = 0, parity ^= 1;
    }
    waitForProducts<0>();
    takeSums(sums);
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

#define NNF_INSTANTIATE(groups, columns, slabs)                                                                        \
  NNF_TEMPLATE void nnf_hopper_product_##groups##x##columns(                                                           \
      bool isBfloat, const char *a, int aRank, int aLines, bool aAlongDepth, int aFirst, int aFirstStep, int a0,       \
      int a1, int a2, const char *b, int bRank, int bLines, bool bAlongDepth, int bFirst, int bFirstStep, int b0,      \
      int b1, int b2, int steps, NNF_SHARED char *shared, float *sums) {                                               \
    using OfTile = HopperTile<groups, columns, slabs>;                                                                 \
    const MappedOperand left = {a, aRank, aLines, aAlongDepth, aFirst, aFirstStep, {a0, a1, a2}},                      \
                        right = {b, bRank, bLines, bAlongDepth, bFirst, bFirstStep, {b0, b1, b2}};                     \
    OfTile::multiply(isBfloat, OfTile::OfMatrices{left, right}, (steps + NNF_HOPPER_DEPTH - 1) / NNF_HOPPER_DEPTH,     \
                     shared, sums);                                                                                    \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_convolution_##groups##x##columns(                                                       \
      bool isBfloat, const char *image, int spatial, int firstChannel, int firstImage, int at0, int at1, int at2,      \
      int channels, int taps0, int taps1, int taps2, int dilation0, int dilation1, int dilation2, const char *b,       \
      int bRank, int bLines, bool bAlongDepth, int bFirst, int bTap, int b0, int b1, int b2, NNF_SHARED char *shared,  \
      float *sums) {                                                                                                   \
    using OfTile = HopperTile<groups, columns, slabs>;                                                                 \
    const MappedOperand weights = {b, bRank, bLines, bAlongDepth, bFirst, 0, {b0, b1, b2}};                            \
    int taps = taps0 * taps1 * taps2;                                                                                  \
    OfTile::multiply(isBfloat,                                                                                         \
                     OfTile::OfImage{{image,                                                                           \
                                      spatial,                                                                         \
                                      firstChannel,                                                                    \
                                      firstImage,                                                                      \
                                      {at0, at1, at2},                                                                 \
                                      channels,                                                                        \
                                      {taps0, taps1, taps2},                                                           \
                                      {dilation0, dilation1, dilation2}},                                              \
                                     weights,                                                                          \
                                     bTap},                                                                            \
                     taps * ((channels + NNF_HOPPER_DEPTH - 1) / NNF_HOPPER_DEPTH), shared, sums);                     \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_spread_##groups##x##columns(const float *sums, int part, NNF_SHARED float *shared) {    \
    HopperTile<groups, columns, slabs>::spread(sums, part, shared);                                                    \
  }
NNF_HOPPER_TILES(NNF_INSTANTIATE)
