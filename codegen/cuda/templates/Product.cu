// A tile of a product of matrices of 16-bit floats on tensor cores, with sums in float32. A block goes down the
// contracted dimension in slabs, several of which are on their way to shared memory while one is multiplied. The kernel
// around it is the graph's own (passes/kernels/gpu/GpuTensorProduct.cpp): it says where the operands lie, gets the sums
// back row by row, and goes on from there. All it says is known when a model is compiled, so that this is inlined there
// and what does not apply is gone.
#include "codegen/cuda/templates/Device.cuh"
#include "passes/kernels/gpu/ProductTiles.h"

namespace {

constexpr int chunkElements = 8; // 16 bytes

/// A slab of an operand in shared memory: lines of whole chunks, each line's chunks permuted so that the eight rows of
/// a matrix, which lie in eight lines, come from eight different groups of banks.
template <int chunks> struct Slab {
  static_assert(chunks >= 2 && (chunks & (chunks - 1)) == 0);
  static constexpr int lineBytes = chunks * 16;
  NNF_DEVICE static int offset(int line, int chunk) {
    constexpr int shift = chunks >= 8 ? 0 : chunks == 4 ? 1 : 2, mask = (chunks >= 8 ? 8 : chunks) - 1;
    return line * lineBytes + (chunk ^ (line >> shift & mask)) * 16;
  }
};

/// An operand in global memory. Lines are its rows (A) or columns (B), with the contracted dimension along them, or the
/// other way round.
struct Operand {
  const Halfword *base; // the tile's first element
  i64 pitch;            // elements from one line to the next
  int copyBytes;        // that may be copied at once: 16, 8, 4 or 2
  bool alongDepth;      // lines run along the contracted dimension
  int extent;           // rows or columns that there are from `base` on
};

NNF_DEVICE inline int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

/// One chunk, of which `bytes` exist.
NNF_DEVICE inline void copyChunk(NNF_SHARED char *to, const Halfword *from, int bytes, int copyBytes) {
  if (copyBytes == 16) {
    copyAsync<16>(to, from, bytes);
  } else if (copyBytes == 8) {
#pragma unroll
    for (int i = 0; i < 2; ++i)
      copyAsync<8>(to + 8 * i, from + 4 * i, clamp(bytes - 8 * i, 0, 8));
  } else if (copyBytes == 4) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      copyAsync<4>(to + 4 * i, from + 2 * i, clamp(bytes - 4 * i, 0, 4));
  } else { // through registers: there are no copies of two bytes
    u32 word[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      u32 low = 4 * i < bytes ? from[2 * i] : 0, high = 4 * i + 2 < bytes ? from[2 * i + 1] : 0;
      word[i] = low | high << 16;
    }
    *reinterpret_cast<NNF_SHARED Vector4 *>(to) = {word[0], word[1], word[2], word[3]};
  }
}

/// Brings `lines` lines from firstLine and their elements from `start`; zeros where there are none: at lineEnd and
/// `length`.
template <int lines, int chunks, int threads>
NNF_DEVICE inline void copyLines(NNF_SHARED char *slab, const Operand &operand, int firstLine, int lineEnd, int start,
                                 int length) {
  static_assert(lines * chunks % threads == 0);
#pragma unroll
  for (int p = 0; p < lines * chunks / threads; ++p) {
    int piece = threadInBlock() + p * threads, line = piece / chunks, chunk = piece % chunks;
    int at = start + chunk * chunkElements;
    int elements = firstLine + line < lineEnd ? clamp(length - at, 0, chunkElements) : 0;
    const Halfword *from = operand.base + (elements ? (firstLine + line) * operand.pitch + at : 0);
    copyChunk(slab + Slab<chunks>::offset(line, chunk), from, elements * 2, operand.copyBytes);
  }
}

