// C++ on top of nnf.h: owners and types, nothing more. Header-only, C++20, no exceptions: what can fail returns a
// Status.
//
//   nnf::Model model;
//   if (nnf::Status s = nnf::Model::load("net.so", model); !s) return complain(s.message());
//   nnf::Context context;
//   ...
//   float x[3 * 8 * 8] = {...};
//   nnf::Tensor in = nnf::Tensor::of(x, {1, 3, 8, 8}), out;
//   if (nnf::Status s = context.run({&in, 1}, {&out, 1}); !s) ...
//   const float *y = out.data<float>();   // until the next run of this context
#ifndef NNF_NNF_HPP
#define NNF_NNF_HPP
#if __cplusplus < 201709L
#error "nnf.hpp needs C++20: -std=c++20, or in CMake target_compile_features(app PRIVATE cxx_std_20)"
#endif
#include "nnf.h"
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace nnf {
// The inline namespace keeps these names apart from the compiler's own in one program.
inline namespace runtime {

/// How a call ended. True in a condition when all went well.
class Status {
public:
  Status() = default;
  /// Of a call of nnf.h; `context` is the one of that call, or NULL, and has the message.
  Status(int32_t code, const nnf_context *context) : number(code) {
    if (code != NNF_OK)
      text = nnf_error_message(context);
  }
  /// With a message of the caller's own.
  Status(int32_t code, std::string message) : number(code), text(std::move(message)) {}
  /// All went well.
  explicit operator bool() const { return number == NNF_OK; }
  /// NNF_OK, NNF_ERROR_*, NNF_CANCELLED.
  int32_t code() const { return number; }
  /// What was found and what was expected; empty when all went well.
  const std::string &message() const { return text; }

private:
  int32_t number = NNF_OK;
  std::string text;
};

/// The dtype of a C++ type: dtypeOf<float>() is NNF_FLOAT32.
template <typename T> constexpr uint32_t dtypeOf() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>)
    return NNF_FLOAT32;
  else if constexpr (std::is_same_v<U, double>)
    return NNF_FLOAT64;
  else if constexpr (std::is_same_v<U, bool>)
    return NNF_BOOL;
  else if constexpr (std::is_integral_v<U> && std::is_signed_v<U>)
    return sizeof(U) == 8 ? NNF_INT64 : sizeof(U) == 4 ? NNF_INT32 : sizeof(U) == 2 ? NNF_INT16 : NNF_INT8;
  else {
    static_assert(std::is_integral_v<U>, "no element type of a model: give the dtype by its number");
    return sizeof(U) == 8 ? NNF_UINT64 : sizeof(U) == 4 ? NNF_UINT32 : sizeof(U) == 2 ? NNF_UINT16 : NNF_UINT8;
  }
}

/// A tensor given to or filled by a run. Owns its sizes, never its data. A default one is an output to be allocated by
/// the context.
class Tensor {
public:
  /// An output that the context allocates.
  Tensor() { tensor.device = {kDLCPU, 0}; }
  /// Elements of NNF_* `dtype` at `data`, compact and row-major, as many as the product of `dims`.
  Tensor(void *data, uint32_t dtype, std::vector<int64_t> dims) : ownDims(std::move(dims)) {
    tensor.data = data;
    tensor.device = {kDLCPU, 0};
    tensor.dtype = nnf_dtype_dlpack(dtype);
    tensor.ndim = int(ownDims.size());
    tensor.shape = ownDims.data();
  }
  /// The same; the dtype is that of T.
  template <typename T> static Tensor of(T *data, std::vector<int64_t> dims) {
    return Tensor(const_cast<std::remove_cv_t<T> *>(data), dtypeOf<T>(), std::move(dims));
  }
  Tensor(Tensor &&other) noexcept { *this = std::move(other); }
  Tensor &operator=(Tensor &&other) noexcept {
    bool own = other.tensor.shape == other.ownDims.data();
    tensor = other.tensor;
    ownDims = std::move(other.ownDims);
    if (own)
      tensor.shape = ownDims.data();
    other.tensor = {};
    other.ownDims.clear();
    return *this;
  }

  /// The elements, T being their type (it is not checked); NULL before a run has allocated them.
  template <typename T> T *data() const {
    return tensor.data ? reinterpret_cast<T *>(static_cast<uint8_t *>(tensor.data) + tensor.byte_offset) : nullptr;
  }
  /// The sizes, outermost first.
  std::span<const int64_t> dims() const { return {tensor.shape, size_t(tensor.ndim)}; }
  /// Their product: how many elements there are.
  int64_t elements() const {
    int64_t count = 1;
    for (int64_t dim : dims())
      count *= dim;
    return count;
  }
  /// As nnf.h takes it; it stays this object's.
  DLTensor *dlpack() { return &tensor; }

private:
  DLTensor tensor = {};
  std::vector<int64_t> ownDims;
};

