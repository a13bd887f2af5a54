// Contexts: creation, and what they tell.
#include "Context.h"
#include "cuda/Device.h"
#include <cstddef>
#include <new>

namespace nnf::rt {
namespace {

int32_t readOptions(const nnf_context_options *given, nnf_context_options &options, Message &message) {
  if (int32_t status = takeOptions(given, offsetof(nnf_context_options, executor), "context", options, message))
    return status;
  if (options.executor && !options.executor->parallel_for)
    return message.fail(NNF_ERROR_ARGUMENT, "context options: the executor has no parallel_for [NNFC-E0610]");
  if (options.allocator && (!options.allocator->allocate || !options.allocator->release))
    return message.fail(NNF_ERROR_ARGUMENT,
                        "context options: the allocator has no allocate or no release [NNFC-E0610]");
  return NNF_OK;
}

/// The GPU that a context of this model is for; -1: none, its kernels are the CPU's.
int32_t chooseDevice(const nnf_model &model, const nnf_context_options &options, int &ordinal, Message &message) {
  bool isForGpu = cuda::codeOf(model) != nullptr;
  ordinal = isForGpu ? options.device_id : -1;
  if (options.device_type == 0 || options.device_type == (isForGpu ? kDLCUDA : kDLCPU))
    return NNF_OK;
  if (options.device_type == kDLCPU || options.device_type == kDLCUDA)
    return message.fail(NNF_ERROR_ARGUMENT, "model '%s' is compiled for %s, it does not run on %s [NNFC-E0807]",
                        model.name, model.target, isForGpu ? "the CPU" : "a GPU");
  return message.fail(NNF_ERROR_ARGUMENT,
                      "context options: device type %d, expected the CPU (%d) or CUDA (%d) [NNFC-E0807]",
                      options.device_type, int(kDLCPU), int(kDLCUDA));
}

void carveTables(nnf_context &context, Carver &carver) {
  const nnf_model &model = context.model();
  context.inputs = carver.take<InputSlot>(model.num_inputs);
  context.outputs = carver.take<OutputSlot>(model.num_outputs);
  context.symbols = carver.take<int64_t>(model.num_symbols);
  context.symbolInput = carver.take<int32_t>(model.num_symbols);
  context.outputDims = carver.take<int64_t>(context.program->totalRank ? context.program->totalRank : 1);
  context.inputPointers = carver.take<void *>(model.num_inputs);
  context.outputPointers = carver.take<void *>(model.num_outputs);
  context.temporaries = carver.take<Buffer>(context.numTemporaries());
}

bool createTables(nnf_context &context) {
  if (!carveInto(context.tables, context.allocator, [&](Carver &carver) { carveTables(context, carver); }))
    return false;
  int64_t *dims = context.outputDims;
  for (uint32_t i = 0; i < context.model().num_inputs; ++i)
    new (&context.inputs[i]) InputSlot;
  for (uint32_t i = 0; i < context.numTemporaries(); ++i)
    new (&context.temporaries[i]) Buffer;
  for (uint32_t j = 0; j < context.model().num_outputs; ++j) {
    OutputSlot *slot = new (&context.outputs[j]) OutputSlot;
    slot->dims = dims;
    dims += context.model().outputs[j].rank;
  }
  return true;
}

} // namespace

int32_t createContext(nnf_program *program, const nnf_context_options *given, ThreadPool &pool, nnf_context **result,
                      Message &message) {
  *result = nullptr;
  nnf_context_options options;
  if (int32_t status = readOptions(given, options, message))
    return status;
  int ordinal;
  if (int32_t status = chooseDevice(*program->model, options, ordinal, message))
    return status;
  Allocator allocator;
  if (options.allocator)
    allocator.own = *options.allocator;
  void *memory = allocator.allocate(sizeof(nnf_context));
  if (!memory)
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  nnf_context *context = new (memory) nnf_context;
  context->program = retain(program);
  context->pool = &pool;
  context->allocator = allocator;
  if (options.executor)
    context->executor = *options.executor;
  context->seed = options.seed;
  context->lanes = ordinal >= 0 ? 1 : options.threads ? options.threads : allowedCpus();
  if (context->lanes > ThreadPool::maxLanes)
    context->lanes = ThreadPool::maxLanes;
  uint64_t scratchBytes = alignUp(uint64_t(program->scratchBytes)) * context->lanes;
  if (!createTables(*context) || (scratchBytes && !context->scratch.reserve(allocator, scratchBytes))) {
    nnf_context_destroy(context);
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  }
  if (program->weights && ordinal < 0 && !program->weightsAreMapped.test_and_set())
    mapCachedWeights(*program);
  // Threads are started here so that runs need not; while another run has the pool, the first run of ours does it.
  if (context->lanes > 1 && !context->executor.parallel_for && pool.tryAcquire()) {
    pool.grow(context->lanes);
    pool.release();
  }
  if (int32_t status = ordinal < 0 ? int32_t(NNF_OK) : createOnDevice(*context, ordinal, message)) {
    nnf_context_destroy(context);
    return status;
  }
  *result = context;
  return NNF_OK;
}

} // namespace nnf::rt

using namespace nnf::rt;

int32_t nnf_context_create(nnf_program *program, const nnf_context_options *options, nnf_context **result) {
  if (!program || !result)
    return threadMessage().fail(NNF_ERROR_ARGUMENT, "nnf_context_create: program or context is NULL [NNFC-E0611]");
  return createContext(program, options, ThreadPool::process(), result, threadMessage());
}

void nnf_context_destroy(nnf_context *context) {
  if (!context)
    return;
  Allocator allocator = context->allocator;
  destroyOnDevice(*context);
  if (context->tables.data) {
    for (uint32_t j = 0; j < context->model().num_outputs; ++j)
      context->outputs[j].own.release(allocator);
    for (uint32_t i = 0; i < context->numTemporaries(); ++i)
      context->temporaries[i].release(allocator);
  }
  context->arena.release(allocator);
  context->scratch.release(allocator);
  context->tables.release(allocator);
  release(context->program);
  context->~nnf_context();
  allocator.release(context, sizeof(nnf_context));
}

void nnf_context_set_run(nnf_context *context, uint64_t run) {
  if (context)
    context->run = run;
}
uint64_t nnf_context_run(const nnf_context *context) { return context ? context->run : 0; }
uint32_t nnf_context_threads(const nnf_context *context) { return context ? context->lanes : 0; }

uint64_t nnf_context_bytes(const nnf_context *context) {
  if (!context)
    return 0;
  uint64_t bytes = context->arena.capacity + context->scratch.capacity;
  for (uint32_t j = 0; j < context->model().num_outputs; ++j)
    bytes += context->outputs[j].own.capacity;
  for (uint32_t i = 0; i < context->numTemporaries(); ++i)
    bytes += context->temporaries[i].capacity;
  return bytes + bytesOnDevice(*context);
}

const char *nnf_error_message(const nnf_context *context) {
  return context ? context->message.text : threadMessage().text;
}
