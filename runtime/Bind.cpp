// The caller's tensors against the model's descriptor: every one is checked before anything runs.
#include "Context.h"

namespace nnf::rt {
namespace {

/// "[N, 3, 8, 8]"
Text<256> describeDims(const nnf_model &model, const nnf_tensor_info &info) {
  Text<256> text;
  text.add("[");
  for (uint32_t d = 0; d < info.rank; ++d) {
    int64_t dim = info.dims[d];
    const char *separator = d ? ", " : "";
    if (dim >= 0)
      text.add("%s%lld", separator, (long long)dim);
    else
      text.add("%s%s", separator, dim == NNF_DIM_COMPUTED ? "?" : model.symbols[-1 - dim].name);
  }
  text.add("]");
  return text;
}

/// "float32", or "type code 5 with 64 bits" for a type we have no name for.
Text<64> describeType(DLDataType type) {
  Text<64> text;
  for (uint32_t dtype = NNF_FLOAT32; dtype <= NNF_UINT64 && type.lanes == 1; ++dtype) {
    DLDataType known = nnf_dtype_dlpack(dtype);
    if (known.code == type.code && known.bits == type.bits && dtype != NNF_BOOL) {
      text.add("%s", nnf_dtype_name(dtype));
      return text;
    }
  }
  constexpr uint8_t boolCode = 6;
  if (type.code == boolCode && type.bits == 8 && type.lanes == 1)
    text.add("bool");
  else
    text.add("type code %u with %u bits and %u lanes", type.code, type.bits, type.lanes);
  return text;
}

bool isDType(DLDataType type, uint32_t dtype) {
  constexpr uint8_t boolCode = 6; // of DLPack since 0.7
  DLDataType wanted = nnf_dtype_dlpack(dtype);
  return type.bits == wanted.bits && type.lanes == 1 &&
         (type.code == wanted.code || (dtype == NNF_BOOL && type.code == boolCode));
}

/// One tensor of a call, and where to report about it.
struct Checked {
  nnf_context &context;
  const nnf_tensor_info &info;
  const char *kind; // "input"
  const DLTensor *tensor;

