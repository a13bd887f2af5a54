// nnfc run MODEL_OR_COMPILED and nnfc bench MODEL_OR_COMPILED: a model is compiled to a temporary library first.
#include "tools/nnfc/Command.h"
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace nnf::cli {
namespace {

/// A folder of its own for the library, removed with it.
class TemporaryLibrary {
public:
  TemporaryLibrary() {
    const char *base = getenv("TMPDIR");
    folder = std::string(base && *base ? base : "/tmp") + "/nnfc-XXXXXX";
    if (!mkdtemp(folder.data()))
      folder.clear();
  }
  ~TemporaryLibrary() {
    unlink(path().c_str());
    rmdir(folder.c_str());
  }
  TemporaryLibrary(const TemporaryLibrary &) = delete;
  explicit operator bool() const { return !folder.empty(); }
  std::string path() const { return folder + "/model.so"; }

private:
  std::string folder;
};

/// Both commands: parse, compile when it is a model, call.
template <typename Request>
int execute(CLI::App &app, Request &request, int (*call)(const Request &, run::Streams), int argc, char **argv,
            Streams streams) {
  CompileRequest compile;
  ModelOptions model(app, compile.model, /*withDims=*/false);
  CodeOptions code(app, compile.code);
  ReservedOptions reserved(app);
  int status;
  if (!parse(app, argc, argv, streams, status))
    return status;
  for (const Outcome &outcome : {reserved.finish(), model.finish(), code.finish()})
    if (!outcome)
      return report(outcome, streams);
  if (request.device.find(',') != std::string::npos)
    return report(Outcome::wrongUsage("--device=" + request.device + ": several devices are not there yet"), streams);
  if (request.library.ends_with(".so") || isCompiled(request.library))
    return call(request, streams);
  if (!request.model.empty())
    return report(Outcome::wrongUsage("--model chooses in a compiled library, '" + request.library + "' is a model"),
                  streams);
  TemporaryLibrary library;
  if (!library)
    return report(Outcome::fault(std::string("no temporary folder can be made: ") + strerror(errno)), streams);
  if (Outcome outcome = parseDims(request.dims, compile.model.dims); !outcome)
    return report(outcome, streams);
  request.dims.clear(); // the compiled code has these sizes fixed
  if (request.device == "cuda-emu")
    compile.code.target = request.device;
  compile.model.models = {request.library};
  compile.output = library.path();
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
  request.library = library.path();
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
