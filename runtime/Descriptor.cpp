// Whether a model's descriptor is whole, of an ABI this runtime knows, and means something.
#include "Context.h"
#include "Memory.h"
#include "Program.h"
#include "cuda/Device.h"

namespace nnf::rt {
namespace {

constexpr size_t bytesOfAbi1_0 = offsetof(nnf_model, run) + sizeof(nnf_model::run);
constexpr uint32_t maxCount = 1u << 20; // inputs, outputs, symbols
constexpr uint32_t maxRank = 64;

int32_t broken(Message &message, const nnf_model &model, const char *what) {
  return message.fail(NNF_ERROR_MODEL, "model '%s': broken descriptor: %s [NNFC-E0706]", model.name, what);
}

int32_t checkTensor(const nnf_model &model, const nnf_tensor_info &tensor, bool isInput, uint32_t index,
                    Message &message) {
  auto wrong = [&](const char *what) {
    return message.fail(NNF_ERROR_MODEL, "model '%s': broken descriptor: %s %u ('%s'): %s [NNFC-E0706]", model.name,
                        isInput ? "input" : "output", index, tensor.name ? tensor.name : "", what);
  };
  if (!tensor.name)
    return wrong("no name");
  if (nnf_dtype_bytes(tensor.dtype) == 0)
    return message.fail(NNF_ERROR_UNSUPPORTED,
                        "model '%s': %s '%s' has dtype number %u, which this runtime does not know [NNFC-E0706]",
                        model.name, isInput ? "input" : "output", tensor.name, tensor.dtype);
  if (tensor.rank > maxRank || (tensor.rank && !tensor.dims))
    return wrong("rank without sizes, or more than 64");
  for (uint32_t d = 0; d < tensor.rank; ++d) {
    int64_t dim = tensor.dims[d];
    bool computed = dim == NNF_DIM_COMPUTED;
    if (computed ? isInput : dim < 0 && uint64_t(-1 - dim) >= model.num_symbols)
      return wrong("a size refers to no symbol");
  }
  if (!(tensor.flags & NNF_TENSOR_INOUT) != (!isInput || tensor.tied < 0))
    return wrong("in-out flag and tie do not agree");
  if (tensor.tied < 0)
    return NNF_OK;
  uint32_t tied = uint32_t(tensor.tied);
  if (tied >= (isInput ? model.num_outputs : model.num_inputs))
    return wrong("tied to nothing");
  const nnf_tensor_info &other = isInput ? model.outputs[tied] : model.inputs[tied];
  if (other.tied < 0 || uint32_t(other.tied) != index || other.dtype != tensor.dtype || other.rank != tensor.rank)
    return wrong("tied to a tensor that is not tied to it, or of another type");
  if ((tensor.flags | other.flags) & NNF_TENSOR_DATA_DEPENDENT)
    return wrong("tied, but its sizes are data-dependent");
  return NNF_OK;
}

/// What is said of launches beside their kernels' rows.
int32_t checkLaunches(const nnf_model &model, const nnf_device_code &code, Message &message) {
  uint32_t count = cuda::numLaunchesOf(code);
  bool isWhole = count <= maxCount && (!count || code.launches) && (!cuda::numWindowsOf(code) || code.windows);
  for (uint32_t i = 0; isWhole && i < count; ++i) {
    const nnf_device_launch &launch = code.launches[i];
    isWhole = launch.image < code.num_images && launch.kernel < model.num_kernels && launch.blocks <= INT32_MAX &&
              code.images[launch.image].kernels && launch.num_maps <= NNF_MOST_TENSOR_MAPS &&
              (!launch.num_maps || launch.maps);
    const nnf_device_kernel *kernels = isWhole ? code.images[launch.image].kernels : nullptr;
    for (uint32_t m = 0; isWhole && m < launch.num_maps; ++m) {
      const nnf_tensor_map &map = launch.maps[m];
      isWhole = map.rank >= (map.window ? 3 : 2) && map.rank <= 5 && map.window <= cuda::numWindowsOf(code) &&
                (map.dtype == NNF_FLOAT16 || map.dtype == NNF_BFLOAT16) && map.slot < kernels[launch.kernel].parameters;
    }
  }
  return isWhole ? int32_t(NNF_OK) : broken(message, model, "launches of its kernels for GPUs");
}

/// Images and what is said of each kernel; kinds of images that are not known are left alone.
int32_t checkDeviceCode(const nnf_model &model, Message &message) {
  const nnf_device_code *code = cuda::codeOf(model);
  if (!code)
    return NNF_OK;
  constexpr uint32_t maxParameters = 512, maxThreads = 1024, maxShared = 1u << 20;
  if (code->struct_size < offsetof(nnf_device_code, num_launches) || code->num_images > maxCount ||
      (code->num_images && !code->images))
    return broken(message, model, "its code for GPUs");
  for (uint32_t i = 0; i < code->num_images; ++i) {
    const nnf_device_image &image = code->images[i];
    bool isText = image.kind == NNF_IMAGE_PTX;
    if (!isText && image.kind != NNF_IMAGE_CUBIN)
      continue;
    if (!image.arch || !image.data || image.bytes == 0 || (isText && image.data[image.bytes - 1] != 0) ||
        (model.num_kernels && !image.kernels))
      return broken(message, model, "an image with code for GPUs is not whole");
    for (uint32_t k = 0; k < model.num_kernels; ++k) {
      const nnf_device_kernel &kernel = image.kernels[k];
      if (kernel.kind != NNF_DEVICE_KERNEL)
        continue;
      if (!kernel.symbol || kernel.threads == 0 || kernel.threads > maxThreads || kernel.parameters > maxParameters ||
          kernel.shared_bytes > maxShared || (kernel.checks && kernel.parameters < 2) ||
          (kernel.block_y != 0) != (kernel.block_z != 0) ||
          (kernel.block_y && (kernel.checks || kernel.threads % (uint32_t(kernel.block_y) * kernel.block_z) != 0)))
        return broken(message, model, "a kernel for GPUs cannot be launched");
    }
  }
  return checkLaunches(model, *code, message);
}

/// Whether a piece of the weights lies in them, where pieces lie.
bool isInWeights(const nnf_model &model, int64_t offset, const int64_t *dims, uint32_t rank, uint32_t dtype) {
  uint64_t bytes;
  return offset < 0 || (offset % int64_t(dataAlignment) == 0 && (dims || !rank) &&
                        tensorBytes(dims, rank, nnf_dtype_bytes(dtype), bytes) && bytes <= model.weights_bytes &&
                        uint64_t(offset) <= model.weights_bytes - bytes);
}

int32_t checkRecipe(const nnf_model &model, Message &message) {
  const nnf_weights_recipe *recipe = recipeOf(model);
  if (!recipe)
    return NNF_OK;
  const nnf_model *prepare = recipe->prepare;
  if (recipe->struct_size < sizeof *recipe || (recipe->num_raw && !recipe->raw) || recipe->num_raw > maxCount)
    return broken(message, model, "the list of weights that can be set is missing or too long");
  if (prepare)
    if (int32_t status = checkDescriptor(*prepare, message))
      return status;
  uint32_t inputs = 0;
  for (uint32_t i = 0; i < recipe->num_raw; ++i) {
    const nnf_raw_weight &raw = recipe->raw[i];
    if (!raw.name || raw.rank > maxRank || !isInWeights(model, raw.offset, raw.dims, raw.rank, raw.dtype) ||
        (raw.prepare_input >= 0 && (!prepare || raw.prepare_input >= prepare->num_inputs)))
      return broken(message, model, "a weight that can be set has no name, or no place");
    inputs += raw.prepare_input >= 0;
  }
  if (prepare && (inputs != prepare->num_inputs || (prepare->num_outputs && !recipe->prepared)))
    return broken(message, model, "what prepares its weights has other inputs or outputs");
  for (uint32_t j = 0; prepare && j < prepare->num_outputs; ++j) {
    const nnf_tensor_info &output = prepare->outputs[j];
    if (!isInWeights(model, recipe->prepared[j], output.dims, output.rank, output.dtype))
      return broken(message, model, "a prepared weight has no place");
  }
  return NNF_OK;
}

} // namespace

int32_t checkDescriptor(const nnf_model &model, Message &message) {
  if (model.abi_major != NNF_ABI_MAJOR || model.abi_minor > NNF_ABI_MINOR)
    return message.fail(NNF_ERROR_UNSUPPORTED, "the model has ABI %u.%u, this runtime takes %u.0 to %u.%u [NNFC-E0703]",
                        model.abi_major, model.abi_minor, NNF_ABI_MAJOR, NNF_ABI_MAJOR, NNF_ABI_MINOR);
  if (model.struct_size < bytesOfAbi1_0 || !model.name)
    return message.fail(NNF_ERROR_MODEL, "broken descriptor: %u bytes, expected %zu or more, or no name [NNFC-E0706]",
                        model.struct_size, bytesOfAbi1_0);
  if (model.num_inputs > maxCount || model.num_outputs > maxCount || model.num_symbols > maxCount)
    return broken(message, model, "more than a million inputs, outputs or symbols");
  if (numTemporaries(model) > maxCount)
    return broken(message, model, "more than a million temporaries");
  if ((model.num_inputs && !model.inputs) || (model.num_outputs && !model.outputs) ||
      (model.num_symbols && !model.symbols) || (model.num_kernels && !model.kernels) ||
      (model.num_launches && !model.launches) || (model.num_checks && !model.checks))
    return broken(message, model, "a table is missing");
  if (!model.arena_bytes || !model.output_dims || !model.run)
    return broken(message, model, "a function is missing");
  if (model.weights_bytes && !model.weights == !model.weights_file)
    return broken(message, model, "weights must be either embedded or in a file");
  if (reinterpret_cast<uintptr_t>(model.weights) % dataAlignment)
    return broken(message, model, "the embedded weights are not aligned to 64 bytes");
  for (uint32_t i = 0; i < model.num_symbols; ++i)
    if (!model.symbols[i].name)
      return broken(message, model, "a symbol has no name");
  for (uint32_t i = 0; i < model.num_checks; ++i)
    if (!model.checks[i].message)
      return broken(message, model, "a check has no message");
  for (uint32_t i = 0; i < model.num_kernels; ++i)
    if (model.kernels[i].scratch_bytes < 0 || uint64_t(model.kernels[i].scratch_bytes) > maxBytes / 4096)
      return broken(message, model, "the scratch of a kernel is not a size");
  if (int32_t status = checkDeviceCode(model, message))
    return status;
  if (int32_t status = checkRecipe(model, message))
    return status;
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    if (int32_t status = checkTensor(model, model.inputs[i], true, i, message))
      return status;
  for (uint32_t i = 0; i < model.num_outputs; ++i)
    if (int32_t status = checkTensor(model, model.outputs[i], false, i, message))
      return status;
  return NNF_OK;
}

} // namespace nnf::rt
