// One run: bind the tensors, give the driver what it asks for, turn what it says into a status.
#include "Context.h"
#include "WeightsVersion.h"
#include <cstddef>
#include <optional>
#include <time.h>

namespace nnf::rt {
namespace {

/// A context is used by one call at a time; the second is told so rather than ruining the first.
class Use {
public:
  explicit Use(nnf_context &context) : context(context), ok(!context.inUse.exchange(true, std::memory_order_acquire)) {}
  ~Use() {
    if (ok)
      context.inUse.store(false, std::memory_order_release);
  }
  Use(const Use &) = delete;
  explicit operator bool() const { return ok; }

private:
  nnf_context &context;
  bool ok;
};

/// The pool for the length of a run, where the context wants it and it is free.
class PoolHold {
public:
  explicit PoolHold(nnf_context &context) : pool(*context.pool) {
    if (context.lanes <= 1 || context.executor.parallel_for || !pool.tryAcquire())
      return;
    held = true;
    lanes = pool.grow(context.lanes);
    lanes = lanes < context.lanes ? lanes : context.lanes;
  }
  ~PoolHold() {
    if (held)
      pool.release();
  }
  PoolHold(const PoolHold &) = delete;

  ThreadPool &pool;
  bool held = false;
  uint32_t lanes = 1;
};

/// What the callbacks work on: the driver's nnf_rt is a part of it.
struct RunState : nnf_rt {
  nnf_context &context;
  const PoolHold &hold;
  const int32_t *cancel;
  const nnf_profiler *profiler;
  nnf_check_state check = {UINT64_MAX, 0, 0};
  int32_t failure = NNF_OK; // what a callback has put into the context's message

