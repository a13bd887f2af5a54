// One run over ranks: rank 0 cuts the batch and joins the results by the rules of data_parallel, each rank runs a part.
#include "Ranks.h"

namespace nnf::rt {
namespace {

/// Places of rank 0's plan.
enum : uint32_t { usedAt, hasSeedAt, seedAt, runAt, firstFlagAt };

struct RankedCall {
  nnf_ranks &ranks;
  nnf_run_options options;
  RanksLink &link = ranks.link;
  Message &message = ranks.link.message;
  const nnf_model &model = ranks.model();

  bool isRoot() const { return link.isRoot(); }
  int32_t used() const { return int32_t(ranks.plan[usedAt]); }
  bool hasPart() const { return link.link.rank < used(); }
  int64_t &isWhole(uint32_t i) const { return ranks.plan[firstFlagAt + i]; }
  int64_t &isWanted(uint32_t j) const { return ranks.plan[firstFlagAt + model.num_inputs + j]; }
  bool isInOut(uint32_t i) const { return (model.inputs[i].flags & NNF_TENSOR_INOUT) != 0; }
  uint32_t elementBytes(const nnf_tensor_info &info) const { return nnf_dtype_bytes(info.dtype); }
  int32_t relay(int32_t status) const { return message.fail(status, "%s", ranks.context->message.text); }
  int32_t noMemory(const char *kind, const nnf_tensor_info &info, uint64_t bytes) const {
    return message.fail(NNF_ERROR_MEMORY, "%s '%s': no memory for %llu bytes [NNFC-E0609]", kind, info.name,
                        (unsigned long long)bytes);
  }

