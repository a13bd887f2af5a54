// Tensor maps as the fake driver makes them, with what CUDA's asks of them: which it may answer with no more than
// CUDA_ERROR_INVALID_VALUE.
#ifndef NNF_TEST_GPU_FAKEMAPS_H
#define NNF_TEST_GPU_FAKEMAPS_H

#include "codegen/cuda/emulator/Emulator.h"

/// 128 bytes that only the driver can read.
struct alignas(64) CUtensorMap_st {
  nnf_emu_map map;
};
static_assert(sizeof(CUtensorMap_st) == 128);

/// How the driver is asked for a map of either kind.
struct MapRequest {
  int type;
  unsigned rank;
  void *address;
  const uint64_t *dims, *strides;
  const uint32_t *elementStrides;
  int interleave, swizzle, promotion, fill;
};

/// What both kinds have in common. `bytes` gets how many there are from the address on.
inline bool makeMap(CUtensorMap_st *map, const MapRequest &asked, unsigned leastRank, uint64_t &bytes) {
  auto base = reinterpret_cast<uintptr_t>(asked.address);
  bool isKnown = (asked.type == 6 || asked.type == 9) && asked.interleave == 0 && asked.swizzle == 3 &&
                 asked.promotion >= 0 && asked.promotion <= 3 && asked.fill == 0;
  if (!isKnown || asked.rank < leastRank || asked.rank > 5 || base % 16 || reinterpret_cast<uintptr_t>(map) % 64)
    return false;
  nnf_emu_map &made = map->map = {};
  made.magic = NNF_EMU_MAP_MAGIC;
  made.base = static_cast<const uint8_t *>(asked.address);
  made.rank = asked.rank;
  bytes = 2 * asked.dims[0];
  for (unsigned d = 0; d < asked.rank; ++d) {
    if (asked.dims[d] == 0 || asked.dims[d] > uint64_t(1) << 32 || !asked.elementStrides[d] ||
        asked.elementStrides[d] > 8)
      return false;
    made.dims[d] = asked.dims[d];
    if (d == 0)
      continue;
    uint64_t stride = asked.strides[d - 1];
    if (stride % 16 || stride >= uint64_t(1) << 40 || (d > 1 && stride % asked.strides[d - 2]))
      return false;
    made.strides[d - 1] = stride;
    bytes += (asked.dims[d] - 1) * stride;
  }
  return true;
}

/// Lines are permuted in 128 bytes.
inline bool isLine(uint32_t elements) { return elements && elements * 2 <= 128 && elements * 2 % 16 == 0; }

/// Of boxes; the fake takes no distances between their elements.
inline bool makeTiled(CUtensorMap_st *map, const MapRequest &asked, const uint32_t *box, uint64_t &bytes) {
  if (!makeMap(map, asked, 2, bytes) || !isLine(box[0]))
    return false;
  for (unsigned d = 0; d < asked.rank; ++d) {
    if (box[d] == 0 || box[d] > 256 || asked.elementStrides[d] != 1)
      return false;
    map->map.box[d] = box[d];
  }
  return true;
}

/// Of positions of an image. Corners have 16 bits, which the spatial dimensions share.
inline bool makeIm2col(CUtensorMap_st *map, const MapRequest &asked, const int *lower, const int *upper,
                       uint32_t channels, uint32_t positions, uint64_t &bytes) {
  if (!makeMap(map, asked, 3, bytes) || !isLine(channels) || positions == 0 || positions > 1024 ||
      asked.elementStrides[0] != 1 || asked.elementStrides[asked.rank - 1] != 1)
    return false;
  nnf_emu_map &made = map->map;
  made.is_image = 1;
  made.box[0] = channels, made.box[1] = positions;
  int64_t corners = asked.rank == 3 ? 1 << 15 : asked.rank == 4 ? 1 << 7 : 1 << 4;
  for (unsigned d = 0; d < asked.rank - 2; ++d) {
    for (int64_t corner : {lower[d], upper[d]})
      if (corner < -corners || corner >= corners)
        return false;
    // From the first position to the last: there is one.
    if (lower[d] > static_cast<int64_t>(asked.dims[1 + d]) - 1 + upper[d])
      return false;
    made.lower[d] = static_cast<int16_t>(lower[d]), made.upper[d] = static_cast<int16_t>(upper[d]);
    made.steps[d] = static_cast<uint8_t>(asked.elementStrides[1 + d]);
  }
  return true;
}

#endif
