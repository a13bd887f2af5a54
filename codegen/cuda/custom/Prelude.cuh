// CUDA C++ without a toolkit's headers, for clang: what a compiler of CUDA knows by itself. It is put before a user's
// source. Functions named __nnf_* are linked to it (MathLibrary.cpp).

#define __host__ __attribute__((host))
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __NNF_FUNCTION static inline __attribute__((device, always_inline))
#define __NNF_EXTERN extern "C" __attribute__((device))

typedef __SIZE_TYPE__ size_t;

// ---- vectors, and where a thread is

#define __NNF_VECTORS(T, type)                                                                                         \
  struct __attribute__((aligned(2 * sizeof(type)))) T##2 { type x, y; };                                               \
  struct T##3 { type x, y, z; };                                                                                       \
  struct __attribute__((aligned(4 * sizeof(type) < 16 ? 4 * sizeof(type) : 16))) T##4 { type x, y, z, w; };            \
  __NNF_FUNCTION T##2 make_##T##2(type x, type y) { return {x, y}; }                                                   \
  __NNF_FUNCTION T##3 make_##T##3(type x, type y, type z) { return {x, y, z}; }                                        \
  __NNF_FUNCTION T##4 make_##T##4(type x, type y, type z, type w) { return {x, y, z, w}; }
__NNF_VECTORS(char, signed char)
__NNF_VECTORS(uchar, unsigned char)
__NNF_VECTORS(short, short)
__NNF_VECTORS(ushort, unsigned short)
__NNF_VECTORS(int, int)
__NNF_VECTORS(uint, unsigned)
__NNF_VECTORS(longlong, long long)
__NNF_VECTORS(ulonglong, unsigned long long)
__NNF_VECTORS(float, float)
__NNF_VECTORS(double, double)

struct dim3 {
  unsigned x, y, z;
  __attribute__((device)) constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
  __attribute__((device)) constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  __attribute__((device)) constexpr operator uint3() const { return {x, y, z}; }
};

#define __NNF_REGISTER(name, type, sreg)                                                                               \
  struct __nnf_##name {                                                                                                \
    __declspec(property(get = __x)) unsigned x;                                                                        \
    __declspec(property(get = __y)) unsigned y;                                                                        \
    __declspec(property(get = __z)) unsigned z;                                                                        \
    static __attribute__((device, always_inline)) unsigned __x() { return __nvvm_read_ptx_sreg_##sreg##_x(); }         \
    static __attribute__((device, always_inline)) unsigned __y() { return __nvvm_read_ptx_sreg_##sreg##_y(); }         \
    static __attribute__((device, always_inline)) unsigned __z() { return __nvvm_read_ptx_sreg_##sreg##_z(); }         \
    __attribute__((device, always_inline)) operator type() const { return type{__x(), __y(), __z()}; }                 \
  };                                                                                                                   \
  extern const __attribute__((device, weak)) __nnf_##name name;
__NNF_REGISTER(threadIdx, uint3, tid)
__NNF_REGISTER(blockIdx, uint3, ctaid)
__NNF_REGISTER(blockDim, dim3, ntid)
__NNF_REGISTER(gridDim, dim3, nctaid)
static const __attribute__((device)) int warpSize = 32;

// ---- threads together: clang knows __syncthreads

template <typename T> __NNF_FUNCTION T __shfl_xor_sync(unsigned members, T value, int lanes, int width = 32) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "__shfl_xor_sync takes values of 4 or 8 bytes");
  constexpr int words = sizeof(T) / 4;
  int word[words];
  __builtin_memcpy(word, &value, sizeof value);
  for (int i = 0; i < words; ++i)
    word[i] = __nvvm_shfl_sync_bfly_i32(members, word[i], lanes, (32 - width) << 8 | 31);
  __builtin_memcpy(&value, word, sizeof value);
  return value;
}

// ---- atomics: relaxed, as CUDA's

#define __NNF_ATOMICS(T)                                                                                               \
  __NNF_FUNCTION T atomicAdd(T *at, T value) { return __atomic_fetch_add(at, value, __ATOMIC_RELAXED); }               \
  __NNF_FUNCTION T atomicSub(T *at, T value) { return __atomic_fetch_sub(at, value, __ATOMIC_RELAXED); }
#define __NNF_INTEGER_ATOMICS(T)                                                                                       \
  __NNF_ATOMICS(T)                                                                                                     \
  __NNF_FUNCTION T atomicMin(T *at, T value) { return __atomic_fetch_min(at, value, __ATOMIC_RELAXED); }               \
  __NNF_FUNCTION T atomicMax(T *at, T value) { return __atomic_fetch_max(at, value, __ATOMIC_RELAXED); }               \
  __NNF_FUNCTION T atomicAnd(T *at, T value) { return __atomic_fetch_and(at, value, __ATOMIC_RELAXED); }               \
  __NNF_FUNCTION T atomicOr(T *at, T value) { return __atomic_fetch_or(at, value, __ATOMIC_RELAXED); }                 \
  __NNF_FUNCTION T atomicXor(T *at, T value) { return __atomic_fetch_xor(at, value, __ATOMIC_RELAXED); }               \
  __NNF_FUNCTION T atomicExch(T *at, T value) { return __atomic_exchange_n(at, value, __ATOMIC_RELAXED); }             \
  __NNF_FUNCTION T atomicCAS(T *at, T expected, T value) {                                                             \
    __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);                      \
    return expected;                                                                                                   \
  }
