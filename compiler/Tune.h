// Measured choices for a model's kernels: what `nnfc tune` calls. Plain C++.
#ifndef NNF_COMPILER_TUNE_H
#define NNF_COMPILER_TUNE_H

#include "compiler/Compile.h"
#include <numeric>

namespace nnf {

/// Times of two libraries of one model that were run by turns, in seconds: of each launch the least.
struct Comparison {
  std::vector<double> before, again, after; ///< `again`: as `before`, of other runs: how far equal code is apart
  static double sum(const std::vector<double> &times) { return std::accumulate(times.begin(), times.end(), 0.0); }
};

/// Runs what the tuner has compiled.
class Stopwatch {
public:
  virtual ~Stopwatch() = default;
  /// The library that others are compared with from now on.
  virtual Outcome setBefore(const std::string &library) = 0;
  /// Runs both for about so long, and a few times at least.
  virtual Outcome compare(const std::string &library, double seconds, Comparison &result) = 0;
};

struct TuneRequest {
  ModelRequest model;
  CodeRequest code;
  std::string folder;      ///< for libraries that are compared
  std::string title;       ///< comment lines of the file, each with "# "
  double seconds = 1;      ///< of measuring, for each kernel
  double leastGain = 0.03; ///< a choice has to save so much of a kernel's time
  bool measures = true;    ///< false: the kernels as they are, with what the compiler has chosen
  int64_t leastTasks = 2;  ///< a kernel is left with so many tasks, where it had as many
  std::function<void(const std::string &)> progress; ///< lines
};

/// The text of a tuning file. Errors: the model's, the machine's; a model of open sizes.
Outcome tuneModel(const TuneRequest &request, Stopwatch &stopwatch, std::string &file);

} // namespace nnf
#endif
