// Replicas: creation, their threads, and their end.
#include "Replicas.h"
#include "cuda/Device.h"
#include <cstddef>
#include <new>
#include <signal.h>
#include <unistd.h>

namespace nnf::rt {
namespace {

constexpr uint32_t maxReplicas = 1024;

int32_t readOptions(const nnf_replicas_options *given, nnf_replicas_options &options, Message &message) {
  if (int32_t status = takeOptions(given, offsetof(nnf_replicas_options, core_sets), "replicas", options, message))
    return status;
  if (options.num_devices > maxReplicas)
    return message.fail(NNF_ERROR_ARGUMENT, "replicas options: %u devices, expected %u at most [NNFC-E0807]",
                        options.num_devices, maxReplicas);
  if (options.num_devices && !options.device_ids)
    return message.fail(NNF_ERROR_ARGUMENT, "replicas options: device_ids is NULL, expected %u devices [NNFC-E0611]",
                        options.num_devices);
  if (options.allocator && (!options.allocator->allocate || !options.allocator->release))
    return message.fail(NNF_ERROR_ARGUMENT,
                        "replicas options: the allocator has no allocate or no release [NNFC-E0610]");
  return NNF_OK;
}

const char *kindOf(DLDevice device) { return device.device_type == kDLCUDA ? "cuda" : "cpu"; }

/// A device that replicas can be on.
int32_t checkDevice(DLDevice device, const char *what, Message &message) {
  if (device.device_type != kDLCPU && device.device_type != kDLCUDA)
    return message.fail(NNF_ERROR_ARGUMENT, "%s of type %d, expected the CPU (%d) or CUDA (%d) [NNFC-E0807]", what,
                        int(device.device_type), int(kDLCPU), int(kDLCUDA));
  if (device.device_id < 0 || uint32_t(device.device_id) >= maxReplicas)
    return message.fail(NNF_ERROR_ARGUMENT, "%s %s:%d, expected %s:0 to %s:%u [NNFC-E0807]", what, kindOf(device),
                        device.device_id, kindOf(device), kindOf(device), maxReplicas - 1);
  return NNF_OK;
}

/// A device whose memory the result can be in.
int32_t checkOutputDevice(DLDevice device, Message &message) {
  if (device.device_type == kDLCUDA)
    return message.fail(NNF_ERROR_UNSUPPORTED,
                        "output device cuda:%d: results come together on the CPU, expected cpu:K [NNFC-E0807]",
                        device.device_id);
  return checkDevice(device, "output device", message);
}

/// The core set of device `r`; -1: it is a GPU.
int64_t coreSetOf(const nnf_replicas_options &options, uint32_t r) {
  return options.device_ids[r].device_type == kDLCPU ? options.device_ids[r].device_id : -1;
}

int32_t checkDevices(const nnf_replicas_options &options, Message &message) {
  for (uint32_t r = 0; r < options.num_devices; ++r) {
    if (int32_t status = checkDevice(options.device_ids[r], "device", message))
      return status;
    if (options.core_sets && coreSetOf(options, r) >= options.core_sets)
      return message.fail(NNF_ERROR_ARGUMENT,
                          "device cpu:%d, expected cpu:0 to cpu:%u: there are %u core sets [NNFC-E0807]",
                          options.device_ids[r].device_id, options.core_sets - 1, options.core_sets);
  }
  return options.output_device ? checkOutputDevice(*options.output_device, message) : NNF_OK;
}

/// Devices for a model where none are named: core sets, or GPUs.
int32_t countDevices(const nnf_model &model, uint32_t sets, uint32_t &count, Message &message) {
  int gpus = 0;
  bool isForGpu = cuda::codeOf(model) != nullptr;
  if (int32_t status = isForGpu ? cuda::countDevices(gpus, message) : int32_t(NNF_OK))
    return status;
  count = isForGpu ? uint32_t(gpus) : sets;
  count = count < maxReplicas ? count : maxReplicas;
  return NNF_OK;
}

void *leaderMain(void *replicaPointer) {
  Replica &replica = *static_cast<Replica *>(replicaPointer);
  nnf_replicas &replicas = *replica.owner;
  pthread_setname_np(pthread_self(), "nnf-replica");
  pthread_mutex_lock(&replicas.mutex);
  for (;;) {
    while (!replicas.stopping && replicas.job == replica.jobsDone)
      pthread_cond_wait(&replicas.started, &replicas.mutex);
    if (replicas.stopping)
      break;
    replica.jobsDone = replicas.job;
    if (replica.index >= replicas.used)
      continue;
    pthread_mutex_unlock(&replicas.mutex);
    runReplica(replicas, replica);
    pthread_mutex_lock(&replicas.mutex);
    if (--replicas.running == 0)
      pthread_cond_signal(&replicas.finished);
  }
  pthread_mutex_unlock(&replicas.mutex);
  return nullptr;
}

int32_t startLeader(Replica &replica, Message &message) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error == 0) {
    pthread_attr_setaffinity_np(&attributes, sizeof replica.cpus.bytes, replica.cpus.set());
    // Signals are the application's business, as with a pool's workers.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&replica.leader, &attributes, &leaderMain, &replica);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
  }
  if (error)
    return message.fail(NNF_ERROR_MEMORY, "replica %u on %s: no thread can be started: %s [NNFC-E0609]", replica.index,
                        replica.device, strerror(error));
  replica.hasLeader = true;
  return NNF_OK;
}

