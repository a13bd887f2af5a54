// Weights that a program sets: raw tensors become the block that kernels read, which takes the place of the one before
// for every run that begins from then on.
#include "Context.h"
#include "WeightsVersion.h"
#include "cuda/DeviceWeights.h"
#include <cstdlib>
#include <new>

namespace nnf::rt {
namespace {

/// With room for so many bytes.
WeightsVersion *createVersion(uint64_t bytes) {
  uint64_t total = dataAlignment + alignUp(bytes);
  void *memory = bytes <= maxBytes && machineHas(total) ? aligned_alloc(dataAlignment, total) : nullptr;
  if (!memory)
    return nullptr;
  static_assert(sizeof(WeightsVersion) <= dataAlignment);
  WeightsVersion *version = new (memory) WeightsVersion;
  version->bytes = static_cast<uint8_t *>(memory) + dataAlignment;
  return version;
}

/// From now on runs begin with `version`.
void swap(nnf_program &program, WeightsVersion *version) {
  pthread_mutex_lock(&program.weightsMutex);
  WeightsVersion *before = program.version;
  program.version = version;
  pthread_mutex_unlock(&program.weightsMutex);
  release(before);
}

/// One call: `tensors` are the given ones in the order of the recipe.
struct Setting {
  const nnf_program &program;
  const nnf_weights_recipe &recipe;
  const DLTensor **tensors;
  Message &message;

