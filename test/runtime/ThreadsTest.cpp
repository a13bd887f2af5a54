// Threads: every task once, results that do not depend on how many there are, a pool that serves one run at a time.
#include "TestModel.h"
#include "runtime/ThreadPool.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <mutex>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace nnf::test;

namespace {

constexpr int64_t scratchBytes = 1000;

/// y[i] = sum of a scratch area filled from x[i]: wrong as soon as two threads share scratch.
void throughScratch(const void *const *args, int64_t first, int64_t last, void *scratch) {
  const float *x = static_cast<const float *>(args[0]);
  float *y = static_cast<float *>(const_cast<void *>(args[1]));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(scratch) % 64, 0u);
  float *area = static_cast<float *>(scratch);
  for (int64_t i = first; i < last; ++i) {
    for (int k = 0; k < 250; ++k)
      area[k] = x[i];
    float sum = 0;
    for (int k = 0; k < 250; ++k)
      sum += area[k];
    y[i] += sum; // twice the value shows a task that ran twice
  }
}

TestModel scratchModel() {
  TestModel model;
  model.symbol("N").input("x", NNF_FLOAT32, {symbol(0)}).output("y", NNF_FLOAT32, {symbol(0)});
  model.kernel("through scratch", throughScratch, scratchBytes).outputDims(sameDims);
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    memset(frame->outputs[0], 0, size_t(frame->symbols[0]) * 4);
    const void *args[] = {frame->inputs[0], frame->outputs[0]};
    return rt->parallel(rt, 0, throughScratch, frame->symbols[0], scratchBytes, args);
  });
  return model;
}

std::vector<float> someValues(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = float(i % 97) / 8;
  return values;
}
std::vector<float> expectedOf(const std::vector<float> &x) {
  std::vector<float> y;
  for (float value : x)
    y.push_back(250 * value); // exact: eighths
  return y;
}

TEST(Threads, everyTaskOnceWhateverTheirNumber) {
  for (uint32_t threads : {1u, 2u, 3u, 8u, 40u}) {
    Runner runner(scratchModel(), withThreads(threads));
    EXPECT_EQ(nnf_context_threads(runner.get()), threads);
    for (size_t count : {0u, 1u, 2u, 7u, 64u, 1000u}) {
      std::vector<float> in = someValues(count);
      TestTensor x(in), y;
      for (int repeat = 0; repeat < 20; ++repeat) {
        ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
        ASSERT_EQ(y.values<float>(), expectedOf(in)) << threads << " threads, " << count << " tasks";
      }
    }
  }
}

// Many short launches in a row: a thread that wakes late meets a later job.
TEST(Threads, manyShortLaunches) {
  nnf::rt::ThreadPool &pool = nnf::rt::ThreadPool::process();
  while (!pool.tryAcquire())
    std::this_thread::yield();
  pool.grow(4);
  static std::atomic<int64_t> sum;
  for (int64_t round = 0; round < 20'000; ++round) {
    sum = 0;
    nnf::rt::Job job;
    const void *args[] = {reinterpret_cast<const void *>(round)};
    job.args = args;
    job.tasks = 1 + round % 13;
    job.function = [](const void *const *args, int64_t first, int64_t last, void *) {
      for (int64_t i = first; i < last; ++i)
        sum.fetch_add(reinterpret_cast<intptr_t>(args[0]) + i, std::memory_order_relaxed);
    };
    nnf::rt::chooseChunks(job, 4);
    pool.run(job, 1 + uint32_t(round % 4));
    ASSERT_EQ(sum, job.tasks * round + job.tasks * (job.tasks - 1) / 2) << "round " << round;
    if (round % 5000 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2)); // workers park in between
  }
  pool.release();
}

TEST(Threads, chunksCoverTheTasks) {
  for (int64_t tasks : {int64_t(1), int64_t(7), int64_t(32), int64_t(33), int64_t(1000003), INT64_MAX})
    for (uint32_t lanes : {1u, 4u, 1024u}) {
      nnf::rt::Job job;
      job.tasks = tasks;
      nnf::rt::chooseChunks(job, lanes);
      EXPECT_GE(job.chunkTasks, 1);
      EXPECT_LE(job.chunks(), 2 * 8 * int64_t(lanes));
      EXPECT_LT((job.chunks() - 1) * job.chunkTasks, tasks) << "the last chunk is not empty";
      EXPECT_GE(job.chunks(), tasks / job.chunkTasks);
    }
}

