// Hand-written models: descriptors as the compiler would lay them out, with plain functions for kernels and drivers.
#pragma once
#include "runtime/nnf.h"
#include <deque>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace nnf::test {

/// A symbol in a list of dims: the `index`-th one.
constexpr int64_t symbol(int64_t index) { return -1 - index; }

/// Builds a descriptor; get() may be called when all is added.
class TestModel {
public:
  TestModel &input(const char *name, uint32_t dtype, std::vector<int64_t> dims) {
    return add(inputs, name, dtype, std::move(dims));
  }
  TestModel &output(const char *name, uint32_t dtype, std::vector<int64_t> dims, uint32_t flags = 0) {
    add(outputs, name, dtype, std::move(dims));
    outputs.back().flags = flags;
    return *this;
  }
  TestModel &symbol(const char *name, int64_t min = 0, int64_t max = INT64_MAX, int64_t multipleOf = 1) {
    symbols.push_back({name, min, max, multipleOf});
    return *this;
  }
  TestModel &kernel(const char *name, nnf_kernel_fn function, int64_t scratchBytes = 0) {
    kernels.push_back({name, function, scratchBytes});
    launches.push_back({uint32_t(kernels.size() - 1), 0, name, -1, -1});
    return *this;
  }
  TestModel &check(const char *message) {
    checks.push_back({message});
    return *this;
  }
  TestModel &tie(uint32_t input, uint32_t output) {
    inputs[input].flags |= NNF_TENSOR_INOUT;
    inputs[input].tied = int32_t(output);
    outputs[output].tied = int32_t(input);
    return *this;
  }
  TestModel &run(int32_t (*driver)(const nnf_rt *, nnf_frame *)) {
    model.run = driver;
    return *this;
  }
  TestModel &outputDims(int32_t (*function)(const int64_t *, int64_t *)) {
    model.output_dims = function;
    return *this;
  }
  TestModel &arenaBytes(int64_t (*function)(const int64_t *)) {
    model.arena_bytes = function;
    return *this;
  }
  TestModel &temporaries(uint32_t count) {
    model.num_temporaries = count;
    return *this;
  }
  nnf_model &get() {
    model.num_inputs = uint32_t(inputs.size());
    model.num_outputs = uint32_t(outputs.size());
    model.num_symbols = uint32_t(symbols.size());
    model.num_kernels = uint32_t(kernels.size());
    model.num_launches = uint32_t(launches.size());
    model.num_checks = uint32_t(checks.size());
    model.inputs = inputs.data();
    model.outputs = outputs.data();
    model.symbols = symbols.data();
    model.kernels = kernels.data();
    model.launches = launches.data();
    model.checks = checks.data();
    return model;
  }

private:
  TestModel &add(std::vector<nnf_tensor_info> &list, const char *name, uint32_t dtype, std::vector<int64_t> dims) {
    allDims.push_back(std::move(dims));
    list.push_back({name, dtype, uint32_t(allDims.back().size()), allDims.back().data(), 0, -1});
    return *this;
  }
  std::deque<std::vector<int64_t>> allDims;
  std::vector<nnf_tensor_info> inputs, outputs;
  std::vector<nnf_symbol_info> symbols;
  std::vector<nnf_kernel_info> kernels;
  std::vector<nnf_launch_info> launches;
  std::vector<nnf_check_info> checks;
  nnf_model model = {.abi_major = NNF_ABI_MAJOR,
                     .abi_minor = NNF_ABI_MINOR,
                     .struct_size = sizeof(nnf_model),
                     .flags = 0,
                     .name = "hand",
                     .target = "test",
                     .producer = "test",
                     .content_hash = 0,
                     .num_inputs = 0,
                     .num_outputs = 0,
                     .num_symbols = 0,
                     .num_kernels = 0,
                     .num_launches = 0,
                     .num_checks = 0,
                     .inputs = nullptr,
                     .outputs = nullptr,
                     .symbols = nullptr,
                     .kernels = nullptr,
                     .launches = nullptr,
                     .checks = nullptr,
                     .weights = nullptr,
                     .weights_bytes = 0,
                     .weights_hash = 0,
                     .weights_file = nullptr,
                     .cpu_features = 0,
                     .arena_bytes = [](const int64_t *) -> int64_t { return 0; },
                     .output_dims = [](const int64_t *, int64_t *) -> int32_t { return 0; },
                     .run = [](const nnf_rt *, nnf_frame *) -> int32_t { return 0; },
                     .num_temporaries = 0,
                     .reserved = 0,
                     .live_bytes = -1,
                     .device = nullptr,
                     .cpu = "test",
                     .versions = nullptr,
                     .num_versions = 0,
                     .reserved1 = 0,
                     .most_arena_bytes = -1,
                     .recipe = nullptr};
};

/// y[N] = 2 x[N], float32: one task an element.
TestModel doubling();
/// The driver of doubling(), for models with more around it: inputs[0], outputs[0], symbol 0.
int32_t runDoubling(const nnf_rt *rt, nnf_frame *frame);
/// output 0 is [symbol 0].
int32_t sameDims(const int64_t *symbols, int64_t *dims);

/// A tensor on someone's data.
struct TestTensor {
  std::vector<int64_t> dims;
  DLTensor tensor = {};

  TestTensor() { tensor.device = {kDLCPU, 0}; } // an output the context allocates
  TestTensor(void *data, uint32_t dtype, std::vector<int64_t> sizes) : dims(std::move(sizes)) {
    tensor.data = data;
    tensor.device = {kDLCPU, 0};
    tensor.ndim = int(dims.size());
    tensor.dtype = nnf_dtype_dlpack(dtype);
    tensor.shape = dims.data();
  }
  TestTensor(std::vector<float> &data) : TestTensor(data.data(), NNF_FLOAT32, {int64_t(data.size())}) {}
  TestTensor(const TestTensor &) = delete;
  template <typename T> std::vector<T> values() const {
    int64_t count = 1;
    for (int d = 0; d < tensor.ndim; ++d)
      count *= tensor.shape[d];
    return {static_cast<T *>(tensor.data), static_cast<T *>(tensor.data) + count};
  }
};

/// A program and a context of a test model; both are expected to come about.
class Runner {
public:
  explicit Runner(TestModel model,
                  nnf_context_options options = {sizeof(nnf_context_options), 1, nullptr, nullptr, 0, 0, 0});
  ~Runner();
  Runner(const Runner &) = delete;

  int32_t run(std::vector<TestTensor *> in, std::vector<TestTensor *> out, const nnf_run_options *options = nullptr);
  std::string message() const { return nnf_error_message(context); }
  nnf_context *get() const { return context; }

  TestModel model;
  nnf_program *program = nullptr;
  nnf_context *context = nullptr;
};

inline nnf_context_options withThreads(uint32_t threads) {
  return {sizeof(nnf_context_options), threads, nullptr, nullptr, 0, 0, 0};
}
inline nnf_run_options runOptions() { return {sizeof(nnf_run_options), 0, nullptr, nullptr, nullptr, nullptr}; }

} // namespace nnf::test
