// One run on a GPU. What the driver asks for is put into a list; where the host must know something, and at the end,
// the list goes to the device: as a graph where an equal one has come before.
#include "../Hash.h"
#include "DeviceContext.h"
#include "DeviceWeights.h"
#include <optional>
#include <time.h>

namespace nnf::rt {

using namespace cuda;

namespace {

/// Kernels read 16 bytes at once from where a tensor begins.
constexpr uint64_t kernelAlignment = 16;
/// Larger tensors are copied from and to the caller's memory as it is: the driver does that in pieces.
constexpr uint64_t mostPinned = 32u << 20;
/// Fewer commands are as fast alone.
constexpr uint32_t leastOfGraph = 4;
/// Many more only keep the device waiting.
constexpr uint32_t mostOfList = 2048;

class DeviceRun : public nnf_rt {
public:
  DeviceRun(nnf_context &context, WeightsVersion *weights, const nnf_run_options &options);
  int32_t run(DLTensor *const out[]);

private:
  nnf_context &context;
  const nnf_model &model;
  DeviceContext &on;
  const Driver &driver;
  WeightsVersion *const weights; // held by the caller; NULL: those that the model came with
  const nnf_run_options &options;
  Stream stream;
  const bool isSeparate; // each launch by itself, and waited for
  nnf_check_state check = {UINT64_MAX, 0, 0};
  int32_t failure = NNF_OK;             // what is in the context's message already
  TensorMap maps[NNF_MOST_TENSOR_MAPS]; // of the launch that is enqueued now
  uint64_t written = 0;                 // bytes of Fixed::written that are taken

  static DeviceRun &of(const nnf_rt *rt) { return *static_cast<DeviceRun *>(const_cast<nnf_rt *>(rt)); }
  static int32_t parallel(const nnf_rt *rt, uint32_t launch, nnf_kernel_fn function, int64_t tasks,
                          int64_t scratchBytes, const void *const *args);
  static void *allocOutput(const nnf_rt *rt, uint32_t index, const int64_t *dims, uint32_t rank);
  static int64_t readScalar(const nnf_rt *rt, const int64_t *address);
  static int32_t failCheck(const nnf_rt *rt, uint32_t check, int64_t value, int64_t bound);
  static int32_t cancelled(const nnf_rt *rt) { return of(rt).isCancelled(); }
  static void *allocTemporary(const nnf_rt *rt, uint32_t index, int64_t bytes) {
    return growTemporary(rt, index, 0, bytes);
  }
  static void *growTemporary(const nnf_rt *rt, uint32_t index, int64_t used, int64_t bytes);
  static int32_t write(const nnf_rt *rt, void *address, const void *data, int64_t bytes);

