// A 64-bit hash of bytes: XXH64 (Yann Collet's xxHash specification, section XXH64), for content hashes and external
// weights. Header-only, so that compiler and runtime cannot differ.
#ifndef NNF_RUNTIME_HASH_H
#define NNF_RUNTIME_HASH_H
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace nnf {
namespace hash_detail {
inline constexpr uint64_t prime1 = 0x9E3779B185EBCA87u, prime2 = 0xC2B2AE3D27D4EB4Fu, prime3 = 0x165667B19E3779F9u,
                          prime4 = 0x85EBCA77C2B2AE63u, prime5 = 0x27D4EB2F165667C5u;
inline uint64_t rotateLeft(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }
inline uint64_t read64(const uint8_t *p) {
  uint64_t x;
  std::memcpy(&x, p, 8);
  return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(x) : x;
}
inline uint32_t read32(const uint8_t *p) {
  uint32_t x;
  std::memcpy(&x, p, 4);
  return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(x) : x;
}
inline uint64_t round(uint64_t lane, uint64_t input) { return rotateLeft(lane + input * prime2, 31) * prime1; }
inline uint64_t merge(uint64_t hash, uint64_t lane) { return (hash ^ round(0, lane)) * prime1 + prime4; }
} // namespace hash_detail

/// The XXH64 of bytes that come in pieces.
class Hash64 {
public:
  explicit Hash64(uint64_t seed = 0)
      : seed(seed), lanes{seed + hash_detail::prime1 + hash_detail::prime2, seed + hash_detail::prime2, seed,
                          seed - hash_detail::prime1} {}

  void update(const void *data, size_t size) {
    const uint8_t *p = static_cast<const uint8_t *>(data);
    size_t waiting = total % blockSize;
    total += size;
    if (waiting > 0) {
      size_t taken = size < blockSize - waiting ? size : blockSize - waiting;
      std::memcpy(rest + waiting, p, taken);
      p += taken;
      size -= taken;
      if (waiting + taken < blockSize)
        return;
      addBlock(rest);
    }
    for (; size >= blockSize; size -= blockSize, p += blockSize)
      addBlock(p);
    if (size > 0)
      std::memcpy(rest, p, size);
  }

  uint64_t finish() const {
    using namespace hash_detail;
    uint64_t hash = seed + prime5;
    if (total >= blockSize) {
      hash = rotateLeft(lanes[0], 1) + rotateLeft(lanes[1], 7) + rotateLeft(lanes[2], 12) + rotateLeft(lanes[3], 18);
      for (uint64_t lane : lanes)
        hash = merge(hash, lane);
    }
    hash += total;
    const uint8_t *p = rest;
    size_t left = total % blockSize;
    for (; left >= 8; left -= 8, p += 8)
      hash = rotateLeft(hash ^ round(0, read64(p)), 27) * prime1 + prime4;
    if (left >= 4) {
      hash = rotateLeft(hash ^ (read32(p) * prime1), 23) * prime2 + prime3;
      left -= 4;
      p += 4;
    }
    for (; left > 0; --left, ++p)
      hash = rotateLeft(hash ^ (*p * prime5), 11) * prime1;
    hash = (hash ^ (hash >> 33)) * prime2;
    hash = (hash ^ (hash >> 29)) * prime3;
    return hash ^ (hash >> 32);
  }

private:
  static constexpr size_t blockSize = 32;
  uint64_t seed, lanes[4], total = 0;
  uint8_t rest[blockSize]; // the last total % blockSize bytes

  void addBlock(const uint8_t *p) {
    for (int i = 0; i < 4; ++i)
      lanes[i] = hash_detail::round(lanes[i], hash_detail::read64(p + 8 * i));
  }
};

/// The XXH64 of `size` bytes at `data`. The same on every machine.
inline uint64_t hash64(const void *data, size_t size, uint64_t seed = 0) {
  Hash64 hash(seed);
  hash.update(data, size);
  return hash.finish();
}
} // namespace nnf
#endif