  static RunState &of(const nnf_rt *rt) { return *static_cast<RunState *>(const_cast<nnf_rt *>(rt)); }
};

uint64_t nanoseconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000u + uint64_t(t.tv_nsec);
}

bool isCancelled(const RunState &run) { return run.cancel && __atomic_load_n(run.cancel, __ATOMIC_RELAXED) != 0; }

void runJob(const RunState &run, Job &job) {
  nnf_context &context = run.context;
  bool onExecutor = context.executor.parallel_for != nullptr;
  uint32_t lanes = onExecutor ? context.lanes : run.hold.lanes;
  if (int64_t(lanes) > job.tasks)
    lanes = uint32_t(job.tasks);
  if (lanes <= 1) {
    // One piece, but for a caller that wants to be able to stop it in between.
    job.chunkTasks = job.tasks;
    if (job.cancel)
      chooseChunks(job, 1);
    return runAlone(job);
  }
  chooseChunks(job, lanes);
  if (onExecutor)
    runOnExecutor(context.executor, job, lanes);
  else
    run.hold.pool.run(job, lanes);
}

int32_t parallel(const nnf_rt *rt, uint32_t launch, nnf_kernel_fn function, int64_t tasks, int64_t scratchBytes,
                 const void *const *args) {
  RunState &run = RunState::of(rt);
  if (isCancelled(run))
    return NNF_CANCELLED;
  if (tasks <= 0)
    return NNF_OK;
  uint64_t stride = alignUp(uint64_t(run.context.program->scratchBytes));
  if (scratchBytes < 0 || uint64_t(scratchBytes) > stride) {
    run.failure =
        run.context.message.fail(NNF_ERROR_INTERNAL,
                                 "launch %u wants %lld bytes of scratch, the model's "
                                 "kernels say %lld at most [NNFC-E0707]",
                                 launch, (long long)scratchBytes, (long long)run.context.program->scratchBytes);
    return run.failure;
  }
  Job job;
  job.function = function;
  job.args = args;
  job.tasks = tasks;
  job.scratch = run.context.scratch.data;
  job.scratchStride = scratchBytes ? stride : 0;
  job.cancel = run.cancel;
  uint64_t begin = run.profiler ? nanoseconds() : 0;
  runJob(run, job);
  if (run.profiler)
    run.profiler->launch(run.profiler->user, launch, begin, nanoseconds(), tasks);
  return isCancelled(run) ? NNF_CANCELLED : NNF_OK;
}

void *allocOutput(const nnf_rt *rt, uint32_t index, const int64_t *dims, uint32_t rank) {
  RunState &run = RunState::of(rt);
  nnf_context &context = run.context;
  const nnf_model &model = context.model();
  if (index >= model.num_outputs || rank != model.outputs[index].rank || context.outputs[index].given) {
    run.failure = context.message.fail(NNF_ERROR_INTERNAL,
                                       "the driver asks for memory of output %u with rank %u, which "
                                       "is not the model's [NNFC-E0707]",
                                       index, rank);
    return nullptr;
  }
  OutputSlot &slot = context.outputs[index];
  const nnf_tensor_info &info = model.outputs[index];
  if (!tensorBytes(dims, rank, nnf_dtype_bytes(info.dtype), slot.bytes) ||
      !slot.own.reserve(context.allocator, slot.bytes)) {
    run.failure =
        context.message.fail(NNF_ERROR_MEMORY, "output '%s': no memory for its sizes [NNFC-E0609]", info.name);
    return nullptr;
  }
  for (uint32_t d = 0; d < rank; ++d)
    slot.dims[d] = dims[d];
  slot.known = true;
  return slot.own.data;
}

int64_t readScalar(const nnf_rt *, const int64_t *address) {
  int64_t value; // not through the pointer: a kernel may have left it unaligned
  memcpy(&value, address, sizeof value);
  return value;
}

int32_t failCheck(const nnf_rt *rt, uint32_t check, int64_t value, int64_t bound) {
  nnf_check_state &state = RunState::of(rt).check;
  if (uint64_t order = uint64_t(check) << 32; order < state.order)
    state = {order, value, bound};
  return NNF_ERROR_DATA;
}

int32_t cancelled(const nnf_rt *rt) { return isCancelled(RunState::of(rt)); }

void *growTemporary(const nnf_rt *rt, uint32_t index, int64_t used, int64_t bytes) {
  RunState &run = RunState::of(rt);
  nnf_context &context = run.context;
  if (index >= context.numTemporaries()) {
    run.failure = context.message.fail(NNF_ERROR_INTERNAL,
                                       "the driver asks for piece of memory %u, the model has %u [NNFC-E0707]", index,
                                       context.numTemporaries());
    return nullptr;
  }
  Buffer &buffer = context.temporaries[index];
  if (bytes < 0 || !buffer.grow(context.allocator, uint64_t(used), uint64_t(bytes))) {
    run.failure = context.message.fail(
        NNF_ERROR_MEMORY, "no memory for the %lld bytes of intermediate results that these data need [NNFC-E0609]",
        (long long)bytes);
    return nullptr;
  }
  return buffer.data;
}

void *allocTemporary(const nnf_rt *rt, uint32_t index, int64_t bytes) { return growTemporary(rt, index, 0, bytes); }

int32_t writeForKernels(const nnf_rt *, void *address, const void *data, int64_t bytes) {
  memcpy(address, data, size_t(bytes));
  return NNF_OK;
}

constexpr nnf_rt callbacks = {sizeof(nnf_rt), 0,         parallel,       allocOutput,   readScalar,
                              failCheck,      cancelled, allocTemporary, growTemporary, writeForKernels};

int32_t reserveArena(nnf_context &context) {
  int64_t bytes = context.model().arena_bytes(context.symbols);
  // Where it is known, room for the largest sizes at once: later runs find it. Pages are there when they are used.
  int64_t most = mostArenaBytes(context.model());
  if (bytes >= 0 && most > bytes && context.arena.capacity < uint64_t(bytes) &&
      context.arena.reserve(context.allocator, uint64_t(most)))
    return NNF_OK;
  if (bytes < 0 || !context.arena.reserve(context.allocator, uint64_t(bytes)))
    return context.message.fail(NNF_ERROR_MEMORY,
                                "no memory for the %lld bytes of intermediate results that inputs of "
                                "these sizes need [NNFC-E0609]",
                                (long long)bytes);
  return NNF_OK;
}

int32_t runDriver(nnf_context &context, const nnf_run_options &options) {
  const nnf_model &model = context.model();
  // A tensor without elements has an address too.
  alignas(dataAlignment) static uint8_t nothing[dataAlignment];
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    context.inputPointers[i] = context.inputs[i].data ? context.inputs[i].data : nothing;
  std::optional<WeightsHold> weights;
  if (!context.weights)
    weights.emplace(*context.program);
  PoolHold hold(context);
  RunState run{callbacks, context, hold, options.cancel, options.profiler};
  nnf_frame frame = {};
  frame.struct_size = sizeof frame;
  frame.inputs = context.inputPointers;
  frame.outputs = context.outputPointers;
  frame.symbols = context.symbols;
  frame.weights = (context.weights ? *context.weights : *weights).data();
  frame.arena = context.arena.data;
  frame.check = &run.check;
  frame.seed = options.seed ? *options.seed : context.seed;
  frame.run = context.run++;
  DefaultFloatState floats;
  int32_t status = isCancelled(run) ? int32_t(NNF_CANCELLED) : model.run(&run, &frame);
  return concludeRun(context, run.check, run.failure, status);
}

/// A run of bound inputs.
int32_t runInto(nnf_context &context, DLTensor *const out[], const nnf_run_options &options) {
  if (context.device)
    return runOnDevice(context, options, out);
  if (int32_t status = reserveArena(context))
    return status;
  if (int32_t status = runDriver(context, options))
    return status;
  deliverOutputs(context, out);
  return NNF_OK;
}

} // namespace