/// A compiled model, checked and ready to be run.
class Model {
public:
  Model() = default;
  Model(Model &&other) noexcept : program(std::exchange(other.program, nullptr)) {}
  Model &operator=(Model &&other) noexcept {
    std::swap(program, other.program);
    return *this;
  }
  ~Model() { nnf_program_destroy(program); }

  /// From a library; `name` may be NULL where there is one model.
  static Status load(const char *path, const char *name, Model &model) {
    return model.take([&](nnf_program **p) { return nnf_program_load(path, name, p); });
  }
  /// The only model of a library.
  static Status load(const char *path, Model &model) { return load(path, nullptr, model); }
  /// From a model linked into this program: Model::from(nnf_model_net, model).
  static Status from(const nnf_model &descriptor, Model &model) {
    return model.take([&](nnf_program **p) { return nnf_program_from_model(&descriptor, p); });
  }

  /// A raw tensor and its name in the model file.
  struct Weight {
    const char *name; ///< in the model file
    Tensor &tensor;   ///< as the model file has it
  };
  /// New weights for runs that begin from now on: nnf_program_set_weights.
  Status setWeights(std::span<const Weight> weights) {
    std::vector<nnf_named_tensor> named;
    for (const Weight &weight : weights)
      named.push_back({weight.name, weight.tensor.dlpack()});
    return Status(nnf_program_set_weights(program, named.data(), uint32_t(named.size())), nullptr);
  }

  /// There is a model: it was loaded and not moved away. Only then may the rest be called.
  explicit operator bool() const { return program != nullptr; }
  /// What it is called in its library.
  std::string_view name() const { return descriptor().name; }
  /// Name, dtype (NNF_*) and sizes of each input; a size -1-s is symbols()[s].
  std::span<const nnf_tensor_info> inputs() const { return {descriptor().inputs, descriptor().num_inputs}; }
  /// The same of each output; a size NNF_DIM_COMPUTED is known when the inputs' are.
  std::span<const nnf_tensor_info> outputs() const { return {descriptor().outputs, descriptor().num_outputs}; }
  /// The sizes that have names, with their bounds.
  std::span<const nnf_symbol_info> symbols() const { return {descriptor().symbols, descriptor().num_symbols}; }
  /// All that abi.h says of a model.
  const nnf_model &descriptor() const { return *nnf_program_model(program); }
  /// For calls of nnf.h; it stays this object's.
  nnf_program *get() const { return program; }

private:
  template <typename Make> Status take(Make make) {
    nnf_program *made = nullptr;
    int32_t code = make(&made);
    if (code == NNF_OK) {
      nnf_program_destroy(program);
      program = made;
    }
    return Status(code, nullptr);
  }
  nnf_program *program = nullptr;
};

/// What running a model needs; for one thread at a time.
class Context {
public:
  Context() = default;
  Context(Context &&other) noexcept
      : context(std::exchange(other.context, nullptr)), pointers(std::move(other.pointers)) {}
  Context &operator=(Context &&other) noexcept {
    std::swap(context, other.context);
    std::swap(pointers, other.pointers);
    return *this;
  }
  ~Context() { nnf_context_destroy(context); }

  /// `threads` of a run at most (0: as many as the process may use), the `seed` of random ops, and cpu() or cuda(k).
  static nnf_context_options options(uint32_t threads = 0, uint64_t seed = 0, DLDevice device = {}) {
    return {sizeof(nnf_context_options), threads, nullptr, nullptr, seed, device.device_type, device.device_id};
  }
  /// Makes `result` a context of `model`, which may be destroyed before it. Fails without the device or the memory.
  static Status create(const Model &model, Context &result, const nnf_context_options &options = Context::options()) {
    nnf_context *made = nullptr;
    int32_t code = nnf_context_create(model.get(), &options, &made);
    if (code == NNF_OK) {
      nnf_context_destroy(result.context);
      result.context = made;
    }
    return Status(code, nullptr);
  }

  /// One run: as many `in` and `out` as the model has, in its order. nnf_run says what tensors may be and how it fails.
  Status run(std::span<Tensor> in, std::span<Tensor> out, const nnf_run_options *options = nullptr) {
    pointers.clear();
    for (Tensor &tensor : in)
      pointers.push_back(tensor.dlpack());
    for (Tensor &tensor : out)
      pointers.push_back(tensor.dlpack());
    int32_t code = nnf_run(context, pointers.data(), uint32_t(in.size()), pointers.data() + in.size(),
                           uint32_t(out.size()), options);
    return Status(code, context);
  }
  /// The number of the next run, which with the seed decides what random ops draw.
  void setRun(uint64_t number) { nnf_context_set_run(context, number); }
  /// There is a context: it was created and not moved away.
  explicit operator bool() const { return context != nullptr; }
  /// For calls of nnf.h; it stays this object's.
  nnf_context *get() const { return context; }

private:
  nnf_context *context = nullptr;
  std::vector<DLTensor *> pointers; // kept, so that a run allocates nothing
};

