#include "tools/run/Commands.h"
#include <CLI/CLI.hpp>

namespace nnf::run {
namespace {

void addModelOptions(CLI::App &app, ModelRequest &request, const std::string &what) {
  app.add_option(what, request.library, "what to run")->required();
  app.add_option("--model", request.model, "which model, where a library holds several")->type_name("NAME");
  app.add_option("--input", request.inputs, "an input from a .npy file; once for each")
      ->type_name("NAME=FILE.npy")
      ->allow_extra_args(false);
  app.add_option("--dim", request.dims, "the size of a named dimension")
      ->type_name("SYMBOL=SIZE")
      ->allow_extra_args(false);
  app.add_flag("--random-inputs", request.randomInputs, "fill inputs that are not given with random values");
  app.add_option("--seed", request.seed, "of random inputs and random ops (default 0)")->type_name("N");
  app.add_option("--threads", request.threads, "how many at most; 0 (default): all the process may use")
      ->type_name("N");
  app.add_option(
         "--device", request.device,
         "cpu, cpu:K (its K-th core set), cuda:K or cuda-emu (default: what it is compiled for, a model for the "
         "CPU); cpu:0,cpu:1 or cuda:0,cuda:1 cuts the batch over several")
      ->type_name("DEVICE");
  app.add_option_function<int64_t>(
         "--data-parallel-dim",
         [&request](int64_t dim) {
           request.dataParallelDim = dim;
           request.isDataParallel = true;
         },
         "which dimension is cut over the devices (default 0); with no K given they are all there are")
      ->type_name("DIM");
  app.add_flag("--data-parallel", request.overRanks,
               "under mpirun: the batch is cut over its processes; rank 0 reads and writes the files");
  app.add_option("--replicate", request.replicated, "an input that is no part of the batch: each device gets it whole")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

} // namespace

void addRunOptions(CLI::App &app, RunRequest &request, const std::string &what) {
  addModelOptions(app, request, what);
  app.add_option("--output-dir", request.outputDir, "write each output and each in-out input to DIR/NAME.npy")
      ->type_name("DIR");
}

void addBenchOptions(CLI::App &app, BenchRequest &request, const std::string &what) {
  addModelOptions(app, request, what);
  app.add_option("--json", request.json, "write the numbers there too; -: to standard output, and nothing else")
      ->type_name("FILE");
  app.add_option("--profile", request.profile,
                 "write a per-kernel trace that Perfetto opens (Chrome's trace format); implies --kernels")
      ->type_name("FILE");
  app.add_flag("--kernels", request.kernels,
               "say for each kernel its time, GFLOP/s, GB/s and part of this machine's roofline");
  app.add_option("--iterations", request.iterations, "measure so many runs instead of a time")
      ->type_name("N")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 40));
  app.add_option("--seconds", request.seconds, "measure for so long (default 2)")->type_name("S");
  app.add_option("--warmup", request.warmup, "runs before measuring (default 5)")
      ->type_name("N")
      ->check(CLI::Range(int64_t(0), int64_t(1) << 40));
}

} // namespace nnf::run
