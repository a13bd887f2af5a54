// NVIDIA's driver, found when it is first needed: nothing here is linked with it, or made with its headers.
#ifndef NNF_RUNTIME_CUDA_DRIVER_H
#define NNF_RUNTIME_CUDA_DRIVER_H
#include "../Message.h"
#include <cstddef>

namespace nnf::rt::cuda {

// The driver's types, as its documentation has them.
using Result = int; // 0: success
using DeviceNumber = int;
using DeviceAddress = unsigned long long;
using ContextHandle = struct CUctx_st *;
using ModuleHandle = struct CUmod_st *;
using Function = struct CUfunc_st *;
using Stream = struct CUstream_st *;
using Event = struct CUevent_st *;
using Graph = struct CUgraph_st *;
using GraphExec = struct CUgraphExec_st *;

enum : Result { outOfMemory = 2, noDevice = 100, noBinaryForGpu = 209, invalidPtx = 218, unsupportedPtxVersion = 222 };
// Values of CUdevice_attribute, CUjit_option, CUfunction_attribute, CUstream_flags, CUevent_flags, CUstreamCaptureMode.
constexpr int capabilityMajor = 75, capabilityMinor = 76, multiprocessorCount = 16;
constexpr int jitErrorLog = 5, jitErrorLogBytes = 6;
constexpr int maxDynamicShared = 8;
constexpr unsigned streamNonBlocking = 1, eventDisableTiming = 2;
constexpr int captureThreadLocal = 1;
// Values of CUtensorMapDataType, …Interleave, …Swizzle, …L2promotion and …FloatOOBfill.
constexpr int mapFloat16 = 6, mapBfloat16 = 9, mapInterleaveNone = 0, mapSwizzle128 = 3, mapPromotion256 = 3,
              mapFillZeros = 0;

/// CUtensorMap: what only the driver can read.
struct alignas(64) TensorMap {
  uint64_t words[16];
};

// Names with a version are those under which the newer form of a call is exported.
#define NNF_CUDA_CALLS(CALL)                                                                                           \
  CALL(cuInit, (unsigned flags))                                                                                       \
  CALL(cuDriverGetVersion, (int *version))                                                                             \
  CALL(cuGetErrorName, (Result result, const char **name))                                                             \
  CALL(cuDeviceGetCount, (int *count))                                                                                 \
  CALL(cuDeviceGet, (DeviceNumber * device, int ordinal))                                                              \
  CALL(cuDeviceGetName, (char *name, int bytes, DeviceNumber device))                                                  \
  CALL(cuDeviceGetAttribute, (int *value, int attribute, DeviceNumber device))                                         \
  CALL(cuDevicePrimaryCtxRetain, (ContextHandle * context, DeviceNumber device))                                       \
  CALL(cuDevicePrimaryCtxRelease_v2, (DeviceNumber device))                                                            \
  CALL(cuCtxPushCurrent_v2, (ContextHandle context))                                                                   \
  CALL(cuCtxPopCurrent_v2, (ContextHandle * context))                                                                  \
  CALL(cuModuleLoadDataEx, (ModuleHandle * module, const void *image, unsigned count, int *options, void **values))    \
  CALL(cuModuleUnload, (ModuleHandle module))                                                                          \
  CALL(cuModuleGetFunction, (Function * function, ModuleHandle module, const char *name))                              \
  CALL(cuFuncSetAttribute, (Function function, int attribute, int value))                                              \
  CALL(cuMemAlloc_v2, (DeviceAddress * address, size_t bytes))                                                         \
  CALL(cuMemFree_v2, (DeviceAddress address))                                                                          \
  CALL(cuMemHostAlloc, (void **address, size_t bytes, unsigned flags))                                                 \
  CALL(cuMemFreeHost, (void *address))                                                                                 \
  CALL(cuMemcpyHtoD_v2, (DeviceAddress to, const void *from, size_t bytes))                                            \
  CALL(cuMemcpyHtoDAsync_v2, (DeviceAddress to, const void *from, size_t bytes, Stream stream))                        \
  CALL(cuMemcpyDtoHAsync_v2, (void *to, DeviceAddress from, size_t bytes, Stream stream))                              \
  CALL(cuMemcpyDtoDAsync_v2, (DeviceAddress to, DeviceAddress from, size_t bytes, Stream stream))                      \
  CALL(cuStreamCreate, (Stream * stream, unsigned flags))                                                              \
  CALL(cuStreamDestroy_v2, (Stream stream))                                                                            \
  CALL(cuStreamSynchronize, (Stream stream))                                                                           \
  CALL(cuStreamWaitEvent, (Stream stream, Event event, unsigned flags))                                                \
  CALL(cuEventCreate, (Event * event, unsigned flags))                                                                 \
  CALL(cuEventDestroy_v2, (Event event))                                                                               \
  CALL(cuEventRecord, (Event event, Stream stream))                                                                    \
  CALL(cuEventSynchronize, (Event event))                                                                              \
  CALL(cuEventElapsedTime, (float *milliseconds, Event begin, Event end))                                              \
  CALL(cuLaunchKernel,                                                                                                 \
       (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,           \
        unsigned blockZ, unsigned sharedBytes, Stream stream, void **parameters, void **extra))

// Without these (drivers before CUDA 11.4) every run is launched kernel by kernel.
#define NNF_CUDA_GRAPH_CALLS(CALL)                                                                                     \
  CALL(cuStreamBeginCapture_v2, (Stream stream, int mode))                                                             \
  CALL(cuStreamEndCapture, (Stream stream, Graph * graph))                                                             \
  CALL(cuGraphInstantiateWithFlags, (GraphExec * exec, Graph graph, unsigned long long flags))                         \
  CALL(cuGraphLaunch, (GraphExec exec, Stream stream))                                                                 \
  CALL(cuGraphExecDestroy, (GraphExec exec))                                                                           \
  CALL(cuGraphDestroy, (Graph graph))

// Without these (drivers before CUDA 12) no code is taken whose launches have tensor maps.
#define NNF_CUDA_MAP_CALLS(CALL)                                                                                       \
  CALL(cuTensorMapEncodeTiled,                                                                                         \
       (TensorMap * map, int type, uint32_t rank, void *address, const uint64_t *dims, const uint64_t *strides,        \
        const uint32_t *box, const uint32_t *elementStrides, int interleave, int swizzle, int promotion, int fill))    \
  CALL(cuTensorMapEncodeIm2col,                                                                                        \
       (TensorMap * map, int type, uint32_t rank, void *address, const uint64_t *dims, const uint64_t *strides,        \
        const int *lower, const int *upper, uint32_t channels, uint32_t positions, const uint32_t *elementStrides,     \
        int interleave, int swizzle, int promotion, int fill))

struct Driver {
#define NNF_CUDA_MEMBER(name, parameters) Result(*name) parameters = nullptr;
  NNF_CUDA_CALLS(NNF_CUDA_MEMBER)
  NNF_CUDA_GRAPH_CALLS(NNF_CUDA_MEMBER)
  NNF_CUDA_MAP_CALLS(NNF_CUDA_MEMBER)
#undef NNF_CUDA_MEMBER
  int version = 0; // 12040: CUDA 12.4
  bool hasGraphs = false;

  const char *nameOf(Result result) const;
  /// A status for a failed call, with the text "WHAT: CUDA_ERROR_…".
  __attribute__((format(printf, 4, 5))) int32_t fail(Message &message, Result result, const char *format, ...) const;
};

/// The process's driver: $NNFC_CUDA_DRIVER, or libcuda.so.1. Errors: there is none, it lacks a call, or it finds no
/// GPU.
int32_t findDriver(const Driver *&driver, Message &message);

} // namespace nnf::rt::cuda
#endif
