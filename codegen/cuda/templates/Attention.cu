// Attention of 16-bit floats on tensor cores.
#include "codegen/cuda/templates/AttentionTile.cuh"

// By name, so that a kernel can be written that calls them. A kernel has memory for the state and the scores, which are
// in registers when all of this has become one function.
#define NNF_INSTANTIATE(queries, keys, width, warps)                                                                   \
  using Tile##queries##x##keys##x##width = AttentionTile<2, queries, keys, width, warps>;                              \
  NNF_TEMPLATE void nnf_attention_begin_##queries##x##keys##x##width(                                                  \
      const char *q, i64 qPitch, int qCopyBytes, bool qAlong, int qRows, const char *k, i64 kPitch, int kCopyBytes,    \
      bool kAlong, int depth, int end, NNF_SHARED char *shared, void *state) {                                         \
    using T = Tile##queries##x##keys##x##width;                                                                        \
    T::begin({q, qPitch, qCopyBytes, qAlong, qRows}, {k, kPitch, kCopyBytes, kAlong, 0}, depth, end, shared,           \
             *static_cast<T::State *>(state));                                                                         \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_attention_scores_##queries##x##keys##x##width(                                                 \
      bool isBfloat, bool qAlong, bool kAlong, const char *v, i64 vPitch, int vCopyBytes, bool vAlong, int depth,      \
      int columns, int first, int end, NNF_SHARED char *shared, void *state, void *scores) {                           \
    using T = Tile##queries##x##keys##x##width;                                                                        \
    T::multiply(isBfloat, qAlong, kAlong, {v, vPitch, vCopyBytes, vAlong, columns}, depth, first, end, shared,         \
                *static_cast<T::State *>(state), *static_cast<T::Scores *>(scores));                                   \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_attention_mix_##queries##x##keys##x##width(                                                    \
      bool isBfloat, const char *k, i64 kPitch, int kCopyBytes, bool kAlong, bool vAlong, int depth, int columns,      \
      int first, int end, NNF_SHARED char *shared, void *scores, void *state) {                                        \
    using T = Tile##queries##x##keys##x##width;                                                                        \
    T::mix(isBfloat, {k, kPitch, kCopyBytes, kAlong, 0}, vAlong, depth, columns, first, end, shared,                   \
           *static_cast<T::Scores *>(scores), *static_cast<T::State *>(state));                                        \
  }                                                                                                                    \
  NNF_TEMPLATE void nnf_attention_spread_##queries##x##keys##x##width(const void *state, NNF_SHARED float *shared) {   \
    using T = Tile##queries##x##keys##x##width;                                                                        \
    T::spread(*static_cast<const T::State *>(state), shared);                                                          \
  }
NNF_ATTENTION_TILES(NNF_INSTANTIATE)
