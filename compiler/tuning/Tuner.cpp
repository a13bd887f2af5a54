// The search: each kernel's choice is changed step by step, all kernels of the model at once, and the whole model timed
// launch by launch. So a kernel finds the caches as it will find them later: its input just written by the one before,
// its weights pushed out by all the others.
#include "codegen/cpu/Target.h"
#include "compiler/Tune.h"
#include "compiler/tuning/CheckTuning.h"
#include "compiler/tuning/Moves.h"
#include "compiler/tuning/TuningReport.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <set>

namespace nnf {
namespace {

/// A kernel on its way.
struct Candidate {
  std::string key;
  TunableKernel best; // as the best variant so far has it
  bool isDefault = true;
  double ratio = 1; // of its time to the default's
  unsigned launches = 0;
  double defaultSeconds = 0, bestSeconds = 0;
  std::set<std::string> tried;
  std::optional<KernelChoice> next; // to be tried now

  llvm::StringRef contraction() const { return Tuning::contractionOf(key); }
  KernelChoice choice() const { return isDefault ? KernelChoice() : best.choice; }
};

/// A compiled variant of the model.
struct Variant {
  std::string library;
  TuningReport report;
};

/// What a kernel took in one comparison.
struct Times {
  double before = 0, again = 0, after = 0;

  double ratio() const { return before > 0 ? after / before : 1; }
  /// How far apart runs of the same code are.
  double noise() const { return before > 0 && again > 0 ? std::max(before, again) / std::min(before, again) - 1 : 0; }
  Times &operator+=(const Times &other) {
    before += other.before, again += other.again, after += other.after;
    return *this;
  }
};

class Tuner {
public:
  Tuner(const TuneRequest &request, Stopwatch &stopwatch) : request(request), stopwatch(stopwatch) {}
  Outcome run(std::string &file);

private:
  const TuneRequest &request;
  Stopwatch &stopwatch;
  TunedMachine machine;
  std::vector<Candidate> kernels;
  Variant before;
  unsigned numVariants = 0;
  std::string warnings;