template <int rows, int columns, int depth, int warpRows, int warpColumns, int slabs> struct Tile {
  static constexpr int threads = warpRows * warpColumns * warpThreads;
  /// Of a warp: 16 x 8 pieces, each the work of one instruction for 16 steps down.
  static constexpr int rowPieces = rows / warpRows / 16, columnPieces = columns / warpColumns / 8;
  static constexpr int aBytes = rows * depth * 2, bBytes = columns * depth * 2, slabBytes = aBytes + bBytes;
  static_assert(columnPieces % 2 == 0, "columns are loaded in pairs of pieces");

  using Sums = float[rowPieces][columnPieces][4];

  /// `extent` rows or columns of an operand, `depth` steps from `step`.
  template <int extent>
  NNF_DEVICE static void copyOperand(NNF_SHARED char *to, const Operand &operand, int step, int steps) {
    if (operand.alongDepth)
      copyLines<extent, depth / chunkElements, threads>(to, operand, 0, operand.extent, step, steps);
    else
      copyLines<depth, extent / chunkElements, threads>(to, operand, step, steps, 0, operand.extent);
  }

  NNF_DEVICE static void copySlab(NNF_SHARED char *to, const Operand &a, const Operand &b, int step, int steps) {
    copyOperand<rows>(to, a, step, steps);
    copyOperand<columns>(to + aBytes, b, step, steps);
  }

  /// 16 rows of A, 16 steps down.
  NNF_DEVICE static Words4 loadRows(NNF_SHARED char *slab, bool alongDepth, int row, int step) {
    int lane = threadInBlock() % warpThreads;
    if (alongDepth)
      return loadMatrices(slab + Slab<depth / chunkElements>::offset(row + lane % 16, step / chunkElements + lane / 16),
                          false);
    return loadMatrices(
        slab + Slab<rows / chunkElements>::offset(step + lane % 8 + lane / 16 * 8, row / chunkElements + lane / 8 % 2),
        true);
  }

  /// 16 columns of B, 16 steps down: two words for the first eight, two for the others.
  NNF_DEVICE static Words4 loadColumns(NNF_SHARED char *slab, bool alongDepth, int column, int step) {
    int lane = threadInBlock() % warpThreads;
    if (alongDepth)
      return loadMatrices(slab + Slab<depth / chunkElements>::offset(column + lane % 8 + lane / 16 * 8,
                                                                     step / chunkElements + lane / 8 % 2),
                          false);
    return loadMatrices(
        slab + Slab<columns / chunkElements>::offset(step + lane % 16, column / chunkElements + lane / 16), true);
  }

  NNF_DEVICE static void multiplySlab(NNF_SHARED char *slab, bool isBfloat, bool aAlongDepth, bool bAlongDepth,
                                      Sums &sums) {
    int warp = threadInBlock() / warpThreads;
    int firstRow = warp / warpColumns * (rowPieces * 16), firstColumn = warp % warpColumns * (columnPieces * 8);
#pragma unroll
    for (int step = 0; step < depth; step += 16) {
      Words4 a[rowPieces], b[columnPieces / 2];
#pragma unroll
      for (int i = 0; i < rowPieces; ++i)
        a[i] = loadRows(slab, aAlongDepth, firstRow + i * 16, step);
#pragma unroll
      for (int j = 0; j < columnPieces / 2; ++j)
        b[j] = loadColumns(slab + aBytes, bAlongDepth, firstColumn + j * 16, step);
#pragma unroll
      for (int i = 0; i < rowPieces; ++i)
#pragma unroll
        for (int j = 0; j < columnPieces; ++j)
          multiplyMatrices(isBfloat, sums[i][j], a[i], b[j / 2].word[j % 2 * 2], b[j / 2].word[j % 2 * 2 + 1]);
    }
  }

  NNF_DEVICE static void multiply(bool isBfloat, const Operand &a, const Operand &b, int steps, NNF_SHARED char *shared,
                                  float *result) {
    Sums sums = {};
#pragma unroll
    for (int s = 0; s < slabs - 1; ++s) {
      if (s * depth < steps)
        copySlab(shared + s * slabBytes, a, b, s * depth, steps);
      commitCopies();
    }
    int current = 0, next = slabs - 1;
    for (int step = 0; step < steps; step += depth) {
      // All but the slabs after this one are here: what this thread has copied now, what others have at the barrier. It
      // also says that all have multiplied the slab before, whose place the next copies take.
      waitForCopies<slabs - 2>();
      meetBlock();
      if (step + (slabs - 1) * depth < steps)
        copySlab(shared + next * slabBytes, a, b, step + (slabs - 1) * depth, steps);
      commitCopies();
      multiplySlab(shared + current * slabBytes, isBfloat, a.alongDepth, b.alongDepth, sums);
      current = current + 1 == slabs ? 0 : current + 1;
      next = next + 1 == slabs ? 0 : next + 1;
    }
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

// By name, so that a kernel can be written that calls them: nnf_product_… multiplies, nnf_spread_… gives the sums back.
#define NNF_INSTANTIATE(rows, columns, depth, warpRows, warpColumns, slabs)                                            \
  extern "C" __attribute__((device)) void nnf_product_##rows##x##columns##x##depth(                                    \
      bool isBfloat, const Halfword *a, i64 aPitch, int aCopyBytes, bool aAlongDepth, int aRows, const Halfword *b,    \
      i64 bPitch, int bCopyBytes, bool bAlongDepth, int bColumns, int steps, NNF_SHARED char *shared, float *sums) {   \
    Tile<rows, columns, depth, warpRows, warpColumns, slabs>::multiply(                                                \
        isBfloat, {a, aPitch, aCopyBytes, aAlongDepth, aRows}, {b, bPitch, bCopyBytes, bAlongDepth, bColumns}, steps,  \
        shared, sums);                                                                                                 \
  }                                                                                                                    \
  extern "C" __attribute__((device)) void nnf_spread_##rows##x##columns##x##depth(const float *sums, int part,         \
                                                                                  NNF_SHARED float *shared) {          \
    Tile<rows, columns, depth, warpRows, warpColumns, slabs>::spread(sums, part, shared);                              \
  }
NNF_PRODUCT_TILES(NNF_INSTANTIATE)
