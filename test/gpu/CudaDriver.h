// The few calls of NVIDIA's driver API that the GPU check uses, as its documentation declares them: no toolkit is
// needed.
#ifndef NNF_TEST_GPU_CUDADRIVER_H
#define NNF_TEST_GPU_CUDADRIVER_H

#include <cstddef>
#include <cstdint>

using CUresult = int; // 0: success
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;

// Values of CUjit_option, CUmemAttach_flags.
inline constexpr int jitErrorLogBuffer = 5, jitErrorLogBufferBytes = 6;
inline constexpr unsigned memAttachGlobal = 1;

// name in the library, its result and parameters
#define NNF_CUDA_CALLS(CALL)                                                                                           \
  CALL(cuInit, (unsigned flags))                                                                                       \
  CALL(cuDeviceGet, (CUdevice * device, int ordinal))                                                                  \
  CALL(cuDeviceGetName, (char *name, int bytes, CUdevice device))                                                      \
  CALL(cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))                                               \
  CALL(cuCtxSetCurrent, (CUcontext context))                                                                           \
  CALL(cuCtxSynchronize, ())                                                                                           \
  CALL(cuModuleLoadDataEx, (CUmodule * module, const void *image, unsigned count, int *options, void **values))        \
  CALL(cuModuleGetFunction, (CUfunction * function, CUmodule module, const char *name))                                \
  CALL(cuMemAllocManaged, (CUdeviceptr * address, size_t bytes, unsigned flags))                                       \
  CALL(cuLaunchKernel,                                                                                                 \
       (CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,         \
        unsigned blockZ, unsigned sharedBytes, CUstream stream, void **parameters, void **extra))                      \
  CALL(cuGetErrorName, (CUresult error, const char **name))

#endif
