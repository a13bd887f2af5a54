// Memory: a second run allocates nothing, everything is given back, running out is an error.
#include "TestModel.h"
#include <atomic>
#include <cstdlib>

using namespace nnf::test;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
    __has_feature(thread_sanitizer) || !defined(__GLIBC__)
#define COUNT_MALLOC 0 // the sanitizers' allocator stands there already
#else
#define COUNT_MALLOC 1
#endif

static std::atomic<uint64_t> mallocCalls;
#if COUNT_MALLOC
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void *malloc(size_t bytes) { return ++mallocCalls, __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return ++mallocCalls, __libc_calloc(count, bytes); }
void *realloc(void *data, size_t bytes) { return ++mallocCalls, __libc_realloc(data, bytes); }
void *aligned_alloc(size_t alignment, size_t bytes) { return ++mallocCalls, __libc_memalign(alignment, bytes); }
}
#endif

namespace {

struct CountingAllocator {
  int64_t live = 0, calls = 0, failAfter = INT64_MAX;
  nnf_allocator interface = {this,
                             [](void *user, uint64_t bytes, uint64_t alignment) -> void * {
                               auto *self = static_cast<CountingAllocator *>(user);
                               if (self->calls++ >= self->failAfter)
                                 return nullptr;
                               self->live += int64_t(bytes);
                               return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
                             },
                             [](void *user, void *data, uint64_t bytes, uint64_t) {
                               static_cast<CountingAllocator *>(user)->live -= int64_t(bytes);
                               std::free(data);
                             }};
};

TestModel withArena() {
  TestModel model = doubling();
  model.arenaBytes([](const int64_t *symbols) -> int64_t { return 100 * symbols[0]; });
  return model;
}

TEST(Memory, secondRunAllocatesNothing) {
#if !COUNT_MALLOC
  GTEST_SKIP() << "a sanitizer has the allocator";
#endif
  for (uint32_t threads : {1, 4}) {
    Runner runner(withArena(), withThreads(threads));
    std::vector<float> in(1000, 1);
    TestTensor x(in), y;
    DLTensor *ins[] = {&x.tensor}, *outs[] = {&y.tensor};
    ASSERT_EQ(nnf_run(runner.get(), ins, 1, outs, 1, nullptr), NNF_OK);
    uint64_t before = mallocCalls;
    int32_t status = NNF_OK;
    for (int i = 0; i < 10 && !status; ++i)
      status = nnf_run(runner.get(), ins, 1, outs, 1, nullptr);
    x.dims[0] = 10; // smaller fits
    status = status ? status : nnf_run(runner.get(), ins, 1, outs, 1, nullptr);
    uint64_t calls = mallocCalls - before;
    EXPECT_EQ(status, NNF_OK);
    EXPECT_EQ(calls, 0u) << threads << " threads";
  }
}

TEST(Memory, callersAllocatorGetsAllBack) {
  CountingAllocator allocator;
  {
    Runner runner(withArena(), {sizeof(nnf_context_options), 2, nullptr, &allocator.interface, 0, 0, 0});
    std::vector<float> in(1000, 1);
    TestTensor x(in), y;
    ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK);
    EXPECT_GE(allocator.live, 104'000);
    EXPECT_GE(nnf_context_bytes(runner.get()), 104'000u);
  }
  EXPECT_EQ(allocator.live, 0);
}

TEST(Memory, everyAllocationMayFail) {
  int failures = 0;
  for (int64_t failAfter = 0;; ++failAfter) {
    CountingAllocator allocator;
    allocator.failAfter = failAfter;
    TestModel model = withArena();
    nnf_program *program;
    ASSERT_EQ(nnf_program_from_model(&model.get(), &program), NNF_OK);
    nnf_context_options options = {sizeof options, 1, nullptr, &allocator.interface, 0, 0, 0};
    nnf_context *context = nullptr;
    int32_t status = nnf_context_create(program, &options, &context);
    if (status == NNF_OK) {
      std::vector<float> in(10, 1);
      TestTensor x(in), y;
      DLTensor *ins[] = {&x.tensor}, *outs[] = {&y.tensor};
      status = nnf_run(context, ins, 1, outs, 1, nullptr);
      if (status != NNF_OK) {
        // With memory again the context works.
        allocator.failAfter = INT64_MAX;
        EXPECT_EQ(nnf_run(context, ins, 1, outs, 1, nullptr), NNF_OK);
      }
    }
    nnf_context_destroy(context);
    nnf_program_destroy(program);
    EXPECT_EQ(allocator.live, 0);
    if (status == NNF_OK)
      break;
    EXPECT_EQ(status, NNF_ERROR_MEMORY);
    ++failures;
  }
  EXPECT_EQ(failures, 4) << "context, tables, output, arena";
}

/// Where the most is known, the first run takes it; if that is not to be had, what it needs.
TEST(Memory, arenaOfBoundedSizesIsTakenOnce) {
  for (int64_t failing : {0, 1}) {
    CountingAllocator allocator;
    TestModel model = withArena();
    model.get().most_arena_bytes = 100 * 1000;
    nnf_context_options options = {sizeof options, 1, nullptr, &allocator.interface, 0, 0, 0};
    Runner runner(model, options);
    std::vector<float> small(10, 1), large(1000, 1), result(1000);
    TestTensor x(small), y(result.data(), NNF_FLOAT32, {10}), manyX(large), manyY(result);
    allocator.failAfter = failing ? allocator.calls : INT64_MAX;
    int64_t before = allocator.calls;
    if (failing) {
      EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_MEMORY);
      EXPECT_EQ(allocator.calls, before + 2) << "the most, then what the run needs";
      allocator.failAfter = INT64_MAX;
      before = allocator.calls;
    }
    EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK);
    EXPECT_EQ(runner.run({&manyX}, {&manyY}), NNF_OK);
    EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK);
    EXPECT_EQ(allocator.calls, before + 1);
  }
}

} // namespace
