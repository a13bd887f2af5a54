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
