// Ranks: joining the others, and messages.
#include "Ranks.h"
#include <new>

namespace nnf::rt {

int32_t RanksLink::broken(const char *what, int32_t other, int32_t status) {
  isBroken = true;
  return message.fail(NNF_ERROR_INTERNAL, "rank %d on %s: a message %s rank %d failed with status %d [NNFC-E0809]",
                      link.rank, host, what, other, status);
}

int32_t RanksLink::send(int32_t to, const void *data, uint64_t bytes) {
  if (isBroken)
    return NNF_ERROR_INTERNAL;
  int32_t status = bytes ? link.send(link.user, to, data, bytes) : 0;
  return status ? broken("to", to, status) : int32_t(NNF_OK);
}

int32_t RanksLink::receive(int32_t from, void *data, uint64_t bytes) {
  if (isBroken)
    return NNF_ERROR_INTERNAL;
  int32_t status = bytes ? link.receive(link.user, from, data, bytes) : 0;
  return status ? broken("from", from, status) : int32_t(NNF_OK);
}

int32_t RanksLink::beginSend(int32_t to, const void *data, uint64_t bytes) {
  if (!link.begin_send)
    return send(to, data, bytes);
  if (isBroken)
    return NNF_ERROR_INTERNAL;
  hasBegun = true;
  int32_t status = bytes ? link.begin_send(link.user, to, data, bytes) : 0;
  return status ? broken("to", to, status) : int32_t(NNF_OK);
}

int32_t RanksLink::finishSends() {
  int32_t status = hasBegun ? link.finish_sends(link.user) : 0;
  hasBegun = false;
  if (status && !isBroken) {
    isBroken = true;
    message.fail(NNF_ERROR_INTERNAL, "rank %d on %s: messages to other ranks failed with status %d [NNFC-E0809]",
                 link.rank, host, status);
  }
  return isBroken ? NNF_ERROR_INTERNAL : NNF_OK;
}

int32_t RanksLink::broadcast(void *data, uint64_t bytes) {
  if (!isRoot())
    return receive(0, data, bytes);
  for (int32_t r = 1; r < size() && !isBroken; ++r)
    beginSend(r, data, bytes);
  return finishSends();
}

int32_t RanksLink::agree(int32_t own) {
  if (isBroken)
    return NNF_ERROR_INTERNAL;
  struct Report {
    int32_t status = NNF_OK;
    Message message;
  } report;
  if (own) {
    report.status = own;
    if (size() > 1)
      report.message.fail(own, "rank %d on %s: %s", link.rank, host, message.text);
    else
      report.message = message;
  }
  if (!isRoot())
    send(0, &report, sizeof report);
  for (int32_t r = 1; isRoot() && r < size() && !isBroken; ++r) {
    Report other;
    if (!receive(r, &other, sizeof other) && other.status && !report.status)
      report = other;
  }
  if (!isBroken)
    broadcast(&report, sizeof report);
  if (isBroken)
    return NNF_ERROR_INTERNAL;
  if (report.status) {
    report.message.text[sizeof report.message.text - 1] = 0;
    message = report.message;
  }
  return report.status;
}

namespace {

int32_t readOptions(const nnf_ranks_options *given, nnf_ranks_options &options, Message &message) {
  if (int32_t status = takeOptions(given, offsetof(nnf_ranks_options, seed), "ranks", options, message))
    return status;
  if (options.allocator && (!options.allocator->allocate || !options.allocator->release))
    return message.fail(NNF_ERROR_ARGUMENT, "ranks options: the allocator has no allocate or no release [NNFC-E0610]");
  return NNF_OK;
}

void carveTables(nnf_ranks &ranks, Carver &carver) {
  const nnf_model &model = ranks.model();
  bool isRoot = ranks.link.isRoot();
  ranks.isWhole = carver.take<uint8_t>(model.num_inputs);
  ranks.inputs = carver.take<Scattered>(model.num_inputs);
  ranks.outputs = carver.take<Joined>(model.num_outputs);
  ranks.copies = carver.take<Buffer>(model.num_inputs);
  ranks.tensors = carver.take<DLTensor>(uint64_t(model.num_inputs) + model.num_outputs);
  ranks.pointers = carver.take<DLTensor *>(uint64_t(model.num_inputs) + model.num_outputs);
  ranks.dims = carver.take<int64_t>(ranks.totalInRank());
  ranks.outDims = carver.take<int64_t>(uint64_t(ranks.totalOutRank()) * uint32_t(isRoot ? ranks.link.size() : 1));
  ranks.plan = carver.take<int64_t>(uint64_t(4) + model.num_inputs + model.num_outputs);
  int64_t *dims = carver.take<int64_t>(uint64_t(ranks.totalOutRank()) + model.num_outputs);
  if (!dims)
    return;
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    new (&ranks.inputs[i]) Scattered;
    new (&ranks.copies[i]) Buffer;
  }
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    new (&ranks.outputs[j]) Joined;
    ranks.outputs[j].dims = dims;
    dims += model.outputs[j].rank + 1;
  }
}

