// What a call costs beside the kernels: time and allocations of one run, and processor time while nothing runs.
#include "Allocations.h"
#include "Subject.h"
#include <algorithm>
#include <chrono>
#include <thread>

namespace nnf::soak {

void soakCost(const Options &options) {
  nnf_program *program = load(options.library);
  Inputs in(program, sizesOf(program, 1, options.maxSize));
  Outputs out(program);
  nnf_context *context = createContext(program, 1);
  run(context, in, out);
  constexpr int batches = 50, runs = 2000;
  double best = 1e9;
  uint64_t calls = allocationCalls();
  for (int b = 0; b < batches; ++b) {
    double begin = processCpuSeconds();
    for (int r = 0; r < runs; ++r)
      run(context, in, out);
    best = std::min(best, processCpuSeconds() - begin);
  }
  calls = allocationCalls() - calls;
  printf("microseconds_per_run %.3f\nallocations_per_run %.6f\n", 1e6 * best / runs, double(calls) / (batches * runs));
  if (calls)
    fail(std::to_string(calls) + " allocations in runs, expected none");
  nnf_context_destroy(context);

  context = createContext(program, options.threads);
  for (int r = 0; r < 100; ++r)
    run(context, in, out);
  std::this_thread::sleep_for(std::chrono::milliseconds(100)); // threads of the pool spin for a little
  double begin = processCpuSeconds();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  double idle = processCpuSeconds() - begin;
  printf("idle_cpu_ms_per_s %.3f\n", 1e3 * idle);
  if (idle > 2e-3)
    fail("threads that have nothing to do take " + std::to_string(1e3 * idle) + " ms of a second");
  nnf_context_destroy(context);
  nnf_program_destroy(program);
}

} // namespace nnf::soak