  const nnf_raw_weight *find(const char *name) const {
    for (uint32_t i = 0; i < recipe.num_raw; ++i)
      if (strcmp(recipe.raw[i].name, name) == 0)
        return &recipe.raw[i];
    return nullptr;
  }
  int32_t take(const nnf_named_tensor *given, uint32_t count) const;
  int32_t check(const nnf_raw_weight &raw, const DLTensor &tensor) const;
  int32_t fill(uint8_t *block) const;
  int32_t prepare(uint8_t *block) const;
};

int32_t Setting::check(const nnf_raw_weight &raw, const DLTensor &tensor) const {
  auto wrong = [&](const char *what, long long found, long long expected) {
    return message.fail(NNF_ERROR_ARGUMENT, "weight '%s': %s %lld, expected %lld [NNFC-E0709]", raw.name, what, found,
                        expected);
  };
  if (tensor.device.device_type != kDLCPU)
    return message.fail(NNF_ERROR_ARGUMENT, "weight '%s': not in the CPU's memory [NNFC-E0709]", raw.name);
  DLDataType type = nnf_dtype_dlpack(raw.dtype);
  if (tensor.dtype.code != type.code || tensor.dtype.bits != type.bits || tensor.dtype.lanes != 1)
    return message.fail(NNF_ERROR_ARGUMENT, "weight '%s': DLPack type %u of %u bits, expected %s [NNFC-E0709]",
                        raw.name, tensor.dtype.code, tensor.dtype.bits, nnf_dtype_name(raw.dtype));
  if (tensor.ndim != int(raw.rank))
    return wrong("rank", tensor.ndim, raw.rank);
  int64_t expected = 1;
  for (uint32_t d = raw.rank; d-- > 0;) {
    if (tensor.shape[d] != raw.dims[d])
      return message.fail(NNF_ERROR_ARGUMENT, "weight '%s': size %lld in dimension %u, expected %lld [NNFC-E0709]",
                          raw.name, (long long)tensor.shape[d], d, (long long)raw.dims[d]);
    if (tensor.strides && raw.dims[d] > 1 && tensor.strides[d] != expected)
      return message.fail(NNF_ERROR_ARGUMENT,
                          "weight '%s': stride %lld in dimension %u, expected %lld: compact, rows last [NNFC-E0709]",
                          raw.name, (long long)tensor.strides[d], d, (long long)expected);
    expected *= raw.dims[d];
  }
  if (expected && !tensor.data)
    return message.fail(NNF_ERROR_ARGUMENT, "weight '%s': no data (NULL) [NNFC-E0611]", raw.name);
  return NNF_OK;
}

int32_t Setting::take(const nnf_named_tensor *given, uint32_t count) const {
  for (uint32_t i = 0; i < count; ++i) {
    const char *name = given[i].name ? given[i].name : "";
    const nnf_raw_weight *raw = find(name);
    if (!raw)
      return message.fail(
          NNF_ERROR_ARGUMENT,
          "weight '%s': the model has no such constant that can be set, or it is compiled in [NNFC-E0708]", name);
    if (!given[i].tensor)
      return message.fail(NNF_ERROR_ARGUMENT, "weight '%s': no tensor given (NULL) [NNFC-E0611]", name);
    const DLTensor *&tensor = tensors[raw - recipe.raw];
    if (tensor)
      return message.fail(NNF_ERROR_ARGUMENT, "weight '%s': given twice [NNFC-E0709]", name);
    tensor = given[i].tensor;
    if (int32_t status = check(*raw, *tensor))
      return status;
  }
  for (uint32_t i = 0; i < recipe.num_raw; ++i)
    if (!tensors[i])
      return message.fail(NNF_ERROR_ARGUMENT,
                          "weight '%s': not given, expected all %u: the model keeps prepared ones only [NNFC-E0709]",
                          recipe.raw[i].name, recipe.num_raw);
  return NNF_OK;
}

/// Runs the constant part of the model; its results go into the block.
int32_t Setting::prepare(uint8_t *block) const {
  const nnf_model &model = *recipe.prepare;
  // The library is the program's, which outlives the call.
  nnf_program *preparing = nullptr;
  if (int32_t status = createProgram(&model, nullptr, &preparing, message))
    return status;
  nnf_context *context = nullptr;
  int32_t status = createContext(preparing, nullptr, ThreadPool::process(), &context, message);
  DLTensor *outputs = nullptr;
  DLTensor **pointers = nullptr;
  uint32_t count = model.num_inputs + model.num_outputs;
  Buffer tables;
  if (!status && !carveInto(tables, Allocator(), [&](Carver &carver) {
        outputs = carver.take<DLTensor>(model.num_outputs);
        pointers = carver.take<DLTensor *>(count);
      }))
    status = message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  if (!status) {
    for (uint32_t i = 0; i < recipe.num_raw; ++i)
      if (recipe.raw[i].prepare_input >= 0)
        pointers[recipe.raw[i].prepare_input] = const_cast<DLTensor *>(tensors[i]); // inputs are only read
    for (uint32_t j = 0; j < model.num_outputs; ++j) {
      const nnf_tensor_info &info = model.outputs[j];
      if (recipe.prepared[j] < 0)
        continue;
      outputs[j].data = block + recipe.prepared[j];
      outputs[j].device = {kDLCPU, 0};
      outputs[j].ndim = int(info.rank);
      outputs[j].dtype = nnf_dtype_dlpack(info.dtype);
      outputs[j].shape = const_cast<int64_t *>(info.dims);
      pointers[model.num_inputs + j] = &outputs[j];
    }
    status = nnf_run(context, pointers, model.num_inputs, pointers + model.num_inputs, model.num_outputs, nullptr);
    if (status)
      message.fail(status, "weights of model '%s': %s", program.model->name, context->message.text);
  }
  tables.release(Allocator());
  nnf_context_destroy(context);
  nnf_program_destroy(preparing);
  return status;
}

int32_t Setting::fill(uint8_t *block) const {
  for (uint32_t i = 0; i < recipe.num_raw; ++i) {
    const nnf_raw_weight &raw = recipe.raw[i];
    uint64_t bytes;
    if (raw.offset >= 0 && tensorBytes(raw.dims, raw.rank, nnf_dtype_bytes(raw.dtype), bytes) && bytes)
      memcpy(block + raw.offset, dataOf(*tensors[i]), bytes);
  }
  return recipe.prepare ? prepare(block) : int32_t(NNF_OK);
}

} // namespace

WeightsVersion *retain(WeightsVersion *version) {
  if (version)
    version->references.fetch_add(1, std::memory_order_relaxed);
  return version;
}

void release(WeightsVersion *version) {
  if (!version || version->references.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  cuda::releaseCopies(*version);
  free(version);
}

bool ownWeights(nnf_program &program) {
  if (program.version) // only whoever has the lock of devices changes it
    return true;
  WeightsVersion *version = createVersion(0);
  if (!version)
    return false;
  version->bytes = program.weights;
  swap(program, version);
  return true;
}

WeightsHold::WeightsHold(nnf_program &program) : bytes(program.weights) {
  if (!recipeOf(*program.model))
    return;
  pthread_mutex_lock(&program.weightsMutex);
  version = retain(program.version);
  if (version)
    bytes = version->bytes;
  pthread_mutex_unlock(&program.weightsMutex);
}

WeightsHold::~WeightsHold() { release(version); }

void releaseWeights(nnf_program &program) { release(program.version); }

} // namespace nnf::rt

using namespace nnf::rt;

int32_t nnf_program_set_weights(nnf_program *program, const nnf_named_tensor *weights, uint32_t count) {
  Message &message = threadMessage();
  if (!program || (count && !weights))
    return message.fail(NNF_ERROR_ARGUMENT, "nnf_program_set_weights: program or weights is NULL [NNFC-E0611]");
  const nnf_model &model = *program->model;
  const nnf_weights_recipe *recipe = recipeOf(model);
  if (!recipe)
    return message.fail(NNF_ERROR_UNSUPPORTED, "model '%s' is not compiled with --swappable-weights [NNFC-E0708]",
                        model.name);
  const DLTensor **tensors = nullptr;
  Buffer table;
  if (!carveInto(table, Allocator(), [&](Carver &carver) { tensors = carver.take<const DLTensor *>(recipe->num_raw); }))
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  Setting setting{*program, *recipe, tensors, message};
  int32_t status = setting.take(weights, count);
  WeightsVersion *version = status ? nullptr : createVersion(model.weights_bytes);
  if (!status && !version)
    status = message.fail(NNF_ERROR_MEMORY, "no memory for the %llu bytes of weights of model '%s' [NNFC-E0609]",
                          (unsigned long long)model.weights_bytes, model.name);
  if (!status) {
    // Constants that are not set are in all versions.
    uint8_t *block = const_cast<uint8_t *>(version->bytes); // nobody else knows it yet
    if (model.weights_bytes)
      memcpy(block, program->weights, model.weights_bytes);
    status = setting.fill(block);
  }
  table.release(Allocator());
  if (!status) {
    // No GPU may come between: one that is loaded later copies what are the weights then.
    pthread_mutex_lock(&program->deviceMutex);
    status = cuda::copyToDevices(*program, *version, message);
    if (!status)
      swap(*program, version);
    pthread_mutex_unlock(&program->deviceMutex);
  }
  if (status)
    release(version);
  return status;
}
