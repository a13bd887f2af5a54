// A libcuda whose GPU is the emulator, so that the CUDA runtime is tested where there is none. Kernels that it is asked
// to launch are those of model $NNF_FAKE_MODEL (or the only one) of $NNF_FAKE_LIBRARY, compiled for --target=cuda-emu.
//
// It is as unkind as a GPU may be: nothing enqueued runs before somebody waits for it; its memory is out of the host's
// reach, filled with 0xcd, never used again once it is freed, and ends at a page nobody may touch; memory of the host
// is out of the kernels' reach unless it is pinned. nnf_fake_count tells what was called and what was not given back.
//
// $NNF_FAKE_ERROR=CALL:N=CODE makes the Nth call fail, CALL=CODE every one; the call `kernel` is a kernel that runs.
// $NNF_FAKE_CAPABILITY (8.0), $NNF_FAKE_DEVICES (1), $NNF_FAKE_VERSION (12040), $NNF_FAKE_MEMORY (bytes, 1 GiB) say
// what there is, $NNF_FAKE_MULTIPROCESSORS (132) too. $NNF_FAKE_FAULT=1 launches one block too few.
#include "test/gpu/FakeCode.h"
#include "test/gpu/FakeMaps.h"
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <sys/mman.h>
#include <tuple>
#include <utility>
#include <vector>

// The driver's types, as its documentation has them.
using CUresult = int; // 0: success
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphExec = struct CUgraphExec_st *;
using Work = std::function<CUresult()>;

struct CUctx_st {
  int device;
};
struct CUgraph_st {
  std::vector<Work> works;
};
struct CUgraphExec_st {
  std::vector<Work> works;
};
struct CUstream_st {
  std::deque<Work> queue;
  CUgraph captured = nullptr; // while it captures
};
struct CUevent_st {
  CUstream stream = nullptr;
  uint64_t recorded = 0, reached = 0;
};