__NNF_INTEGER_ATOMICS(int)
__NNF_INTEGER_ATOMICS(unsigned)
__NNF_INTEGER_ATOMICS(long long)
__NNF_INTEGER_ATOMICS(unsigned long long)
__NNF_ATOMICS(float)
__NNF_ATOMICS(double)

// ---- mathematics

#define __NNF_OWN(name)                                                                                                \
  __NNF_EXTERN float __nnf_##name##_f32(float);                                                                        \
  __NNF_EXTERN double __nnf_##name##_f64(double);                                                                      \
  __NNF_FUNCTION float name##f(float x) { return __nnf_##name##_f32(x); }                                              \
  __NNF_FUNCTION float name(float x) { return __nnf_##name##_f32(x); }                                                 \
  __NNF_FUNCTION double name(double x) { return __nnf_##name##_f64(x); }
__NNF_OWN(exp)
__NNF_OWN(exp2)
__NNF_OWN(expm1)
__NNF_OWN(log)
__NNF_OWN(log2)
__NNF_OWN(log10)
__NNF_OWN(log1p)
__NNF_OWN(sin)
__NNF_OWN(cos)
__NNF_OWN(tan)
__NNF_OWN(atan)
__NNF_OWN(tanh)
__NNF_OWN(erf)
__NNF_OWN(rsqrt)
__NNF_OWN(round)
__NNF_EXTERN float __nnf_pow_f32(float, float);
__NNF_EXTERN double __nnf_pow_f64(double, double);
__NNF_FUNCTION float powf(float x, float y) { return __nnf_pow_f32(x, y); }
__NNF_FUNCTION float pow(float x, float y) { return __nnf_pow_f32(x, y); }
__NNF_FUNCTION double pow(double x, double y) { return __nnf_pow_f64(x, y); }
__NNF_FUNCTION float __expf(float x) { return expf(x); }
__NNF_FUNCTION float __logf(float x) { return logf(x); }
__NNF_FUNCTION float __sinf(float x) { return sinf(x); }
__NNF_FUNCTION float __cosf(float x) { return cosf(x); }
__NNF_FUNCTION float __powf(float x, float y) { return powf(x, y); }

#define __NNF_INSTRUCTION(name)                                                                                        \
  __NNF_FUNCTION float name##f(float x) { return __builtin_##name##f(x); }                                             \
  __NNF_FUNCTION float name(float x) { return __builtin_##name##f(x); }                                                \
  __NNF_FUNCTION double name(double x) { return __builtin_##name(x); }
__NNF_INSTRUCTION(sqrt)
__NNF_INSTRUCTION(fabs)
__NNF_INSTRUCTION(floor)
__NNF_INSTRUCTION(ceil)
__NNF_INSTRUCTION(trunc)
__NNF_INSTRUCTION(rint)
#define __NNF_INSTRUCTION2(name)                                                                                       \
  __NNF_FUNCTION float name##f(float x, float y) { return __builtin_##name##f(x, y); }                                 \
  __NNF_FUNCTION float name(float x, float y) { return __builtin_##name##f(x, y); }                                    \
  __NNF_FUNCTION double name(double x, double y) { return __builtin_##name(x, y); }
__NNF_INSTRUCTION2(fmin)
__NNF_INSTRUCTION2(fmax)
__NNF_INSTRUCTION2(copysign)
__NNF_FUNCTION float fmaf(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
__NNF_FUNCTION double fma(double x, double y, double z) { return __builtin_fma(x, y, z); }
__NNF_FUNCTION bool isnan(float x) { return x != x; }
__NNF_FUNCTION bool isnan(double x) { return x != x; }
__NNF_FUNCTION bool isinf(float x) { return __builtin_fabsf(x) == __builtin_inff(); }
__NNF_FUNCTION bool isinf(double x) { return __builtin_fabs(x) == __builtin_inf(); }
__NNF_FUNCTION int abs(int x) { return x < 0 ? -x : x; }

#define __NNF_EXTREMES(T)                                                                                              \
  __NNF_FUNCTION T min(T x, T y) { return y < x ? y : x; }                                                             \
  __NNF_FUNCTION T max(T x, T y) { return x < y ? y : x; }
__NNF_EXTREMES(int)
__NNF_EXTREMES(unsigned)
__NNF_EXTREMES(long)
__NNF_EXTREMES(unsigned long)
__NNF_EXTREMES(long long)
__NNF_EXTREMES(unsigned long long)
__NNF_FUNCTION float min(float x, float y) { return fminf(x, y); }
__NNF_FUNCTION float max(float x, float y) { return fmaxf(x, y); }
__NNF_FUNCTION double min(double x, double y) { return fmin(x, y); }
__NNF_FUNCTION double max(double x, double y) { return fmax(x, y); }

__NNF_FUNCTION int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
__NNF_FUNCTION unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
__NNF_FUNCTION float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
__NNF_FUNCTION float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
__NNF_FUNCTION int __popc(unsigned x) { return __builtin_popcount(x); }
__NNF_FUNCTION int __clz(int x) { return x ? __builtin_clz(x) : 32; }
template <typename T> __NNF_FUNCTION T __ldg(const T *at) { return *at; }

#line 1 "source"
