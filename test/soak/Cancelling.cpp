// A long run that another thread cancels ends soon, wherever it is, and the context is fit for the next one.
#include "Subject.h"
#include <algorithm>
#include <chrono>
#include <thread>

namespace nnf::soak {

void soakCancelling(const Options &options) {
  nnf_program *program = load(options.library);
  nnf_context *context = createContext(program, options.threads);
  Inputs in(program, sizesOf(program, 1, options.maxSize));
  Outputs out(program);
  run(context, in, out); // memory is touched for the first time
  std::string expected = out.bytes();
  double begin = wallSeconds(), beginCpu = processCpuSeconds();
  run(context, in, out);
  double whole = wallSeconds() - begin, wholeCpu = processCpuSeconds() - beginCpu;
  // Processor time: a machine that is busy with others stops neither clock of ours.
  double worst = 0, worstCpu = 0;
  for (uint64_t i = 0; i < options.count; ++i) {
    int32_t cancel = 0;
    double asked = 0, askedCpu = 0;
    std::thread canceller([&] {
      double after = whole * (double(i) + 0.5) / double(options.count + 1);
      std::this_thread::sleep_for(std::chrono::duration<double>(after));
      asked = wallSeconds();
      askedCpu = processCpuSeconds();
      __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
    });
    nnf_run_options runOptions = {sizeof runOptions, 0, nullptr, &cancel, nullptr, nullptr};
    int32_t status = nnf_run(context, in.tensors(), in.count(), out.tensors(), out.count(), &runOptions);
    double ended = wallSeconds(), endedCpu = processCpuSeconds();
    canceller.join();
    if (status == NNF_OK && ended <= asked)
      continue; // it was quicker than the time before
    if (status != NNF_CANCELLED || std::string(nnf_error_message(context)) != "cancelled by the caller [NNFC-E0613]")
      fail("status " + std::string(nnf_status_name(status)) + ", expected cancelled");
    worst = std::max(worst, ended - asked);
    worstCpu = std::max(worstCpu, endedCpu - askedCpu);
  }
  run(context, in, out);
  if (out.bytes() != expected)
    fail("a run after cancelled ones gives other bytes");
  printf("whole_run_ms %.1f\ncancelled_after_ms %.2f\ncancelled_after_cpu_ms %.2f\n", 1e3 * whole, 1e3 * worst,
         1e3 * worstCpu);
  if (worstCpu > wholeCpu / 4)
    fail("a cancelled run went on for " + std::to_string(worstCpu) + " s of " + std::to_string(wholeCpu));
  nnf_context_destroy(context);
  nnf_program_destroy(program);
}

} // namespace nnf::soak
