// A tile of a product of matrices of 16-bit floats on a GPU of compute capability 9.0. One warp brings slabs by tensor
// maps; groups of four warps multiply them, 64 rows each, and give each slab back as soon as they have. The kernel
// around it is the graph's own (passes/kernels/gpu/HopperProduct.cpp), as in Product.cu.
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

  NNF_DEVICE static void multiply(bool isBfloat, const MappedOperand &a, const MappedOperand &b, int steps,
                                  NNF_SHARED char *shared, float *result) {
    // Patterns of chunks begin at multiples of 1024 bytes.
    u32 first = (addressOf(shared) + NNF_HOPPER_ALIGNMENT - 1) & ~u32(NNF_HOPPER_ALIGNMENT - 1);
    u32 filled = first + slabs * slabBytes, freed = filled + slabs * 8;
    int warp = threadInBlock() / warpThreads, count = (steps + depth - 1) / depth;
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
        prefetchMap(a.map);
        prefetchMap(b.map);
        copySlabs(a, b, count, first, filled, freed);
      }
    } else {
      multiplySlabs(isBfloat, a.alongDepth, b.alongDepth, count, first, filled, freed, sums);
    }
#pragma unroll
    for (int i = 0; i < columns / 2; ++i)
      result[i] = sums[i];
  }

  /// What one thread does.
  NNF_DEVICE static void copySlabs(const MappedOperand &a, const MappedOperand &b, int count, u32 first, u32 filled,
                                   u32 freed) {
    int slab = 0;
    u32 parity = 1;
    for (int i = 0; i < count; ++i) {
      waitFor(freed + slab * 8, parity);
      // Whole boxes count, also where they reach beyond the tensor.
      arriveAndExpect(filled + slab * 8, slabBytes);
      copyOperand<rows>(first + slab * slabBytes, a, a.firstStep + i * depth, filled + slab * 8);
      copyOperand<columns>(first + slab * slabBytes + aBytes, b, b.firstStep + i * depth, filled + slab * 8);
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
    HopperTile<groups, columns, slabs>::multiply(                                                                      \
        isBfloat, {a, aRank, aLines, aAlongDepth, aFirst, aFirstStep, {a0, a1, a2}},                                   \
        {b, bRank, bLines, bAlongDepth, bFirst, bFirstStep, {b0, b1, b2}}, steps, shared, sums);                       \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_hopper_spread_##groups##x##columns(const float *sums, int part, NNF_SHARED float *shared) {    \
    HopperTile<groups, columns, slabs>::spread(sums, part, shared);                                                    \
  }
NNF_HOPPER_TILES(NNF_INSTANTIATE)
