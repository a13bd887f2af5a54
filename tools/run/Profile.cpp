#include "tools/run/Profile.h"
#include "tools/run/Json.h"
#include <algorithm>
#include <ctime>
#include <iomanip>
#include <ostream>

namespace nnf::run {
namespace {

/// As the profiler's times are.
uint64_t nowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec);
}

const nnf_launch_info *launchOf(const nnf_model &model, const LaunchEvent &event) {
  return event.launch < model.num_launches ? &model.launches[event.launch] : nullptr;
}

const char *kernelName(const nnf_model &model, const nnf_launch_info *launch) {
  return launch && launch->kernel < model.num_kernels && model.kernels[launch->kernel].name
             ? model.kernels[launch->kernel].name
             : "kernel";
}

/// A slice of the trace; `arguments` are JSON members.
std::string slice(const char *category, const std::string &name, uint64_t begin, uint64_t end, uint64_t start,
                  const std::string &arguments) {
  return ",\n {\"ph\": \"X\", \"pid\": 1, \"tid\": 1, \"cat\": \"" + std::string(category) +
         "\", \"name\": " + jsonString(name) + ", \"ts\": " + jsonNumber(double(begin - start) / 1e3) +
         ", \"dur\": " + jsonNumber(double(end - begin) / 1e3) + ", \"args\": {" + arguments + "}}";
}

std::string named(const char *what, const std::string &name) {
  return " {\"ph\": \"M\", \"pid\": 1, \"tid\": 1, \"name\": \"" + std::string(what) +
         "\", \"args\": {\"name\": " + jsonString(name) + "}}";
}

std::string argumentsOf(const nnf_launch_info *launch, const LaunchEvent &event) {
  double microseconds = double(event.endNs - event.beginNs) / 1e3;
  std::string json = "\"launch\": " + std::to_string(event.launch) + ", \"tasks\": " + std::to_string(event.tasks);
  if (launch && launch->node)
    json += ", \"node\": " + jsonString(launch->node);
  auto rate = [&](const char *name, const char *rateName, int64_t amount) {
    if (amount >= 0)
      json += ", \"" + std::string(name) + "\": " + std::to_string(amount) + ", \"" + rateName +
              "\": " + jsonNumber(microseconds > 0 ? double(amount) / microseconds / 1e3 : 0);
  };
  if (launch) {
    rate("flops", "gflops_per_s", launch->flops);
    rate("bytes", "gbytes_per_s", launch->bytes);
  }
  return json;
}

} // namespace

Failure Profile::record(Session &session, InOutKeeper &inOut, int numRuns) {
  nnf_profiler profiler = {&events, [](void *user, uint32_t launch, uint64_t begin, uint64_t end, int64_t tasks) {
                             static_cast<std::vector<LaunchEvent> *>(user)->push_back({launch, begin, end, tasks});
                           }};
  nnf_run_options options = {sizeof options, 0, nullptr, nullptr, &profiler, nullptr};
  events.reserve(size_t(session.model.descriptor().num_launches) * size_t(numRuns));
  for (int i = 0; i < numRuns; ++i) {
    inOut.restore();
    size_t firstEvent = events.size();
    uint64_t begin = nowNs();
    if (Failure failure = session.runOnce(&options))
      return failure;
    runs.push_back({begin, nowNs(), firstEvent});
  }
  return {};
}

std::vector<LaunchTime> timesOf(const nnf_model &model, const Profile &profile, const Roofline &roofline) {
  std::vector<LaunchTime> times(model.num_launches);
  double numRuns = double(std::max<size_t>(profile.runs.size(), 1)), all = 0;
  for (uint32_t i = 0; i < model.num_launches; ++i) {
    const nnf_launch_info &launch = model.launches[i];
    times[i] = {
        i, launch.node ? launch.node : "", kernelName(model, &launch), 0, 0, 0, launch.flops, launch.bytes, 0, 0, 0};
  }
  std::vector<int64_t> calls(model.num_launches);
  for (const LaunchEvent &event : profile.events)
    if (launchOf(model, event)) {
      times[event.launch].microseconds += double(event.endNs - event.beginNs) / 1e3 / numRuns;
      ++calls[event.launch];
    }
  for (const LaunchTime &time : times)
    all += time.microseconds;
  for (LaunchTime &time : times) {
    time.calls = calls[time.launch] / int64_t(numRuns);
    time.ofAll = all > 0 ? time.microseconds / all : 0;
    double callsPerRun = double(calls[time.launch]) / numRuns, seconds = time.microseconds / 1e6;
    if (seconds <= 0)
      continue;
    if (time.flops >= 0)
      time.flopsPerSecond = double(time.flops) * callsPerRun / seconds;
    if (time.bytes >= 0)
      time.bytesPerSecond = double(time.bytes) * callsPerRun / seconds;
    if (time.flops >= 0 && time.bytes >= 0)
      time.ofRoofline = roofline.seconds(double(time.flops), double(time.bytes)) * callsPerRun / seconds;
  }
  std::stable_sort(times.begin(), times.end(),
                   [](const LaunchTime &a, const LaunchTime &b) { return a.microseconds > b.microseconds; });
  return times;
}