namespace {

constexpr CUresult invalidValue = 1, outOfMemory = 2, invalidContext = 201, invalidPtx = 218, invalidHandle = 400,
                   notFound = 500, illegalAddress = 700, launchFailed = 719, captureUnsupported = 900;

std::recursive_mutex mutex;
std::map<std::string, long> calls;
std::map<std::string, long> failures; // calls counted since $NNF_FAKE_ERROR was set to what it is
std::string failureText;
CUresult broken = 0; // once a kernel has failed, everything does
CUctx_st contexts[8];
int retained[8];
thread_local std::vector<CUcontext> current;

struct Allocation {
  size_t bytes;
  int device; // -1: pinned memory of the host
  void *mapping;
  size_t mapped;
};
std::map<uintptr_t, Allocation> memory;
std::set<const void *> handles; // streams, events, modules, graphs
CUstream_st legacy;

long setting(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text && *text ? strtol(text, nullptr, 0) : otherwise;
}

/// What $NNF_FAKE_ERROR says of this call.
CUresult injected(const char *call) {
  const char *text = getenv("NNF_FAKE_ERROR");
  if (failureText != (text ? text : "")) {
    failureText = text ? text : "";
    failures.clear();
  }
  char name[64];
  int number = 0, code = 0;
  if (!text || (sscanf(text, "%63[^:=]:%d=%d", name, &number, &code) != 3 &&
                (number = 0, sscanf(text, "%63[^:=]=%d", name, &code) != 2)))
    return 0;
  if (strcmp(name, call) != 0)
    return 0;
  long count = ++failures[name];
  return number == 0 || count == number ? code : 0;
}

/// Every call begins so: one at a time, counted, and failing where it should.
struct Call {
  explicit Call(const char *name, bool needsContext = true) : lock(mutex) {
    ++calls[name];
    result = broken ? broken : injected(name);
    if (!result && needsContext && current.empty())
      result = invalidContext;
  }
  std::lock_guard<std::recursive_mutex> lock;
  CUresult result;
};
#define FAKE_CALL(...)                                                                                                 \
  Call call(__VA_ARGS__);                                                                                              \
  if (call.result)                                                                                                     \
  return call.result

/// While it lives, the host may touch what the device has.
struct Reach {
  Reach() { protect(PROT_READ | PROT_WRITE); }
  ~Reach() { protect(PROT_NONE); }
  static void protect(int how) {
    for (auto &[address, allocation] : memory)
      if (allocation.device >= 0)
        mprotect(allocation.mapping, allocation.mapped, how);
  }
};

constexpr size_t pageBytes = 4096;

CUresult allocate(uintptr_t &address, size_t bytes, int device) {
  size_t used = 0;
  for (auto &[at, allocation] : memory)
    used += allocation.device == device ? allocation.bytes : 0;
  if (bytes == 0)
    return invalidValue;
  if (used + bytes > static_cast<size_t>(setting("NNF_FAKE_MEMORY", 1L << 30)))
    return outOfMemory;
  // It ends where a page ends, and what comes after is nobody's.
  size_t rounded = (bytes + 255) / 256 * 256, mapped = (rounded + pageBytes - 1) / pageBytes * pageBytes;
  void *mapping = mmap(nullptr, mapped + pageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    return outOfMemory;
  mprotect(mapping, mapped, PROT_READ | PROT_WRITE);
  memset(mapping, 0xcd, mapped);
  if (device >= 0)
    mprotect(mapping, mapped, PROT_NONE);
  address = reinterpret_cast<uintptr_t>(mapping) + mapped - rounded;
  memory[address] = {bytes, device, mapping, mapped};
  return 0;
}

/// The allocation that holds all of these bytes.
const Allocation *holder(uintptr_t address, size_t bytes) {
  auto after = memory.upper_bound(address);
  if (after == memory.begin())
    return nullptr;
  auto &[begin, allocation] = *std::prev(after);
  return address - begin + bytes <= allocation.bytes ? &allocation : nullptr;
}
bool isOnDevice(uintptr_t address, size_t bytes) {
  const Allocation *found = holder(address, bytes);
  return found && found->device >= 0;
}
bool isPinned(const void *address, size_t bytes) {
  const Allocation *found = holder(reinterpret_cast<uintptr_t>(address), bytes);
  return found && found->device < 0;
}

CUstream streamOf(CUstream stream) { return reinterpret_cast<uintptr_t>(stream) <= 2 ? &legacy : stream; }
bool isStream(CUstream stream) { return stream == &legacy || handles.count(stream); }

CUresult drain(CUstream stream) {
  while (!broken && !stream->queue.empty()) {
    Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    if (CUresult result = work())
      broken = result;
  }
  return broken;
}
std::set<CUstream> streams;
CUresult drainAll() {
  for (CUstream stream : streams)
    drain(stream);
  return drain(&legacy);
}

CUresult enqueue(CUstream given, Work work) {
  CUstream stream = streamOf(given);
  if (!isStream(stream))
    return invalidHandle;
  if (stream->captured)
    stream->captured->works.push_back(std::move(work));
  else
    stream->queue.push_back(std::move(work));
  return 0;
}

CUresult copy(uintptr_t to, uintptr_t from, size_t bytes) {
  Reach reach;
  memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
  return 0;
}

template <typename T, typename... Arguments> T *make(Arguments... arguments) {
  T *made = new T{arguments...};
  handles.insert(made);
  return made;
}
template <typename T> CUresult destroy(T *handle) {
  if (!handles.erase(handle))
    return invalidHandle;
  delete handle;
  return 0;
}

// ---- code

const nnf_model *emulatedModel() {
  const char *path = getenv("NNF_FAKE_LIBRARY"), *name = getenv("NNF_FAKE_MODEL");
  void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  auto *table = library ? static_cast<const nnf_model *const *>(dlsym(library, "nnf_models")) : nullptr;
  for (; table && *table; ++table)
    if (!name || !*name || strcmp((*table)->name, name) == 0)
      return *table;
  fprintf(stderr, "fake cuda: no model '%s' in NNF_FAKE_LIBRARY=%s\n", name ? name : "", path ? path : "");
  return nullptr;
}

/// Runs a grid now. `slots`: what the parameters were when it was launched.
CUresult runKernel(const CUfunc_st &function, std::array<unsigned, 3> grid, std::vector<const void *> slots,
                   const std::vector<CUtensorMap_st> &maps) {
  ++calls["kernel"];
  if (CUresult result = injected("kernel"))
    return result;
  for (size_t i = 0; i < function.isPointer.size(); ++i) {
    const Allocation *found = holder(reinterpret_cast<uintptr_t>(slots[i]), 1);
    if (function.isPointer[i] &&
        (!found || (found->device >= 0 && found->device != function.module->context->device))) {
      fprintf(stderr, "fake cuda: %s: parameter %zu is no memory of its device\n", function.name.c_str(), i);
      return illegalAddress;
    }
  }
  nnf_check_state local{UINT64_MAX, 0, 0};
  nnf_check_state *state = nullptr;
  uint64_t first = 0;
  if (function.checks) {
    state = static_cast<nnf_check_state *>(const_cast<void *>(slots[slots.size() - 2]));
    first = reinterpret_cast<uint64_t>(slots.back());
    slots.resize(slots.size() - 2);
  }
  if (function.block[0])
    for (unsigned count : grid)
      slots.push_back(reinterpret_cast<const void *>(uintptr_t(count)));
  slots.push_back(&local);
  slots.push_back(nullptr);
  std::vector<uint8_t> scratch(static_cast<size_t>(function.kernel->scratch_bytes) + 64);
  auto aligned = (reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64;
  auto *given = reinterpret_cast<nnf_emu_given_maps *>(aligned);
  if (!maps.empty()) {
    given->magic = NNF_EMU_MAP_MAGIC;
    given->blocks = grid[0];
  }
  for (size_t i = 0; i < maps.size(); ++i)
    given->maps[i] = &maps[i].map;
  Reach reach;
  int64_t blocks = int64_t(grid[0]) * grid[1] * grid[2];
  function.kernel->function(slots.data(), 0, blocks - (getenv("NNF_FAKE_FAULT") ? 1 : 0),
                            reinterpret_cast<void *>(aligned));
  if (local.order == UINT64_MAX)
    return 0;
  if ((local.order >> 32) >= function.checks) {
    fprintf(stderr, "fake cuda: the emulator finds fault with %s\n", function.name.c_str());
    return launchFailed;
  }
  local.order += first << 32;
  if (local.order < state->order)
    *state = local;
  return 0;
}

CUresult checkedMap(void *address, uint64_t bytes) {
  if (isOnDevice(reinterpret_cast<uintptr_t>(address), bytes))
    return 0;
  fprintf(stderr, "fake cuda: a tensor map reaches beyond memory of a device\n");
  return invalidValue;
}

} // namespace

extern "C" {

/// How often `what` was called; "kept": what was made and not given back.
long nnf_fake_count(const char *what) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (strcmp(what, "kept") != 0)
    return calls[what];
  long kept = static_cast<long>(memory.size() + handles.size());
  for (int count : retained)
    kept += count;
  return kept;
}
/// As good as new, but for what is kept.
void nnf_fake_reset() {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  calls.clear();
  failures.clear();
  broken = 0;
}
/// The host's own copies, for tests that have tensors on the device.
void nnf_fake_write(CUdeviceptr to, const void *from, size_t bytes) {
  copy(to, reinterpret_cast<uintptr_t>(from), bytes);
}
void nnf_fake_read(void *to, CUdeviceptr from, size_t bytes) { copy(reinterpret_cast<uintptr_t>(to), from, bytes); }

CUresult cuInit(unsigned) {
  FAKE_CALL("cuInit", false);
  return 0;
}
CUresult cuDriverGetVersion(int *version) {
  FAKE_CALL("cuDriverGetVersion", false);
  *version = static_cast<int>(setting("NNF_FAKE_VERSION", 12040));
  return 0;
}
CUresult cuDeviceGetCount(int *count) {
  FAKE_CALL("cuDeviceGetCount", false);
  *count = static_cast<int>(setting("NNF_FAKE_DEVICES", 1));
  return 0;
}
CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  FAKE_CALL("cuDeviceGet", false);
  *device = ordinal;
  return ordinal < setting("NNF_FAKE_DEVICES", 1) ? 0 : invalidValue;
}
CUresult cuDeviceGetName(char *name, int bytes, CUdevice) {
  snprintf(name, static_cast<size_t>(bytes), "no GPU but the emulator");
  return 0;
}
CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice) {
  const char *text = getenv("NNF_FAKE_CAPABILITY");
  int major = 8, minor = 0;
  if (text)
    sscanf(text, "%d.%d", &major, &minor);
  int multiprocessors = int(setting("NNF_FAKE_MULTIPROCESSORS", 132));
  *value = attribute == 75 ? major : attribute == 76 ? minor : multiprocessors;
  return attribute == 75 || attribute == 76 || attribute == 16 ? 0 : invalidValue;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  FAKE_CALL("cuDevicePrimaryCtxRetain", false);
  ++retained[device];
  contexts[device].device = device;
  *context = &contexts[device];
  return 0;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  Call call("cuDevicePrimaryCtxRelease_v2", false);
  return retained[device]-- > 0 ? 0 : invalidContext;
}
CUresult cuCtxPushCurrent_v2(CUcontext context) {
  FAKE_CALL("cuCtxPushCurrent_v2", false);
  current.push_back(context);
  return 0;
}
CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  if (current.empty())
    return invalidContext;
  *context = current.back();
  current.pop_back();
  return 0;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned, int *, void **) {
  FAKE_CALL("cuModuleLoadDataEx");
  const nnf_model *model = emulatedModel();
  if (!model)
    return invalidValue;
  *module = make<CUmod_st>(current.back());
  bool isCubin = memcmp(image, "\177ELF", 4) == 0;
  ++calls[isCubin ? "cubin" : "ptx"];
  auto *text = static_cast<const char *>(image);
  isCubin ? readCubin(text, **module) : readPtx(text, **module);
  for (auto &[name, function] : (*module)->functions) {
    function.name = name;
    function.module = *module;
    if (function.number >= model->num_kernels)
      return destroy(*module), invalidPtx;
    function.kernel = &model->kernels[function.number];
  }
  return 0;
}
CUresult cuModuleUnload(CUmodule module) {
  Call call("cuModuleUnload");
  drainAll();
  return destroy(module);
}
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  FAKE_CALL("cuModuleGetFunction");
  auto found = module->functions.find(name);
  if (found == module->functions.end())
    return notFound;
  *function = &found->second;
  return 0;
}
CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  FAKE_CALL("cuFuncSetAttribute");
  if (attribute != 8 || value <= 0 || value > 227 << 10)
    return invalidValue;
  function->mostDynamic = static_cast<unsigned>(value);
  return 0;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  FAKE_CALL("cuMemAlloc_v2");
  uintptr_t made = 0;
  CUresult result = allocate(made, bytes, current.back()->device);
  *address = made;
  return result;
}
CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned) {
  FAKE_CALL("cuMemHostAlloc");
  uintptr_t made = 0;
  CUresult result = allocate(made, bytes, -1);
  *address = reinterpret_cast<void *>(made);
  return result;
}
static CUresult release(uintptr_t address, bool pinned) {
  drainAll(); // as the driver does, in effect
  auto found = memory.find(address);
  if (found == memory.end() || (found->second.device < 0) != pinned)
    return invalidValue;
  mmap(found->second.mapping, found->second.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
       -1, 0);
  memory.erase(found);
  return 0;
}
CUresult cuMemFree_v2(CUdeviceptr address) {
  Call call("cuMemFree_v2");
  return release(address, false);
}
CUresult cuMemFreeHost(void *address) {
  Call call("cuMemFreeHost");
  return release(reinterpret_cast<uintptr_t>(address), true);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  FAKE_CALL("cuMemcpyHtoDAsync_v2");
  if (!isOnDevice(to, bytes))
    return invalidValue;
  if (isPinned(from, bytes))
    return enqueue(stream, [=] { return copy(to, reinterpret_cast<uintptr_t>(from), bytes); });
  if (streamOf(stream)->captured)
    return captureUnsupported;
  // Memory that is not pinned has been read when the call returns.
  auto *begin = static_cast<const uint8_t *>(from);
  std::vector<uint8_t> taken(begin, begin + bytes);
  return enqueue(stream, [=] { return copy(to, reinterpret_cast<uintptr_t>(taken.data()), bytes); });
}
CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
  FAKE_CALL("cuMemcpyHtoD_v2");
  return isOnDevice(to, bytes) ? copy(to, reinterpret_cast<uintptr_t>(from), bytes) : invalidValue;
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  FAKE_CALL("cuMemcpyDtoHAsync_v2");
  if (!isOnDevice(from, bytes))
    return invalidValue;
  if (!isPinned(to, bytes) && streamOf(stream)->captured)
    return captureUnsupported;
  CUresult result = enqueue(stream, [=] { return copy(reinterpret_cast<uintptr_t>(to), from, bytes); });
  return result || isPinned(to, bytes) ? result : drain(streamOf(stream));
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  FAKE_CALL("cuMemcpyDtoDAsync_v2");
  if (!isOnDevice(to, bytes) || !isOnDevice(from, bytes))
    return invalidValue;
  return enqueue(stream, [=] { return copy(to, from, bytes); });
}

