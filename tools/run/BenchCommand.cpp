#include "tools/run/Json.h"
#include "tools/run/OutputFile.h"
#include "tools/run/Profile.h"
#include "tools/run/RanksRun.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iomanip>
#include <numeric>
#include <ostream>
#include <sstream>
#include <sys/resource.h>

namespace nnf::run {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Latencies in microseconds, sorted.
struct Latencies {
  std::vector<double> sorted;
  uint64_t peakMemory = 0; ///< of the process, when they had been taken

  /// Nearest rank: the smallest latency that `percent` of all do not exceed.
  double percentile(double percent) const {
    size_t rank = size_t(std::ceil(percent / 100 * double(sorted.size())));
    return sorted[rank ? rank - 1 : 0];
  }
  double mean() const { return std::accumulate(sorted.begin(), sorted.end(), 0.0) / double(sorted.size()); }
};

/// Most memory the process has had, in bytes.
uint64_t peakMemory() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? uint64_t(usage.ru_maxrss) * 1024 : 0;
}

/// Calls `prepare`, whose time does not count, and `run`.
Failure measure(const BenchRequest &request, const std::function<void()> &prepare, const std::function<Failure()> &run,
                Latencies &latencies) {
  for (uint64_t i = 0; i < request.warmup; ++i) {
    prepare();
    if (Failure failure = run())
      return failure;
  }
  constexpr uint64_t leastIterations = 10;
  Clock::time_point start = Clock::now();
  for (uint64_t i = 0;
       request.iterations ? i < request.iterations : i < leastIterations || secondsSince(start) < request.seconds;
       ++i) {
    prepare();
    Clock::time_point begin = Clock::now();
    if (Failure failure = run())
      return failure;
    latencies.sorted.push_back(secondsSince(begin) * 1e6);
  }
  std::sort(latencies.sorted.begin(), latencies.sorted.end());
  latencies.peakMemory = peakMemory();
  return {};
}

/// `times`: the launches, where they were looked at. `ranks`: how many, of which `session` is the first's; 0: no MPI.
std::string jsonOf(const BenchRequest &request, const Session &session, uint32_t ranks, const Latencies &latencies,
                   const std::vector<LaunchTime> *times, const Roofline &roofline) {
  const nnf_model &model = session.model.descriptor();
  std::ostringstream json;
  json << "{\n  \"model\": " << jsonString(model.name)
       << ",\n  \"file\": " << jsonString(request.title.empty() ? request.library : request.title)
       << ",\n  \"target\": " << jsonString(model.target ? model.target : "")
       << ",\n  \"producer\": " << jsonString(model.producer ? model.producer : "") << ",\n  \"inputs\": {";
  for (size_t i = 0; i < session.inputs.size(); ++i)
    json << (i ? ", " : "") << jsonString(session.model.inputs()[i].name) << ": "
         << jsonString(describeType(session.inputs[i].dtype, session.inputs[i].dims));
  json << "},\n  \"device\": " << jsonString(session.deviceName(request.device))
       << (ranks ? ",\n  \"ranks\": " + std::to_string(ranks) : "") << ",\n  \"threads\": " << session.threads()
       << ",\n  \"warmup\": " << request.warmup << ",\n  \"iterations\": " << latencies.sorted.size()
       << ",\n  \"latency_us\": {";
  const std::pair<const char *, double> numbers[] = {
      {"min", latencies.sorted.front()}, {"mean", latencies.mean()},        {"p50", latencies.percentile(50)},
      {"p90", latencies.percentile(90)}, {"p99", latencies.percentile(99)}, {"max", latencies.sorted.back()},
  };
  for (size_t i = 0; i < std::size(numbers); ++i)
    json << (i ? ", " : "") << jsonString(numbers[i].first) << ": " << jsonNumber(numbers[i].second);
  json << "},\n  \"throughput_per_s\": " << jsonNumber(1e6 / latencies.mean())
       << ",\n  \"peak_memory_bytes\": " << latencies.peakMemory << ",\n  \"context_bytes\": " << session.contextBytes()
       << ",\n  \"weights_bytes\": " << model.weights_bytes;
  if (times && roofline.flops > 0)
    json << ",\n  \"roofline\": " << jsonOf(roofline);
  if (times)
    json << ",\n  \"kernels\": " << jsonOf(*times);
  json << "\n}\n";
  return json.str();
}

void print(const BenchRequest &request, const Session &session, uint32_t ranks, const Latencies &latencies,
           std::ostream &out) {
  out << std::fixed << std::setprecision(2) << (request.title.empty() ? request.library : request.title) << ": "
      << latencies.sorted.size() << " runs, " << (ranks ? std::to_string(ranks) + " ranks, the first with " : "")
      << session.describeThreads() << "\n"
      << "latency     p50 " << latencies.percentile(50) << " us, p90 " << latencies.percentile(90) << " us, p99 "
      << latencies.percentile(99) << " us, min " << latencies.sorted.front() << " us, mean " << latencies.mean()
      << " us\n"
      << "throughput  " << 1e6 / latencies.mean() << " runs/s\n"
      << "memory      peak " << double(latencies.peakMemory) / 1048576 << " MiB, context "
      << double(session.contextBytes()) / 1048576 << " MiB, weights "
      << double(session.model.descriptor().weights_bytes) / 1048576 << " MiB\n";
}