bool createTables(nnf_replicas &owner, Replica &replica) {
  const nnf_model &model = owner.model();
  uint32_t tensors = model.num_inputs + model.num_outputs, dims = 0;
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    dims += model.inputs[i].rank;
  for (uint32_t j = 0; j < model.num_outputs; ++j)
    dims += model.outputs[j].rank;
  auto carve = [&](Carver &carver) {
    replica.tensors = carver.take<DLTensor>(tensors);
    replica.pointers = carver.take<DLTensor *>(tensors);
    replica.dims = carver.take<int64_t>(dims);
    replica.first = carver.take<int64_t>(model.num_outputs);
    replica.length = carver.take<int64_t>(model.num_outputs);
    replica.copies = carver.take<Buffer>(model.num_inputs);
  };
  if (!carveInto(replica.tables, owner.allocator, carve))
    return false;
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    new (&replica.copies[i]) Buffer;
  return true;
}

bool createTables(nnf_replicas &owner) {
  const nnf_model &model = owner.model();
  int64_t *dims = nullptr;
  auto carve = [&](Carver &carver) {
    owner.replicas = carver.take<Replica>(owner.count);
    owner.inputs = carver.take<Scattered>(model.num_inputs);
    owner.outputs = carver.take<Gathered>(model.num_outputs);
    owner.isWhole = carver.take<uint8_t>(model.num_inputs);
    dims = carver.take<int64_t>(owner.program->totalRank + model.num_outputs);
  };
  if (!carveInto(owner.tables, owner.allocator, carve))
    return false;
  for (uint32_t r = 0; r < owner.count; ++r)
    new (&owner.replicas[r]) Replica;
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    new (&owner.inputs[i]) Scattered;
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    new (&owner.outputs[j]) Gathered;
    owner.outputs[j].dims = dims;
    dims += model.outputs[j].rank + 1;
  }
  return true;
}

/// Threads of a replica: its core set's share of what the process may use, and no more than the caller wants.
uint32_t lanesOf(const Replica &replica, const nnf_replicas_options &options, uint32_t cpus) {
  uint32_t ofSet = replica.cpus.count();
  uint32_t share = uint32_t(uint64_t(allowedCpus()) * ofSet / cpus);
  uint32_t lanes = share ? share : 1;
  return options.threads && options.threads < lanes ? options.threads : lanes;
}

int32_t createReplica(nnf_replicas &owner, Replica &replica, const nnf_replicas_options &options, DLDevice device,
                      uint32_t cpus, Message &message) {
  void *memory = owner.allocator.allocate(sizeof(ThreadPool));
  if (!memory || !createTables(owner, replica)) {
    owner.allocator.release(memory, sizeof(ThreadPool));
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  }
  replica.pool = new (memory) ThreadPool(replica.cpus);
  nnf_context_options ofContext = {sizeof ofContext, lanesOf(replica, options, cpus),
                                   nullptr,          owner.allocator.own.allocate ? &owner.allocator.own : nullptr,
                                   owner.seed,       int32_t(device.device_type),
                                   device.device_id};
  Message why;
  if (int32_t status = createContext(owner.program, &ofContext, *replica.pool, &replica.context, why))
    return message.fail(status, "replica %u on %s: %s", replica.index, replica.device, why.text);
  return startLeader(replica, message);
}

int32_t createReplicas(nnf_replicas &owner, const nnf_replicas_options &options, const CpuList &cpus, uint32_t sets,
                       Message &message) {
  if (!createTables(owner))
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  const nnf_model &model = owner.model();
  for (uint32_t i = 0; i < model.num_inputs && options.replicated; ++i)
    owner.isWhole[i] = options.replicated[i];
  for (uint32_t r = 0; r < owner.count; ++r) {
    Replica &replica = owner.replicas[r];
    DLDevice device = {cuda::codeOf(model) ? kDLCUDA : kDLCPU, int32_t(r)};
    if (options.num_devices)
      device = options.device_ids[r];
    replica.owner = &owner;
    replica.index = r;
    snprintf(replica.device, sizeof replica.device, "%s:%d", kindOf(device), device.device_id);
    // Who only enqueues work for a GPU may do so on any CPU.
    replica.cpus = device.device_type == kDLCPU ? cpus.coreSet(uint32_t(device.device_id), sets) : cpus.coreSet(0, 1);
    if (int32_t status = createReplica(owner, replica, options, device, cpus.count, message))
      return status;
  }
  return NNF_OK;
}