CUresult cuStreamCreate(CUstream *stream, unsigned) {
  FAKE_CALL("cuStreamCreate");
  *stream = make<CUstream_st>();
  streams.insert(*stream);
  return 0;
}
CUresult cuStreamDestroy_v2(CUstream stream) {
  Call call("cuStreamDestroy_v2");
  if (!handles.count(stream))
    return invalidHandle;
  drain(stream);
  streams.erase(stream);
  return destroy(stream);
}
CUresult cuStreamSynchronize(CUstream given) {
  FAKE_CALL("cuStreamSynchronize");
  CUstream stream = streamOf(given);
  return !isStream(stream) ? invalidHandle : stream->captured ? captureUnsupported : drain(stream);
}
static CUresult reach(CUevent event, uint64_t number) {
  while (!broken && event->reached < number && !event->stream->queue.empty()) {
    Work work = std::move(event->stream->queue.front());
    event->stream->queue.pop_front();
    if (CUresult result = work())
      broken = result;
  }
  return broken;
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  FAKE_CALL("cuStreamWaitEvent");
  uint64_t number = event->recorded;
  return enqueue(stream, [=] { return reach(event, number); });
}
CUresult cuEventCreate(CUevent *event, unsigned) {
  FAKE_CALL("cuEventCreate");
  *event = make<CUevent_st>();
  return 0;
}
CUresult cuEventDestroy_v2(CUevent event) {
  Call call("cuEventDestroy_v2");
  drainAll();
  return destroy(event);
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
  FAKE_CALL("cuEventRecord");
  uint64_t number = ++event->recorded;
  event->stream = streamOf(stream);
  return enqueue(stream, [=] { return event->reached = number, 0; });
}
CUresult cuEventSynchronize(CUevent event) {
  FAKE_CALL("cuEventSynchronize");
  return reach(event, event->recorded);
}
CUresult cuEventElapsedTime(float *milliseconds, CUevent, CUevent) {
  FAKE_CALL("cuEventElapsedTime");
  *milliseconds = 0.5f;
  return 0;
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                        unsigned blockY, unsigned blockZ, unsigned sharedBytes, CUstream stream, void **parameters,
                        void **extra) {
  FAKE_CALL("cuLaunchKernel");
  calls["blocks"] += gridX;
  bool isKnown = !function->isPointer.empty() && !function->block[0];
  if (sharedBytes > function->mostDynamic || (isKnown && function->usesDynamic != (sharedBytes != 0)))
    return invalidValue;
  bool isPlain = gridY == 1 && gridZ == 1 && blockX == function->threads && blockY == 1 && blockZ == 1;
  bool isAsMade = blockX == function->block[0] && blockY == function->block[1] && blockZ == function->block[2];
  if (gridX == 0 || gridY == 0 || gridZ == 0 || !(function->block[0] ? isAsMade : isPlain) || extra)
    return invalidValue;
  // As the GPU's: parameters are copied at the call, as many as the code declares.
  std::vector<const void *> slots;
  for (unsigned i = 0; i < function->parameters; ++i)
    slots.push_back(*static_cast<const void *const *>(parameters[i]));
  std::vector<CUtensorMap_st> maps;
  for (unsigned i = 0; i < function->maps; ++i)
    maps.push_back(*static_cast<const CUtensorMap_st *>(parameters[function->parameters + i]));
  return enqueue(stream, [=] { return runKernel(*function, {gridX, gridY, gridZ}, slots, maps); });
}

