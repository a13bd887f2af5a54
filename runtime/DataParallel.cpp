// data_parallel: scatter, parallel apply, gather. The rules are those of torch.nn.parallel (scatter_gather.py).
#include "Replicas.h"
#include "WeightsVersion.h"
#include <unistd.h>

namespace nnf::rt {

namespace {

/// One call: everything here happens on the caller's thread.
struct Call {
  nnf_replicas &replicas;
  Message &message;
  const nnf_model &model = replicas.model();

  nnf_context &firstContext() const { return *replicas.replicas[0].context; }
  DLTensor &part(Replica &replica, uint32_t tensor) const { return replica.tensors[tensor]; }
  int32_t checkHost(const DLTensor &tensor, const char *kind, const nnf_tensor_info &info) const {
    return firstContext().device ? expectHostMemory(tensor, kind, info, message) : int32_t(NNF_OK);
  }
  /// What a check that used the first replica's context has said.
  int32_t relay(int32_t status) const { return message.fail(status, "%s", firstContext().message.text); }

  int32_t planInput(uint32_t i) const;
  int32_t countReplicas(uint32_t numIn) const;
  int32_t checkParts(uint32_t i) const;
  int32_t placeInputs() const;
  int32_t placeOutputs(DLTensor *const out[], uint32_t numOut) const;
  int32_t placeOutput(uint32_t j, DLTensor *tensor) const;
  int32_t joinedSizes(uint32_t j) const;
  int32_t gatherDim(uint32_t j) const;
  int32_t bindParts() const;
  int32_t checkOverlaps() const;
  void apply() const;
  int32_t firstFailure() const;
  int32_t gather() const;
  void deliver(DLTensor *const out[]) const;
};

int32_t Call::planInput(uint32_t i) const {
  Scattered &input = replicas.inputs[i];
  const nnf_tensor_info &info = model.inputs[i];
  if (int32_t status = checkHost(*input.tensor, "input", info))
    return status;
  if (int32_t status = checkInputForm(firstContext(), i, input.tensor, input.bytes))
    return relay(status);
  input.isInOut = (info.flags & NNF_TENSOR_INOUT) != 0;
  return cutInput(info, replicas.dim, replicas.count, replicas.isWhole[i], input, message);
}

/// As many replicas run as the input with the fewest parts has. PyTorch cuts positional and keyword inputs apart, and
/// would call a replica with one kind alone where the other has run out, which no compiled model takes.
int32_t Call::countReplicas(uint32_t numIn) const {
  int64_t fewest[2] = {INT64_MAX, INT64_MAX};
  uint32_t of[2] = {};
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    const Scattered &input = replicas.inputs[i];
    int64_t parts = input.whole ? int64_t(replicas.count) : input.chunks.count;
    unsigned kind = i >= numIn;
    if (parts < fewest[kind]) {
      fewest[kind] = parts;
      of[kind] = i;
    }
  }
  if (numIn && numIn < model.num_inputs && fewest[0] != fewest[1])
    return message.fail(
        NNF_ERROR_ARGUMENT,
        "input '%s' has %lld parts and module_kwargs' '%s' has %lld: a replica would lack one of them [NNFC-E0808]",
        model.inputs[of[0]].name, (long long)fewest[0], model.inputs[of[1]].name, (long long)fewest[1]);
  int64_t used = fewest[0] < fewest[1] ? fewest[0] : fewest[1];
  replicas.used = model.num_inputs ? uint32_t(used) : 1;
  return NNF_OK;
}

/// Where the model's size is fixed, every part must have it.
int32_t Call::checkParts(uint32_t i) const {
  const Scattered &input = replicas.inputs[i];
  if (input.whole)
    return NNF_OK;
  int64_t fixed = model.inputs[i].dims[input.dim];
  for (uint32_t r = 0; r < replicas.used && fixed >= 0; ++r)
    if (int64_t length = input.chunks.lengthOf(r); length != fixed)
      return message.fail(NNF_ERROR_ARGUMENT,
                          "input '%s': its size %lld in dimension %u over %u devices makes parts of %lld and one of "
                          "%lld, but the model is compiled for %lld there: expected a named size in the model, or %lld "
                          "for each device, or that the input is replicated [NNFC-E0808]",
                          model.inputs[i].name, (long long)input.chunks.size, input.dim, replicas.count,
                          (long long)input.chunks.length, (long long)input.chunks.lengthOf(input.chunks.count - 1),
                          (long long)fixed, (long long)fixed);
  return NNF_OK;
}

/// Each replica's tensors. A part that is one stretch of memory stays where it is; others, and what a run changes, are
/// copied by the replica.
int32_t Call::placeInputs() const {
  for (uint32_t r = 0; r < replicas.used; ++r) {
    Replica &replica = replicas.replicas[r];
    int64_t *dims = replica.dims;
    for (uint32_t i = 0; i < model.num_inputs; ++i) {
      const Scattered &input = replicas.inputs[i];
      const nnf_tensor_info &info = model.inputs[i];
      DLTensor &part = replica.tensors[i];
      replica.pointers[i] = &part;
      part = *input.tensor;
      part.shape = dims;
      part.strides = nullptr;
      for (uint32_t d = 0; d < info.rank; ++d)
        dims[d] = input.tensor->shape[d];
      uint64_t bytes = input.bytes, offset = 0;
      bool isStretch = true;
      if (!input.whole) {
        Rows rows(dims, info.rank, input.dim, nnf_dtype_bytes(info.dtype));
        dims[input.dim] = input.chunks.lengthOf(r);
        // Of an empty tensor the sizes before dim may multiply to anything.
        bytes = input.bytes ? rows.outer * uint64_t(dims[input.dim]) * rows.innerBytes : 0;
        offset = input.bytes ? uint64_t(input.chunks.first(r)) * rows.innerBytes : 0;
        isStretch = rows.outer <= 1 || bytes == 0;
      }
      if (isStretch && !input.isInOut) {
        part.byte_offset += offset;
      } else {
        if (!replica.copies[i].reserve(replicas.allocator, bytes))
          return message.fail(NNF_ERROR_MEMORY, "replica %u on %s: input '%s': no memory for %llu bytes [NNFC-E0609]",
                              r, replica.device, info.name, (unsigned long long)bytes);
        part.data = replica.copies[i].data;
        part.byte_offset = 0;
      }
      dims += info.rank;
    }
  }
  return NNF_OK;
}

/// Sizes of the parts' outputs, as far as they are known before the run.
int32_t Call::bindParts() const {
  for (uint32_t r = 0; r < replicas.used; ++r) {
    Replica &replica = replicas.replicas[r];
    int32_t status = bindInputs(*replica.context, replica.pointers, model.num_inputs, /*withData=*/true);
    if (!status)
      status = computeOutputDims(*replica.context);
    if (status)
      return message.fail(status, "replica %u on %s: %s", r, replica.device, replica.context->message.text);
  }
  return NNF_OK;
}

/// The dimension an output is joined along; with one device nothing is.
int32_t Call::gatherDim(uint32_t j) const {
  Gathered &output = replicas.outputs[j];
  const nnf_tensor_info &info = model.outputs[j];
  output.rank = info.rank;
  output.dim = 0;
  return replicas.count == 1 ? int32_t(NNF_OK) : joinAlong(info, replicas.dim, output.rank, output.dim, message);
}

/// What the parts' sizes add up to; all but the one along dim must agree.
int32_t Call::joinedSizes(uint32_t j) const {
  Gathered &output = replicas.outputs[j];
  const nnf_tensor_info &info = model.outputs[j];
  int64_t total = 0;
  for (uint32_t r = 0; r < replicas.used; ++r) {
    Replica &replica = replicas.replicas[r];
    const int64_t *dims = replica.context->outputs[j].dims;
    for (uint32_t d = 0; d < info.rank; ++d) {
      if (r == 0)
        output.dims[d] = dims[d];
      else if (d != output.dim && dims[d] != output.dims[d])
        return message.fail(
            NNF_ERROR_ARGUMENT,
            "output '%s': replica %u on %s has size %lld in dimension %u, expected %lld as replica 0 [NNFC-E0808]",
            info.name, r, replica.device, (long long)dims[d], d, (long long)output.dims[d]);
    }
    replica.first[j] = total;
    replica.length[j] = output.rank == 0 || info.rank == 0 ? 1 : dims[output.dim];
    if (__builtin_add_overflow(total, replica.length[j], &total))
      return message.fail(NNF_ERROR_ARGUMENT, "output '%s': its parts' sizes do not add up to 64 bits [NNFC-E0808]",
                          info.name);
  }
  if (output.rank)
    output.dims[output.dim] = total;
  uint64_t bytes;
  if (!tensorBytes(output.dims, output.rank, nnf_dtype_bytes(info.dtype), bytes))
    return message.fail(NNF_ERROR_ARGUMENT, "output '%s': joined it is larger than any memory [NNFC-E0609]", info.name);
  if (!output.given && !output.own.reserve(replicas.allocator, bytes))
    return message.fail(NNF_ERROR_MEMORY, "output '%s': no memory for %llu bytes [NNFC-E0609]", info.name,
                        (unsigned long long)bytes);
  output.data = output.given ? output.given : output.own.data;
  return NNF_OK;
}

int32_t Call::placeOutput(uint32_t j, DLTensor *tensor) const {
  Gathered &output = replicas.outputs[j];
  const nnf_tensor_info &info = model.outputs[j];
  output.given = output.data = nullptr;
  output.inPlace = output.isNewOfInput = false;
  bool isKnown = !(info.flags & NNF_TENSOR_DATA_DEPENDENT);
  if (tensor) {
    if (int32_t status = checkHost(*tensor, "output", info))
      return status;
    if (int32_t status = gatherDim(j))
      return status;
    const uint8_t *data = dataOf(*tensor);
    output.filledBefore = tensor->data && tensor->data == output.own.data && tensor->byte_offset == 0;
    output.isNewOfInput = data && info.tied >= 0 && data == dataOf(*replicas.inputs[info.tied].tensor);
    if (data && !output.filledBefore && !output.isNewOfInput) {
      if (!isKnown)
        return message.fail(NNF_ERROR_ARGUMENT,
                            "output '%s': data is given, expected NULL: only the run knows its sizes [NNFC-E0608]",
                            info.name);
      output.given = const_cast<uint8_t *>(data);
    }
    if (isKnown)
      if (int32_t status = joinedSizes(j))
        return status;
    if (output.given || output.isNewOfInput)
      if (int32_t status = checkOutputForm(firstContext(), j, output.rank, output.dims, *tensor))
        return relay(status);
    // Parts along the first dimension are stretches of the whole.
    output.inPlace = isKnown && output.dim == 0;
  }
  for (uint32_t r = 0; r < replicas.used; ++r) {
    Replica &replica = replicas.replicas[r];
    DLTensor &part = replica.tensors[model.num_inputs + j];
    replica.pointers[model.num_inputs + j] = tensor ? &part : nullptr;
    part = {};
    part.device = {kDLCPU, 0};
    if (!output.inPlace)
      continue;
    Rows rows(output.dims, output.rank, 0, nnf_dtype_bytes(info.dtype));
    part.data = output.data + uint64_t(replica.first[j]) * rows.innerBytes;
    part.ndim = int(info.rank);
    part.dtype = nnf_dtype_dlpack(info.dtype);
    part.shape = replica.context->outputs[j].dims;
  }
  return NNF_OK;
}

int32_t Call::placeOutputs(DLTensor *const out[], uint32_t numOut) const {
  if (numOut != model.num_outputs)
    return message.fail(NNF_ERROR_ARGUMENT, "%u outputs given, expected %u [NNFC-E0601]", numOut, model.num_outputs);
  if (numOut && !out)
    return message.fail(NNF_ERROR_ARGUMENT, "the array of outputs is NULL, expected %u tensors [NNFC-E0611]", numOut);
  for (uint32_t j = 0; j < numOut; ++j)
    if (int32_t status = placeOutput(j, out[j]))
      return status;
  return checkOverlaps();
}

/// As for one run, but of whole tensors: a replica may not write what another one reads.
int32_t Call::checkOverlaps() const {
  auto bytesOf = [&](uint32_t j) {
    uint64_t bytes = 0;
    if (replicas.outputs[j].data)
      tensorBytes(replicas.outputs[j].dims, replicas.outputs[j].rank, nnf_dtype_bytes(model.outputs[j].dtype), bytes);
    return bytes;
  };
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    const Gathered &output = replicas.outputs[j];
    for (uint32_t i = 0; i < model.num_inputs; ++i) {
      const uint8_t *input = dataOf(*replicas.inputs[i].tensor);
      if (overlap(output.own.data, output.own.capacity, input, replicas.inputs[i].bytes))
        return message.fail(NNF_ERROR_ARGUMENT,
                            "input '%s' is the memory kept for output '%s': copy it first [NNFC-E0607]",
                            model.inputs[i].name, model.outputs[j].name);
      if (overlap(output.given, bytesOf(j), input, replicas.inputs[i].bytes))
        return message.fail(NNF_ERROR_ARGUMENT, "output '%s' overlaps input '%s' in memory [NNFC-E0607]",
                            model.outputs[j].name, model.inputs[i].name);
    }
    for (uint32_t k = 0; k < model.num_outputs; ++k) {
      const Gathered &other = replicas.outputs[k];
      if (k != j && (overlap(output.given, bytesOf(j), other.own.data, other.own.capacity) ||
                     (k < j && overlap(output.given, bytesOf(j), other.given, bytesOf(k)))))
        return message.fail(NNF_ERROR_ARGUMENT, "output '%s' overlaps output '%s' in memory [NNFC-E0607]",
                            model.outputs[j].name, model.outputs[k].name);
    }
  }
  return NNF_OK;
}