std::mutex idsMutex;
std::set<std::thread::id> ids;
TestModel whoRuns() {
  TestModel model = doubling();
  model.run([](const nnf_rt *rt, nnf_frame *) -> int32_t {
    return rt->parallel(
        rt, 0,
        [](const void *const *, int64_t, int64_t, void *) {
          std::this_thread::sleep_for(std::chrono::microseconds(200));
          std::lock_guard lock(idsMutex);
          ids.insert(std::this_thread::get_id());
        },
        64, 0, nullptr);
  });
  return model;
}

size_t threadsOf(Runner &runner) {
  std::vector<float> in = {1};
  TestTensor x(in), y;
  ids.clear();
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  return ids.size();
}

TEST(Threads, busyPoolMeansCallerAlone) {
  Runner runner(whoRuns(), withThreads(4));
  nnf::rt::ThreadPool &pool = nnf::rt::ThreadPool::process();
  ASSERT_TRUE(pool.tryAcquire());
  EXPECT_EQ(threadsOf(runner), 1u);
  EXPECT_EQ(*ids.begin(), std::this_thread::get_id());
  pool.release();
  size_t threads = threadsOf(runner);
  EXPECT_GT(threads, 1u);
  EXPECT_LE(threads, 4u);
}

TEST(Threads, oneMeansCaller) {
  Runner runner(whoRuns(), withThreads(1));
  EXPECT_EQ(threadsOf(runner), 1u);
  EXPECT_EQ(*ids.begin(), std::this_thread::get_id());
}

// A kernel that runs another model, as an application's own executor might: the inner run has the pool not.
TEST(Threads, nested) {
  static Runner *inner;
  Runner innerRunner(scratchModel(), withThreads(4));
  inner = &innerRunner;
  TestModel model = doubling();
  model.run([](const nnf_rt *rt, nnf_frame *) -> int32_t {
    return rt->parallel(
        rt, 0,
        [](const void *const *, int64_t first, int64_t, void *) {
          if (first != 0)
            return; // a context is used by one thread
          std::vector<float> in = someValues(100);
          TestTensor x(in), y;
          EXPECT_EQ(inner->run({&x}, {&y}), NNF_OK) << inner->message();
          EXPECT_EQ(y.values<float>(), expectedOf(in));
        },
        8, 0, nullptr);
  });
  Runner runner(std::move(model), withThreads(4));
  std::vector<float> in = {1};
  TestTensor x(in), y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
}

TEST(Threads, contextsAtOnce) {
  TestModel model = scratchModel();
  nnf_program *program;
  ASSERT_EQ(nnf_program_from_model(&model.get(), &program), NNF_OK);
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      nnf_context_options options = withThreads(1 + uint32_t(t % 3));
      nnf_context *context;
      ASSERT_EQ(nnf_context_create(program, &options, &context), NNF_OK);
      std::vector<float> in = someValues(200 + size_t(t));
      TestTensor x(in);
      for (int repeat = 0; repeat < 50; ++repeat) {
        TestTensor y;
        DLTensor *ins[] = {&x.tensor}, *outs[] = {&y.tensor};
        ASSERT_EQ(nnf_run(context, ins, 1, outs, 1, nullptr), NNF_OK) << nnf_error_message(context);
        ASSERT_EQ(y.values<float>(), expectedOf(in));
      }
      nnf_context_destroy(context);
    });
  for (std::thread &thread : threads)
    thread.join();
  nnf_program_destroy(program);
}

