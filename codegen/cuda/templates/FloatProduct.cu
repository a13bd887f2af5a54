// A tile of a product of float32 matrices, with the pipeline of Product.cu and sums of 8 x 8 in the registers of each
// thread. Sums are added in the order of the contracted dimension.
#include "codegen/cuda/templates/Convolution.cuh"
#include "codegen/cuda/templates/FloatPieces.cuh"
#include "passes/kernels/gpu/ProductTiles.h"

namespace {

/// Rows (columns) of a thread.
constexpr int piece = 8;
/// Rows of a tile come in halves of 64, of which eight threads have eight rows each.
constexpr int half = 64;

template <int rows, int columns, int depth, int slabs> struct FloatTile {
  static constexpr int tileRows = rows, tileColumns = columns, slabDepth = depth, slabCount = slabs, elementBytes = 4;
  static constexpr int aBytes = rows * depth * 4, bBytes = columns * depth * 4;
  static constexpr int threads = rows / piece * (columns / piece);
  static constexpr int chunkElements = chunkBytes / elementBytes;

  /// The thread's place among those of a row and a column of the tile. A warp has four rows and eight columns of them:
  /// it reads four chunks of A and eight of B at once.
  NNF_DEVICE static int rowOfThread() {
    return threadInBlock() / warpThreads / (columns / half) * 4 + threadInBlock() % warpThreads / 8;
  }
  NNF_DEVICE static int columnOfThread() {
    return threadInBlock() / warpThreads % (columns / half) * 8 + threadInBlock() % 8;
  }

  /// Row (column) number i of thread t: every eighth where lines run along the contracted dimension, so that threads
  /// beside each other read lines beside each other; else whole chunks.
  NNF_DEVICE static int place(bool alongDepth, int t, int i) {
    return t / 8 * half + (alongDepth ? i * 8 + t % 8 : i / 4 * 32 + t % 8 * 4 + i % 4);
  }

  /// Four steps down of the thread's rows (columns).
  template <int extent>
  NNF_DEVICE static void load(NNF_SHARED char *slab, bool alongDepth, int t, int step, float (&to)[piece][4]) {
    if (alongDepth) {
#pragma unroll
      for (int i = 0; i < piece; ++i) {
        int offset = AlongSlab<depth, 4>::offset(place(true, t, i), step / chunkElements);
        Floats4 chunk = *reinterpret_cast<NNF_SHARED Floats4 *>(slab + offset);
#pragma unroll
        for (int s = 0; s < 4; ++s)
          to[i][s] = chunk[s];
      }
    } else {
#pragma unroll
      for (int s = 0; s < 4; ++s)
#pragma unroll
        for (int i = 0; i < piece; i += 4) {
          int offset = AcrossSlab<extent, 4>::offset(step + s, place(false, t, i) / chunkElements);
          Floats4 chunk = *reinterpret_cast<NNF_SHARED Floats4 *>(slab + offset);
#pragma unroll
          for (int j = 0; j < 4; ++j)
            to[i + j][s] = chunk[j];
        }
    }
  }

  template <typename A>
  NNF_DEVICE static void multiply(A &&a, const Operand &b, int steps, NNF_SHARED char *shared, float *result) {
    float sums[piece][piece] = {};
    forSlabs<FloatTile>(a, b, steps, shared, [&] NNF_DEVICE_LAMBDA(NNF_SHARED char *slab) {
#pragma unroll
      for (int step = 0; step < depth; step += 4) {
        float x[piece][4], y[piece][4];
        load<rows>(slab, a.alongDepth, rowOfThread(), step, x);
        load<columns>(slab + aBytes, b.alongDepth, columnOfThread(), step, y);
        addProducts(x, y, sums);
      }
    });
#pragma unroll
    for (int i = 0; i < piece * piece; ++i)
      result[i] = sums[i / piece][i % piece];
  }

  /// The sums of one half of the rows, as rows in shared memory.
  NNF_DEVICE static void spread(bool aAlongDepth, bool bAlongDepth, const float *sums, int part, NNF_SHARED float *to) {
    constexpr int pitch = columns + NNF_PRODUCT_ROW_GAP;
    if (rowOfThread() / 8 != part)
      return;
#pragma unroll
    for (int i = 0; i < piece; ++i)
#pragma unroll
      for (int j = 0; j < piece; ++j)
        to[place(aAlongDepth, rowOfThread() % 8, i) * pitch + place(bAlongDepth, columnOfThread(), j)] =
            sums[i * piece + j];
  }
};

} // namespace

#define NNF_INSTANTIATE(rows, columns, depth, slabs)                                                                   \
  NNF_TEMPLATE void nnf_float_product_##rows##x##columns##x##depth(                                                    \
      const char *a, i64 aPitch, int aCopyBytes, bool aAlongDepth, int aRows, const char *b, i64 bPitch,               \
      int bCopyBytes, bool bAlongDepth, int bColumns, int steps, NNF_SHARED char *shared, float *sums) {               \
    FloatTile<rows, columns, depth, slabs>::multiply(Operand{a, aPitch, aCopyBytes, aAlongDepth, aRows},               \
                                                     {b, bPitch, bCopyBytes, bAlongDepth, bColumns}, steps, shared,    \
                                                     sums);                                                            \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_float_convolution_##rows##x##columns##x##depth(                                                \
      NNF_IMAGE_PARAMETERS, const char *b, i64 bPitch, int bCopyBytes, bool bAlongDepth, int bColumns, int steps,      \
      NNF_SHARED char *shared, float *sums) {                                                                          \
    using Tile = FloatTile<rows, columns, depth, slabs>;                                                               \
    Tile::multiply(ImageRows<Tile>(NNF_IMAGE), {b, bPitch, bCopyBytes, bAlongDepth, bColumns}, steps, shared, sums);   \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_float_spread_##rows##x##columns##x##depth(                                                     \
      bool aAlongDepth, bool bAlongDepth, const float *sums, int part, NNF_SHARED float *shared) {                     \
    FloatTile<rows, columns, depth, slabs>::spread(aAlongDepth, bAlongDepth, sums, part, shared);                      \
  }
NNF_FLOAT_TILES(NNF_INSTANTIATE)
