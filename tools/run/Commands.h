// `run` and `bench` of a compiled model, as nnfc and nnf-run have them. They need the runtime alone.
#pragma once
#include "tools/run/Failure.h"
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace nnf::run {

struct Streams {
  std::ostream &out, &err;
};

/// What both commands are told about the model and its inputs.
struct ModelRequest {
  std::string library;             ///< a compiled model's .so
  std::string model;               ///< which of its models; "": its only one
  std::vector<std::string> inputs; ///< NAME=FILE.npy
  std::vector<std::string> dims;   ///< SYMBOL=SIZE: sizes of inputs that are filled with random values
  bool randomInputs = false;       ///< fill inputs that are not given, from `seed`
  uint64_t seed = 0;
  uint32_t threads = 0;                ///< 0: all the process may use
  std::string device;                  ///< or several, separated by commas; "": what the library is compiled for
  int64_t dataParallelDim = 0;         ///< the batch is cut along it
  bool isDataParallel = false;         ///< --data-parallel-dim is given
  bool overRanks = false;              ///< the batch is cut over the processes of mpirun
  std::vector<std::string> replicated; ///< inputs that are no part of the batch

  /// Whether the batch is to be cut over devices.
  bool wantsReplicas() const {
    return isDataParallel || device.starts_with("cpu:") || device.find(',') != std::string::npos;
  }
};

struct RunRequest : ModelRequest {
  std::string outputDir; ///< "": outputs are only shown
};

struct BenchRequest : ModelRequest {
  std::string json;        ///< file for the numbers, "": none
  std::string profile;     ///< file for the trace, "": none
  bool kernels = false;    ///< say how long each kernel takes; with `profile` always
  uint64_t iterations = 0; ///< 0: for `seconds`
  double seconds = 2;
  uint64_t warmup = 5; ///< runs before the clock starts
  std::string title;   ///< what the report calls the model; "": the path of the library
};

/// Options and the positional MODEL (named `what` in the help) on a command's parser. `request` must outlive parsing.
void addRunOptions(CLI::App &app, RunRequest &request, const std::string &what);
void addBenchOptions(CLI::App &app, BenchRequest &request, const std::string &what);

/// Run the model once; write each output and each in-out input to DIR/NAME.npy. Returns the exit status; on a failure
/// the first line on `err` is "error: …" and nothing is left half written.
int runCommand(const RunRequest &request, Streams streams);
/// Latency percentiles, throughput and memory. Inputs that are not given are filled with random values.
int benchCommand(const BenchRequest &request, Streams streams);

/// What bench finds out.
struct BenchFigures {
  std::string text;  ///< for people
  std::string json;  ///< the file of --json
  std::string trace; ///< the file of --profile; "" where launches were not looked at
  std::vector<double> launchMicroseconds;
};
Failure measureModel(const BenchRequest &request, Streams streams, BenchFigures &figures);

/// Prints "error: …" and returns the exit status.
int report(const Failure &failure, Streams streams);

} // namespace nnf::run