/// Wakes the replicas' leaders and waits for all of them.
void Call::apply() const {
  for (uint32_t r = 0; r < replicas.used; ++r)
    replicas.replicas[r].context->run = replicas.run;
  ++replicas.run;
  pthread_mutex_lock(&replicas.mutex);
  ++replicas.job;
  replicas.running = replicas.used;
  pthread_cond_broadcast(&replicas.started);
  while (replicas.running)
    pthread_cond_wait(&replicas.finished, &replicas.mutex);
  pthread_mutex_unlock(&replicas.mutex);
}

int32_t Call::firstFailure() const {
  for (uint32_t r = 0; r < replicas.used; ++r) {
    const Replica &replica = replicas.replicas[r];
    if (replica.status)
      return message.fail(replica.status, "replica %u on %s: %s", r, replica.device, replica.context->message.text);
  }
  return NNF_OK;
}

/// What the replicas could not put in its place themselves.
int32_t Call::gather() const {
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    Gathered &output = replicas.outputs[j];
    bool isWanted = replicas.replicas[0].pointers[model.num_inputs + j] != nullptr;
    if (!isWanted || output.data)
      continue;
    if (int32_t status = joinedSizes(j))
      return status;
    Rows rows(output.dims, output.rank, output.dim, nnf_dtype_bytes(model.outputs[j].dtype));
    int64_t total = output.rank ? output.dims[output.dim] : 1;
    for (uint32_t r = 0; r < replicas.used; ++r) {
      Replica &replica = replicas.replicas[r];
      rows.put(output.data, total, replica.first[j], replica.length[j], dataOf(replica.tensors[model.num_inputs + j]));
    }
  }
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    const Scattered &input = replicas.inputs[i];
    if (!input.isInOut || !input.bytes)
      continue;
    const nnf_tensor_info &info = model.inputs[i];
    if (input.whole) {
      memcpy(dataOf(*input.tensor), replicas.replicas[0].copies[i].data, input.bytes);
      continue;
    }
    Rows rows(input.tensor->shape, info.rank, input.dim, nnf_dtype_bytes(info.dtype));
    for (uint32_t r = 0; r < replicas.used; ++r)
      rows.put(dataOf(*input.tensor), input.chunks.size, input.chunks.first(r), input.chunks.lengthOf(r),
               replicas.replicas[r].copies[i].data);
  }
  return NNF_OK;
}

