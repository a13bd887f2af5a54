// Weights that a program sets: prepared, swapped at once, by any thread while others run.
#include "TestModel.h"
#include "runtime/nnf.hpp"
#include <atomic>
#include <thread>

using namespace nnf::test;
using testing::HasSubstr;

namespace {

/// y[N] = scale * x[N] + p, where p = 2 * bias is prepared; `unread` is read by nothing.
struct SwappableModel {
  SwappableModel() {
    prepare.input("bias", NNF_FLOAT32, {1})
        .output("prepared.0", NNF_FLOAT32, {1})
        .check("bias is {value}, expected >= 0");
    prepare.outputDims([](const int64_t *, int64_t *dims) -> int32_t { return dims[0] = 1, 0; });
    prepare.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
      float bias = *static_cast<const float *>(frame->inputs[0]);
      *static_cast<float *>(frame->outputs[0]) = 2 * bias;
      return bias < 0 ? rt->fail(rt, 0, int64_t(bias), 0) : 0;
    });
    recipe.prepare = &prepare.get();
    model.symbol("N").input("x", NNF_FLOAT32, {symbol(0)}).output("y", NNF_FLOAT32, {symbol(0)});
    model.kernel("scale", &scale).outputDims(sameDims).run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
      const void *args[] = {frame->inputs[0], frame->outputs[0], frame->weights};
      return rt->parallel(rt, 0, &scale, frame->symbols[0], 0, args);
    });
    nnf_model &whole = model.get();
    whole.weights = block;
    whole.weights_bytes = sizeof block;
    whole.recipe = &recipe;
  }

  static void scale(const void *const *args, int64_t first, int64_t last, void *) {
    const float *x = static_cast<const float *>(args[0]), *weights = static_cast<const float *>(args[2]);
    float *y = static_cast<float *>(const_cast<void *>(args[1]));
    for (int64_t i = first; i < last; ++i)
      y[i] = weights[0] * x[i] + weights[16];
  }

  alignas(64) uint8_t block[128] = {};
  const int64_t one[1] = {1};
  const nnf_raw_weight raw[3] = {{"scale", NNF_FLOAT32, 1, one, 0, -1},
                                 {"bias", NNF_FLOAT32, 1, one, -1, 0},
                                 {"unread", NNF_FLOAT32, 1, one, -1, -1}};
  const int64_t prepared[1] = {64};
  nnf_weights_recipe recipe = {sizeof(nnf_weights_recipe), 3, raw, nullptr, prepared};
  TestModel prepare, model;
};

/// A program of it, and calls that set its weights.
struct Swappable {
  Swappable() {
    EXPECT_EQ(nnf_program_from_model(&source.model.get(), &program), NNF_OK) << nnf_error_message(nullptr);
  }
  ~Swappable() { nnf_program_destroy(program); }

  int32_t set(float scale, float bias) {
    std::vector<float> s = {scale}, b = {bias}, u = {0};
    TestTensor scales(s), biases(b), unread(u);
    nnf_named_tensor named[] = {{"bias", &biases.tensor}, {"unread", &unread.tensor}, {"scale", &scales.tensor}};
    return nnf_program_set_weights(program, named, 3);
  }
  std::vector<float> run(const nnf_context_options &options = withThreads(1)) {
    nnf_context *context;
    EXPECT_EQ(nnf_context_create(program, &options, &context), NNF_OK);
    std::vector<float> in = {1, 10};
    TestTensor x(in), y;
    DLTensor *ins[] = {&x.tensor}, *outs[] = {&y.tensor};
    EXPECT_EQ(nnf_run(context, ins, 1, outs, 1, nullptr), NNF_OK) << nnf_error_message(context);
    std::vector<float> result = y.values<float>();
    nnf_context_destroy(context);
    return result;
  }

  SwappableModel source;
  nnf_program *program = nullptr;
};

TEST(SetWeights, arePreparedAndRead) {
  Swappable its;
  EXPECT_EQ(its.run(), (std::vector<float>{0, 0}));
  ASSERT_EQ(its.set(3, 4), NNF_OK) << nnf_error_message(nullptr);
  EXPECT_EQ(its.run(), (std::vector<float>{11, 38}));
  ASSERT_EQ(its.set(1, 0), NNF_OK);
  EXPECT_EQ(its.run(), (std::vector<float>{1, 10}));
}

