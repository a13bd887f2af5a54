// A tile of a product of matrices on tensor cores, 16-bit floats or float32 as tf32, with sums in float32. A block goes
// down the contracted dimension in slabs, several of which are on their way to shared memory while one is multiplied.
// The kernel around it is the graph's own (passes/kernels/gpu/GpuTensorProduct.cpp): it says where the operands lie,
// gets the sums back row by row, and goes on from there. All it says is known when a model is compiled, so that this is
// inlined there and what does not apply is gone.
#pragma once

#include "codegen/cuda/templates/Convolution.cuh"
#include "codegen/cuda/templates/Fragments.cuh"
#include "passes/kernels/gpu/ProductTiles.h"

namespace {

template <int bytes, int rows, int columns, int depth, int warpRows, int warpColumns, int slabs> struct TensorTile {
  static constexpr int threads = warpRows * warpColumns * warpThreads;
  /// Of a warp: 16 x 8 pieces, each the work of one instruction for 32 bytes down.
  static constexpr int rowPieces = rows / warpRows / 16, columnPieces = columns / warpColumns / 8;
  static constexpr int tileRows = rows, tileColumns = columns, slabDepth = depth, slabCount = slabs,
                       elementBytes = bytes;
  static constexpr int aBytes = rows * depth * bytes, bBytes = columns * depth * bytes;
  static_assert(columnPieces % 2 == 0, "columns are loaded in pairs of pieces");

  using Sums = float[rowPieces][columnPieces][4];

  NNF_DEVICE static void multiplySlab(NNF_SHARED char *slab, bool isBfloat, bool aAlongDepth, bool bAlongDepth,
                                      Sums &sums) {
    int warp = threadInBlock() / warpThreads;
    int firstRow = warp / warpColumns * (rowPieces * 16), firstColumn = warp % warpColumns * (columnPieces * 8);
#pragma unroll
    for (int step = 0; step < depth; step += fragmentSteps<bytes>) {
      Words4 a[rowPieces], b[columnPieces / 2];
#pragma unroll
      for (int i = 0; i < rowPieces; ++i)
        a[i] = loadRows<rows, depth, bytes>(slab, aAlongDepth, firstRow + i * 16, step);
#pragma unroll
      for (int j = 0; j < columnPieces / 2; ++j)
        b[j] = loadColumns<columns, depth, bytes>(slab + aBytes, bAlongDepth, firstColumn + j * 16, step);
#pragma unroll
      for (int i = 0; i < rowPieces; ++i)
#pragma unroll
        for (int j = 0; j < columnPieces; ++j)
          multiplyFragments<bytes>(isBfloat, sums[i][j], a[i], b[j / 2].word[j % 2 * 2], b[j / 2].word[j % 2 * 2 + 1]);
    }
  }

  template <typename A>
  NNF_DEVICE static void multiply(bool isBfloat, A &&a, const Operand &b, int steps, NNF_SHARED char *shared,
                                  float *result) {
    Sums sums = {};
    forSlabs<TensorTile>(a, b, steps, shared, [&] NNF_DEVICE_LAMBDA(NNF_SHARED char *slab) {
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
