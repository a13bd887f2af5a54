#include "DeviceWeights.h"
#include <cstdlib>
#include <new>

namespace nnf::rt::cuda {

int32_t copyToDevice(const nnf_model &model, WeightsVersion &version, const LoadedProgram &loaded, Message &message) {
  const Device &device = loaded.device;
  OnDevice current(device);
  if (current.result)
    return device.driver->fail(message, current.result, "cuda:%d: cuCtxPushCurrent", device.ordinal);
  void *room = malloc(sizeof(DeviceWeights));
  if (!room)
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  auto *copy = new (room) DeviceWeights;
  copy->program = &loaded;
  int32_t status = copyWeights(device, version.bytes, model.weights_bytes, copy->memory, message);
  if (status) {
    copy->memory.release(device);
    free(copy);
    return status;
  }
  // Runs on other GPUs may look for theirs now.
  copy->next = version.onDevices.load(std::memory_order_relaxed);
  version.onDevices.store(copy, std::memory_order_release);
  return NNF_OK;
}

int32_t copyToDevices(const nnf_program &program, WeightsVersion &version, Message &message) {
  int32_t status = NNF_OK;
  for (const LoadedProgram *loaded = program.loaded; loaded && !status; loaded = loaded->next)
    status = copyToDevice(*program.model, version, *loaded, message);
  return status;
}

const uint8_t *weightsOn(const LoadedProgram &loaded, const WeightsVersion *version) {
  if (!version)
    return loaded.weights.data;
  const DeviceWeights *copy = version->onDevices.load(std::memory_order_acquire);
  while (copy && copy->program != &loaded)
    copy = copy->next;
  return copy ? copy->memory.data : nullptr;
}

void releaseCopies(WeightsVersion &version) {
  while (DeviceWeights *copy = version.onDevices.load(std::memory_order_acquire)) {
    version.onDevices.store(copy->next, std::memory_order_relaxed);
    OnDevice current(copy->program->device);
    copy->memory.release(copy->program->device);
    free(copy);
  }
}

} // namespace nnf::rt::cuda
