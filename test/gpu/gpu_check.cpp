// Runs a model's PTX on a GPU and compares with its CPU library:
//
//   nnf-gpu-check EMULATED.so CPU.so MODEL.ptx
//
// EMULATED.so is the model for --target=cuda-emu: its driver launches the same kernels, with the same grids and
// arguments, as the PTX has; here its launches go to the GPU instead of the emulator. Memory is managed, so that
// addresses mean the same on both sides. $NNF_CUDA_DRIVER names another libcuda. Exit status: 0 equal, 1 not, or an
// error.
#include "CudaDriver.h"
#include "runtime/abi.h"
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string &text) {
  fprintf(stderr, "error: %s\n", text.c_str());
  exit(1);
}

// ---- the GPU

class Gpu {
public:
  Gpu();
  void load(const std::string &ptx);
  void *allocate(size_t bytes);
  /// Runs a grid to its end. `slots`: the kernel's arguments, 8 bytes each.
  void launch(uint32_t kernel, int64_t blocks, const void *const *slots);
  bool has(uint32_t kernel) const { return kernels.count(kernel); }

private:
  struct Kernel {
    CUfunction function;
    unsigned threads;
    unsigned parameters;
  };
#define CALL(name, parameters) CUresult(*name) parameters = nullptr;
  NNF_CUDA_CALLS(CALL)
#undef CALL
  CUmodule module = nullptr;
  std::map<uint32_t, Kernel> kernels; // by number in the model's descriptor

  void check(CUresult result, const std::string &what) {
    const char *name = nullptr;
    if (result == 0)
      return;
    if (cuGetErrorName(result, &name) != 0 || !name)
      name = "unknown error";
    fail(what + ": " + name + " (" + std::to_string(result) + ")");
  }
};