std::string traceOf(const nnf_model &model, const Profile &profile) {
  std::string json = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n" + named("process_name", model.name) + ",\n" +
                     named("thread_name", "launches");
  for (size_t r = 0; r < profile.runs.size(); ++r) {
    const Profile::Run &run = profile.runs[r];
    uint64_t start = profile.runs.front().beginNs;
    json += slice("run", "run " + std::to_string(r), run.beginNs, run.endNs, start, "");
    size_t end = r + 1 < profile.runs.size() ? profile.runs[r + 1].firstEvent : profile.events.size();
    for (size_t e = run.firstEvent; e < end; ++e) {
      const LaunchEvent &event = profile.events[e];
      const nnf_launch_info *launch = launchOf(model, event);
      json += slice("kernel", kernelName(model, launch), event.beginNs, event.endNs, start, argumentsOf(launch, event));
    }
  }
  return json + "\n]}\n";
}

void printTimes(const std::vector<LaunchTime> &times, const Roofline &roofline, std::ostream &out) {
  out << std::fixed << std::setprecision(1);
  if (roofline.flops > 0)
    out << "roofline    " << roofline.flops / 1e9 << " GFLOP/s, " << roofline.bytes / 1e9
        << " GB/s, measured now; over 100 % is data that a cache still held\n";
  out << "          us      %   GFLOP/s     GB/s   % of roofline\n";
  constexpr size_t most = 20;
  auto number = [&](double value, int width) {
    out << std::setw(width);
    if (value > 0)
      out << value;
    else
      out << "-";
  };
  for (size_t i = 0; i < times.size() && i < most; ++i) {
    const LaunchTime &time = times[i];
    out << std::setw(12) << std::setprecision(2) << time.microseconds << std::setprecision(1) << std::setw(7)
        << 100 * time.ofAll;
    number(time.flopsPerSecond / 1e9, 10);
    number(time.bytesPerSecond / 1e9, 9);
    number(100 * time.ofRoofline, 8);
    out << "   " << time.node << ": " << time.kernel << "\n";
  }
  if (times.size() > most)
    out << "  and " << times.size() - most << " more launches, each shorter\n";
}

std::string jsonOf(const std::vector<LaunchTime> &times) {
  std::string json = "[";
  for (const LaunchTime &time : times) {
    json += json.size() > 1 ? ",\n  " : "\n  ";
    json += "{\"launch\": " + std::to_string(time.launch) + ", \"node\": " + jsonString(time.node) +
            ", \"kernel\": " + jsonString(time.kernel) + ", \"us\": " + jsonNumber(time.microseconds) +
            ", \"of_all\": " + jsonNumber(time.ofAll) + ", \"calls\": " + std::to_string(time.calls);
    if (time.flops >= 0)
      json +=
          ", \"flops\": " + std::to_string(time.flops) + ", \"gflops_per_s\": " + jsonNumber(time.flopsPerSecond / 1e9);
    if (time.bytes >= 0)
      json +=
          ", \"bytes\": " + std::to_string(time.bytes) + ", \"gbytes_per_s\": " + jsonNumber(time.bytesPerSecond / 1e9);
    if (time.ofRoofline > 0)
      json += ", \"of_roofline\": " + jsonNumber(time.ofRoofline);
    json += "}";
  }
  return json + "]";
}

std::string jsonOf(const Roofline &roofline) {
  return "{\"gflops_per_s\": " + jsonNumber(roofline.flops / 1e9) +
         ", \"gbytes_per_s\": " + jsonNumber(roofline.bytes / 1e9) + "}";
}

} // namespace nnf::run