  __attribute__((format(printf, 2, 3))) int32_t fail(const char *format, ...) const {
    char detail[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    return context.message.fail(NNF_ERROR_ARGUMENT, "%s '%s': %s", kind, info.name, detail);
  }
  uint8_t *data() const { return dataOf(*tensor); }
  int32_t form() const;
  int32_t memory(uint64_t &bytes) const;
  int32_t present(uint64_t bytes) const;
  int32_t size(uint32_t d, int64_t expected) const;
};

/// Whether a run on a GPU takes tensors there.
bool isReachable(const nnf_context &context, const DLDevice &device) {
  return device.device_type == kDLCPU || device.device_type == kDLCUDAHost || isOnDevice(context, device);
}

/// Device, dtype, rank, and that the sizes are sizes.
int32_t Checked::form() const {
  if (context.device ? !isReachable(context, tensor->device) : tensor->device.device_type != kDLCPU) {
    if (context.device)
      return fail("on device %d of type %d, expected the CPU (%d) or cuda:%d (type %d) [NNFC-E0606]",
                  tensor->device.device_id, int(tensor->device.device_type), int(kDLCPU), deviceOrdinal(context),
                  int(kDLCUDA));
    return fail("on device type %d, expected the CPU (%d) [NNFC-E0606]", int(tensor->device.device_type), int(kDLCPU));
  }
  if (!isDType(tensor->dtype, info.dtype))
    return fail("dtype %s, expected %s [NNFC-E0603]", describeType(tensor->dtype).str(), nnf_dtype_name(info.dtype));
  if (tensor->ndim != int(info.rank))
    return fail("rank %d, expected %u %s [NNFC-E0604]", tensor->ndim, info.rank,
                describeDims(context.model(), info).str());
  if (info.rank && !tensor->shape)
    return fail("shape is NULL, expected %u sizes [NNFC-E0611]", info.rank);
  for (uint32_t d = 0; d < info.rank; ++d)
    if (tensor->shape[d] < 0)
      return fail("size %lld in dimension %u, expected 0 or more [NNFC-E0605]", (long long)tensor->shape[d], d);
  return NNF_OK;
}

/// Strides, and the memory itself. Needs form().
int32_t Checked::memory(uint64_t &bytes) const {
  uint32_t elementBytes = nnf_dtype_bytes(info.dtype);
  if (!tensorBytes(tensor->shape, info.rank, elementBytes, bytes))
    return fail("its sizes multiply to more than any memory holds [NNFC-E0609]");
  if (bytes == 0)
    return NNF_OK;
  int64_t compact = 1;
  for (uint32_t d = info.rank; tensor->strides && d-- > 0; compact *= tensor->shape[d])
    if (tensor->shape[d] != 1 && tensor->strides[d] != compact)
      return fail("stride %lld in dimension %u, expected %lld: tensors must be compact and row-major [NNFC-E0606]",
                  (long long)tensor->strides[d], d, (long long)compact);
  if (data() && reinterpret_cast<uintptr_t>(data()) % elementBytes)
    return fail("data is at an address that is no multiple of %u, the size of a %s [NNFC-E0606]", elementBytes,
                nnf_dtype_name(info.dtype));
  return NNF_OK;
}

int32_t Checked::present(uint64_t bytes) const {
  return data() || !bytes ? NNF_OK : fail("data is NULL, expected %llu bytes [NNFC-E0611]", (unsigned long long)bytes);
}

int32_t Checked::size(uint32_t d, int64_t expected) const {
  if (tensor->shape[d] == expected)
    return NNF_OK;
  return fail("size %lld in dimension %u, expected %lld of %s [NNFC-E0605]", (long long)tensor->shape[d], d,
              (long long)expected, describeDims(context.model(), info).str());
}

/// Dimension d of input `index` is the symbol's size: the first to say so binds it, the others must agree.
int32_t bindSymbol(const Checked &input, uint32_t index, uint32_t d, uint32_t symbolIndex) {
  nnf_context &context = input.context;
  const nnf_symbol_info &symbol = context.model().symbols[symbolIndex];
  int64_t &bound = context.symbols[symbolIndex];
  int32_t &boundBy = context.symbolInput[symbolIndex];
  int64_t size = input.tensor->shape[d];
  if (boundBy >= 0) {
    if (size == bound)
      return NNF_OK;
    return input.fail("size %lld in dimension %u, expected %lld: '%s' is %lld in input '%s' [NNFC-E0605]",
                      (long long)size, d, (long long)bound, symbol.name, (long long)bound,
                      context.model().inputs[boundBy].name);
  }
  if (size < symbol.min || size > symbol.max) {
    Text<64> expected;
    if (symbol.max == INT64_MAX)
      expected.add("%lld or more", (long long)symbol.min);
    else
      expected.add("%lld to %lld", (long long)symbol.min, (long long)symbol.max);
    return input.fail("size %lld in dimension %u, expected %s for '%s' [NNFC-E0614]", (long long)size, d,
                      expected.str(), symbol.name);
  }
  if (symbol.multiple_of > 1 && size % symbol.multiple_of)
    return input.fail("size %lld in dimension %u, expected a multiple of %lld for '%s' [NNFC-E0614]", (long long)size,
                      d, (long long)symbol.multiple_of, symbol.name);
  bound = size;
  boundBy = int32_t(index);
  return NNF_OK;
}

int32_t bindInput(nnf_context &context, uint32_t index, const DLTensor *tensor, bool withData) {
  Checked input{context, context.model().inputs[index], "input", tensor};
  if (!tensor)
    return input.fail("no tensor given (NULL) [NNFC-E0602]");
  if (int32_t status = input.form())
    return status;
  for (uint32_t d = 0; d < input.info.rank; ++d) {
    int64_t dim = input.info.dims[d];
    int32_t status = dim >= 0 ? input.size(d, dim) : bindSymbol(input, index, d, uint32_t(-1 - dim));
    if (status)
      return status;
  }
  InputSlot &slot = context.inputs[index];
  if (int32_t status = input.memory(slot.bytes))
    return status;
  slot.data = input.data();
  slot.device = tensor->device;
  return withData ? input.present(slot.bytes) : NNF_OK;
}

/// Whether memory is what the context keeps for output `index`, and hands to its caller.
bool isKept(const nnf_context &context, uint32_t index, const uint8_t *data, uint64_t bytes) {
  const Buffer &own = context.outputs[index].own;
  KeptMemory host = keptOnDevice(context, index, false), device = keptOnDevice(context, index, true);
  return overlap(own.data, own.capacity, data, bytes) || overlap(host.data, host.bytes, data, bytes) ||
         overlap(device.data, device.bytes, data, bytes);
}

/// Whether an output tensor is as an earlier run has filled it in.
bool isFilledBefore(const nnf_context &context, uint32_t index, const DLTensor &tensor) {
  if (tensor.byte_offset != 0)
    return false;
  return tensor.data == context.outputs[index].own.data || tensor.data == keptOnDevice(context, index, false).data ||
         tensor.data == keptOnDevice(context, index, true).data;
}

/// The input whose new value output `index` is, or -1.
int32_t tiedInput(const nnf_context &context, uint32_t index) { return context.model().outputs[index].tied; }

/// No output may share memory with an input (the driver reads it while it writes) or with another output.
int32_t checkOverlaps(nnf_context &context) {
  const nnf_model &model = context.model();
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    const OutputSlot &output = context.outputs[j];
    for (uint32_t i = 0; i < model.num_inputs; ++i) {
      const InputSlot &input = context.inputs[i];
      if (isKept(context, j, input.data, input.bytes))
        return context.message.fail(NNF_ERROR_ARGUMENT,
                                    "input '%s' is the memory this context keeps for output '%s': "
                                    "copy it first [NNFC-E0607]",
                                    model.inputs[i].name, model.outputs[j].name);
      if (overlap(output.given, output.bytes, input.data, input.bytes))
        return context.message.fail(NNF_ERROR_ARGUMENT, "output '%s' overlaps input '%s' in memory [NNFC-E0607]",
                                    model.outputs[j].name, model.inputs[i].name);
    }
    for (uint32_t k = 0; k < model.num_outputs; ++k) {
      const OutputSlot &other = context.outputs[k];
      bool ownOfOther = isKept(context, k, output.given, output.bytes);
      if (ownOfOther || (k < j && overlap(output.given, output.bytes, other.given, other.bytes)))
        return context.message.fail(NNF_ERROR_ARGUMENT, "output '%s' overlaps output '%s' in memory [NNFC-E0607]",
                                    model.outputs[j].name, model.outputs[k].name);
    }
  }
  return NNF_OK;
}

int32_t bindOutput(nnf_context &context, uint32_t index, const DLTensor *tensor) {
  Checked output{context, context.model().outputs[index], "output", tensor};
  OutputSlot &slot = context.outputs[index];
  slot.given = nullptr;
  slot.wantedOnDevice = tensor && isOnDevice(context, tensor->device);
  // A tensor that an earlier run has filled in may come again as it is.
  if (!tensor || !tensor->data || isFilledBefore(context, index, *tensor))
    return NNF_OK;
  if (!slot.known)
    return output.fail("data is given, expected NULL: only the run knows its sizes [NNFC-E0608]");
  if (int32_t status = output.form())
    return status;
  for (uint32_t d = 0; d < output.info.rank; ++d)
    if (int32_t status = output.size(d, slot.dims[d]))
      return status;
  uint64_t bytes;
  if (int32_t status = output.memory(bytes))
    return status;
  // The caller gives an in-out input's own buffer: it gets the value with the input, after the run.
  if (int32_t tied = tiedInput(context, index); tied >= 0 && output.data() == context.inputs[tied].data)
    return NNF_OK;
  slot.given = output.data();
  slot.givenOn = tensor->device;
  return NNF_OK;
}

} // namespace

bool overlap(const uint8_t *a, uint64_t aBytes, const uint8_t *b, uint64_t bBytes) {
  return a && b && aBytes && bBytes && a < b + bBytes && b < a + aBytes;
}

int32_t checkInputForm(nnf_context &context, uint32_t index, const DLTensor *tensor, uint64_t &bytes) {
  Checked input{context, context.model().inputs[index], "input", tensor};
  if (!tensor)
    return input.fail("no tensor given (NULL) [NNFC-E0602]");
  if (int32_t status = input.form())
    return status;
  if (int32_t status = input.memory(bytes))
    return status;
  return input.present(bytes);
}

int32_t checkOutputForm(nnf_context &context, uint32_t index, uint32_t rank, const int64_t *dims,
                        const DLTensor &tensor) {
  nnf_tensor_info joined = context.model().outputs[index];
  joined.rank = rank;
  joined.dims = dims;
  Checked output{context, joined, "output", &tensor};
  if (int32_t status = output.form())
    return status;
  for (uint32_t d = 0; d < rank; ++d)
    if (int32_t status = output.size(d, dims[d]))
      return status;
  uint64_t bytes;
  return output.memory(bytes);
}

bool tensorBytes(const int64_t *dims, uint32_t rank, uint32_t elementBytes, uint64_t &bytes) {
  for (uint32_t d = 0; d < rank; ++d)
    if (dims[d] == 0) {
      bytes = 0;
      return true;
    }
  bytes = elementBytes;
  for (uint32_t d = 0; d < rank; ++d)
    if (dims[d] < 0 || __builtin_mul_overflow(bytes, uint64_t(dims[d]), &bytes) || bytes > maxBytes)
      return false;
  return true;
}

int32_t bindInputs(nnf_context &context, DLTensor *const in[], uint32_t count, bool withData) {
  const nnf_model &model = context.model();
  if (count != model.num_inputs)
    return context.message.fail(NNF_ERROR_ARGUMENT, "%u inputs given, expected %u [NNFC-E0601]", count,
                                model.num_inputs);
  if (count && !in)
    return context.message.fail(NNF_ERROR_ARGUMENT, "the array of inputs is NULL, expected %u tensors [NNFC-E0611]",
                                count);
  for (uint32_t s = 0; s < model.num_symbols; ++s) {
    context.symbols[s] = 0;
    context.symbolInput[s] = -1;
  }
  for (uint32_t i = 0; i < count; ++i)
    if (int32_t status = bindInput(context, i, in[i], withData))
      return status;
  return NNF_OK;
}

int32_t reportCheck(nnf_context &context, const nnf_check_state &state, int32_t status) {
  const nnf_model &model = context.model();
  uint64_t index = state.order >> 32;
  if (index >= model.num_checks)
    return context.message.fail(NNF_ERROR_INTERNAL, "check %llu failed, but the model has %u [NNFC-E0707]",
                                (unsigned long long)index, model.num_checks);
  Text<1000> text;
  for (const char *p = model.checks[index].message; *p;) {
    if (strncmp(p, "{value}", 7) == 0) {
      text.add("%lld", (long long)state.value);
      p += 7;
    } else if (strncmp(p, "{bound}", 7) == 0) {
      text.add("%lld", (long long)state.bound);
      p += 7;
    } else {
      text.add("%c", *p++);
    }
  }
  return context.message.fail(status, "%s", text.str());
}

int32_t computeOutputDims(nnf_context &context) {
  const nnf_model &model = context.model();
  int32_t status = model.output_dims(context.symbols, context.outputDims);
  if (status > 0)
    return reportCheck(context, {uint64_t(status - 1) << 32, context.outputDims[0], 0}, NNF_ERROR_ARGUMENT);
  if (status != 0)
    return context.message.fail(NNF_ERROR_ARGUMENT, "with inputs of these sizes the size of an output is negative or "
                                                    "does not fit in 64 bits [NNFC-E0506]");
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    OutputSlot &slot = context.outputs[j];
    const nnf_tensor_info &info = model.outputs[j];
    slot.known = !(info.flags & NNF_TENSOR_DATA_DEPENDENT);
    slot.bytes = 0;
    if (slot.known && !tensorBytes(slot.dims, info.rank, nnf_dtype_bytes(info.dtype), slot.bytes))
      return context.message.fail(NNF_ERROR_ARGUMENT,
                                  "output '%s': with inputs of these sizes it is larger than any "
                                  "memory [NNFC-E0609]",
                                  info.name);
  }
  return NNF_OK;
}