  int32_t planInput(uint32_t i) const;
  int32_t planOutput(uint32_t j, DLTensor *tensor) const;
  int32_t plan(DLTensor *const in[], uint32_t numIn, const nnf_named_tensor *kwargs, uint32_t numKwargs,
               DLTensor *const out[], uint32_t numOut) const;
  uint64_t partDims(uint32_t i, int32_t rank, int64_t *dims) const;
  int32_t shareDims() const;
  int32_t placeInputs() const;
  int32_t scatterTo(int32_t rank, uint8_t *&staged) const;
  int32_t scatter() const;
  int32_t apply() const;
  int32_t joinedSizes(uint32_t j) const;
  int32_t checkOverlaps(uint32_t j) const;
  int32_t joinAll() const;
  int32_t gatherOutput(uint32_t j) const;
  int32_t gatherInOut(uint32_t i) const;
  int32_t gather() const;
  int32_t run() const;
};

int32_t RankedCall::planInput(uint32_t i) const {
  Scattered &input = ranks.inputs[i];
  const nnf_tensor_info &info = model.inputs[i];
  if (int32_t status = expectHostMemory(*input.tensor, "input", info, message))
    return status;
  if (int32_t status = checkInputForm(*ranks.context, i, input.tensor, input.bytes))
    return relay(status);
  int32_t status = cutInput(info, ranks.dim, link.size(), ranks.isWhole[i], input, message);
  isWhole(i) = input.whole;
  return status;
}

int32_t RankedCall::planOutput(uint32_t j, DLTensor *tensor) const {
  Joined &output = ranks.outputs[j];
  const nnf_tensor_info &info = model.outputs[j];
  output.tensor = tensor;
  output.given = nullptr;
  output.isNewOfInput = output.filledBefore = false;
  output.rank = info.rank;
  output.dim = 0;
  isWanted(j) = tensor != nullptr;
  if (!tensor)
    return NNF_OK;
  if (int32_t status = dataOf(*tensor) ? expectHostMemory(*tensor, "output", info, message) : int32_t(NNF_OK))
    return status;
  if (int32_t status = joinAlong(info, ranks.dim, output.rank, output.dim, message))
    return status;
  const uint8_t *data = dataOf(*tensor);
  output.filledBefore = data && data == output.own.data;
  output.isNewOfInput = data && info.tied >= 0 && data == dataOf(*ranks.inputs[info.tied].tensor);
  if (!data || output.filledBefore)
    return NNF_OK;
  if (info.flags & NNF_TENSOR_DATA_DEPENDENT)
    return message.fail(NNF_ERROR_ARGUMENT,
                        "output '%s': data is given, expected NULL: only the run knows its sizes [NNFC-E0608]",
                        info.name);
  output.given = const_cast<uint8_t *>(data);
  return NNF_OK;
}

/// On rank 0.
int32_t RankedCall::plan(DLTensor *const in[], uint32_t numIn, const nnf_named_tensor *kwargs, uint32_t numKwargs,
                         DLTensor *const out[], uint32_t numOut) const {
  if (int32_t status = takeInputs(model, in, numIn, kwargs, numKwargs, ranks.inputs, message))
    return status;
  int64_t fewest = link.size();
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    if (int32_t status = planInput(i))
      return status;
    if (const Scattered &input = ranks.inputs[i]; !input.whole && input.chunks.count < fewest)
      fewest = input.chunks.count;
  }
  if (numOut != model.num_outputs)
    return message.fail(NNF_ERROR_ARGUMENT, "%u outputs given, expected %u [NNFC-E0601]", numOut, model.num_outputs);
  if (numOut && !out)
    return message.fail(NNF_ERROR_ARGUMENT, "the array of outputs is NULL, expected %u tensors [NNFC-E0611]", numOut);
  for (uint32_t j = 0; j < numOut; ++j)
    if (int32_t status = planOutput(j, out[j]))
      return status;
  ranks.plan[usedAt] = model.num_inputs ? fewest : 1;
  ranks.plan[hasSeedAt] = options.seed != nullptr;
  ranks.plan[seedAt] = options.seed ? int64_t(*options.seed) : 0;
  ranks.plan[runAt] = int64_t(ranks.run);
  return NNF_OK;
}

/// Sizes of a rank's part of an input, on rank 0; returns its bytes.
uint64_t RankedCall::partDims(uint32_t i, int32_t rank, int64_t *dims) const {
  const Scattered &input = ranks.inputs[i];
  for (uint32_t d = 0; d < model.inputs[i].rank; ++d)
    dims[d] = input.tensor->shape[d];
  if (!input.whole)
    dims[input.dim] = input.chunks.lengthOf(rank);
  uint64_t bytes = 0;
  tensorBytes(dims, model.inputs[i].rank, elementBytes(model.inputs[i]), bytes);
  return bytes;
}

/// Each rank gets the sizes of its parts.
int32_t RankedCall::shareDims() const {
  uint64_t bytes = ranks.totalInRank() * sizeof(int64_t);
  if (!isRoot())
    return link.receive(0, ranks.dims, bytes);
  for (int32_t r = used(); r-- > 0;) { // its own last, which stay
    int64_t *dims = ranks.dims;
    for (uint32_t i = 0; i < model.num_inputs; ++i) {
      partDims(i, r, dims);
      dims += model.inputs[i].rank;
    }
    if (r > 0 && link.send(r, ranks.dims, bytes))
      return NNF_ERROR_INTERNAL;
  }
  return NNF_OK;
}

/// This rank's tensors. Of rank 0 a part that is one stretch of memory stays where it is; what a run changes is copied.
int32_t RankedCall::placeInputs() const {
  int64_t *dims = ranks.dims;
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    const nnf_tensor_info &info = model.inputs[i];
    DLTensor &part = ranks.tensors[i];
    ranks.pointers[i] = &part;
    part = {};
    part.device = {kDLCPU, 0};
    part.ndim = int(info.rank);
    part.dtype = nnf_dtype_dlpack(info.dtype);
    part.shape = dims;
    uint64_t bytes;
    if (!tensorBytes(dims, info.rank, elementBytes(info), bytes))
      return message.fail(NNF_ERROR_MEMORY, "input '%s': larger than any memory [NNFC-E0609]", info.name);
    const Scattered &input = ranks.inputs[i];
    bool isStretch = isRoot() && !isInOut(i) && (input.whole || input.dim == 0);
    if (isStretch) { // the first
      part.data = dataOf(*input.tensor);
      part.dtype = input.tensor->dtype;
    } else if (ranks.copies[i].reserve(ranks.allocator, bytes)) {
      part.data = ranks.copies[i].data;
    } else {
      return noMemory("input", info, bytes);
    }
    dims += info.rank;
  }
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    DLTensor &part = ranks.tensors[model.num_inputs + j];
    part = {};
    part.device = {kDLCPU, 0};
    ranks.pointers[model.num_inputs + j] = isWanted(j) ? &part : nullptr;
  }
  // Other ranks' parts that are no stretches go through memory of rank 0's: all at once there, one by one back.
  uint64_t most = 0, there = 0;
  for (uint32_t i = 0; isRoot() && i < model.num_inputs; ++i) {
    const Scattered &input = ranks.inputs[i];
    if (!input.whole && input.dim > 0)
      there += input.bytes;
    if (isInOut(i) && input.bytes > most)
      most = input.bytes;
  }
  most = there > most ? there : most;
  if (most && !ranks.staging.reserve(ranks.allocator, most))
    return message.fail(NNF_ERROR_MEMORY, "no memory for %llu bytes of parts [NNFC-E0609]", (unsigned long long)most);
  return NNF_OK;
}

