// What kernels are written with that nnfc prints as CUDA C++ (PrintKernels.cpp): integers as unsigned words, addresses
// as bytes, 16-bit floats as the words they are in memory. Arithmetic that the graph keeps apart is not fused by either
// compiler.
#pragma once

#include "codegen/cuda/templates/Compiler.cuh"

using u8 = unsigned char;
using s8 = signed char;
using s16 = short;
using s32 = int;
using s64 = long long;
#define NNF_BITS(To, from) __builtin_bit_cast(To, from)

struct alignas(64) TensorMap {
  char bytes[128];
};

// ---- what the two compilers say differently

#if defined(__clang__)

#pragma clang fp contract(off)
#define NNF_APART(T)                                                                                                   \
  NNF_DEVICE inline T added(T x, T y) { return x + y; }                                                                \
  NNF_DEVICE inline T subtracted(T x, T y) { return x - y; }                                                           \
  NNF_DEVICE inline T multiplied(T x, T y) { return x * y; }
NNF_APART(float)
NNF_APART(double)
#undef NNF_APART
#pragma clang fp contract(fast)

NNF_DEVICE inline double fused(double x, double y, double z) { return __builtin_fma(x, y, z); }
#define NNF_OF_FLOATS(name, builtin)                                                                                   \
  NNF_DEVICE inline float name(float x) { return builtin(x); }                                                         \
  NNF_DEVICE inline double name(double x) { return builtin(x); }
