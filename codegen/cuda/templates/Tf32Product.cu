// Products and convolutions of float32 that tensor cores multiply as tf32: --allow-tf32.
#include "codegen/cuda/templates/TensorTile.cuh"

// By name, so that a kernel can be written that calls them: nnf_tf32_product_… and nnf_tf32_convolution_… multiply,
// nnf_tf32_spread_… gives the sums back.
#define NNF_INSTANTIATE(rows, columns, depth, warpRows, warpColumns, slabs)                                            \
  NNF_TEMPLATE void nnf_tf32_product_##rows##x##columns##x##depth(                                                     \
      const char *a, i64 aPitch, int aCopyBytes, bool aAlongDepth, int aRows, const char *b, i64 bPitch,               \
      int bCopyBytes, bool bAlongDepth, int bColumns, int steps, NNF_SHARED char *shared, float *sums) {               \
    TensorTile<4, rows, columns, depth, warpRows, warpColumns, slabs>::multiply(                                       \
        false, Operand{a, aPitch, aCopyBytes, aAlongDepth, aRows}, {b, bPitch, bCopyBytes, bAlongDepth, bColumns},     \
        steps, shared, sums);                                                                                          \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_tf32_convolution_##rows##x##columns##x##depth(                                                 \
      NNF_IMAGE_PARAMETERS, const char *b, i64 bPitch, int bCopyBytes, bool bAlongDepth, int bColumns, int steps,      \
      NNF_SHARED char *shared, float *sums) {                                                                          \
    using OfTile = TensorTile<4, rows, columns, depth, warpRows, warpColumns, slabs>;                                  \
    OfTile::multiply(false, ImageRows<OfTile>(NNF_IMAGE), {b, bPitch, bCopyBytes, bAlongDepth, bColumns}, steps,       \
                     shared, sums);                                                                                    \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_tf32_spread_##rows##x##columns##x##depth(const float *sums, int part,                          \
                                                                 NNF_SHARED float *shared) {                           \
    TensorTile<4, rows, columns, depth, warpRows, warpColumns, slabs>::spread(sums, part, shared);                     \
  }
NNF_TF32_TILES(NNF_INSTANTIATE)
