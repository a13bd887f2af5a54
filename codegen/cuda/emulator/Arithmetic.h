// Instructions of one thread that are written as PTX: powers of two and conversions to narrower floats.
#ifndef NNF_CODEGEN_CUDA_EMULATOR_ARITHMETIC_H
#define NNF_CODEGEN_CUDA_EMULATOR_ARITHMETIC_H

#include "codegen/cuda/emulator/Threads.h"

namespace {

/// 2^x rounded once; a GPU is off by up to two units in the last place. What is no normal number is 0.
inline float powerOfTwo(float x) {
  if (!(x == x) || x >= 128)
    return x == x ? __builtin_inff() : x;
  if (x < -126)
    return 0;
  auto whole = static_cast<int32_t>(x < 0 ? x - 0.5f : x + 0.5f);
  double rest = (double(x) - whole) * 0.693147180559945309417, power = 1, term = 1;
  for (int i = 1; i < 12; ++i)
    power += term *= rest / i;
  return static_cast<float>(power * __builtin_bit_cast(double, uint64_t(1023 + whole) << 52));
}

/// The nearest bfloat16, ties to even.
inline uint32_t narrowToBfloat(float value) {
  auto bits = __builtin_bit_cast(uint32_t, value);
  return value == value ? (bits + 0x7fff + (bits >> 16 & 1)) >> 16 : 0x7fff;
}

/// The nearest float16, ties to even.
inline uint32_t narrowToHalf(float value) {
  auto bits = __builtin_bit_cast(uint32_t, value);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (!(value == value))
    return 0x7fff;
  if (magnitude >= 0x477ff000) // halfway beyond the largest
    return sign | 0x7c00;
  if (magnitude < 0x38800000) // denormal: one half has the same unit in its last place
    return sign | (__builtin_bit_cast(uint32_t, __builtin_bit_cast(float, magnitude) + 0.5f) - 0x3f000000);
  return sign | (((magnitude + 0xfff + (magnitude >> 13 & 1)) >> 13) - (112 << 10));
}

/// The nearest number of 10 bits of mantissa, the larger of two; beyond the largest is infinity.
inline uint32_t roundToTf32(float value) {
  auto bits = __builtin_bit_cast(uint32_t, value);
  return value == value ? (bits + 0x1000) & 0xffffe000 : 0x7fffffff;
}

} // namespace

extern "C" {

void nnf_emu_mov_f32(Thread *, float *result, float value, uint32_t) { *result = value; }
void nnf_emu_mov_b32(Thread *, uint32_t *result, uint32_t value, uint32_t) { *result = value; }

void nnf_emu_ex2_approx_ftz_f32(Thread *, float *result, float x, uint32_t) { *result = powerOfTwo(x); }

void nnf_emu_cvt_rn_bf16x2_f32(Thread *, uint32_t *result, float high, float low, uint32_t) {
  *result = narrowToBfloat(high) << 16 | narrowToBfloat(low);
}
void nnf_emu_cvt_rn_f16x2_f32(Thread *, uint32_t *result, float high, float low, uint32_t) {
  *result = narrowToHalf(high) << 16 | narrowToHalf(low);
}
void nnf_emu_cvt_rna_tf32_f32(Thread *, uint32_t *result, float value, uint32_t) { *result = roundToTf32(value); }
}

#endif
