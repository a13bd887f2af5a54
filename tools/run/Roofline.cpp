#include "tools/run/Roofline.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace nnf::run {
namespace {

using Clock = std::chrono::steady_clock;

/// 12 chains cover latency times units of the cores there are: 5 cycles and 2 units at most.
constexpr int chains = 12;
/// Half a millisecond or so, that rounds are undisturbed on a busy machine.
constexpr long stepsPerRound = 100000;
constexpr size_t memoryBytes = size_t(256) << 20;

#if defined(__x86_64__)
#define NNF_REGISTER "+x"
#else
#define NNF_REGISTER "+w"
#endif

/// Independent chains of multiply-adds on vectors of `Lanes` floats; returns operations.
#define NNF_MULTIPLY(name, lanes, attributes)                                                                          \
  attributes double name() {                                                                                           \
    typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));                                          \
    Vector sum[chains] = {}, factor = {}, step = {};                                                                   \
    __asm__ volatile("" : NNF_REGISTER(factor), NNF_REGISTER(step));                                                   \
    for (long s = 0; s < stepsPerRound; ++s) {                                                                         \
      _Pragma("clang loop unroll(full)") for (int c = 0; c < chains; ++c) {                                            \
        sum[c] = __builtin_elementwise_fma(factor, step, sum[c]);                                                      \
        __asm__ volatile("" : NNF_REGISTER(sum[c])); /* neither folded nor hoisted */                                  \
      }                                                                                                                \
    }                                                                                                                  \
    return 2.0 * lanes * chains * stepsPerRound;                                                                       \
  }

#if defined(__x86_64__)
NNF_MULTIPLY(multiply16, 16, __attribute__((target("avx512f"))))
NNF_MULTIPLY(multiply8, 8, __attribute__((target("avx2,fma"))))

/// Without fused multiply-adds: a multiplication and an addition.
double multiply4() {
  typedef float Vector __attribute__((vector_size(16)));
  Vector sum[chains] = {}, factor = {}, step = {};
  __asm__ volatile("" : NNF_REGISTER(factor), NNF_REGISTER(step));
  for (long s = 0; s < stepsPerRound; ++s) {
#pragma clang loop unroll(full)
    for (int c = 0; c < chains; ++c) {
      Vector product = factor * step;
      __asm__ volatile("" : NNF_REGISTER(product));
      sum[c] += product;
      __asm__ volatile("" : NNF_REGISTER(sum[c]));
    }
  }
  return 2.0 * 4 * chains * stepsPerRound;
}

using Multiply = double (*)();
Multiply multiplyHere() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    return multiply16;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return multiply8;
  return multiply4;
}
#else
NNF_MULTIPLY(multiply4, 4, )
double (*multiplyHere())() { return multiply4; }
#endif

/// Reads bytes, a multiple of a chain's; the sums are kept from the optimiser.
void read(const uint8_t *from, size_t bytes) {
  typedef uint64_t Vector __attribute__((vector_size(64)));
  Vector sum[4] = {};
  for (size_t at = 0; at + sizeof sum <= bytes; at += sizeof sum) {
    for (int c = 0; c < 4; ++c) {
      Vector part;
      memcpy(&part, from + at + size_t(c) * sizeof part, sizeof part);
      sum[c] += part;
    }
  }
  __asm__ volatile("" : : "r"(sum) : "memory");
}

/// The largest rate of all threads together in `rounds`; work(thread) returns how much it did.
template <typename Work> double bestRate(uint32_t threads, int rounds, Work work) {
  std::vector<double> rates(size_t(threads) * size_t(rounds));
  std::atomic<uint32_t> waiting{0};
  auto body = [&](uint32_t thread) {
    for (int round = 0; round < rounds; ++round) {
      // All threads start a round together.
      uint32_t target = threads * uint32_t(round + 1);
      waiting.fetch_add(1);
      while (waiting.load() < target)
        std::this_thread::yield();
      Clock::time_point begin = Clock::now();
      double amount = work(thread, round);
      rates[size_t(round) * threads + thread] =
          amount / std::max(std::chrono::duration<double>(Clock::now() - begin).count(), 1e-9);
    }
  };
  std::vector<std::thread> others;
  for (uint32_t t = 1; t < threads; ++t)
    others.emplace_back(body, t);
  body(0);
  for (std::thread &other : others)
    other.join();
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    double sum = 0;
    for (uint32_t t = 0; t < threads; ++t)
      sum += rates[size_t(round) * threads + t];
    best = std::max(best, sum);
  }
  return best;
}

} // namespace

double Roofline::seconds(double work, double moved) const {
  double compute = flops > 0 ? work / flops : 0, memory = bytes > 0 ? moved / bytes : 0;
  return std::max(compute, memory);
}

Roofline measureRoofline(uint32_t threads) {
  threads = std::clamp(threads, 1u, 1024u);
  Roofline roofline;
  double (*multiply)() = multiplyHere();
  roofline.flops = bestRate(threads, 200, [&](uint32_t, int) { return multiply(); });
  std::unique_ptr<void, void (*)(void *)> memory(aligned_alloc(64, memoryBytes), free);
  if (!memory)
    return roofline;
  memset(memory.get(), 1, memoryBytes); // pages that nobody wrote are all one page of zeros
  constexpr size_t slices = 16;
  roofline.bytes = bestRate(threads, int(slices), [&](uint32_t thread, int round) {
    size_t slice = memoryBytes / slices, part = slice / threads / 256 * 256;
    read(static_cast<const uint8_t *>(memory.get()) + size_t(round) * slice + thread * part, part);
    return double(part);
  });
  return roofline;
}

} // namespace nnf::run
