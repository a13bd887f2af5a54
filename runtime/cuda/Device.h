// GPUs of the process, and programs that are loaded on them.
#ifndef NNF_RUNTIME_CUDA_DEVICE_H
#define NNF_RUNTIME_CUDA_DEVICE_H
#include "../Program.h"
#include "Driver.h"

namespace nnf::rt::cuda {

struct Device {
  const Driver *driver = nullptr;
  int ordinal = 0; // K of cuda:K
  DeviceNumber number = 0;
  ContextHandle context = nullptr; // the primary one, which other libraries of the process use too
  int capability = 0;              // 10 * major + minor
  int multiprocessors = 0;
  char name[128] = "";
};

/// Makes a device the calling thread's for a while, whatever was its before.
class OnDevice {
public:
  explicit OnDevice(const Device &device)
      : driver(*device.driver), result(driver.cuCtxPushCurrent_v2(device.context)) {}
  ~OnDevice() {
    ContextHandle popped;
    if (result == 0)
      driver.cuCtxPopCurrent_v2(&popped);
  }
  OnDevice(const OnDevice &) = delete;

private:
  const Driver &driver;

public:
  const Result result;
};

/// Memory of a device, or of the host where a device can reach it; it only ever grows.
struct Memory {
  uint8_t *data = nullptr;
  uint64_t capacity = 0;
  bool isPinned = false; // the host's

  /// Drops the contents; what is enqueued with it must have run. Errors: out of memory, and then there is none.
  int32_t reserve(const Device &device, uint64_t bytes, Message &message);
  void release(const Device &device);
  DeviceAddress address() const { return reinterpret_cast<DeviceAddress>(data); }
};

/// A program on one device: code and weights. It lives as long as the program.
struct LoadedProgram {
  LoadedProgram *next = nullptr;
  Device device;
  // Of each image: its module, NULL where nothing is taken from it.
  ModuleHandle *modules = nullptr;
  // Of each kernel of the model: the image it is taken from, NULL where it has no code, and its function.
  const nnf_device_image **images = nullptr;
  Function *functions = nullptr;
  const nnf_device_launch **launches = nullptr; // NULL where there is no more to say of them
  Memory weights;              // that the model came with; none where programs may set them: those are in versions
  uint32_t mostParameters = 0; // of a kernel, tensor maps among them
  bool hasChecks = false;

  /// How a kernel is launched; of kind NNF_DEVICE_NONE where it has no code for GPUs.
  nnf_device_kernel kernel(uint32_t index) const {
    return images[index] ? images[index]->kernels[index] : nnf_device_kernel{};
  }
};

/// The slots of a launch: what the function takes, and the blocks of a grid with dimensions.
inline uint32_t slotsOf(const nnf_device_kernel &kernel) { return kernel.parameters + (kernel.block_y ? 3 : 0); }

/// Code of the model for GPUs; NULL: it is for CPUs.
inline const nnf_device_code *codeOf(const nnf_model &model) {
  return model.struct_size > offsetof(nnf_model, device) ? model.device : nullptr;
}

/// What is said of launches of a kernel in an image; NULL: nothing.
const nnf_device_launch *launchOf(const nnf_device_code &code, uint32_t image, uint32_t kernel);
inline uint32_t numLaunchesOf(const nnf_device_code &code) {
  return code.struct_size > offsetof(nnf_device_code, launches) ? code.num_launches : 0;
}
/// Blocks of a launch that has a number of its own: of those that stay no more than the device runs at once.
inline uint32_t blocksOf(const nnf_device_code &code, const nnf_device_launch &launch, const Device &device) {
  bool isSaid = code.struct_size > offsetof(nnf_device_code, resident) && code.resident;
  uint64_t most = isSaid ? uint64_t(code.resident[&launch - code.launches]) * uint32_t(device.multiprocessors) : 0;
  return most && most < launch.blocks ? uint32_t(most) : launch.blocks;
}
inline uint32_t numWindowsOf(const nnf_device_code &code) {
  return code.struct_size > offsetof(nnf_device_code, windows) ? code.num_windows : 0;
}

/// Copies weights to memory of a device that is the calling thread's. Errors: no memory there, a failed copy.
int32_t copyWeights(const Device &device, const uint8_t *from, uint64_t bytes, Memory &to, Message &message);

/// How many GPUs the driver finds. Errors: none, no driver.
int32_t countDevices(int &count, Message &message);

/// The program on device cuda:`ordinal`, loaded there by the first who asks. Errors: no such device, no code for it, a
/// driver that does not take the code, no memory for the weights.
int32_t loadOnDevice(nnf_program &program, int ordinal, LoadedProgram *&loaded, Message &message);
/// Takes a program off all its devices.
void unloadFromDevices(nnf_program &program);

} // namespace nnf::rt::cuda
#endif