/// What this rank needs; the message is the link's.
int32_t create(nnf_ranks &ranks, nnf_program *program, const nnf_ranks_options *given) {
  Message &message = ranks.link.message;
  if (!program)
    return message.fail(NNF_ERROR_ARGUMENT, "nnf_ranks_create: program is NULL [NNFC-E0611]");
  nnf_ranks_options options;
  if (int32_t status = readOptions(given, options, message))
    return status;
  if (options.allocator)
    ranks.allocator.own = *options.allocator;
  ranks.dim = options.dim;
  ranks.seed = options.seed;
  nnf_context_options own = {};
  own.struct_size = sizeof own;
  own.threads = options.threads;
  own.allocator = options.allocator;
  if (options.device) {
    own.device_type = options.device->device_type;
    own.device_id = options.device->device_id;
  }
  if (int32_t status = createContext(program, &own, ThreadPool::process(), &ranks.context, message))
    return status;
  if (!carveInto(ranks.tables, ranks.allocator, [&](Carver &carver) { carveTables(ranks, carver); }))
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  if (options.replicated)
    memcpy(ranks.isWhole, options.replicated, ranks.model().num_inputs);
  return NNF_OK;
}

/// All ranks must have loaded the same model.
int32_t compareModels(nnf_ranks &ranks) {
  const nnf_model &model = ranks.model();
  uint64_t root = model.content_hash;
  if (int32_t status = ranks.link.broadcast(&root, sizeof root))
    return status;
  int32_t own =
      root == model.content_hash
          ? int32_t(NNF_OK)
          : ranks.link.message.fail(NNF_ERROR_MODEL,
                                    "model '%s' is another one than rank 0's: its hash is %016llx, expected "
                                    "%016llx [NNFC-E0809]",
                                    model.name, (unsigned long long)model.content_hash, (unsigned long long)root);
  return ranks.link.agree(own);
}

} // namespace
} // namespace nnf::rt

using namespace nnf::rt;

int32_t nnf_ranks_create(const nnf_communicator *communicator, nnf_program *program, const nnf_ranks_options *options,
                         nnf_ranks **result) {
  Message &message = threadMessage();
  if (!communicator || !result)
    return message.fail(NNF_ERROR_ARGUMENT, "nnf_ranks_create: communicator or ranks is NULL [NNFC-E0611]");
  *result = nullptr;
  nnf_communicator link;
  size_t least = offsetof(nnf_communicator, receive) + sizeof communicator->receive;
  if (int32_t status = takeOptions(communicator, least, "communicator", link, message))
    return status;
  if (!link.send || !link.receive)
    return message.fail(NNF_ERROR_ARGUMENT, "communicator: it has no send or no receive [NNFC-E0610]");
  if (!link.begin_send != !link.finish_sends)
    return message.fail(NNF_ERROR_ARGUMENT, "communicator: it has no %s, expected both or neither [NNFC-E0610]",
                        link.begin_send ? "finish_sends beside begin_send" : "begin_send beside finish_sends");
  if (link.size < 1 || link.rank < 0 || link.rank >= link.size)
    return message.fail(NNF_ERROR_ARGUMENT,
                        "communicator: rank %d of %d, expected 0 to one less than there are [NNFC-E0610]", link.rank,
                        link.size);
  void *memory = malloc(sizeof(nnf_ranks));
  if (!memory)
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  auto *ranks = new (memory) nnf_ranks;
  snprintf(ranks->link.host, sizeof ranks->link.host, "%s", link.host ? link.host : "its host");
  ranks->link.link = link;
  int32_t status = ranks->link.agree(create(*ranks, program, options));
  if (!status)
    status = compareModels(*ranks);
  if (status) {
    message = ranks->link.message;
    nnf_ranks_destroy(ranks);
    return status;
  }
  *result = ranks;
  return NNF_OK;
}

void nnf_ranks_destroy(nnf_ranks *ranks) {
  if (!ranks)
    return;
  if (ranks->tables.data) {
    for (uint32_t i = 0; i < ranks->model().num_inputs; ++i)
      ranks->copies[i].release(ranks->allocator);
    for (uint32_t j = 0; j < ranks->model().num_outputs; ++j)
      ranks->outputs[j].own.release(ranks->allocator);
  }
  ranks->staging.release(ranks->allocator);
  ranks->tables.release(ranks->allocator);
  nnf_context_destroy(ranks->context);
  ranks->~nnf_ranks();
  free(ranks);
}

uint32_t nnf_ranks_threads(const nnf_ranks *ranks) { return ranks ? nnf_context_threads(ranks->context) : 0; }

uint64_t nnf_ranks_bytes(const nnf_ranks *ranks) {
  if (!ranks)
    return 0;
  uint64_t bytes = nnf_context_bytes(ranks->context) + ranks->staging.capacity;
  for (uint32_t i = 0; i < ranks->model().num_inputs; ++i)
    bytes += ranks->copies[i].capacity;
  for (uint32_t j = 0; j < ranks->model().num_outputs; ++j)
    bytes += ranks->outputs[j].own.capacity;
  return bytes;
}
