// Failed checks, cancelling, numbers a driver is given, profiles.
#include "TestModel.h"
#include <atomic>
#include <chrono>
#include <thread>

using namespace nnf::test;
using testing::ElementsAre;

namespace {

/// As compiled kernels do it: the lowest order wins.
void recordFailure(nnf_check_state *state, uint32_t check, int64_t position, int64_t value, int64_t bound) {
  uint64_t order = uint64_t(check) << 32 | uint64_t(position);
  uint64_t before = __atomic_load_n(&state->order, __ATOMIC_RELAXED);
  while (order < before)
    if (__atomic_compare_exchange_n(&state->order, &before, order, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
      state->value = value;
      state->bound = bound;
      return;
    }
}

void checkElements(const void *const *args, int64_t first, int64_t last, void *) {
  const float *x = static_cast<const float *>(args[0]);
  auto *state = static_cast<nnf_check_state *>(const_cast<void *>(args[2]));
  for (int64_t i = first; i < last; ++i)
    if (x[i] < 0)
      recordFailure(state, 1, i, int64_t(x[i]), 10);
}

TestModel checking() {
  TestModel model = doubling();
  model.check("first").check("node 'e' (embedding), argument 'input': {value}, expected less than {bound} ({value})");
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    const void *args[] = {frame->inputs[0], frame->outputs[0], frame->check};
    return rt->parallel(rt, 0, checkElements, frame->symbols[0], 0, args);
  });
  return model;
}

TEST(Checks, kernelFails) {
  Runner runner(checking());
  std::vector<float> in = {1, -7, 2, -9};
  TestTensor x(in), y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_DATA);
  EXPECT_EQ(runner.message(), "node 'e' (embedding), argument 'input': -7, expected less than 10 (-7)");
  in = {1, 2, 3, 4};
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK);
}

TEST(Checks, driverFailsAfterKernel) {
  TestModel model = checking();
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    recordFailure(frame->check, 1, 5, 1, 2);
    return rt->fail(rt, 0, 3, 4);
  });
  Runner runner(std::move(model));
  std::vector<float> in = {1};
  TestTensor x(in), y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_DATA);
  EXPECT_EQ(runner.message(), "first") << "check 0 comes before check 1 in the program";
}

TEST(Checks, unknownCheckAndStatus) {
  TestModel model = doubling();
  model.run([](const nnf_rt *rt, nnf_frame *) -> int32_t { return rt->fail(rt, 3, 0, 0); });
  Runner unknownCheck(std::move(model));
  std::vector<float> in = {1};
  TestTensor x(in), y;
  EXPECT_EQ(unknownCheck.run({&x}, {&y}), NNF_ERROR_INTERNAL);
  EXPECT_EQ(unknownCheck.message(), "check 3 failed, but the model has 0 [NNFC-E0707]");
  TestModel other = doubling();
  other.run([](const nnf_rt *, nnf_frame *) -> int32_t { return NNF_ERROR_MEMORY; });
  Runner status(std::move(other));
  EXPECT_EQ(status.run({&x}, {&y}), NNF_ERROR_MEMORY);
  EXPECT_EQ(status.message(), "the driver of model 'hand' stopped with status 4 (out of memory) [NNFC-E0707]");
}

TEST(Checks, scratchThatWasNotAnnounced) {
  TestModel model = doubling();
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    return rt->parallel(rt, 0, checkElements, frame->symbols[0], 128, nullptr);
  });
  Runner runner(std::move(model));
  std::vector<float> in = {1};
  TestTensor x(in), y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_INTERNAL);
  EXPECT_EQ(runner.message(), "launch 0 wants 128 bytes of scratch, the model's kernels say 0 at most [NNFC-E0707]");
}

TEST(Cancel, beforeTheRun) {
  Runner runner(doubling());
  std::vector<float> in = {1}, out = {7};
  TestTensor x(in), y(out);
  int32_t cancel = 1;
  nnf_run_options options = runOptions();
  options.cancel = &cancel;
  EXPECT_EQ(runner.run({&x}, {&y}, &options), NNF_CANCELLED);
  EXPECT_EQ(runner.message(), "cancelled by the caller [NNFC-E0613]");
  EXPECT_THAT(out, ElementsAre(7));
}

// A launch of many tasks, the first of which asks to stop: most of the others never run.
std::atomic<int64_t> tasksRun;
int32_t stop;
TestModel stopping() {
  TestModel model = doubling();
  model.run([](const nnf_rt *rt, nnf_frame *) -> int32_t {
    int32_t status = rt->parallel(
        rt, 0,
        [](const void *const *, int64_t first, int64_t last, void *) {
          __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
          tasksRun += last - first;
        },
        1'000'000, 0, nullptr);
    EXPECT_EQ(rt->cancelled(rt), 1);
    return status;
  });
  return model;
}

TEST(Cancel, withinALaunch) {
  for (uint32_t threads : {1, 4}) {
    Runner runner(stopping(), withThreads(threads));
    std::vector<float> in = {1};
    TestTensor x(in), y;
    nnf_run_options options = runOptions();
    options.cancel = &stop;
    stop = 0;
    tasksRun = 0;
    EXPECT_EQ(runner.run({&x}, {&y}, &options), NNF_CANCELLED);
    EXPECT_GT(tasksRun, 0);
    EXPECT_LT(tasksRun, 1'000'000);
  }
}

