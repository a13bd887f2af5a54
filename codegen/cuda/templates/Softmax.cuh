// The softmax of rows whose elements come block by block: the largest so far, and what is summed up under it. Threads
// beside each other share rows.
#pragma once

#include "codegen/cuda/templates/Device.cuh"

constexpr float infinity = __builtin_bit_cast(float, 0x7f800000);
/// Powers are of two: the GPU has an instruction for those.
constexpr float binaryLogarithmOfE = 1.44269504088896340736f;

/// 2^x, off by two units in the last place; what is no normal number is 0.
NNF_DEVICE inline float powerOfTwo(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

/// The value of the thread whose number differs in the bits of `distance`.
NNF_DEVICE inline float valueOfPartner(float value, int distance) {
  return __builtin_bit_cast(float, wordOfPartner(__builtin_bit_cast(int, value), distance));
}

/// Over groups of `count` threads.
template <int count> NNF_DEVICE inline float largestOfThreads(float x) {
#pragma unroll
  for (int distance = 1; distance < count; distance *= 2)
    x = larger(x, valueOfPartner(x, distance));
  return x;
}
template <int count> NNF_DEVICE inline float sumOfThreads(float x) {
#pragma unroll
  for (int distance = 1; distance < count; distance *= 2)
    x += valueOfPartner(x, distance);
  return x;
}

/// What a thread has of a row that `threads` threads share.
struct SoftmaxRow {
  float largest; // of all elements so far, times log2(e)
  float total;   // of this thread's powers

  /// Elements become powers under the largest element so far. Returns what earlier powers are to be multiplied with.
  /// An element that is no number does not count as the largest and makes the total none.
  template <int threads, int count> NNF_DEVICE float take(float (&x)[count]) {
    float most = x[0];
#pragma unroll
    for (int i = 1; i < count; ++i)
      most = larger(most, x[i]);
    most = largestOfThreads<threads>(most) * binaryLogarithmOfE;
    most = larger(most, largest);
    // -inf - -inf is no number, which would stay in the totals of blocks to come.
    float base = most == -infinity ? 0.0f : most;
    float factor = powerOfTwo(largest - base), sum = 0;
    largest = most;
#pragma unroll
    for (int i = 0; i < count; ++i)
      sum += x[i] = powerOfTwo(fused(x[i], binaryLogarithmOfE, -base));
    total = fused(total, factor, sum);
    return factor;
  }
};
