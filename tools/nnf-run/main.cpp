// nnf-run [run] LIB.so …: runs a compiled model once. nnf-run bench LIB.so …: measures it.
#include "tools/run/Commands.h"
#include "tools/run/Usage.h"
#include <CLI/CLI.hpp>
#include <cstring>
#include <iostream>

using namespace nnf::run;

namespace {

/// Parses; returns true when there is something to do, else the exit status.
bool parse(CLI::App &app, int argc, char **argv, Streams streams, int &status) {
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::CallForHelp &) {
    streams.out << app.help();
    status = exitDone;
  } catch (const CLI::ParseError &error) {
    status = report(wrongUsage(usageError(app, error)), streams);
    streams.err << "see " << app.get_name() << " --help\n";
  }
  return false;
}

int mainOfRun(int argc, char **argv, Streams streams) {
  CLI::App app("Runs a compiled model once. To measure one: nnf-run bench LIB.so", "nnf-run");
  RunRequest request;
  addRunOptions(app, request, "LIB.so");
  int status;
  return parse(app, argc, argv, streams, status) ? runCommand(request, streams) : status;
}

int mainOfBench(int argc, char **argv, Streams streams) {
  CLI::App app("Measures a compiled model: latency, throughput, memory.", "nnf-run bench");
  BenchRequest request;
  addBenchOptions(app, request, "LIB.so");
  int status;
  return parse(app, argc, argv, streams, status) ? benchCommand(request, streams) : status;
}

} // namespace

int main(int argc, char **argv) {
  Streams streams{std::cout, std::cerr};
  try {
    if (argc > 1 && strcmp(argv[1], "bench") == 0)
      return mainOfBench(argc - 1, argv + 1, streams);
    if (argc > 1 && strcmp(argv[1], "run") == 0)
      return mainOfRun(argc - 1, argv + 1, streams);
    return mainOfRun(argc, argv, streams);
  } catch (const std::exception &error) { // out of memory while parsing, say
    return report(fault(numbered(error.what(), " [NNFC-E9001]")), streams);
  }
}