// Contexts on threads of their own, each cancelled by another thread in the middle of a launch that would take minutes;
// then each runs on.
TEST(Cancel, fromAnotherThread) {
  TestModel model = doubling();
  static std::atomic<int> started;
  started = 0;
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    if (frame->symbols[0] > 1)
      return runDoubling(rt, frame);
    ++started;
    return rt->parallel(
        rt, 0,
        [](const void *const *, int64_t first, int64_t last, void *) {
          for (int64_t i = first; i < last; ++i)
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        },
        10'000, 0, nullptr);
  });
  nnf_program *program;
  ASSERT_EQ(nnf_program_from_model(&model.get(), &program), NNF_OK);
  constexpr int count = 4;
  int32_t cancel[count] = {};
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t)
    threads.emplace_back([&, t] {
      nnf_context_options ofContext = withThreads(1 + uint32_t(t % 3));
      nnf_context *context;
      ASSERT_EQ(nnf_context_create(program, &ofContext, &context), NNF_OK);
      std::vector<float> one = {1}, more = {1, 2};
      TestTensor x(one), x2(more), y;
      nnf_run_options options = runOptions();
      options.cancel = &cancel[t];
      DLTensor *in[] = {&x.tensor}, *in2[] = {&x2.tensor}, *out[] = {&y.tensor};
      EXPECT_EQ(nnf_run(context, in, 1, out, 1, &options), NNF_CANCELLED);
      EXPECT_STREQ(nnf_error_message(context), "cancelled by the caller [NNFC-E0613]");
      EXPECT_EQ(nnf_run(context, in2, 1, out, 1, nullptr), NNF_OK);
      EXPECT_THAT(y.values<float>(), ElementsAre(2, 4));
      nnf_context_destroy(context);
    });
  while (started < count)
    std::this_thread::yield();
  for (int32_t &flag : cancel)
    __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
  for (std::thread &thread : threads)
    thread.join();
  nnf_program_destroy(program);
}

TEST(Frame, seedAndRunNumber) {
  TestModel model;
  model.output("n", NNF_UINT64, {2});
  model.outputDims([](const int64_t *, int64_t *dims) -> int32_t { return dims[0] = 2, 0; });
  model.run([](const nnf_rt *, nnf_frame *frame) -> int32_t {
    uint64_t *out = static_cast<uint64_t *>(frame->outputs[0]);
    out[0] = frame->seed;
    out[1] = frame->run;
    return 0;
  });
  Runner runner(std::move(model), {sizeof(nnf_context_options), 1, nullptr, nullptr, 42, 0, 0});
  TestTensor n;
  auto numbers = [&](const nnf_run_options *options = nullptr) {
    EXPECT_EQ(runner.run({}, {&n}, options), NNF_OK) << runner.message();
    return n.values<uint64_t>();
  };
  EXPECT_THAT(numbers(), ElementsAre(42, 0));
  EXPECT_THAT(numbers(), ElementsAre(42, 1));
  nnf_run_options options = runOptions();
  uint64_t seed = 5;
  options.seed = &seed;
  EXPECT_THAT(numbers(&options), ElementsAre(5, 2));
  nnf_context_set_run(runner.get(), 1);
  EXPECT_THAT(numbers(), ElementsAre(42, 1));
  EXPECT_EQ(nnf_context_run(runner.get()), 2u);
}

TEST(Frame, arenaAndWeightsAreAligned) {
  static TestModel model;
  alignas(64) static const uint8_t weights[64] = {9};
  model.get().weights = weights;
  model.get().weights_bytes = sizeof weights;
  model.arenaBytes([](const int64_t *) -> int64_t { return 1000; });
  model.run([](const nnf_rt *, nnf_frame *frame) -> int32_t {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(frame->arena) % 64, 0u);
    for (int i = 0; i < 1000; ++i)
      frame->arena[i] = uint8_t(i); // all of it is ours: the address sanitizer would say
    EXPECT_EQ(frame->weights[0], 9);
    return 0;
  });
  Runner runner(model);
  EXPECT_EQ(runner.run({}, {}), NNF_OK) << runner.message();
}

TEST(Profiler, oneCallALaunch) {
  struct Event {
    uint32_t launch;
    uint64_t begin, end;
    int64_t tasks;
  };
  std::vector<Event> events;
  nnf_profiler profiler = {&events, [](void *user, uint32_t launch, uint64_t begin, uint64_t end, int64_t tasks) {
                             static_cast<std::vector<Event> *>(user)->push_back({launch, begin, end, tasks});
                           }};
  nnf_run_options options = runOptions();
  options.profiler = &profiler;
  TestModel model = doubling();
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    runDoubling(rt, frame);
    return runDoubling(rt, frame);
  });
  Runner runner(std::move(model));
  std::vector<float> in = {1, 2, 3};
  TestTensor x(in), y;
  ASSERT_EQ(runner.run({&x}, {&y}, &options), NNF_OK) << runner.message();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_LE(events[0].begin, events[0].end);
  EXPECT_LE(events[0].end, events[1].begin);
  EXPECT_EQ(events[0].launch, 0u);
  EXPECT_EQ(events[0].tasks, 3);
}

} // namespace
