#include "Driver.h"
#include "../nnf.h"
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>

namespace nnf::rt::cuda {
namespace {

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
Driver process;
bool isFound = false;

int32_t load(Driver &driver, Message &message) {
  const char *chosen = getenv("NNFC_CUDA_DRIVER");
  const char *path = chosen && *chosen ? chosen : "libcuda.so.1";
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return message.fail(NNF_ERROR_UNSUPPORTED, "no NVIDIA driver: %s [NNFC-E0801]", dlerror());
#define NNF_CUDA_FIND(name, parameters)                                                                                \
  driver.name = reinterpret_cast<Result(*) parameters>(dlsym(library, #name));                                         \
  if (!driver.name)                                                                                                    \
    missing = #name;
  const char *missing = nullptr;
  NNF_CUDA_CALLS(NNF_CUDA_FIND)
  if (missing)
    return message.fail(
        NNF_ERROR_UNSUPPORTED,
        "the NVIDIA driver '%s' is too old: it has no %s, expected one of CUDA 11 or later [NNFC-E0803]", path,
        missing);
  NNF_CUDA_GRAPH_CALLS(NNF_CUDA_FIND)
  driver.hasGraphs = !missing;
  NNF_CUDA_MAP_CALLS(NNF_CUDA_FIND)
#undef NNF_CUDA_FIND
  Result result = driver.cuInit(0);
  if (result == noDevice)
    return message.fail(NNF_ERROR_UNSUPPORTED, "the NVIDIA driver finds no GPU (%s) [NNFC-E0801]",
                        driver.nameOf(result));
  if (result)
    return driver.fail(message, result, "cuInit");
  if ((result = driver.cuDriverGetVersion(&driver.version)))
    return driver.fail(message, result, "cuDriverGetVersion");
  return NNF_OK;
}

} // namespace

const char *Driver::nameOf(Result result) const {
  const char *name = nullptr;
  return cuGetErrorName(result, &name) == 0 && name ? name : "an unknown error";
}

int32_t Driver::fail(Message &message, Result result, const char *format, ...) const {
  char what[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  int32_t status = result == outOfMemory             ? NNF_ERROR_MEMORY
                   : result == noBinaryForGpu        ? NNF_ERROR_UNSUPPORTED
                   : result == unsupportedPtxVersion ? NNF_ERROR_UNSUPPORTED
                                                     : NNF_ERROR_INTERNAL;
  return message.fail(status, "%s: %s (%d) [NNFC-E0805]", what, nameOf(result), result);
}

int32_t findDriver(const Driver *&driver, Message &message) {
  pthread_mutex_lock(&mutex);
  int32_t status = NNF_OK;
  if (!isFound) {
    Driver found;
    status = load(found, message);
    if ((isFound = status == NNF_OK))
      process = found;
  }
  pthread_mutex_unlock(&mutex);
  driver = &process;
  return status;
}

} // namespace nnf::rt::cuda