  Fixed &fixed() { return *reinterpret_cast<Fixed *>(on.fixed.data); }
  bool isCancelled() const { return options.cancel && __atomic_load_n(options.cancel, __ATOMIC_RELAXED) != 0; }
  /// Notes the first failure; its text is in the context's message.
  int32_t failed(int32_t status) {
    if (!failure)
      failure = status;
    return failure;
  }
  int32_t failed(Result result, const char *what) {
    return failure ? failure : failed(driver.fail(context.message, result, "cuda:%d: %s", on.device().ordinal, what));
  }
  int32_t launchFailed(Result result, uint32_t launch);
  int32_t noMemory() { return failed(context.message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]")); }

  int32_t transfer(CommandKind kind, const void *to, const void *from, uint64_t bytes);
  int32_t makeMaps(const nnf_device_launch &launch, const uint64_t *slots, void **parameters);
  int32_t issue(const uint64_t *words, uint64_t count);
  int32_t issueTimed();
  int32_t capture(uint64_t hash, bool &isLaunched);
  int32_t flush();
  int32_t wait();
  int32_t waitForPinned();
  int32_t readCheck();

  int32_t bindInput(uint32_t index);
  int32_t bindOutput(uint32_t index);
  int32_t bind();
  int32_t runDriver();
  int32_t fetchOutputs(DLTensor *const out[], bool &isAsynchronous);
  int32_t updateInputs();
  void deliver(DLTensor *const out[]);
  bool isDelivered(uint32_t index, DLTensor *const out[]) const;
};

uint64_t nanoseconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000u + uint64_t(t.tv_nsec);
}

bool wantsSeparateLaunches() {
  const char *asked = getenv("NNFC_CUDA_SYNC");
  return asked && *asked && strcmp(asked, "0") != 0;
}

DeviceRun::DeviceRun(nnf_context &context, WeightsVersion *weights, const nnf_run_options &options)
    : nnf_rt{sizeof(nnf_rt), 0,         parallel,       allocOutput,   readScalar,
             failCheck,      cancelled, allocTemporary, growTemporary, write},
      context(context), model(context.model()), on(*context.device), driver(on.driver()), weights(weights),
      options(options), stream(options.stream ? static_cast<Stream>(options.stream) : on.stream),
      isSeparate(options.profiler || wantsSeparateLaunches()) {}

// ---- to the device

int32_t DeviceRun::launchFailed(Result result, uint32_t launch) {
  const nnf_launch_info &info = model.launches[launch];
  return failed(driver.fail(context.message, result, "cuda:%d: launch %u failed: kernel '%s' of node '%s'",
                            on.device().ordinal, launch, model.kernels[info.kernel].name, info.node));
}

int32_t DeviceRun::transfer(CommandKind kind, const void *to, const void *from, uint64_t bytes) {
  if (bytes == 0 || failure)
    return failure;
  auto number = [](const void *address) { return uint64_t(reinterpret_cast<uintptr_t>(address)); };
  return on.list.addTransfer(context.allocator, kind, number(to), number(from), bytes) ? int32_t(NNF_OK) : noMemory();
}

/// Tensor maps of a launch's slots, as parameters. They are the launch's own, and a graph's: the driver copies them.
int32_t DeviceRun::makeMaps(const nnf_device_launch &launch, const uint64_t *slots, void **parameters) {
  for (uint32_t i = 0; i < launch.num_maps; ++i) {
    const nnf_tensor_map &map = launch.maps[i];
    parameters[i] = &maps[i];
    int type = map.dtype == NNF_BFLOAT16 ? mapBfloat16 : mapFloat16;
    auto *address = reinterpret_cast<void *>(slots[map.slot] + map.offset);
    uint32_t steps[] = {1, 1, 1, 1, 1};
    if (map.window) {
      const nnf_map_window &window = codeOf(model)->windows[map.window - 1];
      for (int d = 0; d < map.rank - 2; ++d)
        steps[1 + d] = window.steps[d];
      if (Result result = driver.cuTensorMapEncodeIm2col(
              &maps[i], type, map.rank, address, map.dims, map.strides, window.lower, window.upper, map.box[0],
              map.box[1], steps, mapInterleaveNone, mapSwizzle128, mapPromotion256, mapFillZeros))
        return failed(result, "cuTensorMapEncodeIm2col");
    } else if (Result result = driver.cuTensorMapEncodeTiled(&maps[i], type, map.rank, address, map.dims, map.strides,
                                                             map.box, steps, mapInterleaveNone, mapSwizzle128,
                                                             mapPromotion256, mapFillZeros)) {
      return failed(result, "cuTensorMapEncodeTiled");
    }
  }
  return NNF_OK;
}

/// Enqueues commands one by one.
int32_t DeviceRun::issue(const uint64_t *words, uint64_t count) {
  const LoadedProgram &program = *on.program;
  for (const uint64_t *end = words + count; words < end;) {
    auto kind = CommandKind(words[0] >> 32);
    if (kind == CommandKind::Launch) {
      uint32_t launch = uint32_t(words[0]), index = model.launches[launch].kernel;
      const nnf_device_kernel kernel = program.kernel(index);
      for (uint32_t i = 0; i < kernel.parameters; ++i)
        on.parameters[i] = const_cast<uint64_t *>(words + 2 + i);
      unsigned grid[3] = {unsigned(words[1]), 1, 1}, block[3] = {kernel.threads, 1, 1};
      if (kernel.block_y) { // dimensions of its own
        for (int i = 0; i < 3; ++i)
          grid[i] = unsigned(words[2 + kernel.parameters + i]);
        block[1] = kernel.block_y, block[2] = kernel.block_z;
        block[0] = kernel.threads / (block[1] * block[2]);
      }
      const nnf_device_launch *more = program.launches[index];
      if (more && more->blocks)
        grid[0] = blocksOf(*codeOf(model), *more, program.device);
      if (more)
        if (int32_t status = makeMaps(*more, words + 2, on.parameters + kernel.parameters))
          return status;
      Result result = driver.cuLaunchKernel(program.functions[index], grid[0], grid[1], grid[2], block[0], block[1],
                                            block[2], kernel.shared_bytes, stream, on.parameters, nullptr);
      if (result)
        return launchFailed(result, launch);
      ++on.launchesSinceWait;
      on.lastLaunch = launch;
      words += 2 + slotsOf(kernel);
      continue;
    }
    auto *to = reinterpret_cast<void *>(words[1]), *from = reinterpret_cast<void *>(words[2]);
    Result result = kind == CommandKind::Upload     ? driver.cuMemcpyHtoDAsync_v2(words[1], from, words[3], stream)
                    : kind == CommandKind::Download ? driver.cuMemcpyDtoHAsync_v2(to, words[2], words[3], stream)
                                                    : driver.cuMemcpyDtoDAsync_v2(words[1], words[2], words[3], stream);
    if (result)
      return failed(result, "a copy");
    words += 4;
  }
  return NNF_OK;
}

/// The list, which is one launch, between events; waits for it.
int32_t DeviceRun::issueTimed() {
  uint64_t begin = nanoseconds();
  uint32_t launch = uint32_t(on.list.begin()[0]);
  int64_t tasks = int64_t(on.list.begin()[1]);
  if (Result result = driver.cuEventRecord(on.begin, stream))
    return failed(result, "cuEventRecord");
  if (int32_t status = issue(on.list.begin(), on.list.size()))
    return status;
  on.list.clear();
  Result result = driver.cuEventRecord(on.end, stream);
  if (!result)
    result = driver.cuEventSynchronize(on.end);
  float milliseconds = 0;
  if (!result && options.profiler)
    result = driver.cuEventElapsedTime(&milliseconds, on.begin, on.end);
  on.launchesSinceWait = 0;
  if (result)
    return launchFailed(result, launch);
  if (options.profiler)
    options.profiler->launch(options.profiler->user, launch, begin, begin + uint64_t(double(milliseconds) * 1e6),
                             tasks);
  return NNF_OK;
}

/// Makes a graph of the list, on the context's own stream, and launches it.
int32_t DeviceRun::capture(uint64_t hash, bool &isLaunched) {
  Graph graph = nullptr;
  GraphExec exec = nullptr;
  if (Result result = driver.cuStreamBeginCapture_v2(on.stream, captureThreadLocal))
    return failed(result, "cuStreamBeginCapture");
  Stream callers = stream;
  stream = on.stream;
  int32_t status = issue(on.list.begin(), on.list.size());
  stream = callers;
  Result result = driver.cuStreamEndCapture(on.stream, &graph);
  if (!status && !result)
    result = driver.cuGraphInstantiateWithFlags(&exec, graph, 0);
  if (graph)
    driver.cuGraphDestroy(graph);
  if (status)
    return status;
  if (result)
    return failed(result, "capturing a graph");
  result = driver.cuGraphLaunch(exec, stream);
  if (!context.device->graphs.keep(context.allocator, driver, hash, on.list, exec)) {
    driver.cuGraphExecDestroy(exec);
    return noMemory();
  }
  isLaunched = result == 0;
  return result ? failed(result, "cuGraphLaunch") : NNF_OK;
}

/// Enqueues the list and empties it.
int32_t DeviceRun::flush() {
  if (failure)
    return failure;
  if (on.list.count() == 0)
    return NNF_OK;
  uint64_t hash = 0;
  int32_t status = NNF_OK;
  bool isLaunched = false;
  if (driver.hasGraphs && on.list.count() >= leastOfGraph && !isSeparate) {
    hash = hash64(on.list.begin(), on.list.size() * sizeof(uint64_t));
    if (CapturedGraph *graph = on.graphs.find(hash, on.list)) {
      if (Result result = driver.cuGraphLaunch(graph->exec, stream))
        return failed(result, "cuGraphLaunch");
      on.launchesSinceWait += on.list.count();
      isLaunched = true;
    } else if (on.graphs.sawBefore(hash)) {
      status = capture(hash, isLaunched);
    }
  }
  if (!status && !isLaunched)
    status = issue(on.list.begin(), on.list.size());
  on.list.clear();
  return status;
}

int32_t DeviceRun::wait() {
  Result result = driver.cuStreamSynchronize(stream);
  uint64_t launches = on.launchesSinceWait;
  on.launchesSinceWait = 0;
  nothingIsPending(on);
  if (!result || failure)
    return failure;
  if (launches == 1)
    return launchFailed(result, on.lastLaunch);
  return failed(driver.fail(context.message, result,
                            "cuda:%d: one of the launches of model '%s' failed (NNFC_CUDA_SYNC=1 says which)",
                            on.device().ordinal, model.name));
}

/// Before the host writes pinned memory: an earlier run that was not waited for may still read it.
int32_t DeviceRun::waitForPinned() {
  if (!on.isPending || failure)
    return failure;
  Result result = driver.cuEventSynchronize(on.done);
  nothingIsPending(on);
  return result ? failed(result, "an earlier run") : int32_t(NNF_OK);
}

/// Waits for everything; a check that has failed on the device is the run's from now on.
int32_t DeviceRun::readCheck() {
  if (on.program->hasChecks)
    transfer(CommandKind::Download, &fixed().found, on.check.data, sizeof(nnf_check_state));
  if (flush() || wait())
    return failure;
  if (on.program->hasChecks && fixed().found.order < check.order)
    check = fixed().found;
  return NNF_OK;
}

// ---- what the driver asks for

int32_t DeviceRun::parallel(const nnf_rt *rt, uint32_t launch, nnf_kernel_fn, int64_t tasks, int64_t,
                            const void *const *args) {
  DeviceRun &run = of(rt);
  if (run.isCancelled())
    return NNF_CANCELLED;
  if (run.failure)
    return run.failure;
  if (run.check.order != UINT64_MAX)
    return NNF_ERROR_DATA;
  if (tasks <= 0)
    return NNF_OK;
  nnf_context &context = run.context;
  DeviceContext &on = run.on;
  uint32_t index = run.model.launches[launch].kernel;
  const nnf_device_kernel kernel = on.program->kernel(index);
  if (kernel.kind == NNF_DEVICE_COPY) {
    run.transfer(CommandKind::Copy, args[1], args[0], uint64_t(reinterpret_cast<uintptr_t>(args[2])));
    return run.failure;
  }
  if (kernel.kind != NNF_DEVICE_KERNEL)
    return run.failed(context.message.fail(NNF_ERROR_INTERNAL,
                                           "launch %u: kernel '%s' has no code for GPUs [NNFC-E9001]", launch,
                                           run.model.kernels[index].name));
  if (tasks > INT32_MAX && !kernel.block_y)
    return run.failed(context.message.fail(
        NNF_ERROR_UNSUPPORTED, "launch %u: kernel '%s' of node '%s' needs %lld blocks, a GPU takes %d [NNFC-E9001]",
        launch, run.model.kernels[index].name, run.model.launches[launch].node, (long long)tasks, INT32_MAX));
  if (run.isSeparate && run.flush())
    return run.failure;
  if (!on.list.addLaunch(context.allocator, launch, tasks, args, slotsOf(kernel)))
    return run.noMemory();
  if (kernel.checks) // the driver's own state is the host's
    on.list.back()[2 + kernel.parameters - 2] = on.check.address();
  if (run.isSeparate)
    return run.issueTimed();
  return on.list.count() < mostOfList ? int32_t(NNF_OK) : run.flush();
}

void *DeviceRun::allocOutput(const nnf_rt *rt, uint32_t index, const int64_t *dims, uint32_t rank) {
  DeviceRun &run = of(rt);
  nnf_context &context = run.context;
  if (index >= run.model.num_outputs || rank != run.model.outputs[index].rank || context.outputs[index].given) {
    run.failed(context.message.fail(
        NNF_ERROR_INTERNAL,
        "the driver asks for memory of output %u with rank %u, which is not the model's [NNFC-E0707]", index, rank));
    return nullptr;
  }
  OutputSlot &slot = context.outputs[index];
  const nnf_tensor_info &info = run.model.outputs[index];
  if (!tensorBytes(dims, rank, nnf_dtype_bytes(info.dtype), slot.bytes)) {
    run.failed(context.message.fail(NNF_ERROR_MEMORY, "output '%s': no memory for its sizes [NNFC-E0609]", info.name));
    return nullptr;
  }
  Memory &memory = run.on.outputs[index].device;
  if (run.failed(memory.reserve(run.on.device(), slot.bytes, context.message)))
    return nullptr;
  for (uint32_t d = 0; d < rank; ++d)
    slot.dims[d] = dims[d];
  slot.known = true;
  return memory.data;
}

int64_t DeviceRun::readScalar(const nnf_rt *rt, const int64_t *address) {
  DeviceRun &run = of(rt);
  if (run.waitForPinned())
    return 0;
  run.transfer(CommandKind::Download, &run.fixed().scalar, address, sizeof(int64_t));
  return run.readCheck() ? 0 : run.fixed().scalar;
}

int32_t DeviceRun::failCheck(const nnf_rt *rt, uint32_t check, int64_t value, int64_t bound) {
  nnf_check_state &state = of(rt).check;
  if (uint64_t order = uint64_t(check) << 32; order < state.order)
    state = {order, value, bound};
  return NNF_ERROR_DATA;
}

void *DeviceRun::growTemporary(const nnf_rt *rt, uint32_t index, int64_t used, int64_t bytes) {
  DeviceRun &run = of(rt);
  nnf_context &context = run.context;
  if (index >= context.numTemporaries() || bytes < 0 || uint64_t(bytes) > maxBytes) {
    run.failed(index < context.numTemporaries()
                   ? context.message.fail(
                         NNF_ERROR_MEMORY,
                         "no memory for the %lld bytes of intermediate results that these data need [NNFC-E0609]",
                         (long long)bytes)
                   : context.message.fail(NNF_ERROR_INTERNAL,
                                          "the driver asks for piece of memory %u, the model has %u [NNFC-E0707]",
                                          index, context.numTemporaries()));
    return nullptr;
  }
  Memory &memory = run.on.temporaries[index];
  if (memory.data && uint64_t(bytes) <= memory.capacity)
    return memory.data;
  // What waits may use the memory that goes.
  if (run.flush())
    return nullptr;
  if (used == 0) {
    run.failed(memory.reserve(run.on.device(), uint64_t(bytes), context.message));
    return run.failure ? nullptr : memory.data;
  }
  Memory larger;
  bool mayDouble = uint64_t(bytes) < 2 * memory.capacity;
  if (run.failed(larger.reserve(run.on.device(), mayDouble ? 2 * memory.capacity : uint64_t(bytes), context.message)))
    return nullptr;
  run.transfer(CommandKind::Copy, larger.data, memory.data, uint64_t(used));
  if (!run.flush())
    run.wait();
  memory.release(run.on.device());
  memory = larger;
  return run.failure ? nullptr : memory.data;
}

int32_t DeviceRun::write(const nnf_rt *rt, void *address, const void *data, int64_t bytes) {
  DeviceRun &run = of(rt);
  if (run.waitForPinned())
    return run.failure;
  uint64_t rounded = (uint64_t(bytes) + 7) & ~uint64_t(7);
  if (rounded > sizeof(Fixed::written))
    return run.failed(run.context.message.fail(NNF_ERROR_INTERNAL, "the driver writes %lld bytes at once [NNFC-E0707]",
                                               (long long)bytes));
  if (run.written + rounded > sizeof(Fixed::written)) { // all of it is taken: let it be read
    if (run.flush() || run.wait())
      return run.failure;
    run.written = 0;
  }
  uint8_t *from = run.fixed().written + run.written;
  run.written += rounded;
  memcpy(from, data, uint64_t(bytes));
  return run.transfer(CommandKind::Upload, address, from, uint64_t(bytes));
}

// ---- the caller's tensors

int32_t DeviceRun::bindInput(uint32_t index) {
  const InputSlot &slot = context.inputs[index];
  TensorMemory &memory = on.inputs[index];
  bool isHere = isOnDevice(context, slot.device);
  context.inputPointers[index] = slot.data;
  if (slot.bytes == 0) { // a tensor without elements has an address too
    context.inputPointers[index] = on.check.data;
    return NNF_OK;
  }
  if (isHere && reinterpret_cast<uintptr_t>(slot.data) % kernelAlignment == 0)
    return NNF_OK;
  if (failed(memory.device.reserve(on.device(), slot.bytes, context.message)))
    return failure;
  context.inputPointers[index] = memory.device.data;
  if (isHere)
    return transfer(CommandKind::Copy, memory.device.data, slot.data, slot.bytes);
  if (slot.device.device_type == kDLCUDAHost)
    return transfer(CommandKind::Upload, memory.device.data, slot.data, slot.bytes);
  if (slot.bytes > mostPinned) {
    if (Result result = driver.cuMemcpyHtoDAsync_v2(memory.device.address(), slot.data, slot.bytes, stream))
      return failed(result, "copying an input");
    return NNF_OK;
  }
  if (waitForPinned() || failed(memory.host.reserve(on.device(), slot.bytes, context.message)))
    return failure;
  memcpy(memory.host.data, slot.data, slot.bytes);
  return transfer(CommandKind::Upload, memory.device.data, memory.host.data, slot.bytes);
}

int32_t DeviceRun::bindOutput(uint32_t index) {
  const OutputSlot &slot = context.outputs[index];
  context.outputPointers[index] = nullptr;
  if (!slot.known)
    return NNF_OK;
  if (slot.given && isOnDevice(context, slot.givenOn) &&
      reinterpret_cast<uintptr_t>(slot.given) % kernelAlignment == 0) {
    context.outputPointers[index] = slot.given;
    return NNF_OK;
  }
  Memory &memory = on.outputs[index].device;
  if (failed(memory.reserve(on.device(), slot.bytes, context.message)))
    return failure;
  context.outputPointers[index] = memory.data;
  return NNF_OK;
}

int32_t DeviceRun::bind() {
  int64_t bytes = model.arena_bytes(context.symbols);
  if (bytes < 0)
    return failed(context.message.fail(NNF_ERROR_MEMORY,
                                       "the arena for inputs of these sizes is larger than any memory [NNFC-E0609]"));
  // With bounds, room for the largest sizes from the first run on, if the device has so much: addresses in captured
  // graphs stay.
  int64_t most = mostArenaBytes(model);
  bool hasMost = most > bytes && on.arena.capacity < uint64_t(bytes) &&
                 on.arena.reserve(on.device(), uint64_t(most), context.message) == NNF_OK;
  if (!hasMost && failed(on.arena.reserve(on.device(), uint64_t(bytes), context.message)))
    return failure;
  if (on.isPending)
    if (Result result = driver.cuStreamWaitEvent(stream, on.done, 0))
      return failed(result, "cuStreamWaitEvent");
  if (on.program->hasChecks)
    transfer(CommandKind::Upload, on.check.data, &fixed().none, sizeof(nnf_check_state));
  for (uint32_t i = 0; i < model.num_inputs && !failure; ++i)
    bindInput(i);
  for (uint32_t j = 0; j < model.num_outputs && !failure; ++j)
    bindOutput(j);
  return failure;
}

/// Whether the caller gets output `index` in a tensor that the context fills in.
bool DeviceRun::isDelivered(uint32_t index, DLTensor *const out[]) const {
  return out[index] && !context.outputs[index].given;
}

/// Puts outputs where they are wanted, but for in-out inputs.
int32_t DeviceRun::fetchOutputs(DLTensor *const out[], bool &isAsynchronous) {
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    OutputSlot &slot = context.outputs[j];
    TensorMemory &memory = on.outputs[j];
    auto *value = static_cast<uint8_t *>(context.outputPointers[j] ? context.outputPointers[j] : memory.device.data);
    int32_t tied = model.outputs[j].tied;
    bool isTiedToHost = tied >= 0 && !isOnDevice(context, context.inputs[tied].device);
    bool isGivenHost = slot.given && !isOnDevice(context, slot.givenOn);
    bool isKeptHost = isDelivered(j, out) && !slot.wantedOnDevice;
    if (slot.given && !isGivenHost && value != slot.given)
      transfer(CommandKind::Copy, slot.given, value, slot.bytes);
    if (!isTiedToHost && !isGivenHost && !isKeptHost)
      continue;
    isAsynchronous = false;
    if (isGivenHost && !isTiedToHost && (slot.bytes > mostPinned || slot.givenOn.device_type == kDLCUDAHost)) {
      transfer(CommandKind::Download, slot.given, value, slot.bytes);
      continue;
    }
    if (waitForPinned() || failed(memory.host.reserve(on.device(), slot.bytes, context.message)))
      return failure;
    transfer(CommandKind::Download, memory.host.data, value, slot.bytes);
  }
  return failure;
}

/// In-out inputs on the device get their new values.
int32_t DeviceRun::updateInputs() {
  for (uint32_t j = 0; j < model.num_outputs; ++j)
    if (int32_t tied = model.outputs[j].tied; tied >= 0 && isOnDevice(context, context.inputs[tied].device))
      transfer(CommandKind::Copy, context.inputs[tied].data, context.outputPointers[j], context.outputs[j].bytes);
  return failure;
}

void DeviceRun::deliver(DLTensor *const out[]) {
  for (uint32_t j = 0; j < model.num_outputs; ++j) {
    OutputSlot &slot = context.outputs[j];
    const nnf_tensor_info &info = model.outputs[j];
    TensorMemory &memory = on.outputs[j];
    const uint8_t *inputData = nullptr;
    bool isPinned = slot.givenOn.device_type != kDLCUDAHost && slot.bytes <= mostPinned;
    if (int32_t tied = info.tied; tied >= 0) {
      inputData = context.inputs[tied].data;
      if (!isOnDevice(context, context.inputs[tied].device)) {
        isPinned = true;
        if (slot.bytes)
          memcpy(context.inputs[tied].data, memory.host.data, slot.bytes);
      }
    }
    if (slot.given && !isOnDevice(context, slot.givenOn) && isPinned && slot.bytes)
      memcpy(slot.given, memory.host.data, slot.bytes);
    DLTensor *tensor = out[j];
    if (!tensor || slot.given ||
        (tensor->data && inputData == static_cast<uint8_t *>(tensor->data) + tensor->byte_offset))
      continue;
    tensor->data = slot.wantedOnDevice ? memory.device.data : memory.host.data;
    tensor->device = slot.wantedOnDevice ? DLDevice{kDLCUDA, on.device().ordinal} : DLDevice{kDLCPU, 0};
    tensor->ndim = int(info.rank);
    tensor->dtype = nnf_dtype_dlpack(info.dtype);
    tensor->shape = slot.dims;
    tensor->strides = nullptr;
    tensor->byte_offset = 0;
  }
}

// ---- the whole

int32_t DeviceRun::runDriver() {
  nnf_frame frame = {};
  frame.struct_size = sizeof frame;
  frame.inputs = context.inputPointers;
  frame.outputs = context.outputPointers;
  frame.symbols = context.symbols;
  frame.weights = weightsOn(*on.program, weights);
  frame.arena = on.arena.data;
  frame.check = &check;
  frame.seed = options.seed ? *options.seed : context.seed;
  frame.run = context.run++;
  return isCancelled() ? int32_t(NNF_CANCELLED) : model.run(this, &frame);
}

int32_t DeviceRun::run(DLTensor *const out[]) {
  on.list.clear();
  // Runs that are not waited for hold one version together.
  int32_t status = on.pendingWeights == weights ? int32_t(NNF_OK) : waitForPinned();
  if (!status)
    status = bind();
  if (!status)
    status = runDriver();
  bool isAsynchronous = options.stream && !on.program->hasChecks && !isSeparate;
  if (!status)
    status = fetchOutputs(out, isAsynchronous);
  if (!status && isAsynchronous) {
    updateInputs();
    if (!flush()) {
      on.isPending = true;
      if (!on.pendingWeights)
        on.pendingWeights = retain(weights);
      if (Result result = driver.cuEventRecord(on.done, stream))
        failed(result, "cuEventRecord");
    }
    if (failure) // what has got there uses these weights
      wait();
    status = failure;
  } else if (status == NNF_OK || status == NNF_ERROR_DATA) {
    readCheck(); // an earlier check than the driver's may have failed
    if (!status && !failure && check.order == UINT64_MAX && !updateInputs() && !flush())
      wait();
  } else { // what is not enqueued is dropped, what is may still use the caller's memory
    on.list.clear();
    wait();
  }
  if (int32_t concluded = concludeRun(context, check, failure, status))
    return concluded;
  deliver(out);
  return NNF_OK;
}

} // namespace

int32_t runOnDevice(nnf_context &context, const nnf_run_options &options, DLTensor *const out[]) {
  OnDevice current(context.device->device());
  if (current.result)
    return context.device->driver().fail(context.message, current.result, "cuda:%d: cuCtxPushCurrent",
                                         deviceOrdinal(context));
  std::optional<WeightsHold> weights;
  if (!context.weights)
    weights.emplace(*context.program);
  return DeviceRun(context, (context.weights ? *context.weights : *weights).get(), options).run(out);
}

} // namespace nnf::rt