void Call::deliver(DLTensor *const out[]) const {
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    const Gathered &output = replicas.outputs[j];
    if (!out[j] || output.given || output.isNewOfInput)
      continue;
    *out[j] = {};
    out[j]->data = output.data;
    out[j]->device = {kDLCPU, 0};
    out[j]->ndim = int(output.rank);
    out[j]->dtype = nnf_dtype_dlpack(model.outputs[j].dtype);
    out[j]->shape = output.dims;
  }
}

int32_t scatterAndGather(Call call, DLTensor *const in[], uint32_t numIn, const nnf_named_tensor *kwargs,
                         uint32_t numKwargs, DLTensor *const out[], uint32_t numOut) {
  if (int32_t status = takeInputs(call.model, in, numIn, kwargs, numKwargs, call.replicas.inputs, call.message))
    return status;
  for (uint32_t i = 0; i < call.model.num_inputs; ++i)
    if (int32_t status = call.planInput(i))
      return status;
  if (int32_t status = call.countReplicas(numIn))
    return status;
  for (uint32_t i = 0; i < call.model.num_inputs; ++i)
    if (int32_t status = call.checkParts(i))
      return status;
  if (int32_t status = call.placeInputs())
    return status;
  if (int32_t status = call.bindParts())
    return status;
  if (int32_t status = call.placeOutputs(out, numOut))
    return status;
  // All replicas have the same weights, whoever sets others now.
  WeightsHold weights(*call.replicas.program);
  for (uint32_t r = 0; r < call.replicas.count; ++r)
    call.replicas.replicas[r].context->weights = &weights;
  call.apply();
  for (uint32_t r = 0; r < call.replicas.count; ++r)
    call.replicas.replicas[r].context->weights = nullptr;
  if (int32_t status = call.firstFailure())
    return status;
  if (int32_t status = call.gather())
    return status;
  call.deliver(out);
  return NNF_OK;
}

