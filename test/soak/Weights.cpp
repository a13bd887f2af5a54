// Weights that are set while others run: every result is all of one set, and whatever the model runs on, the process
// takes no more than at the start.
#include "Subject.h"
#include <atomic>
#include <thread>

namespace nnf::soak {
namespace {

/// Floating-point constants of the model: in set `number` each element is a small number of its own.
struct Weights {
  Weights(const nnf_weights_recipe &recipe, int number)
      : data(recipe.num_raw), tensors(recipe.num_raw), named(recipe.num_raw) {
    for (uint32_t i = 0; i < recipe.num_raw; ++i) {
      const nnf_raw_weight &raw = recipe.raw[i];
      if (raw.dtype != NNF_FLOAT32)
        fail("weights are float32");
      size_t count = 1;
      for (uint32_t d = 0; d < raw.rank; ++d)
        count *= size_t(raw.dims[d]);
      data[i].resize(count + 1);
      for (size_t k = 0; k < count; ++k)
        data[i][k] = float(int(k * 37 + i * 11) % 17 - 8) / float(16 << number);
      tensors[i] = {data[i].data(),
                    {kDLCPU, 0},
                    int(raw.rank),
                    nnf_dtype_dlpack(raw.dtype),
                    const_cast<int64_t *>(raw.dims),
                    nullptr,
                    0};
      named[i] = {raw.name, &tensors[i]};
    }
  }
  void set(nnf_program *program) const {
    expectOk(nnf_program_set_weights(program, named.data(), uint32_t(named.size())), nullptr, "set_weights");
  }

  std::vector<std::vector<float>> data;
  std::vector<DLTensor> tensors;
  std::vector<nnf_named_tensor> named;
};

constexpr int numSets = 3;

} // namespace

void soakWeights(const Options &options) {
  nnf_program *program = load(options.library);
  const nnf_weights_recipe *recipe = nnf_program_model(program)->recipe;
  if (!recipe)
    fail("a library of nnfc compile --swappable-weights is expected");
  Inputs inputs(program, sizesOf(program, 0, options.maxSize));
  std::vector<Weights> sets;
  std::vector<std::string> expected;
  for (int number = 0; number < numSets; ++number) {
    sets.emplace_back(*recipe, number).set(program);
    nnf_context *context = createContext(program, 1);
    Outputs out(program);
    run(context, inputs, out);
    expected.push_back(out.bytes());
    nnf_context_destroy(context);
  }
  std::atomic<uint64_t> seen[numSets] = {};
  std::atomic<int64_t> left = int64_t(options.count);
  auto runAll = [&](uint32_t thread) {
    nnf_context *context = createContext(program, 1 + thread % 2);
    Outputs out(program);
    while (left.fetch_sub(1) > 0) {
      run(context, inputs, out);
      size_t set = 0;
      for (std::string bytes = out.bytes(); set < numSets && bytes != expected[set];)
        ++set;
      if (set == numSets)
        fail("a run gives what no set of weights alone gives");
      ++seen[set];
    }
    nnf_context_destroy(context);
  };
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < options.threads; ++t)
    threads.emplace_back(runAll, t);
  uint64_t settings = 0;
  for (; left.load() > 0; ++settings)
    sets[settings % numSets].set(program);
  for (std::thread &thread : threads)
    thread.join();
  printf("runs %llu\nsettings %llu\nseen", (unsigned long long)options.count, (unsigned long long)settings);
  for (auto &count : seen)
    printf(" %llu", (unsigned long long)count.load());
  printf("\n");
  nnf_program_destroy(program);
}

} // namespace nnf::soak
