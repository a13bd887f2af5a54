// Times of each launch of a model, and what they say beside the machine's limits.
#pragma once
#include "tools/run/Roofline.h"
#include "tools/run/Session.h"
#include <vector>

namespace nnf::run {

struct LaunchEvent {
  uint32_t launch;
  uint64_t beginNs, endNs;
  int64_t tasks;
};

/// Runs made for their launches' times, after those that were measured as wholes: taking times must not count.
struct Profile {
  struct Run {
    uint64_t beginNs, endNs;
    size_t firstEvent;
  };
  std::vector<Run> runs;
  std::vector<LaunchEvent> events;

  Failure record(Session &session, InOutKeeper &inOut, int numRuns);
};

/// One launch of the model, on average over the runs; in a loop, all its steps together.
struct LaunchTime {
  uint32_t launch;
  const char *node, *kernel;
  double microseconds, ofAll;            ///< per run; in parts of all launches
  int64_t calls;                         ///< per run
  int64_t flops, bytes;                  ///< per call; -1: unknown
  double flopsPerSecond, bytesPerSecond; ///< 0: unknown
  double ofRoofline;                     ///< the least time such work takes here, over its time; 0: unknown
};

/// The slowest first.
std::vector<LaunchTime> timesOf(const nnf_model &model, const Profile &profile, const Roofline &roofline);

/// Chrome's trace format, which Perfetto opens: a slice for each run, and in it one for each launch. Times are in
/// microseconds from the first run on.
std::string traceOf(const nnf_model &model, const Profile &profile);

/// A table of the launches that took longest. A roofline of zeros is one that is not known.
void printTimes(const std::vector<LaunchTime> &times, const Roofline &roofline, std::ostream &out);

/// The launches as a JSON array.
std::string jsonOf(const std::vector<LaunchTime> &times);
/// {"gflops_per_s": …, "gbytes_per_s": …}
std::string jsonOf(const Roofline &roofline);

} // namespace nnf::run