int32_t dataParallel(Call call, DLTensor *const in[], uint32_t numIn, const nnf_named_tensor *kwargs,
                     uint32_t numKwargs, DLTensor *const out[], uint32_t numOut) {
  for (uint32_t j = 0; j < call.model.num_outputs; ++j)
    call.replicas.outputs[j].filledBefore = false;
  int32_t status = scatterAndGather(call, in, numIn, kwargs, numKwargs, out, numOut);
  // The memory behind them may be gone (takeBackOutputs).
  for (uint32_t j = 0; status && j < call.model.num_outputs; ++j)
    if (call.replicas.outputs[j].filledBefore)
      out[j]->data = nullptr;
  return status;
}

} // namespace

void runReplica(nnf_replicas &owner, Replica &replica) {
  const nnf_model &model = owner.model();
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    const Scattered &input = owner.inputs[i];
    if (replica.tensors[i].data != replica.copies[i].data || !input.bytes)
      continue;
    if (input.whole) {
      memcpy(replica.copies[i].data, dataOf(*input.tensor), input.bytes);
      continue;
    }
    Rows rows(input.tensor->shape, model.inputs[i].rank, input.dim, nnf_dtype_bytes(model.inputs[i].dtype));
    rows.take(dataOf(*input.tensor), input.chunks.size, input.chunks.first(replica.index),
              input.chunks.lengthOf(replica.index), replica.copies[i].data);
  }
  // Replicas must not draw the same numbers; the odd constant spreads their indices over all bits.
  uint64_t seed = (owner.options.seed ? *owner.options.seed : owner.seed) + replica.index * 0x9E3779B97F4A7C15u;
  nnf_run_options options = owner.options;
  options.seed = &seed;
  replica.status = nnf_run(replica.context, replica.pointers, model.num_inputs, replica.pointers + model.num_inputs,
                           model.num_outputs, &options);
  for (uint32_t j = 0; j < model.num_outputs && !replica.status; ++j) {
    const Gathered &output = owner.outputs[j];
    if (!output.data || output.inPlace)
      continue;
    Rows rows(output.dims, output.rank, output.dim, nnf_dtype_bytes(model.outputs[j].dtype));
    rows.put(output.data, output.dims[output.dim], replica.first[j], replica.length[j],
             dataOf(replica.tensors[model.num_inputs + j]));
  }
}

} // namespace nnf::rt

