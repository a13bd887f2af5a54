#include "Device.h"
#include "../Memory.h"
#include "DeviceWeights.h"
#include <new>

namespace nnf::rt::cuda {
namespace {

/// Whether the driver has what launches of an image need.
bool canLaunch(const Driver &driver, const nnf_device_code &code, uint32_t image) {
  for (uint32_t i = 0; i < numLaunchesOf(code); ++i)
    if (code.launches[i].image == image && code.launches[i].num_maps &&
        (!driver.cuTensorMapEncodeTiled || !driver.cuTensorMapEncodeIm2col))
      return false;
  return true;
}

/// How well an image suits a compute capability; 0: it does not run there. Code of the device's own architecture comes
/// before what runs on later ones too, newer before older, machine code before text.
int fitOf(const nnf_device_image &image, int capability) {
  int made = int(image.capability);
  bool isExact = image.flags & NNF_IMAGE_EXACT, isCubin = image.kind == NNF_IMAGE_CUBIN;
  if (image.kind != NNF_IMAGE_PTX && !isCubin)
    return 0;
  if (made > capability || (isExact && made != capability) || (isCubin && made / 10 != capability / 10))
    return 0;
  return made * 4 + isExact * 2 + isCubin;
}

Text<256> architectures(const nnf_device_code &code) {
  Text<256> text;
  for (uint32_t i = 0; i < code.num_images; ++i)
    text.add("%s%s %s", i ? ", " : "", code.images[i].kind == NNF_IMAGE_CUBIN ? "machine code for" : "PTX for",
             code.images[i].arch);
  return text;
}

int32_t openDevice(int ordinal, Device &device, Message &message) {
  int count = 0, major = 0, minor = 0;
  if (int32_t status = findDriver(device.driver, message))
    return status;
  if (int32_t status = countDevices(count, message))
    return status;
  const Driver &driver = *device.driver;
  if (ordinal < 0 || ordinal >= count)
    return message.fail(NNF_ERROR_ARGUMENT, "no device cuda:%d: this machine has %d, from cuda:0 on [NNFC-E0802]",
                        ordinal, count);
  device.ordinal = ordinal;
  Result result = driver.cuDeviceGet(&device.number, ordinal);
  if (!result)
    result = driver.cuDeviceGetName(device.name, int(sizeof device.name), device.number);
  if (!result)
    result = driver.cuDeviceGetAttribute(&major, capabilityMajor, device.number);
  if (!result)
    result = driver.cuDeviceGetAttribute(&minor, capabilityMinor, device.number);
  if (!result)
    result = driver.cuDeviceGetAttribute(&device.multiprocessors, multiprocessorCount, device.number);
  if (result)
    return driver.fail(message, result, "cuda:%d", ordinal);
  device.capability = 10 * major + minor;
  if ((result = driver.cuDevicePrimaryCtxRetain(&device.context, device.number)))
    return driver.fail(message, result, "cuda:%d (%s): cuDevicePrimaryCtxRetain", ordinal, device.name);
  return NNF_OK;
}

/// Whether an image has a kernel that none taken so far has.
bool bringsMore(const nnf_model &model, const nnf_device_image &image, const LoadedProgram &loaded) {
  for (uint32_t k = 0; k < model.num_kernels; ++k)
    if (!loaded.images[k] && image.kernels[k].kind != NNF_DEVICE_NONE)
      return true;
  return false;
}

/// An error for what the driver says to an image; NNF_ERROR_UNSUPPORTED where an older one may do.
int32_t refused(const LoadedProgram &loaded, const nnf_device_image &image, Result result, const char *log,
                Message &message) {
  const Driver &driver = *loaded.device.driver;
  auto version = [&](int number) { return number / 1000 + double(number % 1000 / 10) / 10; };
  const char *kind = image.kind == NNF_IMAGE_CUBIN ? "machine code" : "PTX";
  if (result != unsupportedPtxVersion && result != noBinaryForGpu)
    return driver.fail(message, result, "the driver does not take the %s for %s: %s", kind, image.arch, log);
  Text<32> of;
  if (image.version)
    of.add(", version %u.%u", image.version / 10, image.version % 10);
  return message.fail(
      NNF_ERROR_UNSUPPORTED,
      "the NVIDIA driver (CUDA %.1f) is too old for the %s for %s%s: %s (%d); expected a newer one [NNFC-E0803]",
      version(driver.version), kind, image.arch, of.str(), driver.nameOf(result), result);
}

/// Loads images, the best first, until each kernel is in one. What the driver is too old for gives way to the next.
int32_t loadImages(const nnf_model &model, LoadedProgram &loaded, Message &message) {
  const nnf_device_code &code = *codeOf(model);
  const Device &device = loaded.device;
  int32_t status = NNF_ERROR_UNSUPPORTED;
  message.fail(status, "cuda:%d (%s) has compute capability %d.%d, but the model has %s [NNFC-E0804]", device.ordinal,
               device.name, device.capability / 10, device.capability % 10, architectures(code).str());
  loaded.modules = static_cast<ModuleHandle *>(calloc(code.num_images + 1, sizeof(ModuleHandle)));
  loaded.images =
      static_cast<const nnf_device_image **>(calloc(model.num_kernels + 1, sizeof(const nnf_device_image *)));
  uint8_t *tried = static_cast<uint8_t *>(calloc(code.num_images + 1, 1));
  bool hasMemory = loaded.modules && loaded.images && tried, isFinal = !hasMemory;
  while (!isFinal) {
    uint32_t best = code.num_images;
    for (uint32_t i = 0; i < code.num_images; ++i) {
      int fit = tried[i] || !canLaunch(*device.driver, code, i) ? 0 : fitOf(code.images[i], device.capability);
      if (fit > 0 && (best == code.num_images || fit > fitOf(code.images[best], device.capability)) &&
          bringsMore(model, code.images[i], loaded))
        best = i;
    }
    if (best == code.num_images)
      break;
    tried[best] = 1;
    const nnf_device_image &image = code.images[best];
    char log[600] = "";
    int options[] = {jitErrorLog, jitErrorLogBytes};
    void *values[] = {log, reinterpret_cast<void *>(sizeof log - 1)};
    Result result = device.driver->cuModuleLoadDataEx(&loaded.modules[best], image.data, 2, options, values);
    if (result) {
      loaded.modules[best] = nullptr;
      status = refused(loaded, image, result, log, message);
      isFinal = status != NNF_ERROR_UNSUPPORTED;
      continue;
    }
    for (uint32_t k = 0; k < model.num_kernels; ++k)
      if (!loaded.images[k] && image.kernels[k].kind != NNF_DEVICE_NONE)
        loaded.images[k] = &image;
  }
  free(tried);
  if (!hasMemory)
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  if (isFinal)
    return status;
  // A kernel that some image has, but none that runs here: the last reason is its.
  for (uint32_t i = 0; i < code.num_images; ++i)
    if ((code.images[i].kind == NNF_IMAGE_PTX || code.images[i].kind == NNF_IMAGE_CUBIN) &&
        bringsMore(model, code.images[i], loaded))
      return status;
  return NNF_OK;
}

int32_t findFunctions(const nnf_model &model, LoadedProgram &loaded, Message &message) {
  const nnf_device_code &code = *codeOf(model);
  const Driver &driver = *loaded.device.driver;
  loaded.functions = static_cast<Function *>(calloc(model.num_kernels + 1, sizeof(Function)));
  loaded.launches =
      static_cast<const nnf_device_launch **>(calloc(model.num_kernels + 1, sizeof(const nnf_device_launch *)));
  if (!loaded.functions || !loaded.launches)
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  constexpr uint32_t always = 48 << 10; // shared memory that need not be asked for
  for (uint32_t i = 0; i < model.num_kernels; ++i) {
    const nnf_device_kernel kernel = loaded.kernel(i);
    if (kernel.kind != NNF_DEVICE_KERNEL)
      continue;
    uint32_t image = uint32_t(loaded.images[i] - code.images);
    ModuleHandle module = loaded.modules[image];
    loaded.launches[i] = launchOf(code, image, i);
    Result result = driver.cuModuleGetFunction(&loaded.functions[i], module, kernel.symbol);
    if (!result && kernel.shared_bytes > always)
      result = driver.cuFuncSetAttribute(loaded.functions[i], maxDynamicShared, int(kernel.shared_bytes));
    if (result)
      return driver.fail(message, result, "kernel %u (%s, %s): its code for %s", i, model.kernels[i].name,
                         kernel.symbol, loaded.images[i]->arch);
    loaded.hasChecks |= kernel.checks != 0;
    uint32_t parameters = kernel.parameters + (loaded.launches[i] ? loaded.launches[i]->num_maps : 0);
    if (parameters > loaded.mostParameters)
      loaded.mostParameters = parameters;
  }
  return NNF_OK;
}

/// The weights as they are now.
int32_t uploadWeights(nnf_program &program, LoadedProgram &loaded, Message &message) {
  if (!recipeOf(*program.model))
    return copyWeights(loaded.device, program.weights, program.model->weights_bytes, loaded.weights, message);
  if (!ownWeights(program))
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  return copyToDevice(*program.model, *program.version, loaded, message);
}

int32_t load(nnf_program &program, LoadedProgram &loaded, Message &message) {
  OnDevice current(loaded.device);
  if (current.result)
    return loaded.device.driver->fail(message, current.result, "cuda:%d: cuCtxPushCurrent", loaded.device.ordinal);
  int32_t status = loadImages(*program.model, loaded, message);
  if (!status)
    status = findFunctions(*program.model, loaded, message);
  return status ? status : uploadWeights(program, loaded, message);
}

void unload(const nnf_model &model, LoadedProgram *loaded) {
  const Driver *driver = loaded->device.driver;
  if (loaded->device.context) {
    {
      OnDevice current(loaded->device);
      loaded->weights.release(loaded->device);
      for (uint32_t i = 0; loaded->modules && i < codeOf(model)->num_images; ++i)
        if (loaded->modules[i])
          driver->cuModuleUnload(loaded->modules[i]);
    }
    driver->cuDevicePrimaryCtxRelease_v2(loaded->device.number);
  }
  free(loaded->functions);
  free(loaded->launches);
  free(loaded->images);
  free(loaded->modules);
  free(loaded);
}

} // namespace

int32_t Memory::reserve(const Device &device, uint64_t bytes, Message &message) {
  uint64_t wanted = alignUp(bytes ? bytes : 1);
  if (bytes <= maxBytes && data && wanted <= capacity)
    return NNF_OK;
  release(device);
  const Driver &driver = *device.driver;
  void *host = nullptr;
  DeviceAddress address = 0;
  Result result = bytes > maxBytes ? Result(outOfMemory)
                  : isPinned       ? driver.cuMemHostAlloc(&host, wanted, 0)
                                   : driver.cuMemAlloc_v2(&address, wanted);
  if (result)
    return driver.fail(message, result, "no %llu bytes of memory on %s for cuda:%d", (unsigned long long)bytes,
                       isPinned ? "the host" : "the device", device.ordinal);
  data = isPinned ? static_cast<uint8_t *>(host) : reinterpret_cast<uint8_t *>(address);
  capacity = wanted;
  return NNF_OK;
}

void Memory::release(const Device &device) {
  if (data && isPinned)
    device.driver->cuMemFreeHost(data);
  else if (data)
    device.driver->cuMemFree_v2(address());
  data = nullptr;
  capacity = 0;
}

const nnf_device_launch *launchOf(const nnf_device_code &code, uint32_t image, uint32_t kernel) {
  for (uint32_t i = 0; i < numLaunchesOf(code); ++i)
    if (code.launches[i].image == image && code.launches[i].kernel == kernel)
      return &code.launches[i];
  return nullptr;
}

int32_t copyWeights(const Device &device, const uint8_t *from, uint64_t bytes, Memory &to, Message &message) {
  if (bytes == 0)
    return NNF_OK;
  if (int32_t status = to.reserve(device, bytes, message))
    return status;
  if (Result result = device.driver->cuMemcpyHtoD_v2(to.address(), from, bytes))
    return device.driver->fail(message, result, "copying %llu bytes of weights to cuda:%d", (unsigned long long)bytes,
                               device.ordinal);
  return NNF_OK;
}

int32_t countDevices(int &count, Message &message) {
  const Driver *driver = nullptr;
  if (int32_t status = findDriver(driver, message))
    return status;
  if (Result result = driver->cuDeviceGetCount(&count))
    return driver->fail(message, result, "cuDeviceGetCount");
  return count ? int32_t(NNF_OK) : message.fail(NNF_ERROR_UNSUPPORTED, "the NVIDIA driver finds no GPU [NNFC-E0801]");
}

int32_t loadOnDevice(nnf_program &program, int ordinal, LoadedProgram *&result, Message &message) {
  pthread_mutex_lock(&program.deviceMutex);
  LoadedProgram *loaded = program.loaded;
  while (loaded && loaded->device.ordinal != ordinal)
    loaded = loaded->next;
  int32_t status = NNF_OK;
  if (!loaded) {
    void *memory = malloc(sizeof(LoadedProgram));
    if (memory) {
      loaded = new (memory) LoadedProgram;
      status = openDevice(ordinal, loaded->device, message);
      if (!status)
        status = load(program, *loaded, message);
      if (status)
        unload(*program.model, loaded);
      else {
        loaded->next = program.loaded;
        program.loaded = loaded;
      }
    } else {
      status = message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
    }
  }
  pthread_mutex_unlock(&program.deviceMutex);
  result = status ? nullptr : loaded;
  return status;
}

void unloadFromDevices(nnf_program &program) {
  while (LoadedProgram *loaded = program.loaded) {
    program.loaded = loaded->next;
    unload(*program.model, loaded);
  }
}

} // namespace nnf::rt::cuda
