// Products and convolutions of 16-bit floats on tensor cores.
#include "codegen/cuda/templates/TensorTile.cuh"

// By name, so that a kernel can be written that calls them: nnf_product_… and nnf_convolution_… multiply, nnf_spread_…
// gives the sums back.
#define NNF_INSTANTIATE(rows, columns, depth, warpRows, warpColumns, slabs)                                            \
  NNF_TEMPLATE void nnf_product_##rows##x##columns##x##depth(                                                          \
      bool isBfloat, const char *a, i64 aPitch, int aCopyBytes, bool aAlongDepth, int aRows, const char *b,            \
      i64 bPitch, int bCopyBytes, bool bAlongDepth, int bColumns, int steps, NNF_SHARED char *shared, float *sums) {   \
    TensorTile<2, rows, columns, depth, warpRows, warpColumns, slabs>::multiply(                                       \
        isBfloat, Operand{a, aPitch, aCopyBytes, aAlongDepth, aRows}, {b, bPitch, bCopyBytes, bAlongDepth, bColumns},  \
        steps, shared, sums);                                                                                          \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_convolution_##rows##x##columns##x##depth(                                                      \
      bool isBfloat, NNF_IMAGE_PARAMETERS, const char *b, i64 bPitch, int bCopyBytes, bool bAlongDepth, int bColumns,  \
      int steps, NNF_SHARED char *shared, float *sums) {                                                               \
    using OfTile = TensorTile<2, rows, columns, depth, warpRows, warpColumns, slabs>;                                  \
    OfTile::multiply(isBfloat, ImageRows<OfTile>(NNF_IMAGE), {b, bPitch, bCopyBytes, bAlongDepth, bColumns}, steps,    \
                     shared, sums);                                                                                    \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_spread_##rows##x##columns##x##depth(const float *sums, int part, NNF_SHARED float *shared) {   \
    TensorTile<2, rows, columns, depth, warpRows, warpColumns, slabs>::spread(sums, part, shared);                     \
  }
NNF_PRODUCT_TILES(NNF_INSTANTIATE)
