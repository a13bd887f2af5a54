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
#include "nnf.h"
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
  Status(int32_t code, const nnf_context *context) : number(code) {
    if (code != NNF_OK)
      text = nnf_error_message(context);
  }
  explicit operator bool() const { return number == NNF_OK; }
  int32_t code() const { return number; }
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
  Tensor() { tensor.device = {kDLCPU, 0}; }
  Tensor(void *data, uint32_t dtype, std::vector<int64_t> dims) : ownDims(std::move(dims)) {
    tensor.data = data;
    tensor.device = {kDLCPU, 0};
    tensor.dtype = nnf_dtype_dlpack(dtype);
    tensor.ndim = int(ownDims.size());
    tensor.shape = ownDims.data();
  }
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

  template <typename T> T *data() const {
    return tensor.data ? reinterpret_cast<T *>(static_cast<uint8_t *>(tensor.data) + tensor.byte_offset) : nullptr;
  }
  std::span<const int64_t> dims() const { return {tensor.shape, size_t(tensor.ndim)}; }
  int64_t elements() const {
    int64_t count = 1;
    for (int64_t dim : dims())
      count *= dim;
    return count;
  }
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
  static Status load(const char *path, Model &model) { return load(path, nullptr, model); }
  /// From a model linked into this program: Model::from(nnf_model_net, model).
  static Status from(const nnf_model &descriptor, Model &model) {
    return model.take([&](nnf_program **p) { return nnf_program_from_model(&descriptor, p); });
  }

  explicit operator bool() const { return program != nullptr; }
  std::string_view name() const { return descriptor().name; }
  std::span<const nnf_tensor_info> inputs() const { return {descriptor().inputs, descriptor().num_inputs}; }
  std::span<const nnf_tensor_info> outputs() const { return {descriptor().outputs, descriptor().num_outputs}; }
  std::span<const nnf_symbol_info> symbols() const { return {descriptor().symbols, descriptor().num_symbols}; }
  const nnf_model &descriptor() const { return *nnf_program_model(program); }
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

  static nnf_context_options options(uint32_t threads = 0, uint64_t seed = 0, DLDevice device = {}) {
    return {sizeof(nnf_context_options), threads, nullptr, nullptr, seed, device.device_type, device.device_id};
  }
  static Status create(const Model &model, Context &result, const nnf_context_options &options = Context::options()) {
    nnf_context *made = nullptr;
    int32_t code = nnf_context_create(model.get(), &options, &made);
    if (code == NNF_OK) {
      nnf_context_destroy(result.context);
      result.context = made;
    }
    return Status(code, nullptr);
  }

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
  void setRun(uint64_t number) { nnf_context_set_run(context, number); }
  explicit operator bool() const { return context != nullptr; }
  nnf_context *get() const { return context; }

private:
  nnf_context *context = nullptr;
  std::vector<DLTensor *> pointers; // kept, so that a run allocates nothing
};

} // namespace runtime
} // namespace nnf
#endif