/// On rank 0: a rank's parts; its own where they are copies. Those that are no stretches of memory are put at `staged`,
/// where they stay until the sends are finished.
int32_t RankedCall::scatterTo(int32_t rank, uint8_t *&staged) const {
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    const Scattered &input = ranks.inputs[i];
    const nnf_tensor_info &info = model.inputs[i];
    const uint8_t *whole = dataOf(*input.tensor);
    uint64_t bytes = input.bytes, offset = 0;
    uint8_t *copy = rank == 0 ? ranks.copies[i].data : staged;
    bool isOwnInPlace = rank == 0 && ranks.tensors[i].data != ranks.copies[i].data;
    if (isOwnInPlace || bytes == 0)
      continue;
    const uint8_t *part = whole;
    if (!input.whole) {
      Rows rows(input.tensor->shape, info.rank, input.dim, elementBytes(info));
      int64_t length = input.chunks.lengthOf(rank);
      bytes = rows.outer * uint64_t(length) * rows.innerBytes;
      offset = uint64_t(input.chunks.first(rank)) * rows.innerBytes;
      part = whole + offset;
      if (input.dim > 0) {
        rows.take(whole, input.chunks.size, input.chunks.first(rank), length, copy);
        part = copy;
      }
    }
    if (rank == 0 && part != copy)
      memcpy(copy, part, bytes);
    if (rank > 0 && part == staged)
      staged += bytes;
    if (rank > 0 && link.beginSend(rank, part, bytes))
      return NNF_ERROR_INTERNAL;
  }
  return NNF_OK;
}

int32_t RankedCall::scatter() const {
  if (isRoot()) {
    uint8_t *staged = ranks.staging.data;
    int32_t status = NNF_OK;
    for (int32_t r = 1; r < used() && !status; ++r)
      status = scatterTo(r, staged);
    if (!status) // its own while the others' are on their way
      status = scatterTo(0, staged);
    int32_t finished = link.finishSends();
    return status ? status : finished;
  }
  const int64_t *dims = ranks.dims;
  for (uint32_t i = 0; i < model.num_inputs && hasPart(); ++i) {
    uint64_t bytes = 0;
    tensorBytes(dims, model.inputs[i].rank, elementBytes(model.inputs[i]), bytes);
    if (int32_t status = link.receive(0, ranks.copies[i].data, bytes))
      return status;
    dims += model.inputs[i].rank;
  }
  return NNF_OK;
}

int32_t RankedCall::apply() const {
  ranks.context->run = uint64_t(ranks.plan[runAt]);
  ranks.run = uint64_t(ranks.plan[runAt]) + 1;
  if (!hasPart())
    return NNF_OK;
  // As replicas do: rank 0 draws what a run alone does, the others other numbers.
  uint64_t base = ranks.plan[hasSeedAt] ? uint64_t(ranks.plan[seedAt]) : ranks.seed;
  uint64_t seed = base + uint64_t(link.link.rank) * 0x9E3779B97F4A7C15u;
  nnf_run_options own = options;
  own.seed = &seed;
  int32_t status = nnf_run(ranks.context, ranks.pointers, model.num_inputs, ranks.pointers + model.num_inputs,
                           model.num_outputs, &own);
  return status ? relay(status) : int32_t(NNF_OK);
}