NNF_OF_FLOATS(magnitudeOf, __builtin_elementwise_abs)
NNF_OF_FLOATS(rootOf, __builtin_elementwise_sqrt)
NNF_OF_FLOATS(floorOf, __builtin_elementwise_floor)
NNF_OF_FLOATS(ceilOf, __builtin_elementwise_ceil)
NNF_OF_FLOATS(truncated, __builtin_elementwise_trunc)
NNF_OF_FLOATS(roundedToEven, __builtin_elementwise_roundeven)
#undef NNF_OF_FLOATS
#define NNF_OF_TWO(name, builtin)                                                                                      \
  NNF_DEVICE inline float name(float x, float y) { return builtin##f(x, y); }                                          \
  NNF_DEVICE inline double name(double x, double y) { return builtin(x, y); }
NNF_OF_TWO(withSignOf, __builtin_copysign)
NNF_OF_TWO(largerNumber, __builtin_fmax)
NNF_OF_TWO(smallerNumber, __builtin_fmin)
#undef NNF_OF_TWO
template <typename T> NNF_DEVICE inline T largerOrNone(T x, T y) { return __builtin_elementwise_maximum(x, y); }
template <typename T> NNF_DEVICE inline T smallerOrNone(T x, T y) { return __builtin_elementwise_minimum(x, y); }

NNF_DEVICE inline float floatOfHalf(u16 x) { return NNF_BITS(_Float16, x); }
NNF_DEVICE inline double doubleOfHalf(u16 x) { return NNF_BITS(_Float16, x); }
NNF_DEVICE inline u16 halfOf(float x) { return NNF_BITS(u16, static_cast<_Float16>(x)); }
NNF_DEVICE inline u16 halfOf(double x) { return NNF_BITS(u16, static_cast<_Float16>(x)); }
NNF_DEVICE inline u16 bfloatOf(float x) { return NNF_BITS(u16, static_cast<__bf16>(x)); }

NNF_DEVICE inline int leadingZeros(u32 x) { return x ? __builtin_clz(x) : 32; }
NNF_DEVICE inline int leadingZeros(u64 x) { return x ? __builtin_clzll(x) : 64; }
NNF_DEVICE inline int countOnes(u32 x) { return __builtin_popcount(x); }
NNF_DEVICE inline int countOnes(u64 x) { return __builtin_popcountll(x); }

NNF_DEVICE inline u32 blockNumber() { return __nvvm_read_ptx_sreg_ctaid_x(); }
NNF_DEVICE inline u32 blocksOfGrid() { return __nvvm_read_ptx_sreg_nctaid_x(); }
NNF_DEVICE inline u32 wordFrom(u32 word, u32 distance) {
  return __nvvm_shfl_sync_bfly_i32(0xffffffff, word, distance, 31);
}
NNF_DEVICE inline u32 wordBelow(u32 word, u32 distance) {
  return __nvvm_shfl_sync_up_i32(0xffffffff, word, distance, 0);
}
NNF_DEVICE inline u32 wordAbove(u32 word, u32 distance) {
  return __nvvm_shfl_sync_down_i32(0xffffffff, word, distance, 31);
}
NNF_DEVICE inline u32 wordOfThread(u32 word, u32 thread) {
  return __nvvm_shfl_sync_idx_i32(0xffffffff, word, thread, 31);
}

#define NNF_ATOMIC(name, operation)                                                                                    \
  template <typename T> NNF_DEVICE inline T name(char *at, T value) {                                                  \
    return operation(reinterpret_cast<T *>(at), value, __ATOMIC_RELAXED, __MEMORY_SCOPE_DEVICE);                       \
  }
NNF_ATOMIC(atomicSum, __scoped_atomic_fetch_add)
NNF_ATOMIC(atomicLeast, __scoped_atomic_fetch_min)
NNF_ATOMIC(atomicMost, __scoped_atomic_fetch_max)
NNF_ATOMIC(atomicEither, __scoped_atomic_fetch_or)
#undef NNF_ATOMIC

#else

NNF_DEVICE inline float added(float x, float y) { return __fadd_rn(x, y); }
NNF_DEVICE inline float subtracted(float x, float y) { return __fsub_rn(x, y); }
NNF_DEVICE inline float multiplied(float x, float y) { return __fmul_rn(x, y); }
NNF_DEVICE inline double added(double x, double y) { return __dadd_rn(x, y); }
NNF_DEVICE inline double subtracted(double x, double y) { return __dsub_rn(x, y); }
NNF_DEVICE inline double multiplied(double x, double y) { return __dmul_rn(x, y); }

NNF_DEVICE inline double fused(double x, double y, double z) { return __fma_rn(x, y, z); }
#define NNF_OF_FLOATS(name, function)                                                                                  \
  NNF_DEVICE inline float name(float x) { return function##f(x); }                                                     \
  NNF_DEVICE inline double name(double x) { return function(x); }
NNF_OF_FLOATS(magnitudeOf, fabs)
NNF_OF_FLOATS(floorOf, floor)
NNF_OF_FLOATS(ceilOf, ceil)
NNF_OF_FLOATS(truncated, trunc)
NNF_OF_FLOATS(roundedToEven, rint)
#undef NNF_OF_FLOATS
NNF_DEVICE inline float rootOf(float x) { return __fsqrt_rn(x); }
NNF_DEVICE inline double rootOf(double x) { return __dsqrt_rn(x); }
#define NNF_OF_TWO(name, function)                                                                                     \
  NNF_DEVICE inline float name(float x, float y) { return function##f(x, y); }                                         \
  NNF_DEVICE inline double name(double x, double y) { return function(x, y); }
NNF_OF_TWO(withSignOf, copysign)
NNF_OF_TWO(largerNumber, fmax)
NNF_OF_TWO(smallerNumber, fmin)
#undef NNF_OF_TWO
NNF_DEVICE inline float largerOrNone(float x, float y) {
  float larger;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(x), "f"(y));
  return larger;
}
NNF_DEVICE inline float smallerOrNone(float x, float y) {
  float smaller;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(smaller) : "f"(x), "f"(y));
  return smaller;
}
/// Where both are zero, signs decide: +0 is larger.
NNF_DEVICE inline double largerOrNone(double x, double y) {
  return x != x || y != y ? x + y : x == y ? (signbit(x) ? y : x) : x > y ? x : y;
}
NNF_DEVICE inline double smallerOrNone(double x, double y) {
  return x != x || y != y ? x + y : x == y ? (signbit(x) ? x : y) : x < y ? x : y;
}

NNF_DEVICE inline float floatOfHalf(u16 x) {
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x));
  return wide;
}
NNF_DEVICE inline double doubleOfHalf(u16 x) { return floatOfHalf(x); }
NNF_DEVICE inline u16 halfOf(float x) {
  u16 narrow;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow) : "f"(x));
  return narrow;
}
NNF_DEVICE inline u16 halfOf(double x) {
  u16 narrow;
  asm("cvt.rn.f16.f64 %0, %1;" : "=h"(narrow) : "d"(x));
  return narrow;
}
NNF_DEVICE inline u16 bfloatOf(float x) {
  u16 narrow;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(narrow) : "f"(x));
  return narrow;
}