TEST(Threads, aContextIsForOneAtATime) {
  static std::atomic<bool> inside, leave;
  inside = leave = false;
  TestModel model = doubling();
  model.run([](const nnf_rt *, nnf_frame *) -> int32_t {
    inside = true;
    while (!leave)
      std::this_thread::yield();
    return 0;
  });
  Runner runner(std::move(model));
  std::vector<float> in = {1};
  TestTensor x(in), y;
  std::thread first([&] { EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK); });
  while (!inside)
    std::this_thread::yield();
  TestTensor y2;
  EXPECT_EQ(runner.run({&x}, {&y2}), NNF_ERROR_ARGUMENT);
  EXPECT_STREQ(nnf_error_message(nullptr), "nnf_run: the context is in use by another thread [NNFC-E0612]");
  leave = true;
  first.join();
}

TEST(Threads, executorOfTheCaller) {
  static std::atomic<int> calls;
  calls = 0;
  nnf_executor executor = {nullptr, [](void *, uint32_t lanes, void (*body)(void *, uint32_t), void *data) {
                             ++calls;
                             std::vector<std::thread> threads;
                             for (uint32_t lane = 0; lane < lanes; ++lane)
                               threads.emplace_back(body, data, lane);
                             for (std::thread &thread : threads)
                               thread.join();
                           }};
  Runner runner(scratchModel(), {sizeof(nnf_context_options), 3, &executor, nullptr, 0, 0, 0});
  std::vector<float> in = someValues(500);
  TestTensor x(in), y;
  for (int repeat = 0; repeat < 20; ++repeat) {
    ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
    ASSERT_EQ(y.values<float>(), expectedOf(in));
  }
  EXPECT_EQ(calls, 20);
}

TEST(Threads, badOptions) {
  TestModel model = doubling();
  nnf_program *program;
  ASSERT_EQ(nnf_program_from_model(&model.get(), &program), NNF_OK);
  nnf_context *context = nullptr;
  nnf_context_options options = {};
  EXPECT_EQ(nnf_context_create(program, &options, &context), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(nnf_error_message(nullptr), testing::HasSubstr("context options: struct_size 0, expected "));
  nnf_executor executor = {};
  options = {sizeof options, 0, &executor, nullptr, 0, 0, 0};
  EXPECT_EQ(nnf_context_create(program, &options, &context), NNF_ERROR_ARGUMENT);
  EXPECT_STREQ(nnf_error_message(nullptr), "context options: the executor has no parallel_for [NNFC-E0610]");
  nnf_allocator allocator = {};
  options = {sizeof options, 0, nullptr, &allocator, 0, 0, 0};
  EXPECT_EQ(nnf_context_create(program, &options, &context), NNF_ERROR_ARGUMENT);
  EXPECT_STREQ(nnf_error_message(nullptr), "context options: the allocator has no allocate or no release [NNFC-E0610]");
  EXPECT_EQ(nnf_context_create(nullptr, nullptr, &context), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(context, nullptr);
  nnf_program_destroy(program);
}

TEST(Threads, allowedCpusAreNoMoreThanOnline) {
  EXPECT_GE(nnf::rt::allowedCpus(), 1u);
  EXPECT_LE(nnf::rt::allowedCpus(), uint32_t(sysconf(_SC_NPROCESSORS_CONF)));
}

#if !defined(__SANITIZE_THREAD__) && !__has_feature(thread_sanitizer)
// The child has none of the pool's threads, and makes its own.
TEST(Threads, afterFork) {
  Runner runner(scratchModel(), withThreads(4));
  std::vector<float> in = someValues(100);
  TestTensor x(in), y;
  ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK);
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    TestTensor inChild;
    bool ok = runner.run({&x}, {&inChild}) == NNF_OK && inChild.values<float>() == expectedOf(in);
    _exit(ok ? 0 : 1);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK);
}
#endif

#if defined(__x86_64__)
// The caller's flush-to-zero changes neither its own results nor those of worker threads, and is given back.
TEST(Threads, floatStateIsTheRuns) {
  uint32_t before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);
  Runner runner(doubling(), withThreads(4));
  std::vector<float> in(1000, 1e-40f); // denormal
  TestTensor x(in), y;
  int32_t status = runner.run({&x}, {&y});
  uint32_t after = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before);
  ASSERT_EQ(status, NNF_OK);
  EXPECT_EQ(after & 0x8040, 0x8040u);
  EXPECT_EQ(y.values<float>(), std::vector<float>(1000, 2 * 1e-40f));
}
#endif

} // namespace