/// What the parts' sizes add up to; all but the one along dim must agree.
int32_t RankedCall::joinedSizes(uint32_t j) const {
  Joined &output = ranks.outputs[j];
  const nnf_tensor_info &info = model.outputs[j];
  const int64_t *first = ranks.outDims;
  for (uint32_t k = 0; k < j; ++k)
    first += model.outputs[k].rank;
  int64_t total = 0;
  for (int32_t r = 0; r < used(); ++r) {
    const int64_t *dims = first + uint64_t(uint32_t(r)) * ranks.totalOutRank();
    for (uint32_t d = 0; d < info.rank; ++d) {
      if (r == 0)
        output.dims[d] = dims[d];
      else if (d != output.dim && dims[d] != output.dims[d])
        return message.fail(NNF_ERROR_ARGUMENT,
                            "output '%s': rank %d has size %lld in dimension %u, expected %lld as rank 0 [NNFC-E0808]",
                            info.name, r, (long long)dims[d], d, (long long)output.dims[d]);
    }
    if (__builtin_add_overflow(total, info.rank ? dims[output.dim] : 1, &total))
      return message.fail(NNF_ERROR_ARGUMENT, "output '%s': its parts' sizes do not add up to 64 bits [NNFC-E0808]",
                          info.name);
  }
  output.dims[output.dim] = total;
  if (!tensorBytes(output.dims, output.rank, elementBytes(info), output.bytes))
    return message.fail(NNF_ERROR_ARGUMENT, "output '%s': joined it is larger than any memory [NNFC-E0609]", info.name);
  if (output.given) {
    if (int32_t status = checkOutputForm(*ranks.context, j, output.rank, output.dims, *output.tensor))
      return relay(status);
    return checkOverlaps(j);
  }
  return output.own.reserve(ranks.allocator, output.bytes) ? int32_t(NNF_OK) : noMemory("output", info, output.bytes);
}

/// Nothing that is still read, or written by another one, may be written.
int32_t RankedCall::checkOverlaps(uint32_t j) const {
  const Joined &output = ranks.outputs[j];
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    bool isTied = output.isNewOfInput && int32_t(i) == model.outputs[j].tied;
    if (!isTied && overlap(output.given, output.bytes, dataOf(*ranks.inputs[i].tensor), ranks.inputs[i].bytes))
      return message.fail(NNF_ERROR_ARGUMENT, "output '%s' overlaps input '%s' in memory [NNFC-E0607]",
                          model.outputs[j].name, model.inputs[i].name);
  }
  for (uint32_t k = 0; k < j; ++k)
    if (ranks.outputs[k].tensor && overlap(output.given, output.bytes, ranks.outputs[k].given, ranks.outputs[k].bytes))
      return message.fail(NNF_ERROR_ARGUMENT, "output '%s' overlaps output '%s' in memory [NNFC-E0607]",
                          model.outputs[j].name, model.outputs[k].name);
  return NNF_OK;
}

/// On rank 0: room for the results, and for parts on their way.
int32_t RankedCall::joinAll() const {
  uint64_t most = 0;
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    if (!isWanted(j))
      continue;
    if (int32_t status = joinedSizes(j))
      return status;
    if (ranks.outputs[j].dim > 0 && ranks.outputs[j].bytes > most)
      most = ranks.outputs[j].bytes;
  }
  if (most && !ranks.staging.grow(ranks.allocator, 0, most))
    return message.fail(NNF_ERROR_MEMORY, "no memory for %llu bytes of parts [NNFC-E0609]", (unsigned long long)most);
  return NNF_OK;
}