TEST(SetWeights, throughTheCxxWrapper) {
  SwappableModel source;
  nnf::Model model;
  ASSERT_TRUE(nnf::Model::from(source.model.get(), model));
  const float three[] = {3};
  nnf::Tensor tensor = nnf::Tensor::of(three, {1});
  nnf::Model::Weight weights[] = {{"scale", tensor}, {"bias", tensor}, {"unread", tensor}};
  EXPECT_TRUE(model.setWeights(weights));
  nnf::Status status = model.setWeights({weights, 2});
  EXPECT_EQ(status.code(), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(status.message(),
            "weight 'unread': not given, expected all 3: the model keeps prepared ones only [NNFC-E0709]");
}

TEST(SetWeights, wrongOnesChangeNothing) {
  Swappable its;
  ASSERT_EQ(its.set(2, 1), NNF_OK);
  std::vector<float> one = {1}, two = {1, 2};
  std::vector<int32_t> integers = {1};
  auto expectError = [&](std::vector<nnf_named_tensor> named, const char *text) {
    EXPECT_EQ(nnf_program_set_weights(its.program, named.data(), uint32_t(named.size())), NNF_ERROR_ARGUMENT);
    EXPECT_STREQ(nnf_error_message(nullptr), text);
    EXPECT_EQ(its.run(), (std::vector<float>{4, 22}));
  };
  TestTensor good(one), longer(two), ofIntegers(integers.data(), NNF_INT32, {1}), flat(one.data(), NNF_FLOAT32, {1, 1}),
      empty(nullptr, NNF_FLOAT32, {1}), away(one);
  away.tensor.device = {kDLCUDA, 0};
  expectError({{"scale", &good.tensor}, {"bias", &good.tensor}},
              "weight 'unread': not given, expected all 3: the model keeps prepared ones only [NNFC-E0709]");
  expectError({{"scale", &good.tensor}, {"scale", &good.tensor}}, "weight 'scale': given twice [NNFC-E0709]");
  expectError({{"other", &good.tensor}},
              "weight 'other': the model has no such constant that can be set, or it is compiled in [NNFC-E0708]");
  expectError({{nullptr, &good.tensor}},
              "weight '': the model has no such constant that can be set, or it is compiled in [NNFC-E0708]");
  expectError({{"scale", nullptr}}, "weight 'scale': no tensor given (NULL) [NNFC-E0611]");
  expectError({{"scale", &longer.tensor}}, "weight 'scale': size 2 in dimension 0, expected 1 [NNFC-E0709]");
  expectError({{"scale", &flat.tensor}}, "weight 'scale': rank 2, expected 1 [NNFC-E0709]");
  expectError({{"scale", &ofIntegers.tensor}},
              "weight 'scale': DLPack type 0 of 32 bits, expected float32 [NNFC-E0709]");
  expectError({{"scale", &empty.tensor}}, "weight 'scale': no data (NULL) [NNFC-E0611]");
  expectError({{"scale", &away.tensor}}, "weight 'scale': not in the CPU's memory [NNFC-E0709]");
  // What the model itself says of its weights.
  EXPECT_EQ(its.set(5, -3), NNF_ERROR_DATA);
  EXPECT_STREQ(nnf_error_message(nullptr), "weights of model 'hand': bias is -3, expected >= 0");
  EXPECT_EQ(its.run(), (std::vector<float>{4, 22}));
}

TEST(SetWeights, notOfAModelThatIsFixed) {
  Runner runner(doubling());
  EXPECT_EQ(nnf_program_set_weights(runner.program, nullptr, 0), NNF_ERROR_UNSUPPORTED);
  EXPECT_STREQ(nnf_error_message(nullptr), "model 'hand' is not compiled with --swappable-weights [NNFC-E0708]");
  EXPECT_EQ(nnf_program_set_weights(nullptr, nullptr, 0), NNF_ERROR_ARGUMENT);
}

TEST(SetWeights, brokenRecipes) {
  auto expectBroken = [](auto change, const char *text) {
    SwappableModel source;
    nnf_raw_weight raw[3] = {source.raw[0], source.raw[1], source.raw[2]};
    source.recipe.raw = raw;
    change(source, raw);
    nnf_program *program = nullptr;
    EXPECT_EQ(nnf_program_from_model(&source.model.get(), &program), NNF_ERROR_MODEL);
    EXPECT_THAT(nnf_error_message(nullptr), HasSubstr(text));
  };
  expectBroken([](auto &, auto *raw) { raw[0].name = nullptr; }, "has no name, or no place");
  expectBroken([](auto &, auto *raw) { raw[0].offset = 128; }, "has no name, or no place");
  expectBroken([](auto &, auto *raw) { raw[0].offset = 4; }, "has no name, or no place");
  expectBroken([](auto &, auto *raw) { raw[0].prepare_input = 1; }, "has no name, or no place");
  expectBroken([](auto &, auto *raw) { raw[1].prepare_input = -1; }, "has other inputs or outputs");
  expectBroken([](auto &source, auto *) { source.recipe.raw = nullptr; }, "missing or too long");
  expectBroken([](auto &source, auto *) { source.recipe.prepared = nullptr; }, "has other inputs or outputs");
  static const int64_t outside[] = {128};
  expectBroken([](auto &source, auto *) { source.recipe.prepared = outside; }, "a prepared weight has no place");
}

// Contexts run, alone and as replicas, while two threads set weights: each result is of one set, whole.
TEST(SetWeights, whileOthersRun) {
  Swappable its;
  ASSERT_EQ(its.set(1, 1), NNF_OK);
  std::atomic<bool> over{false};
  std::atomic<int> sets{0};
  auto isOfOneSet = [](const std::vector<float> &y) {
    float k = y[0] / 3; // x = 1: k + 2 k
    for (float value : y)
      if (value != 3 * k)
        return false;
    return k == float(int(k)) && k >= 1;
  };
  std::vector<std::thread> threads;
  for (int setter = 0; setter < 2; ++setter)
    threads.emplace_back([&, setter] {
      for (int k = 1; !over; k = k % 50 + 1, ++sets)
        ASSERT_EQ(its.set(float(k + 50 * setter), float(k + 50 * setter)), NNF_OK) << nnf_error_message(nullptr);
    });
  constexpr int rounds = 100;
  std::vector<std::thread> runners;
  for (uint32_t t = 0; t < 3; ++t)
    runners.emplace_back([&, t] {
      nnf_context_options options = withThreads(1 + t);
      nnf_context *context;
      ASSERT_EQ(nnf_context_create(its.program, &options, &context), NNF_OK);
      std::vector<float> in(200, 1);
      TestTensor x(in), y;
      DLTensor *ins[] = {&x.tensor}, *outs[] = {&y.tensor};
      for (int round = 0; round < rounds; ++round) {
        ASSERT_EQ(nnf_run(context, ins, 1, outs, 1, nullptr), NNF_OK) << nnf_error_message(context);
        ASSERT_TRUE(isOfOneSet(y.values<float>())) << "round " << round;
      }
      nnf_context_destroy(context);
    });
  runners.emplace_back([&] {
    DLDevice devices[] = {{kDLCPU, 0}, {kDLCPU, 1}};
    nnf_replicas_options options = {};
    options.struct_size = sizeof options;
    options.num_devices = 2;
    options.device_ids = devices;
    nnf_replicas *replicas;
    ASSERT_EQ(nnf_replicas_create(its.program, &options, &replicas), NNF_OK);
    std::vector<float> in(200, 1);
    TestTensor x(in), y;
    DLTensor *ins[] = {&x.tensor}, *outs[] = {&y.tensor};
    for (int round = 0; round < rounds; ++round) {
      ASSERT_EQ(nnf_data_parallel(replicas, ins, 1, nullptr, 0, outs, 1, nullptr), NNF_OK)
          << nnf_error_message(nullptr);
      ASSERT_TRUE(isOfOneSet(y.values<float>())) << "replicas, round " << round;
    }
    nnf_replicas_destroy(replicas);
  });
  for (std::thread &runner : runners)
    runner.join();
  over = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_GT(sets, 10);
}

} // namespace
