// A tile of a product of matrices of 16-bit floats on tensor cores, with sums in float32. A block goes down the
// contracted dimension in slabs, several of which are on their way to shared memory while one is multiplied. The kernel
// around it is the graph's own (passes/kernels/gpu/GpuTensorProduct.cpp): it says where the operands lie, gets the sums
// back row by row, and goes on from there. All it says is known when a model is compiled, so that this is inlined there
// and what does not apply is gone.
#include "codegen/cuda/templates/Convolution.cuh"
#include "codegen/cuda/templates/Fragments.cuh"
#include "passes/kernels/gpu/ProductTiles.h"

namespace {

template <int rows, int columns, int depth, int warpRows, int warpColumns, int slabs> struct Tile {
  static constexpr int threads = warpRows * warpColumns * warpThreads;
  /// Of a warp: 16 x 8 pieces, each the work of one instruction for 16 steps down.
  static constexpr int rowPieces = rows / warpRows / 16, columnPieces = columns / warpColumns / 8;
  static constexpr int tileRows = rows, tileColumns = columns, slabDepth = depth, slabCount = slabs, elementBytes = 2;
  static constexpr int aBytes = rows * depth * 2, bBytes = columns * depth * 2;
  static_assert(columnPieces % 2 == 0, "columns are loaded in pairs of pieces");

  using Sums = float[rowPieces][columnPieces][4];

  NNF_DEVICE static void multiplySlab(NNF_SHARED char *slab, bool isBfloat, bool aAlongDepth, bool bAlongDepth,
                                      Sums &sums) {
    int warp = threadInBlock() / warpThreads;
    int firstRow = warp / warpColumns * (rowPieces * 16), firstColumn = warp % warpColumns * (columnPieces * 8);
#pragma unroll
    for (int step = 0; step < depth; step += 16) {
      Words4 a[rowPieces], b[columnPieces / 2];
#pragma unroll
      for (int i = 0; i < rowPieces; ++i)
        a[i] = loadRows<rows, depth>(slab, aAlongDepth, firstRow + i * 16, step);
#pragma unroll
      for (int j = 0; j < columnPieces / 2; ++j)
        b[j] = loadColumns<columns, depth>(slab + aBytes, bAlongDepth, firstColumn + j * 16, step);
#pragma unroll
      for (int i = 0; i < rowPieces; ++i)
#pragma unroll
        for (int j = 0; j < columnPieces; ++j)
          multiplyMatrices(isBfloat, sums[i][j], a[i], b[j / 2].word[j % 2 * 2], b[j / 2].word[j % 2 * 2 + 1]);
    }
  }

  template <typename A>
  NNF_DEVICE static void multiply(bool isBfloat, A &&a, const Operand &b, int steps, NNF_SHARED char *shared,
                                  float *result) {
    Sums sums = {};
    forSlabs<Tile>(a, b, steps, shared, [&] __attribute__((device, always_inline)) (NNF_SHARED char *slab) {
      multiplySlab(slab, isBfloat, a.alongDepth, b.alongDepth, sums);
    });
#pragma unroll
    for (int i = 0; i < rowPieces * columnPieces * 4; ++i)
      result[i] = sums[i / 4 / columnPieces][i / 4 % columnPieces][i % 4];
  }

  /// The sums of the warps of one row of warps, as rows in shared memory.
  NNF_DEVICE static void spread(const float *sums, int part, NNF_SHARED float *to) {
    constexpr int pitch = columns + NNF_PRODUCT_ROW_GAP;
    int warp = threadInBlock() / warpThreads, lane = threadInBlock() % warpThreads;
    if (warp / warpColumns != part)
      return;
    NNF_SHARED float *first = to + lane / 4 * pitch + warp % warpColumns * (columnPieces * 8) + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < rowPieces; ++i)
#pragma unroll
      for (int j = 0; j < columnPieces; ++j)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float *sum = sums + (i * columnPieces + j) * 4 + half * 2;
          *reinterpret_cast<NNF_SHARED Pair *>(first + (i * 16 + half * 8) * pitch + j * 8) = {sum[0], sum[1]};
        }
  }
};

} // namespace

// By name, so that a kernel can be written that calls them: nnf_product_… and nnf_convolution_… multiply, nnf_spread_…
// gives the sums back.
#define NNF_INSTANTIATE(rows, columns, depth, warpRows, warpColumns, slabs)                                            \
  extern "C" __attribute__((device)) void nnf_product_##rows##x##columns##x##depth(                                    \
      bool isBfloat, const char *a, i64 aPitch, int aCopyBytes, bool aAlongDepth, int aRows, const char *b,            \
      i64 bPitch, int bCopyBytes, bool bAlongDepth, int bColumns, int steps, NNF_SHARED char *shared, float *sums) {   \
    Tile<rows, columns, depth, warpRows, warpColumns, slabs>::multiply(                                                \
        isBfloat, Operand{a, aPitch, aCopyBytes, aAlongDepth, aRows}, {b, bPitch, bCopyBytes, bAlongDepth, bColumns},  \
        steps, shared, sums);                                                                                          \
  }                                                                                                                    \
  extern "C" __attribute__((device)) void nnf_convolution_##rows##x##columns##x##depth(                                \
      bool isBfloat, NNF_IMAGE_PARAMETERS, const char *b, i64 bPitch, int bCopyBytes, bool bAlongDepth, int bColumns,  \
      int steps, NNF_SHARED char *shared, float *sums) {                                                               \
    using OfTile = Tile<rows, columns, depth, warpRows, warpColumns, slabs>;                                           \
    OfTile::multiply(isBfloat, ImageRows<OfTile>(NNF_IMAGE), {b, bPitch, bCopyBytes, bAlongDepth, bColumns}, steps,    \
                     shared, sums);                                                                                    \
  }                                                                                                                    \
  extern "C" __attribute__((device)) void nnf_spread_##rows##x##columns##x##depth(const float *sums, int part,         \
                                                                                  NNF_SHARED float *shared) {          \
    Tile<rows, columns, depth, warpRows, warpColumns, slabs>::spread(sums, part, shared);                              \
  }
NNF_PRODUCT_TILES(NNF_INSTANTIATE)
