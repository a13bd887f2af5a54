#include "tools/run/Json.h"
#include "tools/run/OutputFile.h"
#include "tools/run/Session.h"
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

  /// Nearest rank: the smallest latency that `percent` of all do not exceed.
  double percentile(double percent) const {
    size_t rank = size_t(std::ceil(percent / 100 * double(sorted.size())));
    return sorted[rank ? rank - 1 : 0];
  }
  double mean() const { return std::accumulate(sorted.begin(), sorted.end(), 0.0) / double(sorted.size()); }
};

Failure measure(Session &session, InOutKeeper &inOut, const BenchRequest &request, Latencies &latencies) {
  for (uint64_t i = 0; i < request.warmup; ++i) {
    inOut.restore();
    if (Failure failure = session.runOnce())
      return failure;
  }
  constexpr uint64_t leastIterations = 10;
  Clock::time_point start = Clock::now();
  for (uint64_t i = 0;
       request.iterations ? i < request.iterations : i < leastIterations || secondsSince(start) < request.seconds;
       ++i) {
    inOut.restore();
    Clock::time_point begin = Clock::now();
    if (Failure failure = session.runOnce())
      return failure;
    latencies.sorted.push_back(secondsSince(begin) * 1e6);
  }
  std::sort(latencies.sorted.begin(), latencies.sorted.end());
  return {};
}

/// Most memory the process has had, in bytes.
uint64_t peakMemory() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? uint64_t(usage.ru_maxrss) * 1024 : 0;
}

struct LaunchEvent {
  uint32_t launch;
  uint64_t beginNs, endNs;
  int64_t tasks;
};

/// Runs made for the trace, after those that were measured, so that taking times does not count.
constexpr int profiledRuns = 5;

Failure profile(Session &session, InOutKeeper &inOut, std::vector<LaunchEvent> &events) {
  nnf_profiler profiler = {&events, [](void *user, uint32_t launch, uint64_t begin, uint64_t end, int64_t tasks) {
                             static_cast<std::vector<LaunchEvent> *>(user)->push_back({launch, begin, end, tasks});
                           }};
  nnf_run_options options = {sizeof options, 0, nullptr, nullptr, &profiler};
  events.reserve(size_t(session.model.descriptor().num_launches) * profiledRuns);
  for (int i = 0; i < profiledRuns; ++i) {
    inOut.restore();
    if (Failure failure = session.runOnce(&options))
      return failure;
  }
  return {};
}

const nnf_launch_info *launchOf(const nnf_model &model, const LaunchEvent &event) {
  return event.launch < model.num_launches ? &model.launches[event.launch] : nullptr;
}

const char *kernelName(const nnf_model &model, const nnf_launch_info *launch) {
  return launch && launch->kernel < model.num_kernels && model.kernels[launch->kernel].name
             ? model.kernels[launch->kernel].name
             : "kernel";
}

/// Chrome's trace format: complete events, times in microseconds from the first launch on.
std::string traceOf(const nnf_model &model, const std::vector<LaunchEvent> &events) {
  std::string json = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n";
  json += " {\"ph\": \"M\", \"pid\": 1, \"tid\": 1, \"name\": \"process_name\", \"args\": {\"name\": " +
          jsonString(model.name) + "}}";
  for (const LaunchEvent &event : events) {
    const nnf_launch_info *launch = launchOf(model, event);
    double begin = double(event.beginNs - events.front().beginNs) / 1e3,
           length = double(event.endNs - event.beginNs) / 1e3;
    json += ",\n {\"ph\": \"X\", \"pid\": 1, \"tid\": 1, \"cat\": \"kernel\", \"name\": " +
            jsonString(kernelName(model, launch)) + ", \"ts\": " + jsonNumber(begin) +
            ", \"dur\": " + jsonNumber(length) + ", \"args\": {\"launch\": " + std::to_string(event.launch) +
            ", \"tasks\": " + std::to_string(event.tasks);
    if (launch && launch->node)
      json += ", \"node\": " + jsonString(launch->node);
    if (launch && launch->flops >= 0)
      json += ", \"flops\": " + std::to_string(launch->flops) +
              ", \"gflops_per_s\": " + jsonNumber(length > 0 ? double(launch->flops) / length / 1e3 : 0);
    if (launch && launch->bytes >= 0)
      json += ", \"bytes\": " + std::to_string(launch->bytes) +
              ", \"gbytes_per_s\": " + jsonNumber(length > 0 ? double(launch->bytes) / length / 1e3 : 0);
    json += "}}";
  }
  return json + "\n]}\n";
}