int32_t readRunOptions(const nnf_run_options *given, nnf_run_options &options, Message &message) {
  if (int32_t status = takeOptions(given, offsetof(nnf_run_options, seed), "run", options, message))
    return status;
  if (options.profiler && !options.profiler->launch)
    return message.fail(NNF_ERROR_ARGUMENT, "run options: the profiler has no launch [NNFC-E0610]");
  return NNF_OK;
}

int32_t concludeRun(nnf_context &context, const nnf_check_state &check, int32_t failure, int32_t status) {
  if (check.order != UINT64_MAX)
    return reportCheck(context, check, NNF_ERROR_DATA);
  if (failure)
    return failure;
  if (status == NNF_CANCELLED)
    return context.message.fail(NNF_CANCELLED, "cancelled by the caller [NNFC-E0613]");
  if (status)
    return context.message.fail(status, "the driver of model '%s' stopped with status %d (%s) [NNFC-E0707]",
                                context.model().name, status, nnf_status_name(status));
  for (uint32_t j = 0; j < context.model().num_outputs; ++j)
    if (!context.outputs[j].known)
      return context.message.fail(NNF_ERROR_INTERNAL,
                                  "the driver of model '%s' has not given output '%s' a size [NNFC-E0707]",
                                  context.model().name, context.model().outputs[j].name);
  return NNF_OK;
}

} // namespace nnf::rt

using namespace nnf::rt;

int32_t nnf_run(nnf_context *context, DLTensor *const in[], uint32_t n_in, DLTensor *const out[], uint32_t n_out,
                const nnf_run_options *given) {
  if (!context)
    return threadMessage().fail(NNF_ERROR_ARGUMENT, "nnf_run: context is NULL [NNFC-E0611]");
  Use use(*context);
  if (!use) // its message belongs to the run that has it
    return threadMessage().fail(NNF_ERROR_ARGUMENT, "nnf_run: the context is in use by another thread [NNFC-E0612]");
  nnf_run_options options;
  if (int32_t status = readRunOptions(given, options, context->message))
    return status;
  if (int32_t status = bindInputs(*context, in, n_in, /*withData=*/true))
    return status;
  if (int32_t status = computeOutputDims(*context))
    return status;
  int32_t status = bindOutputs(*context, out, n_out);
  if (!status)
    status = runInto(*context, out, options);
  if (status)
    takeBackOutputs(*context, out);
  return status;
}

int32_t nnf_output_shapes(nnf_context *context, DLTensor *const in[], uint32_t n_in, int64_t *const out_shapes[]) {
  if (!context)
    return threadMessage().fail(NNF_ERROR_ARGUMENT, "nnf_output_shapes: context is NULL [NNFC-E0611]");
  Use use(*context);
  if (!use)
    return threadMessage().fail(NNF_ERROR_ARGUMENT,
                                "nnf_output_shapes: the context is in use by another thread [NNFC-E0612]");
  const nnf_model &model = context->model();
  if (model.num_outputs && !out_shapes)
    return context->message.fail(NNF_ERROR_ARGUMENT, "nnf_output_shapes: out_shapes is NULL [NNFC-E0611]");
  if (int32_t status = bindInputs(*context, in, n_in, /*withData=*/false))
    return status;
  if (int32_t status = computeOutputDims(*context))
    return status;
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    if (model.outputs[j].rank && !out_shapes[j])
      return context->message.fail(NNF_ERROR_ARGUMENT,
                                   "nnf_output_shapes: no room for the sizes of output '%s' (NULL) [NNFC-E0611]",
                                   model.outputs[j].name);
    for (uint32_t d = 0; d < model.outputs[j].rank; ++d)
      out_shapes[j][d] = context->outputs[j].known ? context->outputs[j].dims[d] : -1;
  }
  return NNF_OK;
}
