// nnfc run MODEL_OR_COMPILED and nnfc bench MODEL_OR_COMPILED: a model is compiled to a temporary library first.
#include "tools/nnfc/Command.h"
#include "tools/run/Session.h"
#include <CLI/CLI.hpp>

namespace nnf::cli {
namespace {

/// Both commands: parse, compile when it is a model, call.
template <typename Request>
int execute(CLI::App &app, Request &request, int (*call)(const Request &, run::Streams), int argc, char **argv,
            Streams streams) {
  CompileRequest compile;
  ModelOptions model(app, compile.model, /*withDims=*/false);
  CodeOptions code(app, compile.code);
  int status;
  if (!parse(app, model, code, argc, argv, streams, status))
    return status;
  run::DeviceChoice device;
  if (run::Failure failure = run::parseDevice(request.device, device))
    return run::report(failure, streams);
  if (request.library.ends_with(".so") || isCompiled(request.library))
    return call(request, streams);
  if (!request.model.empty())
    return report(
        Outcome::wrongUsage("--model chooses in a compiled library, '" + request.library + "' is a model [NNFC-E0010]"),
        streams);
  TemporaryFolder folder;
  if (Outcome outcome = folder.check(); !outcome)
    return report(outcome, streams);
  std::string library = folder.path + "/model.so";
  // Replicas run parts of the batch: then sizes stay open, and --dim says how large random inputs are.
  if (!request.wantsReplicas()) {
    if (Outcome outcome = parseDims(request.dims, compile.model); !outcome)
      return report(outcome, streams);
    request.dims.clear(); // the compiled code has these sizes fixed
  }
  if (device.isEmulator)
    compile.code.target = "cuda-emu";
  else if (device.device.device_type == kDLCUDA)
    compile.code.target = "cuda";
  compile.model.models = {request.library};
  compile.output = library;
  Outcome outcome;
  {
    ProgressLine line;
    compile.progress = [&](const std::string &what) { line.say(what); };
    outcome = compileModels(compile);
  }
  if (!outcome)
    return report(outcome, streams);
  streams.err << outcome.warnings;
  if constexpr (requires { request.title; })
    if (request.title.empty())
      request.title = request.library;
  request.library = library;
  return call(request, streams);
}

} // namespace

int runCommand(int argc, char **argv, Streams streams) {
  CLI::App app("Runs a model once, compiling it first if it is not compiled.", "nnfc run");
  run::RunRequest request;
  run::addRunOptions(app, request, "MODEL_OR_COMPILED");
  return execute(app, request, run::runCommand, argc, argv, streams);
}

int benchCommand(int argc, char **argv, Streams streams) {
  CLI::App app("Measures a model: latency, throughput, memory. Compiles it first if it is not compiled.", "nnfc bench");
  run::BenchRequest request;
  run::addBenchOptions(app, request, "MODEL_OR_COMPILED");
  return execute(app, request, run::benchCommand, argc, argv, streams);
}

} // namespace nnf::cli