  Outcome start();
  Outcome tryMethod(int64_t winograd);
  Outcome tryMove(const Move &move);
  Outcome confirm(Comparison &comparison);
  /// Compiles the model with each kernel's next choice, or its best one.
  Outcome compile(Variant &variant);
  Outcome measure(const Variant &variant, double share, Comparison &comparison);
  /// Of a kernel, if the variant has it.
  std::optional<Times> timesOf(const Candidate &kernel, const Variant &variant, const Comparison &comparison) const;
  void take(Candidate &kernel, const Variant &variant, const Times &times);
  enum class Text { ToTry, Measured, AsTheyAre };
  std::string fileText(Text what) const;
  void say(const llvm::Twine &text) const {
    if (request.progress)
      request.progress(text.str());
  }
  void remove(const Variant &variant) const {
    llvm::sys::fs::remove(variant.library);
    llvm::sys::fs::remove(variant.library + ".weights");
  }
};

/// Measurements that share the time: methods, moves, and the confirmation for as long as two.
double numMeasurements() { return double(blockMoves().size()) + 2 + 2; }

std::string Tuner::fileText(Text what) const {
  std::string text = "nnfc-tuning 1\n" + machine.text() + "\n";
  llvm::raw_string_ostream os(text);
  for (const Candidate &kernel : kernels) {
    KernelChoice choice = what == Text::ToTry       ? kernel.next.value_or(kernel.choice())
                          : what == Text::AsTheyAre ? kernel.best.choice
                                                    : kernel.choice();
    os << "kernel " << kernel.key << " " << choice.text();
    if (what == Text::Measured)
      os << llvm::format(" default=%.1fus best=%.1fus", kernel.defaultSeconds * 1e6, kernel.bestSeconds * 1e6)
         << " launches=" << kernel.launches;
    os << "\n";
  }
  return text;
}

Outcome Tuner::compile(Variant &variant) {
  llvm::SmallString<128> path(request.folder);
  llvm::sys::path::append(path, "variant" + std::to_string(numVariants++) + ".so");
  variant.library = path.str().str();
  std::string tuning = variant.library + ".tuning";
  {
    std::error_code error;
    llvm::raw_fd_ostream os(tuning, error);
    if (!error)
      os << fileText(Text::ToTry);
    if (error || (os.close(), os.has_error())) {
      os.clear_error();
      return Outcome::fault("'" + tuning + "' cannot be written: " +
                            (error ? error.message() : "the disk may be full") + " [NNFC-E0125]");
    }
  }
  CompileRequest compile;
  compile.model = request.model;
  compile.code = request.code;
  compile.code.tuning = tuning;
  compile.output = variant.library;
  compile.externalWeights = true;
  compile.report = &variant.report;
  Outcome outcome = compileModels(compile);
  llvm::sys::fs::remove(tuning);
  return outcome;
}

Outcome Tuner::measure(const Variant &variant, double share, Comparison &comparison) {
  double seconds = request.seconds * double(std::max<size_t>(1, kernels.size())) * share / numMeasurements();
  return stopwatch.compare(variant.library, seconds, comparison);
}

std::optional<Times> Tuner::timesOf(const Candidate &kernel, const Variant &variant,
                                    const Comparison &comparison) const {
  Times times;
  unsigned launches = 0;
  for (auto [launch, number] : llvm::enumerate(before.report.launches))
    if (number >= 0 && before.report.kernels[number].key == kernel.key && launch < comparison.before.size()) {
      times.before += comparison.before[launch];
      times.again += comparison.again[launch];
    }
  for (auto [launch, number] : llvm::enumerate(variant.report.launches))
    if (number >= 0 && variant.report.kernels[number].key == kernel.key && launch < comparison.after.size()) {
      times.after += comparison.after[launch];
      ++launches;
    }
  return launches == kernel.launches ? std::optional(times) : std::nullopt;
}

void Tuner::take(Candidate &kernel, const Variant &variant, const Times &times) {
  const TunableKernel *made = variant.report.find(kernel.key);
  assert(made && "a kernel that was timed");
  kernel.best = *made;
  kernel.isDefault = false;
  kernel.ratio = times.ratio();
}

Outcome Tuner::start() {
  llvm::Expected<CpuTarget> target = CpuTarget::create({request.code.triple, request.code.cpu, request.code.optLevel});
  if (!target)
    return Outcome::wrongUsage(llvm::toString(target.takeError()));
  machine = machineOf(*target);
  say("compiling " + request.model.models.front());
  Outcome outcome = compile(before);
  if (!outcome)
    return outcome;
  warnings = outcome.warnings;
  if (!before.report.symbols.empty())
    return Outcome::fault("size '" + before.report.symbols.front() +
                          "' of the model is open, expected fixed sizes to "
                          "measure: --dim " +
                          before.report.symbols.front() + "=SIZE [NNFC-E0406]");
  for (auto [number, tunable] : llvm::enumerate(before.report.kernels)) {
    Candidate kernel;
    kernel.key = tunable.key;
    kernel.best = tunable;
    kernel.launches = llvm::count(before.report.launches, static_cast<int>(number));
    kernel.tried.insert(tunable.choice.text());
    if (kernel.launches)
      kernels.push_back(std::move(kernel));
  }
  say(llvm::Twine(kernels.size()) + " kernels to tune, " + llvm::Twine(before.report.launches.size()) + " launches");
  return request.measures ? stopwatch.setBefore(before.library) : Outcome();
}

/// The method is one for all kernels around a contraction: it is taken where they need less time together.
Outcome Tuner::tryMethod(int64_t winograd) {
  KernelChoice method;
  method.winograd = winograd;
  bool any = false;
  for (Candidate &kernel : kernels)
    if (kernel.best.choice.winograd != winograd && (winograd == 0 || kernel.best.canWinograd))
      kernel.next = method, any = true;
  if (!any)
    return {};
  Variant variant;
  Comparison comparison;
  Outcome outcome = compile(variant);
  if (outcome)
    outcome = measure(variant, 1, comparison);
  std::map<llvm::StringRef, std::optional<Times>> together; // none: a kernel is another one with this method
  std::map<llvm::StringRef, double> known;                  // its time so far, beside the default's
  for (Candidate &kernel : kernels)
    if (outcome && kernel.next) {
      std::optional<Times> times = timesOf(kernel, variant, comparison);
      auto [sum, isNew] = together.try_emplace(kernel.contraction(), Times());
      if (!times)
        sum->second = std::nullopt;
      else if (sum->second)
        *sum->second += *times;
      if (times)
        known[kernel.contraction()] += times->before * kernel.ratio;
    }
  unsigned better = 0;
  for (Candidate &kernel : kernels)
    if (std::exchange(kernel.next, std::nullopt) && outcome)
      if (std::optional<Times> &sum = together[kernel.contraction()]; sum && sum->after < known[kernel.contraction()]) {
        take(kernel, variant, *timesOf(kernel, variant, comparison));
        kernel.tried.insert(kernel.best.choice.text());
        ++better;
      }
  if (outcome)
    say((winograd ? "F(" + std::to_string(winograd) + ", 3)" : std::string("direct sums")) + ": " +
        std::to_string(better) + " kernels better");
  remove(variant);
  return outcome;
}

Outcome Tuner::tryMove(const Move &move) {
  unsigned trying = 0, better = 0;
  for (Candidate &kernel : kernels) {
    kernel.next = move.of(kernel.best);
    if (!kernel.next)
      continue;
    int64_t tasks = kernel.next->tiles && kernel.next->panels ? tasksOf(kernel.best, *kernel.next) : request.leastTasks;
    bool hasTasks = tasks >= std::min(request.leastTasks, tasksOf(kernel.best, kernel.best.choice));
    if (!hasTasks || !kernel.best.objectionTo(*kernel.next).empty() || !kernel.tried.insert(kernel.next->text()).second)
      kernel.next = std::nullopt;
    else
      ++trying;
  }
  if (!trying)
    return {};
  Variant variant;
  Comparison comparison;
  Outcome outcome = compile(variant);
  if (outcome)
    outcome = measure(variant, 1, comparison);
  for (Candidate &kernel : kernels)
    if (std::exchange(kernel.next, std::nullopt) && outcome)
      if (std::optional<Times> times = timesOf(kernel, variant, comparison); times && times->ratio() < kernel.ratio) {
        take(kernel, variant, *times);
        kernel.tried.insert(kernel.best.choice.text());
        ++better;
      }
  if (outcome)
    say(llvm::Twine(move.name) + ": " + llvm::Twine(better) + " of " + llvm::Twine(trying) + " kernels better");
  remove(variant);
  return outcome;
}

/// The best of many measurements is better than it is: what is kept has to win once more, by more than equal code is
/// apart.
Outcome Tuner::confirm(Comparison &comparison) {
  Variant variant;
  Outcome outcome = compile(variant);
  if (outcome)
    outcome = measure(variant, 2, comparison);
  remove(variant);
  if (!outcome)
    return outcome;
  auto wins = [&](const Times &times) { return times.ratio() <= 1 - std::max(request.leastGain, times.noise()); };
  std::map<llvm::StringRef, Times> together;
  for (Candidate &kernel : kernels)
    if (std::optional<Times> times = timesOf(kernel, variant, comparison))
      together[kernel.contraction()] += *times;
  unsigned kept = 0, rejected = 0;
  for (Candidate &kernel : kernels) {
    std::optional<Times> times = timesOf(kernel, variant, comparison);
    kernel.defaultSeconds = kernel.bestSeconds = times ? times->before / kernel.launches : 0;
    if (kernel.isDefault)
      continue;
    // Another method is for all kernels of a contraction, or none.
    bool otherMethod = kernel.best.choice.winograd != before.report.find(kernel.key)->choice.winograd;
    if (times && wins(otherMethod ? together[kernel.contraction()] : *times)) {
      kernel.bestSeconds = times->after / kernel.launches;
      ++kept;
    } else {
      kernel.isDefault = true;
      ++rejected;
    }
  }
  say("confirmed: " + llvm::Twine(kept) + " kernels, as fast as by default: " + llvm::Twine(rejected));
  return outcome;
}

Outcome Tuner::run(std::string &file) {
  Outcome outcome = start();
  if (outcome && !request.measures) {
    remove(before);
    file = request.title + fileText(Text::AsTheyAre);
    outcome.warnings = warnings;
    return outcome;
  }
  bool strict = request.code.accuracy == Accuracy::Strict, relaxed = request.code.accuracy == Accuracy::Relaxed;
  if (outcome)
    outcome = tryMethod(0);
  if (outcome && !strict)
    outcome = tryMethod(2);
  if (outcome && relaxed)
    outcome = tryMethod(4);
  for (const Move &move : blockMoves())
    if (outcome)
      outcome = tryMove(move);
  Comparison comparison, whole;
  double totalBefore = 0, totalAfter = 0;
  if (outcome)
    outcome = confirm(comparison);
  // All of them beside each other: what one gains, its neighbour may lose.
  Variant tuned;
  if (outcome && llvm::any_of(kernels, [](const Candidate &kernel) { return !kernel.isDefault; })) {
    outcome = compile(tuned);
    if (outcome)
      outcome = measure(tuned, 1, whole);
    remove(tuned);
    totalBefore = Comparison::sum(whole.before), totalAfter = Comparison::sum(whole.after);
    if (outcome && totalAfter >= totalBefore) {
      say("the model as a whole is no faster: every kernel stays as it is by default");
      for (Candidate &kernel : kernels)
        kernel.isDefault = true, kernel.bestSeconds = kernel.defaultSeconds;
      totalAfter = totalBefore;
    }
  }
  remove(before);
  if (!outcome)
    return outcome;
  llvm::raw_string_ostream os(file);
  os << request.title;
  if (totalAfter > 0)
    os << llvm::format("# kernels of a run, together: %.3f ms by default, %.3f ms tuned\n", totalBefore * 1e3,
                       totalAfter * 1e3);
  os << fileText(Text::Measured);
  outcome.warnings = warnings;
  return outcome;
}

} // namespace

Outcome tuneModel(const TuneRequest &request, Stopwatch &stopwatch, std::string &file) {
  return Tuner(request, stopwatch).run(file);
}

} // namespace nnf