int32_t bindOutputs(nnf_context &context, DLTensor *const out[], uint32_t count) {
  const nnf_model &model = context.model();
  if (count != model.num_outputs)
    return context.message.fail(NNF_ERROR_ARGUMENT, "%u outputs given, expected %u [NNFC-E0601]", count,
                                model.num_outputs);
  if (count && !out)
    return context.message.fail(NNF_ERROR_ARGUMENT, "the array of outputs is NULL, expected %u tensors [NNFC-E0611]",
                                count);
  for (uint32_t j = 0; j < count; ++j)
    if (int32_t status = bindOutput(context, j, out[j]))
      return status;
  if (int32_t status = checkOverlaps(context))
    return status;
  for (uint32_t j = 0; j < count && !context.device; ++j) {
    OutputSlot &slot = context.outputs[j];
    if (slot.known && !slot.given && !slot.own.reserve(context.allocator, slot.bytes))
      return context.message.fail(NNF_ERROR_MEMORY, "output '%s': no memory for %llu bytes [NNFC-E0609]",
                                  model.outputs[j].name, (unsigned long long)slot.bytes);
    context.outputPointers[j] = !slot.known ? nullptr : slot.given ? slot.given : slot.own.data;
  }
  return NNF_OK;
}

void deliverOutputs(nnf_context &context, DLTensor *const out[]) {
  const nnf_model &model = context.model();
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    OutputSlot &slot = context.outputs[j];
    const nnf_tensor_info &info = model.outputs[j];
    uint8_t *value = slot.given ? slot.given : slot.own.data;
    uint8_t *inputData = nullptr;
    if (int32_t tied = tiedInput(context, j); tied >= 0) {
      inputData = context.inputs[tied].data;
      if (slot.bytes)
        memcpy(inputData, value, slot.bytes);
    }
    DLTensor *tensor = out[j];
    if (!tensor || slot.given || (tensor->data && inputData == dataOf(*tensor)))
      continue;
    tensor->data = value;
    tensor->device = {kDLCPU, 0};
    tensor->ndim = int(info.rank);
    tensor->dtype = nnf_dtype_dlpack(info.dtype);
    tensor->shape = slot.dims;
    tensor->strides = nullptr;
    tensor->byte_offset = 0;
  }
}

} // namespace nnf::rt
