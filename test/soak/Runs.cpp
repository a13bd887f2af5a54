// Many runs from many threads with changing sizes: every result is what a context of its own on one thread gives, and
// the process takes no more than at the start.
#include "Subject.h"
#include <atomic>
#include <barrier>
#include <memory>
#include <thread>

namespace nnf::soak {
namespace {

constexpr uint64_t numShapes = 24;
constexpr uint32_t maxThreads = 3; // of one context

struct Case {
  std::unique_ptr<Inputs> inputs;
  std::string expected;
};

std::vector<Case> makeCases(nnf_program *program, int64_t maxSize) {
  std::vector<Case> cases;
  for (uint64_t i = 0; i < numShapes; ++i) {
    nnf_context *context = createContext(program, 1);
    auto inputs = std::make_unique<Inputs>(program, sizesOf(program, i, maxSize));
    Outputs out(program);
    run(context, *inputs, out);
    cases.push_back({std::move(inputs), out.bytes()});
    nnf_context_destroy(context);
  }
  return cases;
}

void runSome(nnf_program *program, const std::vector<Case> &cases, uint32_t thread, std::atomic<int64_t> &left) {
  for (uint64_t round = 0, isOver = 0; !isOver;) {
    nnf_context *context = createContext(program, 1 + thread % maxThreads);
    Outputs out(program); // filled in by this context alone
    for (int of = 0; of < 1000 && !isOver; ++of, ++round) {
      isOver = left.fetch_sub(1) <= 0;
      const Case &one = cases[(round * 7 + thread) % cases.size()];
      run(context, *one.inputs, out);
      if (out.bytes() != one.expected)
        fail("a run gives other bytes than a context of its own on one thread");
    }
    nnf_context_destroy(context);
  }
}

} // namespace

void soakRuns(const Options &options) {
  nnf_program *program = load(options.library);
  std::vector<Case> cases = makeCases(program, options.maxSize);
  nnf_context_destroy(createContext(program, maxThreads)); // the pool has all of its threads from now on
  // The first tenth fills the allocator's caches.
  std::atomic<int64_t> warmup = int64_t(options.count) / 10, rest = int64_t(options.count) - warmup;
  Usage before = {}, after = {};
  std::barrier sync(options.threads + 1);
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < options.threads; ++t)
    threads.emplace_back([&, t] {
      runSome(program, cases, t, warmup);
      sync.arrive_and_wait();
      sync.arrive_and_wait();
      runSome(program, cases, t, rest);
      sync.arrive_and_wait();
      sync.arrive_and_wait();
    });
  sync.arrive_and_wait();
  before = Usage::now();
  sync.arrive_and_wait();
  sync.arrive_and_wait();
  after = Usage::now();
  sync.arrive_and_wait();
  for (std::thread &thread : threads)
    thread.join();
  if (after.pieces != before.pieces || after.descriptors != before.descriptors || after.threads != before.threads ||
      after.residentKb > before.residentKb + 8192)
    fail("after " + std::to_string(options.count) + " runs: " + after.describe() + "; before: " + before.describe());
  printf("runs %llu\nresident_kb %lld %lld\n", (unsigned long long)options.count, (long long)before.residentKb,
         (long long)after.residentKb);
  nnf_program_destroy(program);
}

} // namespace nnf::soak