void destroyReplica(nnf_replicas &owner, Replica &replica, bool threadsAreHere) {
  if (threadsAreHere && replica.hasLeader)
    pthread_join(replica.leader, nullptr);
  nnf_context_destroy(replica.context);
  if (replica.pool) {
    if (threadsAreHere)
      replica.pool->stop();
    owner.allocator.release(replica.pool, sizeof(ThreadPool));
  }
  if (replica.copies)
    for (uint32_t i = 0; i < owner.model().num_inputs; ++i)
      replica.copies[i].release(owner.allocator);
  replica.tables.release(owner.allocator);
}

} // namespace
} // namespace nnf::rt

using namespace nnf::rt;

int32_t nnf_replicas_create(nnf_program *program, const nnf_replicas_options *given, nnf_replicas **result) {
  Message &message = threadMessage();
  if (!program || !result)
    return message.fail(NNF_ERROR_ARGUMENT, "nnf_replicas_create: program or replicas is NULL [NNFC-E0611]");
  *result = nullptr;
  nnf_replicas_options options;
  if (int32_t status = readOptions(given, options, message))
    return status;
  if (int32_t status = checkDevices(options, message))
    return status;
  Allocator allocator;
  if (options.allocator)
    allocator.own = *options.allocator;
  CpuList *cpus = static_cast<CpuList *>(allocator.allocate(sizeof(CpuList)));
  void *memory = cpus ? allocator.allocate(sizeof(nnf_replicas)) : nullptr;
  if (!memory) {
    allocator.release(cpus, sizeof(CpuList));
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  }
  nnf_replicas *replicas = new (memory) nnf_replicas;
  replicas->program = retain(program);
  replicas->allocator = allocator;
  replicas->dim = options.dim;
  replicas->seed = options.seed;
  replicas->process = getpid();
  int32_t status = cpus->read(message);
  uint32_t sets = options.core_sets;
  for (uint32_t r = 0; r < options.num_devices && !options.core_sets; ++r)
    if (coreSetOf(options, r) >= sets)
      sets = uint32_t(options.device_ids[r].device_id) + 1;
  if (!status) {
    sets = sets ? sets : cpus->nodes;
    replicas->count = options.num_devices;
    if (!options.num_devices)
      status = countDevices(replicas->model(), sets, replicas->count, message);
  }
  if (!status)
    status = createReplicas(*replicas, options, *cpus, sets, message);
  allocator.release(cpus, sizeof(CpuList));
  if (status) {
    nnf_replicas_destroy(replicas);
    return status;
  }
  *result = replicas;
  return NNF_OK;
}

void nnf_replicas_destroy(nnf_replicas *replicas) {
  if (!replicas)
    return;
  Allocator allocator = replicas->allocator;
  bool threadsAreHere = replicas->process == getpid();
  if (threadsAreHere) {
    pthread_mutex_lock(&replicas->mutex);
    replicas->stopping = true;
    pthread_cond_broadcast(&replicas->started);
    pthread_mutex_unlock(&replicas->mutex);
  }
  if (replicas->tables.data) {
    for (uint32_t r = 0; r < replicas->count; ++r)
      destroyReplica(*replicas, replicas->replicas[r], threadsAreHere);
    for (uint32_t j = 0; j < replicas->model().num_outputs; ++j)
      replicas->outputs[j].own.release(allocator);
  }
  replicas->tables.release(allocator);
  release(replicas->program);
  if (threadsAreHere) {
    pthread_cond_destroy(&replicas->started);
    pthread_cond_destroy(&replicas->finished);
    pthread_mutex_destroy(&replicas->mutex);
  }
  replicas->~nnf_replicas();
  allocator.release(replicas, sizeof(nnf_replicas));
}

uint32_t nnf_replicas_count(const nnf_replicas *replicas) { return replicas ? replicas->count : 0; }
uint32_t nnf_replicas_threads(const nnf_replicas *replicas, uint32_t replica) {
  return replica < nnf_replicas_count(replicas) ? replicas->replicas[replica].context->lanes : 0;
}

uint64_t nnf_replicas_bytes(const nnf_replicas *replicas) {
  uint64_t bytes = 0;
  for (uint32_t r = 0; r < nnf_replicas_count(replicas); ++r) {
    const Replica &replica = replicas->replicas[r];
    bytes += nnf_context_bytes(replica.context);
    for (uint32_t i = 0; i < replicas->model().num_inputs; ++i)
      bytes += replica.copies[i].capacity;
  }
  for (uint32_t j = 0; replicas && j < replicas->model().num_outputs; ++j)
    bytes += replicas->outputs[j].own.capacity;
  return bytes;
}