NNF_DEVICE inline int leadingZeros(u32 x) { return __clz(x); }
NNF_DEVICE inline int leadingZeros(u64 x) { return __clzll(x); }
NNF_DEVICE inline int countOnes(u32 x) { return __popc(x); }
NNF_DEVICE inline int countOnes(u64 x) { return __popcll(x); }

NNF_DEVICE inline u32 blockNumber() { return blockIdx.x; }
NNF_DEVICE inline u32 blocksOfGrid() { return gridDim.x; }
NNF_DEVICE inline u32 wordFrom(u32 word, u32 distance) { return __shfl_xor_sync(0xffffffff, word, distance); }
NNF_DEVICE inline u32 wordBelow(u32 word, u32 distance) { return __shfl_up_sync(0xffffffff, word, distance); }
NNF_DEVICE inline u32 wordAbove(u32 word, u32 distance) { return __shfl_down_sync(0xffffffff, word, distance); }
NNF_DEVICE inline u32 wordOfThread(u32 word, u32 thread) { return __shfl_sync(0xffffffff, word, thread); }

template <typename T> NNF_DEVICE inline T atomicSum(char *at, T value) {
  return atomicAdd(reinterpret_cast<T *>(at), value);
}
NNF_DEVICE inline u64 atomicSum(char *at, u64 value) { return atomicAdd(reinterpret_cast<u64 *>(at), value); }
template <typename T> NNF_DEVICE inline T atomicLeast(char *at, T value) {
  return atomicMin(reinterpret_cast<T *>(at), value);
}
template <typename T> NNF_DEVICE inline T atomicMost(char *at, T value) {
  return atomicMax(reinterpret_cast<T *>(at), value);
}
template <typename T> NNF_DEVICE inline T atomicEither(char *at, T value) {
  return atomicOr(reinterpret_cast<T *>(at), value);
}

#endif

// ---- numbers

NNF_DEVICE inline float floatOfBfloat(u16 x) { return NNF_BITS(float, static_cast<u32>(x) << 16); }
/// Of halves away from zero.
template <typename T> NNF_DEVICE inline T rounded(T x) {
  T whole = truncated(x);
  return withSignOf(magnitudeOf(subtracted(x, whole)) >= T(0.5) ? added(whole, withSignOf(T(1), x)) : whole, x);
}
/// The nearest integer of the type; 0 of no number.
template <typename Integer, typename T> NNF_DEVICE inline Integer saturated(T x, Integer least, Integer most) {
  if (x != x)
    return 0;
  // The number next to `most` may be one above it.
  return x <= static_cast<T>(least) ? least : x >= static_cast<T>(most) ? most : static_cast<Integer>(x);
}

// ---- memory, in pieces of an alignment that is known

template <int bytes> struct WordOf;
template <> struct WordOf<1> {
  using Type = u8;
};
template <> struct WordOf<2> {
  using Type = u16;
};
template <> struct WordOf<4> {
  using Type = u32;
};
template <> struct WordOf<8> {
  using Type = u64;
};

/// Elements of a piece: at most 16 bytes, at most its alignment, and a part of the whole.
template <int elementBytes, int count, int align> NNF_DEVICE constexpr int pieceOf() {
  int most = (align < 16 ? align : 16) / elementBytes, piece = 1;
  while (piece * 2 <= most && count % (piece * 2) == 0)
    piece *= 2;
  return piece;
}