using namespace nnf::rt;

int32_t nnf_data_parallel(nnf_replicas *replicas, DLTensor *const in[], uint32_t n_in,
                          const nnf_named_tensor *module_kwargs, uint32_t n_kwargs, DLTensor *const out[],
                          uint32_t n_out, const nnf_run_options *options) {
  Message &message = threadMessage();
  if (!replicas)
    return message.fail(NNF_ERROR_ARGUMENT, "nnf_data_parallel: replicas is NULL [NNFC-E0611]");
  if (replicas->process != getpid())
    return message.fail(NNF_ERROR_ARGUMENT,
                        "nnf_data_parallel: the replicas' threads are in process %d, this is its "
                        "child %d: make replicas after the fork [NNFC-E0612]",
                        replicas->process, getpid());
  if (replicas->inUse.exchange(true, std::memory_order_acquire))
    return message.fail(NNF_ERROR_ARGUMENT,
                        "nnf_data_parallel: the replicas are in use by another thread [NNFC-E0612]");
  int32_t status = readRunOptions(options, replicas->options, message);
  if (!status && replicas->options.profiler)
    status =
        message.fail(NNF_ERROR_ARGUMENT,
                     "run options: a profiler is of one run, found one for %u replicas [NNFC-E0808]", replicas->count);
  if (!status && replicas->options.stream)
    status =
        message.fail(NNF_ERROR_ARGUMENT,
                     "run options: a stream is of one device, found one for %u replicas [NNFC-E0808]", replicas->count);
  if (!status)
    status = dataParallel(Call{*replicas, message}, in, n_in, module_kwargs, n_kwargs, out, n_out);
  replicas->inUse.store(false, std::memory_order_release);
  return status;
}
