// The rules are those of torch.nn.parallel (scatter_gather.py).
#include "Batch.h"

namespace nnf::rt {

Rows::Rows(const int64_t *dims, uint32_t rank, uint32_t dim, uint32_t elementBytes) : innerBytes(elementBytes) {
  for (uint32_t d = 0; d < dim; ++d)
    outer *= uint64_t(dims[d]);
  for (uint32_t d = dim + 1; d < rank; ++d)
    innerBytes *= uint64_t(dims[d]);
}

void Rows::take(const uint8_t *whole, int64_t size, int64_t first, int64_t length, uint8_t *part) const {
  uint64_t rowBytes = uint64_t(size) * innerBytes, partBytes = uint64_t(length) * innerBytes;
  for (uint64_t row = 0; row < outer && partBytes; ++row)
    memcpy(part + row * partBytes, whole + row * rowBytes + uint64_t(first) * innerBytes, partBytes);
}

void Rows::put(uint8_t *whole, int64_t size, int64_t first, int64_t length, const uint8_t *part) const {
  uint64_t rowBytes = uint64_t(size) * innerBytes, partBytes = uint64_t(length) * innerBytes;
  for (uint64_t row = 0; row < outer && partBytes; ++row)
    memcpy(whole + row * rowBytes + uint64_t(first) * innerBytes, part + row * partBytes, partBytes);
}

int32_t takeInputs(const nnf_model &model, DLTensor *const in[], uint32_t numIn, const nnf_named_tensor *kwargs,
                   uint32_t numKwargs, Scattered *inputs, Message &message) {
  if (uint64_t(numIn) + numKwargs != model.num_inputs)
    return message.fail(NNF_ERROR_ARGUMENT, "%llu inputs given, expected %u [NNFC-E0601]",
                        (unsigned long long)(uint64_t(numIn) + numKwargs), model.num_inputs);
  if ((numIn && !in) || (numKwargs && !kwargs))
    return message.fail(NNF_ERROR_ARGUMENT, "the array of %s is NULL, expected %u tensors [NNFC-E0611]",
                        numIn && !in ? "inputs" : "module_kwargs", numIn && !in ? numIn : numKwargs);
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    inputs[i].tensor = i < numIn ? in[i] : nullptr;
  for (uint32_t i = 0; i < numIn; ++i)
    if (!in[i])
      return message.fail(NNF_ERROR_ARGUMENT, "input '%s': no tensor given (NULL) [NNFC-E0602]", model.inputs[i].name);
  for (uint32_t k = 0; k < numKwargs; ++k) {
    const char *name = kwargs[k].name ? kwargs[k].name : "";
    uint32_t i = 0;
    while (i < model.num_inputs && strcmp(model.inputs[i].name, name) != 0)
      ++i;
    if (i == model.num_inputs)
      return message.fail(NNF_ERROR_ARGUMENT, "module_kwargs: model '%s' has no input '%s' [NNFC-E0615]", model.name,
                          name);
    if (inputs[i].tensor)
      return message.fail(NNF_ERROR_ARGUMENT, "input '%s' is given twice [NNFC-E0616]", name);
    if (!kwargs[k].tensor)
      return message.fail(NNF_ERROR_ARGUMENT, "input '%s': no tensor given (NULL) [NNFC-E0602]", name);
    inputs[i].tensor = kwargs[k].tensor;
  }
  return NNF_OK;
}

int32_t expectHostMemory(const DLTensor &tensor, const char *kind, const nnf_tensor_info &info, Message &message) {
  if (tensor.device.device_type == kDLCPU || tensor.device.device_type == kDLCUDAHost)
    return NNF_OK;
  return message.fail(
      NNF_ERROR_UNSUPPORTED,
      "%s '%s': on device %d of type %d: batches are cut and joined on the CPU, expected its memory (%d) "
      "or pinned one (%d) [NNFC-E0606]",
      kind, info.name, tensor.device.device_id, int(tensor.device.device_type), int(kDLCPU), int(kDLCUDAHost));
}

int32_t cutInput(const nnf_tensor_info &info, int64_t dim, int64_t parts, bool whole, Scattered &input,
                 Message &message) {
  input.whole = info.rank == 0 || whole;
  input.chunks = Chunks(0, parts);
  if (input.whole)
    return NNF_OK;
  int64_t rank = info.rank;
  if (dim < -rank || dim >= rank)
    return message.fail(NNF_ERROR_ARGUMENT,
                        "input '%s': it is to be cut along dimension %lld, expected %lld to %lld of its rank %lld, or "
                        "that it is replicated [NNFC-E0808]",
                        info.name, (long long)dim, (long long)-rank, (long long)(rank - 1), (long long)rank);
  input.dim = uint32_t(dim < 0 ? dim + rank : dim);
  input.chunks = Chunks(input.tensor->shape[input.dim], parts);
  return NNF_OK;
}

int32_t joinAlong(const nnf_tensor_info &info, int64_t dim, uint32_t &joinedRank, uint32_t &joined, Message &message) {
  int64_t rank = info.rank;
  joinedRank = info.rank;
  joined = 0;
  if (rank == 0) {
    if (dim != 0)
      return message.fail(NNF_ERROR_ARGUMENT,
                          "output '%s': scalars can be joined along dimension 0, found dimension %lld [NNFC-E0808]",
                          info.name, (long long)dim);
    joinedRank = 1;
    return NNF_OK;
  }
  if (dim < -rank || dim >= rank)
    return message.fail(
        NNF_ERROR_ARGUMENT,
        "output '%s': it is to be joined along dimension %lld, expected %lld to %lld of its rank %lld [NNFC-E0808]",
        info.name, (long long)dim, (long long)-rank, (long long)(rank - 1), (long long)rank);
  joined = uint32_t(dim < 0 ? dim + rank : dim);
  return NNF_OK;
}

} // namespace nnf::rt
