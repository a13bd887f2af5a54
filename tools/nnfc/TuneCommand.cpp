// nnfc tune MODEL
#include "compiler/Tune.h"
#include "tools/nnfc/Command.h"
#include "tools/run/OutputFile.h"
#include "tools/run/Session.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <fstream>
#include <optional>
#include <sched.h>
#include <unistd.h>

namespace nnf::cli {
namespace {

double secondsOf(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// The calling thread stays on the core it is on, while this lives: caches are not left behind.
class Pin {
public:
  Pin() {
    cpu_set_t one;
    CPU_ZERO(&one);
    int cpu = sched_getcpu();
    isPinned = cpu >= 0 && cpu < CPU_SETSIZE && sched_getaffinity(0, sizeof before, &before) == 0;
    if (!isPinned)
      return;
    CPU_SET(cpu, &one);
    isPinned = sched_setaffinity(0, sizeof one, &one) == 0;
  }
  ~Pin() {
    if (isPinned)
      sched_setaffinity(0, sizeof before, &before);
  }
  Pin(const Pin &) = delete;

private:
  cpu_set_t before;
  bool isPinned = false;
};

/// A loaded library, with the time of each launch of its last run. On one thread it is the thread's own time, which
/// leaves out whatever else the core did meanwhile; on several, that on the clock.
class TimedModel {
public:
  Outcome open(run::ModelRequest request, const std::string &library, run::Streams streams) {
    request.library = library;
    clock = request.threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    if (run::Failure failure = session.open(request, request.randomInputs, streams))
      return outcomeOf(failure);
    launches.resize(session.model.descriptor().num_launches);
    inOut.emplace(session);
    return {};
  }

  Outcome runOnce() {
    nnf_profiler profiler = {this, [](void *user, uint32_t launch, uint64_t, uint64_t, int64_t) {
                               static_cast<TimedModel *>(user)->add(launch);
                             }};
    nnf_run_options options = {sizeof options, 0, nullptr, nullptr, &profiler, nullptr};
    inOut->restore();
    std::fill(launches.begin(), launches.end(), 0.0);
    last = secondsOf(clock);
    run::Failure failure = session.runOnce(&options);
    return failure ? Outcome{int(failure.status), failure.text, ""} : Outcome();
  }

  std::vector<double> launches;

private:
  run::Session session;
  std::optional<run::InOutKeeper> inOut;
  clockid_t clock = CLOCK_MONOTONIC;
  double last = 0;

  /// What the driver does between two launches counts to the second; it is next to nothing.
  void add(uint32_t launch) {
    double now = secondsOf(clock);
    if (launch < launches.size())
      launches[launch] += now - last;
    last = now;
  }
};

void takeLeast(std::vector<double> &least, const std::vector<double> &times) {
  if (least.empty())
    least = times;
  for (size_t i = 0; i < times.size(); ++i)
    least[i] = std::min(least[i], times[i]);
}

/// Both libraries by turns, so that a busy moment hits both.
class RunStopwatch : public Stopwatch {
public:
  RunStopwatch(run::ModelRequest inputs, run::Streams streams) : inputs(std::move(inputs)), streams(streams) {}

  Outcome setBefore(const std::string &library) override {
    if (Outcome outcome = before.open(inputs, library, streams); !outcome)
      return outcome;
    return before.runOnce();
  }

  Outcome compare(const std::string &library, double seconds, Comparison &result) override {
    TimedModel after;
    if (Outcome outcome = after.open(inputs, library, streams); !outcome)
      return outcome;
    std::optional<Pin> pin;
    if (inputs.threads == 1)
      pin.emplace();
    for (TimedModel *model : {&before, &after}) // pages come in, caches fill
      if (Outcome outcome = model->runOnce(); !outcome)
        return outcome;
    constexpr int leastRounds = 6;
    double begin = secondsOf(CLOCK_MONOTONIC);
    for (int round = 0; round < leastRounds || secondsOf(CLOCK_MONOTONIC) - begin < seconds; ++round) {
      bool isTurned = round / 2 % 2; // neither always runs second
      for (TimedModel *model : {isTurned ? &after : &before, isTurned ? &before : &after})
        if (Outcome outcome = model->runOnce(); !outcome)
          return outcome;
      takeLeast(round % 2 ? result.again : result.before, before.launches);
      takeLeast(result.after, after.launches);
    }
    // `before` is the least of as many runs as `after`.
    for (size_t i = 0; i < result.before.size(); ++i)
      if (result.before[i] > result.again[i])
        std::swap(result.before[i], result.again[i]);
    return {};
  }

private:
  run::ModelRequest inputs;
  run::Streams streams;
  TimedModel before;
};

/// "Intel(R) Xeon(R) Processor", as Linux tells it; "" where it does not.
std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (size_t colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "";
}

std::string oneLine(std::string text) {
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < 32; }, '?');
  return text;
}

std::string titleOf(const std::string &model, uint32_t threads, const TuneRequest &request) {
  time_t now = time(nullptr);
  tm utc;
  char date[32] = "";
  if (gmtime_r(&now, &utc))
    strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
  char rest[64];
  snprintf(rest, sizeof rest, "%g s of measuring for each kernel", request.seconds);
  std::string processor = processorName();
  std::string text = "# " + oneLine(model) + (request.measures ? ", tuned by " : ", not measured, by ") +
                     producerText() + " on " + date + "\n# " + oneLine(processor);
  if (request.measures)
    text +=
        (processor.empty() ? "" : ", ") + std::to_string(threads) + (threads == 1 ? " thread, " : " threads, ") + rest;
  return text + "\n";
}

} // namespace