CUresult cuTensorMapEncodeTiled(CUtensorMap_st *map, int type, unsigned rank, void *address, const uint64_t *dims,
                                const uint64_t *strides, const uint32_t *box, const uint32_t *elementStrides,
                                int interleave, int swizzle, int promotion, int fill) {
  FAKE_CALL("cuTensorMapEncodeTiled", false);
  MapRequest asked{type, rank, address, dims, strides, elementStrides, interleave, swizzle, promotion, fill};
  uint64_t bytes = 0;
  return makeTiled(map, asked, box, bytes) ? checkedMap(address, bytes) : invalidValue;
}
CUresult cuTensorMapEncodeIm2col(CUtensorMap_st *map, int type, unsigned rank, void *address, const uint64_t *dims,
                                 const uint64_t *strides, const int *lower, const int *upper, uint32_t channels,
                                 uint32_t positions, const uint32_t *elementStrides, int interleave, int swizzle,
                                 int promotion, int fill) {
  FAKE_CALL("cuTensorMapEncodeIm2col", false);
  MapRequest asked{type, rank, address, dims, strides, elementStrides, interleave, swizzle, promotion, fill};
  uint64_t bytes = 0;
  return makeIm2col(map, asked, lower, upper, channels, positions, bytes) ? checkedMap(address, bytes) : invalidValue;
}