/// The launches that took longest.
void printProfile(const nnf_model &model, const std::vector<LaunchEvent> &events, std::ostream &out) {
  std::vector<double> microseconds(model.num_launches, 0);
  double total = 0;
  for (const LaunchEvent &event : events)
    if (launchOf(model, event)) {
      microseconds[event.launch] += double(event.endNs - event.beginNs) / 1e3 / profiledRuns;
      total += double(event.endNs - event.beginNs) / 1e3 / profiledRuns;
    }
  std::vector<uint32_t> order(model.num_launches);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return microseconds[a] != microseconds[b] ? microseconds[a] > microseconds[b] : a < b;
  });
  constexpr size_t most = 20;
  for (size_t i = 0; i < order.size() && i < most; ++i) {
    const nnf_launch_info &launch = model.launches[order[i]];
    out << std::setw(12) << microseconds[order[i]] << " us " << std::setw(5) << std::setprecision(1)
        << (total > 0 ? 100 * microseconds[order[i]] / total : 0) << std::setprecision(2) << " %  "
        << (launch.node ? launch.node : "") << ": " << kernelName(model, &launch) << "\n";
  }
}

std::string jsonOf(const BenchRequest &request, const Session &session, const Latencies &latencies) {
  const nnf_model &model = session.model.descriptor();
  std::ostringstream json;
  json << "{\n  \"model\": " << jsonString(model.name)
       << ",\n  \"file\": " << jsonString(request.title.empty() ? request.library : request.title)
       << ",\n  \"target\": " << jsonString(model.target ? model.target : "")
       << ",\n  \"producer\": " << jsonString(model.producer ? model.producer : "") << ",\n  \"inputs\": {";
  for (size_t i = 0; i < session.inputs.size(); ++i)
    json << (i ? ", " : "") << jsonString(session.model.inputs()[i].name) << ": "
         << jsonString(describeType(session.inputs[i].dtype, session.inputs[i].dims));
  json << "},\n  \"device\": " << jsonString(request.device) << ",\n  \"threads\": " << session.threads()
       << ",\n  \"warmup\": " << request.warmup << ",\n  \"iterations\": " << latencies.sorted.size()
       << ",\n  \"latency_us\": {";
  const std::pair<const char *, double> numbers[] = {
      {"min", latencies.sorted.front()}, {"mean", latencies.mean()},        {"p50", latencies.percentile(50)},
      {"p90", latencies.percentile(90)}, {"p99", latencies.percentile(99)}, {"max", latencies.sorted.back()},
  };
  for (size_t i = 0; i < std::size(numbers); ++i)
    json << (i ? ", " : "") << jsonString(numbers[i].first) << ": " << jsonNumber(numbers[i].second);
  json << "},\n  \"throughput_per_s\": " << jsonNumber(1e6 / latencies.mean())
       << ",\n  \"peak_memory_bytes\": " << peakMemory() << ",\n  \"context_bytes\": " << session.contextBytes()
       << ",\n  \"weights_bytes\": " << model.weights_bytes << "\n}\n";
  return json.str();
}

void print(const BenchRequest &request, const Session &session, const Latencies &latencies, std::ostream &out) {
  out << std::fixed << std::setprecision(2) << (request.title.empty() ? request.library : request.title) << ": "
      << latencies.sorted.size() << " runs, " << session.describeThreads() << "\n"
      << "latency     p50 " << latencies.percentile(50) << " us, p90 " << latencies.percentile(90) << " us, p99 "
      << latencies.percentile(99) << " us, min " << latencies.sorted.front() << " us, mean " << latencies.mean()
      << " us\n"
      << "throughput  " << 1e6 / latencies.mean() << " runs/s\n"
      << "memory      peak " << double(peakMemory()) / 1048576 << " MiB, context "
      << double(session.contextBytes()) / 1048576 << " MiB, weights "
      << double(session.model.descriptor().weights_bytes) / 1048576 << " MiB\n";
}

Failure bench(const BenchRequest &request, Streams streams) {
  if (!(request.seconds >= 0 && request.seconds <= 86400))
    return wrongUsage("--seconds: found " + std::to_string(request.seconds) + ", expected 0 to 86400");
  if (!request.profile.empty() && request.wantsReplicas())
    return wrongUsage("--profile: a trace is of one device, found --device " + request.device);
  Session session;
  if (Failure failure = session.open(request, /*randomInputs=*/true, streams))
    return failure;
  InOutKeeper inOut(session);
  Latencies latencies;
  if (Failure failure = measure(session, inOut, request, latencies))
    return failure;
  std::vector<LaunchEvent> events;
  const nnf_model &model = session.model.descriptor();
  if (!request.profile.empty()) {
    if (Failure failure = profile(session, inOut, events))
      return failure;
    if (Failure failure = writeFile(request.profile, {traceOf(model, events)}))
      return failure;
  }
  if (!request.json.empty())
    if (Failure failure = writeFile(request.json, {jsonOf(request, session, latencies)}))
      return failure;
  std::ostringstream text; // keeps the number format away from the caller's stream
  print(request, session, latencies, text);
  if (!request.profile.empty())
    printProfile(model, events, text);
  streams.out << text.str();
  return {};
}

} // namespace

int benchCommand(const BenchRequest &request, Streams streams) {
  return conclude([&](Streams inner) { return bench(request, inner); }, streams);
}

} // namespace nnf::run