/// The device `cpu:K`: the K-th core set.
inline DLDevice cpu(int32_t index) { return {kDLCPU, index}; }
/// The device `cuda:K`: a GPU, as the driver numbers them.
inline DLDevice cuda(int32_t index) { return {kDLCUDA, index}; }

/// A model on several devices, each with a part of the batch: torch.nn.DataParallel. What is cut, how, and what comes
/// out is said at nnf_data_parallel.
class DataParallel {
public:
  /// As nnf_replicas_options has them.
  struct Options {
    std::vector<DLDevice> device_ids;      ///< empty: every core set
    std::optional<DLDevice> output_device; ///< not set: device_ids[0]
    int64_t dim = 0;
    std::vector<std::string> replicated; ///< inputs that are no part of the batch
    uint32_t core_sets = 0, threads = 0;
    uint64_t seed = 0;
  };

  DataParallel() = default;
  DataParallel(DataParallel &&other) noexcept
      : replicas(std::exchange(other.replicas, nullptr)), pointers(std::move(other.pointers)) {}
  DataParallel &operator=(DataParallel &&other) noexcept {
    std::swap(replicas, other.replicas);
    std::swap(pointers, other.pointers);
    return *this;
  }
  ~DataParallel() { nnf_replicas_destroy(replicas); }

  /// Makes `result` replicas of `module`. Fails on a device that is not there and a name that is no input.
  static Status create(const Model &module, DataParallel &result, const Options &options) {
    std::vector<uint8_t> replicated(module.inputs().size() + 1);
    for (const std::string &name : options.replicated) {
      size_t i = 0;
      while (i < module.inputs().size() && module.inputs()[i].name != name)
        ++i;
      if (i == module.inputs().size())
        return Status(NNF_ERROR_ARGUMENT, "replicated: the model has no input '" + name + "' [NNFC-E0615]");
      replicated[i] = 1;
    }
    nnf_replicas_options plain = {};
    plain.struct_size = sizeof plain;
    plain.num_devices = uint32_t(options.device_ids.size());
    plain.device_ids = options.device_ids.data();
    plain.output_device = options.output_device ? &*options.output_device : nullptr;
    plain.dim = options.dim;
    plain.core_sets = options.core_sets;
    plain.threads = options.threads;
    plain.replicated = replicated.data();
    plain.seed = options.seed;
    nnf_replicas *made = nullptr;
    int32_t code = nnf_replicas_create(module.get(), &plain, &made);
    if (code == NNF_OK) {
      nnf_replicas_destroy(result.replicas);
      result.replicas = made;
    }
    return Status(code, nullptr);
  }

  /// An input by its name.
  struct Named {
    const char *name;
    Tensor &tensor;
  };
  /// The model's first inputs in order, the others by name.
  Status run(std::span<Tensor> inputs, std::span<const Named> module_kwargs, std::span<Tensor> outputs,
             const nnf_run_options *options = nullptr) {
    pointers.clear();
    named.clear();
    for (Tensor &tensor : inputs)
      pointers.push_back(tensor.dlpack());
    for (Tensor &tensor : outputs)
      pointers.push_back(tensor.dlpack());
    for (const Named &one : module_kwargs)
      named.push_back({one.name, one.tensor.dlpack()});
    int32_t code =
        nnf_data_parallel(replicas, pointers.data(), uint32_t(inputs.size()), named.data(), uint32_t(named.size()),
                          pointers.data() + inputs.size(), uint32_t(outputs.size()), options);
    return Status(code, nullptr);
  }
  /// All inputs in order.
  Status run(std::span<Tensor> inputs, std::span<Tensor> outputs, const nnf_run_options *options = nullptr) {
    return run(inputs, {}, outputs, options);
  }
  /// How many devices there are.
  uint32_t size() const { return nnf_replicas_count(replicas); }
  /// Threads that one of them uses at most.
  uint32_t threads(uint32_t replica) const { return nnf_replicas_threads(replicas, replica); }
  /// There are replicas: they were created and not moved away.
  explicit operator bool() const { return replicas != nullptr; }
  /// For calls of nnf.h; they stay this object's.
  nnf_replicas *get() const { return replicas; }

private:
  nnf_replicas *replicas = nullptr;
  std::vector<DLTensor *> pointers; // kept, so that a run allocates nothing
  std::vector<nnf_named_tensor> named;
};

/// torch.nn.parallel.data_parallel in one call. `replicas` is made for it, and owns the outputs that come without data;
/// who runs more than once keeps a DataParallel instead.
inline Status data_parallel(const Model &module, std::span<Tensor> inputs, const DataParallel::Options &options,
                            std::span<const DataParallel::Named> module_kwargs, std::span<Tensor> outputs,
                            DataParallel &replicas) {
  if (Status status = DataParallel::create(module, replicas, options); !status)
    return status;
  return replicas.run(inputs, module_kwargs, outputs);
}

} // namespace runtime
} // namespace nnf
#endif