int32_t RankedCall::gatherOutput(uint32_t j) const {
  const nnf_tensor_info &info = model.outputs[j];
  const DLTensor &own = ranks.tensors[model.num_inputs + j];
  if (!isRoot()) {
    uint64_t bytes = 0;
    tensorBytes(own.shape, info.rank, elementBytes(info), bytes);
    return link.send(0, dataOf(own), bytes);
  }
  const Joined &output = ranks.outputs[j];
  uint8_t *to = output.given ? output.given : output.own.data;
  const int64_t *first = ranks.outDims;
  for (uint32_t k = 0; k < j; ++k)
    first += model.outputs[k].rank;
  Rows rows(output.dims, output.rank, output.dim, elementBytes(info));
  int64_t total = output.dims[output.dim], at = 0;
  for (int32_t r = 0; r < used(); ++r) {
    const int64_t *dims = first + uint64_t(uint32_t(r)) * ranks.totalOutRank();
    int64_t length = info.rank ? dims[output.dim] : 1;
    uint64_t bytes = 0;
    tensorBytes(dims, info.rank, elementBytes(info), bytes);
    const uint8_t *part = dataOf(own);
    if (r > 0 && bytes) {
      // Parts along the first dimension are stretches of the whole.
      uint8_t *place = output.dim == 0 ? to + uint64_t(at) * rows.innerBytes : ranks.staging.data;
      if (int32_t status = link.receive(r, place, bytes))
        return status;
      part = place == ranks.staging.data ? place : nullptr;
    }
    if (bytes && part)
      rows.put(to, total, at, length, part);
    at += length;
  }
  return NNF_OK;
}

/// An in-out input changes part by part; one that all have whole, as rank 0 says.
int32_t RankedCall::gatherInOut(uint32_t i) const {
  const nnf_tensor_info &info = model.inputs[i];
  uint64_t bytes = 0;
  if (!isRoot()) {
    tensorBytes(ranks.tensors[i].shape, info.rank, elementBytes(info), bytes);
    return isWhole(i) ? int32_t(NNF_OK) : link.send(0, ranks.copies[i].data, bytes);
  }
  const Scattered &input = ranks.inputs[i];
  uint8_t *to = dataOf(*input.tensor);
  if (input.bytes == 0)
    return NNF_OK;
  if (input.whole) {
    memcpy(to, ranks.copies[i].data, input.bytes);
    return NNF_OK;
  }
  Rows rows(input.tensor->shape, info.rank, input.dim, elementBytes(info));
  for (int32_t r = 0; r < used(); ++r) {
    int64_t length = input.chunks.lengthOf(r);
    const uint8_t *part = ranks.copies[i].data;
    if (r > 0) {
      if (int32_t status = link.receive(r, ranks.staging.data, rows.outer * uint64_t(length) * rows.innerBytes))
        return status;
      part = ranks.staging.data;
    }
    rows.put(to, input.chunks.size, input.chunks.first(r), length, part);
  }
  return NNF_OK;
}

int32_t RankedCall::gather() const {
  for (uint32_t j = 0; j < model.num_outputs; ++j)
    if (isWanted(j) && hasPart())
      if (int32_t status = gatherOutput(j))
        return status;
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    if (isInOut(i) && hasPart())
      if (int32_t status = gatherInOut(i))
        return status;
  return NNF_OK;
}

/// What follows rank 0's plan.
int32_t RankedCall::run() const {
  uint64_t planBytes = (uint64_t(firstFlagAt) + model.num_inputs + model.num_outputs) * sizeof(int64_t);
  if (int32_t status = link.broadcast(ranks.plan, planBytes))
    return status;
  if (hasPart())
    if (int32_t status = shareDims())
      return status;
  if (int32_t status = link.agree(hasPart() ? placeInputs() : int32_t(NNF_OK)))
    return status;
  if (int32_t status = scatter())
    return status;
  if (int32_t status = link.agree(apply()))
    return status;
  // Sizes of the results first.
  int64_t *dims = ranks.outDims;
  for (uint32_t j = 0; j < model.num_outputs && hasPart(); ++j)
    for (uint32_t d = 0; d < model.outputs[j].rank; ++d)
      *dims++ = isWanted(j) ? ranks.tensors[model.num_inputs + j].shape[d] : 0;
  uint64_t bytes = ranks.totalOutRank() * sizeof(int64_t);
  if (!isRoot() && hasPart() && link.send(0, ranks.outDims, bytes))
    return NNF_ERROR_INTERNAL;
  for (int32_t r = 1; isRoot() && r < used(); ++r)
    if (int32_t status = link.receive(r, ranks.outDims + uint64_t(uint32_t(r)) * ranks.totalOutRank(), bytes))
      return status;
  if (int32_t status = link.agree(isRoot() ? joinAll() : int32_t(NNF_OK)))
    return status;
  return gather();
}