Gpu::Gpu() {
  const char *chosen = getenv("NNF_CUDA_DRIVER");
  const char *path = chosen && *chosen ? chosen : "libcuda.so.1";
  void *library = dlopen(path, RTLD_NOW);
  if (!library)
    fail(std::string("no NVIDIA driver: ") + dlerror());
  // Calls that have changed are exported under a newer name beside the old one; none of these has.
#define CALL(name, parameters)                                                                                         \
  if (!(name = reinterpret_cast<CUresult(*) parameters>(dlsym(library, #name))))                                       \
    fail(std::string(path) + " has no " #name);
  NNF_CUDA_CALLS(CALL)
#undef CALL
  CUdevice device;
  CUcontext context;
  char name[256] = {};
  check(cuInit(0), "cuInit");
  check(cuDeviceGet(&device, 0), "no GPU");
  check(cuDeviceGetName(name, sizeof name, device), "cuDeviceGetName");
  check(cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
  check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
  printf("%s: ", name);
}

/// The head of the PTX lists its kernels: "// kernel NUMBER NAME threads=T parameters=P TITLE".
void Gpu::load(const std::string &ptx) {
  std::vector<char> log(1 << 14);
  int options[] = {jitErrorLogBuffer, jitErrorLogBufferBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size())};
  CUresult result = cuModuleLoadDataEx(&module, ptx.c_str(), 2, options, values);
  check(result, std::string("the driver does not take the PTX: ") + log.data());
  std::istringstream lines(ptx);
  for (std::string line; std::getline(lines, line);) {
    unsigned number, threads, parameters;
    char name[256];
    if (sscanf(line.c_str(), "// kernel %u %255s threads=%u parameters=%u", &number, name, &threads, &parameters) != 4)
      continue;
    Kernel kernel{nullptr, threads, parameters};
    check(cuModuleGetFunction(&kernel.function, module, name), std::string("kernel ") + name);
    kernels[number] = kernel;
  }
}

void *Gpu::allocate(size_t bytes) {
  CUdeviceptr address = 0;
  check(cuMemAllocManaged(&address, bytes ? bytes : 1, memAttachGlobal), "cuMemAllocManaged");
  auto *memory = reinterpret_cast<void *>(address);
  memset(memory, 0xcd, bytes);
  return memory;
}

void Gpu::launch(uint32_t number, int64_t blocks, const void *const *slots) {
  const Kernel &kernel = kernels.at(number);
  std::vector<void *> parameters;
  for (unsigned i = 0; i < kernel.parameters; ++i)
    parameters.push_back(const_cast<const void **>(slots + i));
  check(cuLaunchKernel(kernel.function, static_cast<unsigned>(blocks), 1, 1, kernel.threads, 1, 1, 0, nullptr,
                       parameters.data(), nullptr),
        "cuLaunchKernel");
  check(cuCtxSynchronize(), "kernel " + std::to_string(number));
}

// ---- models

const nnf_model *loadModel(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail(dlerror());
  auto *table = static_cast<const nnf_model *const *>(dlsym(library, "nnf_models"));
  if (!table || !table[0])
    fail(std::string(path) + " is no compiled model");
  return table[0];
}

size_t elementBytes(uint32_t dtype) {
  switch (dtype) {
  case NNF_FLOAT64:
  case NNF_INT64:
  case NNF_UINT64: return 8;
  case NNF_FLOAT32:
  case NNF_INT32:
  case NNF_UINT32: return 4;
  case NNF_FLOAT16:
  case NNF_BFLOAT16:
  case NNF_INT16:
  case NNF_UINT16: return 2;
  default: return 1;
  }
}

/// The callbacks of a driver; `gpu`: where its kernels run, else here.
struct Runtime {
  nnf_rt callbacks; // first: the driver hands back its address
  const nnf_model *model;
  Gpu *gpu;
  Gpu &memory;
  std::vector<void *> outputs;
  std::vector<size_t> outputBytes;
  std::map<uint32_t, void *> grown;

  static Runtime &of(const nnf_rt *rt) { return *reinterpret_cast<Runtime *>(const_cast<nnf_rt *>(rt)); }
};

int32_t parallel(const nnf_rt *rt, uint32_t launch, nnf_kernel_fn function, int64_t tasks, int64_t scratchBytes,
                 const void *const *args) {
  Runtime &runtime = Runtime::of(rt);
  uint32_t kernel = runtime.model->launches[launch].kernel;
  if (tasks <= 0)
    return NNF_OK;
  if (runtime.gpu && runtime.gpu->has(kernel)) {
    runtime.gpu->launch(kernel, tasks, args);
    return NNF_OK;
  }
  // Copies of outputs are the driver's own, on both sides.
  std::vector<uint8_t> scratch(static_cast<size_t>(scratchBytes) + 64);
  auto aligned = (reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64;
  function(args, 0, tasks, reinterpret_cast<void *>(aligned));
  return NNF_OK;
}

void *allocOutput(const nnf_rt *rt, uint32_t index, const int64_t *dims, uint32_t rank) {
  Runtime &runtime = Runtime::of(rt);
  size_t bytes = elementBytes(runtime.model->outputs[index].dtype);
  for (uint32_t d = 0; d < rank; ++d)
    bytes *= static_cast<size_t>(dims[d]);
  runtime.outputBytes[index] = bytes;
  return runtime.outputs[index] = runtime.memory.allocate(bytes);
}
void *allocTemporary(const nnf_rt *rt, uint32_t, int64_t bytes) {
  return Runtime::of(rt).memory.allocate(static_cast<size_t>(bytes));
}
int64_t readScalar(const nnf_rt *, const int64_t *address) { return *address; }
int32_t failCheck(const nnf_rt *, uint32_t, int64_t, int64_t) { return NNF_ERROR_DATA; }
int32_t neverCancelled(const nnf_rt *) { return 0; }
void *growTemporary(const nnf_rt *rt, uint32_t index, int64_t used, int64_t bytes) {
  // Memory is given back with the process: a copy each time.
  Runtime &runtime = Runtime::of(rt);
  void *&last = runtime.grown[index], *larger = runtime.memory.allocate(static_cast<size_t>(bytes));
  if (used)
    memcpy(larger, last, static_cast<size_t>(used));
  return last = larger;
}

constexpr int64_t symbolSize = 5;

size_t countOf(const nnf_tensor_info &info, const std::vector<int64_t> &symbols) {
  size_t count = 1;
  for (uint32_t i = 0; i < info.rank; ++i)
    count *= static_cast<size_t>(info.dims[i] < 0 ? symbols[-1 - info.dims[i]] : info.dims[i]);
  return count;
}

void fillRandom(const nnf_tensor_info &info, void *data, size_t count, uint64_t state) {
  for (size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double unit = double(state >> 40) / double(1 << 23) - 1; // [-1, 1)
    uint64_t small = state >> 62;
    switch (info.dtype) {
    case NNF_FLOAT32: static_cast<float *>(data)[i] = static_cast<float>(unit); break;
    case NNF_FLOAT64: static_cast<double *>(data)[i] = unit; break;
    case NNF_FLOAT16: static_cast<uint16_t *>(data)[i] = static_cast<uint16_t>(0x3800 + (state >> 55)); break;
    case NNF_BOOL: static_cast<uint8_t *>(data)[i] = small & 1; break;
    default:
      memset(static_cast<char *>(data) + i * elementBytes(info.dtype), 0, elementBytes(info.dtype));
      memcpy(static_cast<char *>(data) + i * elementBytes(info.dtype), &small, 1);
    }
  }
}

using Outputs = std::vector<std::vector<uint8_t>>;

/// Runs a model on random inputs, in memory that a GPU can reach.
Outputs run(const nnf_model &model, Gpu &memory, Gpu *kernels) {
  std::vector<int64_t> symbols(model.num_symbols, symbolSize);
  std::vector<void *> inputs;
  for (uint32_t i = 0; i < model.num_inputs; ++i) {
    size_t count = countOf(model.inputs[i], symbols);
    inputs.push_back(memory.allocate(count * elementBytes(model.inputs[i].dtype)));
    fillRandom(model.inputs[i], inputs.back(), count, i + 1);
  }
  std::vector<int64_t> dims;
  for (uint32_t i = 0; i < model.num_outputs; ++i)
    dims.resize(dims.size() + model.outputs[i].rank);
  dims.resize(dims.size() + 1);
  if (model.output_dims(symbols.data(), dims.data()) != 0)
    fail("sizes of outputs overflow");
  Runtime runtime{
      {sizeof(nnf_rt), 0, parallel, allocOutput, readScalar, failCheck, neverCancelled, allocTemporary, growTemporary},
      &model,
      kernels,
      memory,
      {},
      {},
      {}};
  const int64_t *next = dims.data();
  for (uint32_t i = 0; i < model.num_outputs; ++i) {
    size_t count = 1;
    for (uint32_t d = 0; d < model.outputs[i].rank; ++d)
      count *= static_cast<size_t>(*next++);
    bool isAsked = model.outputs[i].flags & NNF_TENSOR_DATA_DEPENDENT; // for, during the run
    runtime.outputBytes.push_back(isAsked ? 0 : count * elementBytes(model.outputs[i].dtype));
    runtime.outputs.push_back(isAsked ? nullptr : memory.allocate(runtime.outputBytes.back()));
  }
  std::vector<void *> given = runtime.outputs;
  auto *weights = static_cast<uint8_t *>(memory.allocate(model.weights_bytes));
  if (model.weights_bytes && !model.weights)
    fail("the model's weights are in a file, expected embedded ones");
  memcpy(weights, model.weights, model.weights_bytes);
  auto *check = static_cast<nnf_check_state *>(memory.allocate(sizeof(nnf_check_state)));
  *check = {UINT64_MAX, 0, 0};
  int64_t arenaBytes = model.arena_bytes(symbols.data());
  if (arenaBytes < 0)
    fail("the arena's size overflows");
  nnf_frame frame{sizeof(nnf_frame),
                  0,
                  inputs.data(),
                  given.data(),
                  symbols.data(),
                  weights,
                  static_cast<uint8_t *>(memory.allocate(static_cast<size_t>(arenaBytes))),
                  check,
                  0,
                  0};
  int32_t status = model.run(&runtime.callbacks, &frame);
  if (status != NNF_OK || check->order != UINT64_MAX)
    fail("the run ends with status " + std::to_string(status) + ", check " + std::to_string(check->order >> 32));
  Outputs results;
  for (size_t i = 0; i < runtime.outputs.size(); ++i) {
    auto *data = static_cast<uint8_t *>(runtime.outputs[i]);
    results.emplace_back(data, data + runtime.outputBytes[i]);
  }
  return results;
}

double valueAt(const std::vector<uint8_t> &bytes, uint32_t dtype, size_t i) {
  if (dtype == NNF_FLOAT32)
    return reinterpret_cast<const float *>(bytes.data())[i];
  if (dtype == NNF_FLOAT64)
    return reinterpret_cast<const double *>(bytes.data())[i];
  uint16_t half = reinterpret_cast<const uint16_t *>(bytes.data())[i];
  int exponent = half >> 10 & 31;
  double magnitude = exponent == 31  ? (half & 1023 ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(half & 1023, -24)
                                     : std::ldexp(1024 + (half & 1023), exponent - 25);
  return half >> 15 ? -magnitude : magnitude;
}

/// How far off an output is; "" where it is near enough.
std::string difference(const nnf_tensor_info &info, const std::vector<uint8_t> &found,
                       const std::vector<uint8_t> &expected) {
  double tolerance = info.dtype == NNF_FLOAT32   ? 1e-4
                     : info.dtype == NNF_FLOAT64 ? 1e-9
                     : info.dtype == NNF_FLOAT16 ? 4e-3
                                                 : -1;
  if (tolerance < 0)
    return found == expected ? "" : "values differ, expected equal ones";
  size_t count = found.size() / elementBytes(info.dtype);
  double largest = 0;
  for (size_t i = 0; i < count; ++i)
    if (double magnitude = std::fabs(valueAt(expected, info.dtype, i)); magnitude > largest)
      largest = magnitude;
  for (size_t i = 0; i < count; ++i) {
    double a = valueAt(found, info.dtype, i), b = valueAt(expected, info.dtype, i);
    if (!(std::fabs(a - b) <= tolerance * (0.1 + largest)) && !(std::isnan(a) && std::isnan(b)) && a != b)
      return "element " + std::to_string(i) + " is " + std::to_string(a) + ", expected " + std::to_string(b);
  }
  return "";
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: nnf-gpu-check EMULATED.so CPU.so MODEL.ptx\n");
    return 2;
  }
  std::ifstream file(argv[3]);
  std::ostringstream ptx;
  if (!(ptx << file.rdbuf()))
    fail(std::string(argv[3]) + " cannot be read");
  Gpu gpu;
  gpu.load(ptx.str());
  const nnf_model *launches = loadModel(argv[1]), *cpu = loadModel(argv[2]);
  Outputs found = run(*launches, gpu, &gpu), expected = run(*cpu, gpu, nullptr);
  for (uint32_t i = 0; i < cpu->num_outputs; ++i)
    if (std::string why = difference(cpu->outputs[i], found[i], expected[i]); !why.empty())
      fail("output '" + std::string(cpu->outputs[i].name) + "': " + why);
  printf("%u kernels, %u outputs as on the CPU\n", launches->num_kernels, cpu->num_outputs);
}
