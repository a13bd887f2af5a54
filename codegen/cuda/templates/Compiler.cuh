// The two compilers of templates and of kernels as text, and what they have in common: LLVM's clang without a toolkit
// (no headers at all), and NVRTC. Nothing else asks which one it is.
#pragma once

using u16 = unsigned short;
using u32 = unsigned int;
using i64 = long long;
using u64 = unsigned long long;

#if defined(__clang__)

#define NNF_DEVICE __attribute__((device, always_inline))
/// Of a lambda's parameters: it is inlined, on the device.
#define NNF_DEVICE_LAMBDA __attribute__((device, always_inline))
/// What a pointer to shared memory points to. NVRTC finds that out: all is inlined into the kernel.
#define NNF_SHARED __attribute__((address_space(3)))

/// A macro of each kind of memory's word.
#define NNF_EACH_SPACE(MACRO) MACRO() MACRO(NNF_SHARED)

#define NNF_KERNEL(threads) extern "C" __attribute__((global, launch_bounds(threads, 1)))
#define NNF_SHARED_ARRAY __attribute__((shared))
#define NNF_CONSTANT_ARRAY static __attribute__((device)) const
#define NNF_GRID_CONSTANT __attribute__((grid_constant))

// No structs: to assign one takes a generic address, and that memory is shared would only be found again later.
template <typename Element, int count> using VectorOf = Element __attribute__((ext_vector_type(count)));

/// Bytes of a query up to which an attention keeps it in registers: beyond, there are too few.
constexpr int mostQueryBytes = 256;

NNF_DEVICE inline int threadInBlock() { return __nvvm_read_ptx_sreg_tid_x(); }
NNF_DEVICE inline u32 blockInGrid() { return __nvvm_read_ptx_sreg_ctaid_x(); }
NNF_DEVICE inline void meetBlock() { __nvvm_bar_sync(0); }
NNF_DEVICE inline int wordOfPartner(int word, int distance) {
  return __nvvm_shfl_sync_bfly_i32(-1, word, distance, 31);
}
/// Shared memory's own addresses have 32 bits.
NNF_DEVICE inline u32 addressOf(NNF_SHARED char *at) {
  return static_cast<u32>(reinterpret_cast<unsigned long long>(at));
}

NNF_DEVICE inline float fused(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
/// Of a number and none, the number.
NNF_DEVICE inline float larger(float x, float y) { return __builtin_fmaxf(x, y); }

#else

#define NNF_EACH_SPACE(MACRO) MACRO()

#define NNF_KERNEL(threads) extern "C" __global__ __launch_bounds__(threads, 1)
#define NNF_SHARED_ARRAY __shared__
#define NNF_CONSTANT_ARRAY static __device__ const
#define NNF_GRID_CONSTANT __grid_constant__

#define NNF_DEVICE __device__ __attribute__((always_inline))
#define NNF_DEVICE_LAMBDA
#define NNF_SHARED

template <typename Element, int count> struct alignas(sizeof(Element) * count) VectorOf {
  Element at[count];
  NNF_DEVICE Element &operator[](int i) { return at[i]; }
  NNF_DEVICE const Element &operator[](int i) const { return at[i]; }
};
/// With queries of 256 bytes ptxas spills where a mask is read for an odd number of keys.
constexpr int mostQueryBytes = 128;

NNF_DEVICE inline int threadInBlock() { return threadIdx.x; }
NNF_DEVICE inline u32 blockInGrid() { return blockIdx.x; }
NNF_DEVICE inline void meetBlock() { __syncthreads(); }
NNF_DEVICE inline int wordOfPartner(int word, int distance) { return __shfl_xor_sync(0xffffffff, word, distance); }
NNF_DEVICE inline u32 addressOf(const char *at) { return static_cast<u32>(__cvta_generic_to_shared(at)); }

NNF_DEVICE inline float fused(float x, float y, float z) { return __fmaf_rn(x, y, z); }
NNF_DEVICE inline float larger(float x, float y) { return fmaxf(x, y); }

#endif

using Vector4 = VectorOf<u32, 4>;
using Floats4 = VectorOf<float, 4>;
using Pair = VectorOf<float, 2>;

/// A template by its name. Where kernels stand beside it as text it is part of them; in bitcode they find it there.
#if defined(NNF_BESIDE_KERNELS)
#define NNF_TEMPLATE static NNF_DEVICE
#else
#define NNF_TEMPLATE extern "C" __attribute__((device))
#endif
