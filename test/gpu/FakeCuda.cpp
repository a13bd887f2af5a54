// A libcuda whose GPU is the emulator, so that the GPU check itself is tested where there is none: kernels that it is
// asked to launch are those of $NNF_FAKE_LIBRARY, the model compiled for --target=cuda-emu. $NNF_FAKE_FAULT=1 launches
// one block too few.
#include "CudaDriver.h"
#include "runtime/abi.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <sstream>
#include <string>
#include <vector>

struct CUfunc_st {
  uint32_t number;
  unsigned threads, parameters;
};

namespace {
std::map<std::string, CUfunc_st> functions;

constexpr CUresult invalidValue = 1, notFound = 500, launchFailed = 719;
} // namespace

extern "C" {
CUresult cuInit(unsigned) { return 0; }
CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  *device = 0;
  return ordinal == 0 ? 0 : invalidValue;
}
CUresult cuDeviceGetName(char *name, int bytes, CUdevice) {
  snprintf(name, static_cast<size_t>(bytes), "no GPU but the emulator");
  return 0;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice) {
  *context = nullptr;
  return 0;
}
CUresult cuCtxSetCurrent(CUcontext) { return 0; }
CUresult cuCtxSynchronize() { return 0; }

/// Finds the entries and their numbers of parameters and threads in the code itself; the numbers of kernels are in the
/// head.
CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned, int *, void **) {
  std::istringstream lines(static_cast<const char *>(image));
  std::map<std::string, uint32_t> numbers;
  CUfunc_st *current = nullptr;
  for (std::string line; std::getline(lines, line);) {
    unsigned number, threads;
    char name[256];
    if (sscanf(line.c_str(), "// kernel %u %255s", &number, name) == 2) {
      numbers[name] = number;
    } else if (sscanf(line.c_str(), ".visible .entry %255[^(](", name) == 1) {
      current = &functions[name];
      *current = {numbers.at(name), 0, 0};
    } else if (current && line.find(".param ") != std::string::npos && line.find("ld.param") == std::string::npos) {
      ++current->parameters;
    } else if (current && sscanf(line.c_str(), ".reqntid %u", &threads) == 1) {
      current->threads = threads;
    }
  }
  *module = nullptr;
  return functions.empty() ? invalidValue : 0;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule, const char *name) {
  auto found = functions.find(name);
  if (found == functions.end())
    return notFound;
  *function = &found->second;
  return 0;
}

CUresult cuMemAllocManaged(CUdeviceptr *address, size_t bytes, unsigned flags) {
  if (flags != memAttachGlobal)
    return invalidValue;
  *address = reinterpret_cast<CUdeviceptr>(aligned_alloc(256, (bytes + 255) / 256 * 256));
  return 0;
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                        unsigned blockY, unsigned blockZ, unsigned sharedBytes, CUstream, void **parameters,
                        void **extra) {
  if (gridX == 0 || gridY != 1 || gridZ != 1 || blockX != function->threads || blockY != 1 || blockZ != 1 ||
      sharedBytes || extra)
    return invalidValue;
  void *library = dlopen(getenv("NNF_FAKE_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
  auto *table = library ? static_cast<const nnf_model *const *>(dlsym(library, "nnf_models")) : nullptr;
  if (!table || function->number >= table[0]->num_kernels)
    return invalidValue;
  const nnf_kernel_info &kernel = table[0]->kernels[function->number];
  // As the GPU: parameters are copied at the call, as many as the code declares. The emulator's own come after.
  std::vector<const void *> slots;
  for (unsigned i = 0; i < function->parameters; ++i)
    slots.push_back(*static_cast<const void *const *>(parameters[i]));
  nnf_check_state faults{UINT64_MAX, 0, 0};
  slots.push_back(&faults);
  slots.push_back(nullptr);
  std::vector<uint8_t> scratch(static_cast<size_t>(kernel.scratch_bytes) + 64);
  auto aligned = (reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64;
  kernel.function(slots.data(), 0, gridX - (getenv("NNF_FAKE_FAULT") ? 1 : 0), reinterpret_cast<void *>(aligned));
  return faults.order == UINT64_MAX ? 0 : launchFailed;
}

CUresult cuGetErrorName(CUresult error, const char **name) {
  *name = error == invalidValue ? "CUDA_ERROR_INVALID_VALUE"
          : error == notFound   ? "CUDA_ERROR_NOT_FOUND"
                                : "CUDA_ERROR_LAUNCH_FAILED";
  return 0;
}
}