int tuneCommand(int argc, char **argv, Streams streams) {
  CLI::App app("Measures for each kernel of a model whether another method, or other blocks, are faster than what the "
               "compiler chooses by itself. The result is a text file for compile --tuning=FILE.",
               "nnfc tune");
  TuneRequest request;
  run::ModelRequest inputs;
  inputs.threads = 1;
  std::string output;
  request.model.models.emplace_back();
  app.add_option("MODEL", request.model.models.front(), "what to tune")->required();
  app.add_option("-o,--output", output, "where the result goes (default: MODEL.tuning)")->type_name("FILE");
  app.add_option("--threads", inputs.threads, "threads that run the model (default 1); the result is for as many")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app.add_option("--seconds", request.seconds, "of measuring, for each kernel (default 1)")
      ->type_name("S")
      ->check(CLI::Range(0.001, 3600.0));
  app.add_flag_callback(
      "--dry-run", [&request] { request.measures = false; },
      "measure nothing: write what the compiler chooses by itself, as a file to edit by hand");
  app.add_option("--input", inputs.inputs, "an input from a .npy file; the others are filled with random values")
      ->type_name("NAME=FILE.npy")
      ->allow_extra_args(false);
  app.add_option("--seed", inputs.seed, "of random inputs and random ops (default 0)")->type_name("N");
  ModelOptions model(app, request.model);
  CodeOptions code(app, request.code, /*withTuning=*/false);
  int status;
  if (!parse(app, model, code, argc, argv, streams, status))
    return status;
  const std::string &path = request.model.models.front();
  if (isCompiled(path))
    return report(Outcome::wrongUsage("'" + path + "' is compiled, expected a model [NNFC-E0010]"), streams);
  if (request.code.target != "cpu")
    return report(
        Outcome::wrongUsage("--target=" + request.code.target + ": only code for CPUs can be tuned [NNFC-E0004]"),
        streams);
  if (output.empty())
    output = path + ".tuning";
  if (run::Failure failure = run::checkFolderOf(output))
    return report(outcomeOf(failure), streams);
  TemporaryFolder folder;
  if (Outcome outcome = folder.check(); !outcome)
    return report(outcome, streams);
  inputs.randomInputs = true;
  request.folder = folder.path;
  request.title = titleOf(path, inputs.threads, request);
  request.leastTasks = 2 * int64_t(inputs.threads);
  // An error is the first line of what is written; on a terminal a person watches.
  std::string said;
  bool isWatched = isatty(2);
  request.progress = [&](const std::string &line) {
    if (isWatched)
      streams.err << line << std::endl;
    else
      said += line + "\n";
  };
  std::ostream nowhere(nullptr); // sizes are fixed and inputs filled: nothing to note
  RunStopwatch stopwatch(inputs, {streams.out, nowhere});
  std::string file;
  Outcome outcome = tuneModel(request, stopwatch, file);
  if (outcome)
    if (run::Failure failure = run::writeFile(output, {file}))
      outcome = {int(failure.status), failure.text, outcome.warnings};
  outcome.warnings = said + outcome.warnings;
  if (outcome)
    streams.out << "wrote " << output << "\n";
  return report(outcome, streams);
}

} // namespace nnf::cli
