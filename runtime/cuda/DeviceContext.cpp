#include "DeviceContext.h"
#include <new>

namespace nnf::rt {

using namespace cuda;

namespace {

/// Arrays of the context in one allocation.
bool createTables(nnf_context &context, DeviceContext &on) {
  const nnf_model &model = context.model();
  uint64_t inputs = alignUp(model.num_inputs * sizeof(TensorMemory)),
           outputs = alignUp(model.num_outputs * sizeof(TensorMemory)),
           temporaries = alignUp(context.numTemporaries() * sizeof(Memory)),
           parameters = alignUp((on.program->mostParameters + 1) * sizeof(void *));
  if (!on.tables.reserve(context.allocator, inputs + outputs + temporaries + parameters))
    return false;
  uint8_t *at = on.tables.data;
  on.inputs = new (at) TensorMemory[model.num_inputs];
  on.outputs = new (at += inputs) TensorMemory[model.num_outputs];
  on.temporaries = new (at += outputs) Memory[context.numTemporaries()];
  on.parameters = reinterpret_cast<void **>(at += temporaries);
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    on.inputs[i].host.isPinned = true;
  for (uint32_t j = 0; j < model.num_outputs; ++j)
    on.outputs[j].host.isPinned = true;
  return true;
}

int32_t create(nnf_context &context, DeviceContext &on, Message &message) {
  const Driver &driver = on.driver();
  OnDevice current(on.device());
  Result result = current.result;
  if (!result)
    result = driver.cuStreamCreate(&on.stream, streamNonBlocking);
  if (!result)
    result = driver.cuEventCreate(&on.done, eventDisableTiming);
  if (!result)
    result = driver.cuEventCreate(&on.begin, 0);
  if (!result)
    result = driver.cuEventCreate(&on.end, 0);
  if (result)
    return driver.fail(message, result, "a stream on cuda:%d", on.device().ordinal);
  on.fixed.isPinned = true;
  if (int32_t status = on.fixed.reserve(on.device(), sizeof(Fixed), message))
    return status;
  reinterpret_cast<Fixed *>(on.fixed.data)->none = {UINT64_MAX, 0, 0};
  if (int32_t status = on.check.reserve(on.device(), sizeof(nnf_check_state), message))
    return status;
  return createTables(context, on) ? int32_t(NNF_OK) : message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
}

} // namespace

int32_t createOnDevice(nnf_context &context, int ordinal, Message &message) {
  void *memory = context.allocator.allocate(sizeof(DeviceContext));
  if (!memory)
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  context.device = new (memory) DeviceContext;
  if (int32_t status = loadOnDevice(*context.program, ordinal, context.device->program, message))
    return status;
  return create(context, *context.device, message);
}

void destroyOnDevice(nnf_context &context) {
  DeviceContext *on = context.device;
  if (!on)
    return;
  if (on->program) {
    const Driver &driver = on->driver();
    const Device &device = on->device();
    OnDevice current(device);
    if (on->isPending)
      driver.cuEventSynchronize(on->done);
    nothingIsPending(*on);
    on->graphs.release(context.allocator, driver);
    if (on->tables.data) {
      for (uint32_t i = 0; i < context.model().num_inputs; ++i) {
        on->inputs[i].device.release(device);
        on->inputs[i].host.release(device);
      }
      for (uint32_t j = 0; j < context.model().num_outputs; ++j) {
        on->outputs[j].device.release(device);
        on->outputs[j].host.release(device);
      }
      for (uint32_t i = 0; i < context.numTemporaries(); ++i)
        on->temporaries[i].release(device);
    }
    for (Memory *memory : {&on->arena, &on->check, &on->fixed})
      memory->release(device);
    for (Event event : {on->done, on->begin, on->end})
      if (event)
        driver.cuEventDestroy_v2(event);
    if (on->stream)
      driver.cuStreamDestroy_v2(on->stream);
  }
  on->list.release(context.allocator);
  on->tables.release(context.allocator);
  on->~DeviceContext();
  context.allocator.release(on, sizeof(DeviceContext));
  context.device = nullptr;
}

bool isOnDevice(const nnf_context &context, const DLDevice &device) {
  return (device.device_type == kDLCUDA || device.device_type == kDLCUDAManaged) && context.device &&
         device.device_id == context.device->device().ordinal;
}

int deviceOrdinal(const nnf_context &context) { return context.device->device().ordinal; }

uint64_t bytesOnDevice(const nnf_context &context) {
  const DeviceContext *on = context.device;
  if (!on)
    return 0;
  uint64_t bytes = on->arena.capacity + on->check.capacity + on->fixed.capacity;
  for (uint32_t i = 0; i < context.model().num_inputs; ++i)
    bytes += on->inputs[i].device.capacity + on->inputs[i].host.capacity;
  for (uint32_t j = 0; j < context.model().num_outputs; ++j)
    bytes += on->outputs[j].device.capacity + on->outputs[j].host.capacity;
  for (uint32_t i = 0; i < context.numTemporaries(); ++i)
    bytes += on->temporaries[i].capacity;
  return bytes;
}

KeptMemory keptOnDevice(const nnf_context &context, uint32_t output, bool onDevice) {
  if (!context.device)
    return {};
  const TensorMemory &memory = context.device->outputs[output];
  const Memory &kept = onDevice ? memory.device : memory.host;
  return {kept.data, kept.capacity};
}

} // namespace nnf::rt
