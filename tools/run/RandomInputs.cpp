#include "tools/run/Session.h"
#include <cstring>

namespace nnf::run {
namespace {

/// Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators": its output function.
uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

template <typename T> void put(uint8_t *data, int64_t index, T value) {
  memcpy(data + uint64_t(index) * sizeof(T), &value, sizeof(T));
}

uint32_t bitsOf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Exact for the multiples of 1/128 in [-1, 1): none is below the normal range and none has more than 8 digits.
uint16_t halfBits(float value) {
  uint32_t bits = bitsOf(value), magnitude = bits & 0x7fffffffu;
  return uint16_t((bits >> 16 & 0x8000u) | (magnitude ? (magnitude - (112u << 23)) >> 13 : 0));
}

} // namespace

void fillRandom(Array &array, uint64_t seed, uint32_t inputNumber) {
  uint64_t stream = mix(mix(seed) ^ inputNumber);
  uint8_t *data = array.data();
  for (int64_t i = 0, count = array.elements(); i < count; ++i) {
    uint32_t byte = uint32_t(mix(stream ^ uint64_t(i)) >> 56), bit = byte & 1;
    float value = float(int32_t(byte) - 128) / 128;
    switch (array.dtype) {
    case NNF_FLOAT32: put(data, i, value); break;
    case NNF_FLOAT64: put(data, i, double(value)); break;
    case NNF_FLOAT16: put(data, i, halfBits(value)); break;
    case NNF_BFLOAT16: put(data, i, uint16_t(bitsOf(value) >> 16)); break;
    case NNF_INT64:
    case NNF_UINT64: put(data, i, uint64_t(bit)); break;
    case NNF_INT32:
    case NNF_UINT32: put(data, i, bit); break;
    case NNF_INT16: put(data, i, int16_t(int32_t(byte) - 128)); break;
    case NNF_UINT16: put(data, i, uint16_t(byte)); break;
    case NNF_INT8:
    case NNF_UINT8: put(data, i, uint8_t(byte)); break;
    case NNF_BOOL: put(data, i, uint8_t(bit)); break;
    default: return;
    }
  }
}

} // namespace nnf::run