Failure checkRequest(const BenchRequest &request) {
  if (!(request.seconds >= 0 && request.seconds <= 86400))
    return wrongUsage("--seconds: found " + std::to_string(request.seconds) + ", expected 0 to 86400 [NNFC-E0003]");
  for (const std::string &path : {request.json, request.profile})
    if (!path.empty() && path != "-")
      if (Failure failure = checkFolderOf(path))
        return failure;
  return {};
}

Failure write(const BenchRequest &request, const BenchFigures &figures, Streams streams) {
  if (!request.profile.empty())
    if (Failure failure = writeFile(request.profile, {figures.trace}))
      return failure;
  if (request.json == "-") {
    streams.out << figures.json;
    return {};
  }
  if (!request.json.empty())
    if (Failure failure = writeFile(request.json, {figures.json}))
      return failure;
  streams.out << figures.text;
  return {};
}

Failure bench(const BenchRequest &request, Streams streams) {
  BenchFigures figures;
  if (Failure failure = measureModel(request, streams, figures))
    return failure;
  return write(request, figures, streams);
}

/// Rank 0 measures, and says before each run that there is one.
Failure benchRank(const BenchRequest &request, Ranks &ranks, Streams streams) {
  Session session;
  if (Failure failure = openOverRanks(request, /*randomInputs=*/true, ranks, session, streams))
    return failure;
  if (ranks.index() != 0) {
    while (ranks.broadcast(0))
      if (Failure failure = session.runOnce())
        return failure;
    return {};
  }
  InOutKeeper inOut(session);
  auto prepare = [&] {
    inOut.restore();
    ranks.broadcast(1);
  };
  Latencies latencies;
  if (Failure failure = measure(request, prepare, [&] { return session.runOnce(); }, latencies))
    return failure;
  ranks.broadcast(0);
  BenchFigures figures;
  figures.json = jsonOf(request, session, ranks.size(), latencies, nullptr, {});
  std::ostringstream text;
  print(request, session, ranks.size(), latencies, text);
  figures.text = text.str();
  return write(request, figures, streams);
}

int benchOverRanks(const BenchRequest &request, Streams streams) {
  if (Failure failure = checkRequest(request))
    return report(failure, streams);
  if (request.kernels || !request.profile.empty())
    return report(wrongUsage("--data-parallel: found " + std::string(request.kernels ? "--kernels" : "--profile") +
                             ", whose figures are of one device [NNFC-E0004]"),
                  streams);
  return commandOverRanks(
      request, [&](Ranks &ranks, Streams inner) { return benchRank(request, ranks, inner); }, streams);
}

} // namespace

Failure measureModel(const BenchRequest &request, Streams streams, BenchFigures &figures) {
  if (Failure failure = checkRequest(request))
    return failure;
  if (!request.profile.empty() && request.wantsReplicas())
    return wrongUsage("--profile: a trace is of one device, found --device " + request.device + " [NNFC-E0004]");
  if (request.kernels && request.wantsReplicas())
    return wrongUsage("--kernels: figures are of one device, found --device " + request.device + " [NNFC-E0004]");
  Session session;
  if (Failure failure = session.open(request, /*randomInputs=*/true, streams))
    return failure;
  InOutKeeper inOut(session);
  Latencies latencies;
  if (Failure failure = measure(request, [&] { inOut.restore(); }, [&] { return session.runOnce(); }, latencies))
    return failure;
  const nnf_model &model = session.model.descriptor();
  bool hasTimes = request.kernels || !request.profile.empty();
  std::vector<LaunchTime> times;
  Roofline roofline;
  if (hasTimes) {
    constexpr int numRuns = 5;
    Profile profile;
    if (Failure failure = profile.record(session, inOut, numRuns))
      return failure;
    if (!session.isOnGpu()) // what a GPU can do is not measured
      roofline = measureRoofline(nnf_context_threads(session.context.get()));
    times = timesOf(model, profile, roofline);
    figures.trace = traceOf(model, profile);
    figures.launchMicroseconds.resize(model.num_launches);
    for (const LaunchTime &time : times)
      figures.launchMicroseconds[time.launch] = time.microseconds;
  }
  figures.json = jsonOf(request, session, 0, latencies, hasTimes ? &times : nullptr, roofline);
  std::ostringstream text; // keeps the number format away from the caller's stream
  print(request, session, 0, latencies, text);
  if (hasTimes)
    printTimes(times, roofline, text);
  figures.text = text.str();
  return {};
}

int benchCommand(const BenchRequest &request, Streams streams) {
  if (request.overRanks)
    return benchOverRanks(request, streams);
  return conclude([&](Streams inner) { return bench(request, inner); }, streams);
}

} // namespace nnf::run