void deliver(nnf_ranks &ranks) {
  for (uint32_t j = 0; j < ranks.model().num_outputs; ++j) {
    const Joined &output = ranks.outputs[j];
    if (!output.tensor || output.given)
      continue;
    *output.tensor = {};
    output.tensor->data = output.own.data;
    output.tensor->device = {kDLCPU, 0};
    output.tensor->ndim = int(output.rank);
    output.tensor->dtype = nnf_dtype_dlpack(ranks.model().outputs[j].dtype);
    output.tensor->shape = output.dims;
  }
}

/// Of one rank: what nnf_run does, with inputs by name.
int32_t runAlone(const RankedCall &call, DLTensor *const in[], uint32_t numIn, const nnf_named_tensor *kwargs,
                 uint32_t numKwargs, DLTensor *const out[], uint32_t numOut) {
  if (int32_t status = takeInputs(call.model, in, numIn, kwargs, numKwargs, call.ranks.inputs, call.message))
    return status;
  nnf_ranks &ranks = call.ranks;
  for (uint32_t i = 0; i < call.model.num_inputs; ++i)
    ranks.pointers[i] = const_cast<DLTensor *>(ranks.inputs[i].tensor);
  uint64_t seed = call.options.seed ? *call.options.seed : ranks.seed;
  nnf_run_options own = call.options;
  own.seed = &seed;
  int32_t status = nnf_run(ranks.context, ranks.pointers, call.model.num_inputs, out, numOut, &own);
  return status ? call.relay(status) : int32_t(NNF_OK);
}

int32_t runOver(RankedCall &call, DLTensor *const in[], uint32_t numIn, const nnf_named_tensor *kwargs,
                uint32_t numKwargs, DLTensor *const out[], uint32_t numOut) {
  nnf_ranks &ranks = call.ranks;
  int32_t own = NNF_OK;
  if (call.options.profiler || call.options.stream)
    own = call.message.fail(NNF_ERROR_ARGUMENT, "run options: a %s is of one run, found one for %d ranks [NNFC-E0808]",
                            call.options.profiler ? "profiler" : "stream", ranks.link.size());
  else if (ranks.link.isRoot())
    own = call.plan(in, numIn, kwargs, numKwargs, out, numOut);
  int32_t status = ranks.link.agree(own);
  if (!status)
    status = call.run();
  if (!ranks.link.isRoot())
    return status;
  for (uint32_t j = 0; status && j < ranks.model().num_outputs; ++j)
    if (Joined &output = ranks.outputs[j]; output.filledBefore) { // the memory behind it may be gone
      output.tensor->data = nullptr;
      output.filledBefore = false;
    }
  if (!status)
    deliver(ranks);
  return status;
}

} // namespace
} // namespace nnf::rt

using namespace nnf::rt;

int32_t nnf_ranks_run(nnf_ranks *ranks, DLTensor *const in[], uint32_t n_in, const nnf_named_tensor *module_kwargs,
                      uint32_t n_kwargs, DLTensor *const out[], uint32_t n_out, const nnf_run_options *given) {
  Message &message = threadMessage();
  if (!ranks)
    return message.fail(NNF_ERROR_ARGUMENT, "nnf_ranks_run: ranks is NULL [NNFC-E0611]");
  if (ranks->inUse.exchange(true, std::memory_order_acquire))
    return message.fail(NNF_ERROR_ARGUMENT, "nnf_ranks_run: the ranks are in use by another thread [NNFC-E0612]");
  RankedCall call{*ranks, {}};
  int32_t status;
  if (ranks->link.isBroken) {
    status = NNF_ERROR_INTERNAL;
  } else {
    // The others wait for this rank, whatever it has to say.
    status = readRunOptions(given, call.options, ranks->link.message);
    if (ranks->link.size() == 1)
      status = status ? status : runAlone(call, in, n_in, module_kwargs, n_kwargs, out, n_out);
    else if (status)
      status = ranks->link.agree(status);
    else
      status = runOver(call, in, n_in, module_kwargs, n_kwargs, out, n_out);
  }
  if (status)
    message = ranks->link.message;
  ranks->inUse.store(false, std::memory_order_release);
  return status;
}