CUresult cuStreamBeginCapture_v2(CUstream stream, int) {
  FAKE_CALL("cuStreamBeginCapture_v2");
  if (!isStream(stream) || stream->captured)
    return invalidValue;
  stream->captured = make<CUgraph_st>();
  return 0;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  Call call("cuStreamEndCapture");
  *graph = std::exchange(stream->captured, nullptr);
  if (!*graph)
    return invalidValue;
  if (call.result) {
    destroy(*graph);
    *graph = nullptr;
  }
  return call.result;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long) {
  FAKE_CALL("cuGraphInstantiateWithFlags");
  *exec = make<CUgraphExec_st>(graph->works);
  return 0;
}
CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  FAKE_CALL("cuGraphLaunch");
  if (!handles.count(exec))
    return invalidHandle;
  return enqueue(stream, [works = exec->works] {
    for (const Work &work : works)
      if (CUresult result = work())
        return result;
    return 0;
  });
}
CUresult cuGraphExecDestroy(CUgraphExec exec) {
  Call call("cuGraphExecDestroy");
  return destroy(exec);
}
CUresult cuGraphDestroy(CUgraph graph) {
  Call call("cuGraphDestroy");
  return destroy(graph);
}

CUresult cuGetErrorName(CUresult error, const char **name) {
  *name = error == invalidValue     ? "CUDA_ERROR_INVALID_VALUE"
          : error == outOfMemory    ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == 100            ? "CUDA_ERROR_NO_DEVICE"
          : error == invalidPtx     ? "CUDA_ERROR_INVALID_PTX"
          : error == 222            ? "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"
          : error == notFound       ? "CUDA_ERROR_NOT_FOUND"
          : error == illegalAddress ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : error == launchFailed   ? "CUDA_ERROR_LAUNCH_FAILED"
                                    : "CUDA_ERROR_UNKNOWN";
  return 0;
}
}