/// Of each kind of memory. Narrow elements go in words: of those PTX moves four at once.
#define NNF_MEMORY(SPACE)                                                                                              \
  template <typename T, int align> NNF_DEVICE inline T load(const SPACE char *at) {                                    \
    if constexpr (align >= sizeof(T)) {                                                                                \
      return *reinterpret_cast<const SPACE T *>(at);                                                                   \
    } else {                                                                                                           \
      using Whole = typename WordOf<sizeof(T)>::Type;                                                                  \
      using Part = typename WordOf<align>::Type;                                                                       \
      Whole whole = 0;                                                                                                 \
      for (int i = 0; i < static_cast<int>(sizeof(T) / align); ++i)                                                    \
        whole |= static_cast<Whole>(reinterpret_cast<const SPACE Part *>(at)[i]) << (8 * align * i);                   \
      return NNF_BITS(T, whole);                                                                                       \
    }                                                                                                                  \
  }                                                                                                                    \
  template <typename T, int align> NNF_DEVICE inline void store(SPACE char *at, T value) {                             \
    if constexpr (align >= sizeof(T)) {                                                                                \
      *reinterpret_cast<SPACE T *>(at) = value;                                                                        \
    } else {                                                                                                           \
      using Whole = typename WordOf<sizeof(T)>::Type;                                                                  \
      using Part = typename WordOf<align>::Type;                                                                       \
      Whole whole = NNF_BITS(Whole, value);                                                                            \
      for (int i = 0; i < static_cast<int>(sizeof(T) / align); ++i)                                                    \
        reinterpret_cast<SPACE Part *>(at)[i] = static_cast<Part>(whole >> (8 * align * i));                           \
    }                                                                                                                  \
  }                                                                                                                    \
  template <typename T, int count, int align> NNF_DEVICE inline void loadEach(const SPACE char *at, T(&to)[count]) {   \
    constexpr int piece = pieceOf<sizeof(T), count, align>();                                                          \
    if constexpr (piece == 1) {                                                                                        \
      _Pragma("unroll") for (int i = 0; i < count; ++i) to[i] = load<T, align>(at + i * sizeof(T));                    \
    } else if constexpr (sizeof(T) < 4 && piece * sizeof(T) >= 4) {                                                    \
      constexpr int inWord = 4 / sizeof(T), bits = 8 * sizeof(T);                                                      \
      u32 words[count / inWord];                                                                                       \
      loadEach<u32, count / inWord, align>(at, words);                                                                 \
      _Pragma("unroll") for (int i = 0; i < count; ++i) to[i] =                                                        \
          static_cast<T>(words[i / inWord] >> (i % inWord * bits));                                                    \
    } else {                                                                                                           \
      _Pragma("unroll") for (int i = 0; i < count; i += piece) {                                                       \
        auto part = *reinterpret_cast<const SPACE VectorOf<T, piece> *>(at + i * sizeof(T));                           \
        _Pragma("unroll") for (int j = 0; j < piece; ++j) to[i + j] = part[j];                                         \
      }                                                                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
  template <typename T, int count, int align>                                                                          \
  NNF_DEVICE inline void storeEach(SPACE char *at, const T(&from)[count]) {                                            \
    constexpr int piece = pieceOf<sizeof(T), count, align>();                                                          \
    if constexpr (piece == 1) {                                                                                        \
      _Pragma("unroll") for (int i = 0; i < count; ++i) store<T, align>(at + i * sizeof(T), from[i]);                  \
    } else if constexpr (sizeof(T) < 4 && piece * sizeof(T) >= 4) {                                                    \
      constexpr int inWord = 4 / sizeof(T), bits = 8 * sizeof(T);                                                      \
      u32 words[count / inWord] = {};                                                                                  \
      _Pragma("unroll") for (int i = 0; i < count; ++i) words[i / inWord] |= static_cast<u32>(from[i])                 \
                                                                             << (i % inWord * bits);                   \
      storeEach<u32, count / inWord, align>(at, words);                                                                \
    } else {                                                                                                           \
      _Pragma("unroll") for (int i = 0; i < count; i += piece) {                                                       \
        VectorOf<T, piece> part;                                                                                       \
        _Pragma("unroll") for (int j = 0; j < piece; ++j) part[j] = from[i + j];                                       \
        *reinterpret_cast<SPACE VectorOf<T, piece> *>(at + i * sizeof(T)) = part;                                      \
      }                                                                                                                \
    }                                                                                                                  \
  }
NNF_EACH_SPACE(NNF_MEMORY)
#undef NNF_MEMORY

/// An address as a template takes it, of whatever it has there.
struct Address {
  char *at;
  template <typename T> NNF_DEVICE operator T *() const { return static_cast<T *>(static_cast<void *>(at)); }
};
struct SharedAddress {
  NNF_SHARED char *at;
  template <typename T> NNF_DEVICE operator NNF_SHARED T *() const { return reinterpret_cast<NNF_SHARED T *>(at); }
};

/// A statement for each element of vectors.
#define NNF_EACH(count) _Pragma("unroll") for (int i = 0; i < count; ++i)
