#include "tools/nnfc/Command.h"
#include "tools/run/Usage.h"
#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <unistd.h>

namespace nnf::cli {

bool parse(CLI::App &app, int argc, char **argv, Streams streams, int &status) {
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::CallForHelp &) {
    streams.out << app.help();
    status = 0;
  } catch (const CLI::ParseError &error) {
    status = report(Outcome::wrongUsage(run::usageError(app, error)), streams);
    streams.err << "see " << app.get_name() << " --help\n";
  }
  return false;
}

int report(const Outcome &outcome, Streams streams) {
  // An error is the first line, whatever else there is to say.
  if (!outcome) {
    std::string text = run::numbered(outcome.text);
    streams.err << "error: " << text << (text.ends_with('\n') ? "" : "\n");
  }
  streams.err << outcome.warnings;
  return outcome.status;
}

/// A size as people write it; none: something else.
static std::optional<int64_t> sizeOf(const std::string &text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoll(text);
}

Outcome parseDims(const std::vector<std::string> &texts, ModelRequest &request) {
  std::map<std::string, SizeRange> given;
  for (const std::string &text : texts) {
    size_t equals = text.find('='), colon = text.find(':', std::min(equals, text.size()));
    bool isRange = colon != std::string::npos;
    std::optional<int64_t> least, most;
    if (equals != std::string::npos) {
      least = sizeOf(text.substr(equals + 1, isRange ? colon - equals - 1 : std::string::npos));
      most = isRange ? sizeOf(text.substr(colon + 1)) : least;
    }
    if (equals == 0 || !least || !most)
      return Outcome::wrongUsage("--dim " + text +
                                 ": expected SYMBOL=SIZE or SYMBOL=LEAST:MOST, a name and numbers [NNFC-E0007]");
    if (*least > *most)
      return Outcome::wrongUsage("--dim " + text + ": " + std::to_string(*least) + " found, expected at most " +
                                 std::to_string(*most) + " [NNFC-E0007]");
    std::string name = text.substr(0, equals);
    auto [known, isNew] = given.emplace(name, SizeRange{*least, *most});
    auto [knownLeast, knownMost] = known->second;
    if (!isNew && (knownLeast != *least || knownMost != *most))
      return Outcome::wrongUsage("--dim " + text + ": '" + name + "' is given as " + std::to_string(knownLeast) +
                                 (knownLeast == knownMost ? "" : ":" + std::to_string(knownMost)) +
                                 " already [NNFC-E0007]");
    if (*least == *most)
      request.dims[name] = *least;
    else
      request.ranges[name] = {*least, *most};
  }
  return {};
}

ModelOptions::ModelOptions(CLI::App &app, ModelRequest &request, bool withDims) : request(request) {
  app.add_option("--format", request.format, "nnf, nnf-text, onnx or mlir, where the file's name does not say")
      ->type_name("FORMAT");
  if (withDims)
    app.add_option("--dim", dims, "fix a named size, or say what it may be: N=8, N=1:32")
        ->type_name("SYMBOL=SIZE")
        ->allow_extra_args(false);
  app.add_option("--inout", inout, "tie an output to an input of the same type: one buffer")
      ->type_name("IN=OUT")
      ->allow_extra_args(false);
  app.add_flag("--trust-mlir", request.trustMlir,
               "read MLIR text of any phase up to tiles, with the code in it: only what nnfc wrote with --phase");
  app.add_option("--data-dir", request.dataDirs, "another folder that a model's data files may be in")
      ->type_name("DIR")
      ->allow_extra_args(false);
}

Outcome ModelOptions::finish() {
  if (Outcome outcome = parseDims(dims, request); !outcome)
    return outcome;
  for (const std::string &text : inout) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return Outcome::wrongUsage("--inout " + text + ": expected IN=OUT, an input and an output [NNFC-E0007]");
    request.inout.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return {};
}

CodeOptions::CodeOptions(CLI::App &app, CodeRequest &request, bool withTuning) : request(request) {
  app.add_option("--target", request.target, "cpu (default), cuda, or cuda-emu: GPU kernels run by an emulator")
      ->type_name("TARGET");
  app.add_option("--cpu", request.cpu,
                 "native (default), x86-64-v2, -v3, -v4, or a CPU that LLVM knows; several, "
                 "with commas: code for each in one library")
      ->type_name("CPU");
  app.add_option("--triple", request.triple, "another machine, such as aarch64-linux-gnu")->type_name("TRIPLE");
  app.add_option("--cuda-arch", request.cudaArch,
                 "GPUs, such as sm_90a or sm_80,sm_90a: a library has code for sm_80, which runs on later ones too, "
                 "and for each "
                 "of these")
      ->type_name("ARCH,...");
  app.add_flag(
      "--cuda-cubin", request.cudaCubin,
      "put machine code for these GPUs into the library too, by NVIDIA's ptxas, so that loading compiles nothing");
  app.add_option(
         "--cuda-compiler", request.cudaCompiler,
         "what compiles a model's kernels in CUDA C++ (custom_cuda), and nnfc's own that are made from templates: "
         "nvrtc, NVIDIA's, from its toolkit (default for the former); clang, which needs no toolkit, has no headers, "
         "and is the emulator's (default for the latter); clang-text, the same with nnfc's own as the CUDA C++ that "
         "nvrtc would get")
      ->type_name("NAME");
  app.add_flag("--trust-kernels", request.trustKernels,
               "with cuda-emu: run a model's kernels in CUDA C++, which become code of this machine");
  app.add_flag("--allow-tf32", request.allowTf32,
               "on GPUs: tensor cores may multiply float32, with operands rounded to tf32 (10 bits of mantissa)");
  app.add_option("--cuda-multiprocessors", request.multiprocessors,
                 "how many multiprocessors the GPU has that code for sm_90a is cut for (default 132, an H100's)")
      ->type_name("N")
      ->check(CLI::Range(1, 65535));
  app.add_option("--emu-seed", request.emuSeed, "with cuda-emu: run threads in another order (default 0: as numbered)")
      ->type_name("N");
  app.add_flag_callback(
      "--no-cache", [&request] { request.useCache = false; }, "compile every kernel anew, and leave none in the cache");
  app.add_option("-O", request.optLevel, "how hard to optimise: -O0 to -O3 (default 2)")->type_name("LEVEL");
  app.add_option("--accuracy", accuracy,
                 "strict: no algorithm that rounds otherwise than the function says (Winograd's); default; "
                 "relaxed: larger tiles of it, errors up to 1e-5 of the largest result")
      ->type_name("HOW");
  if (withTuning)
    app.add_option("--tuning", request.tuning, "choices for kernels that nnfc tune has measured on this CPU")
        ->type_name("FILE");
}

Outcome CodeOptions::finish() {
  if (accuracy == "strict")
    request.accuracy = Accuracy::Strict;
  else if (accuracy == "relaxed")
    request.accuracy = Accuracy::Relaxed;
  else if (accuracy != "default")
    return Outcome::wrongUsage("--accuracy=" + accuracy + ": expected strict, default or relaxed [NNFC-E0003]");
  if (request.optLevel > 3)
    return Outcome::wrongUsage("-O" + std::to_string(request.optLevel) +
                               ": expected -O0, -O1, -O2 or -O3 [NNFC-E0003]");
  return {};
}

bool parse(CLI::App &app, ModelOptions &model, CodeOptions &code, int argc, char **argv, Streams streams, int &status) {
  if (!parse(app, argc, argv, streams, status))
    return false;
  for (const Outcome &outcome : {model.finish(), code.finish()})
    if (!outcome) {
      status = report(outcome, streams);
      return false;
    }
  return true;
}

Outcome outcomeOf(const run::Failure &failure) {
  return failure ? Outcome{int(failure.status), failure.text, ""} : Outcome();
}

bool isCompiled(const std::string &path) {
  char magic[4] = {};
  std::ifstream file(path, std::ios::binary);
  return file.read(magic, sizeof magic) && memcmp(magic, "\177ELF", 4) == 0;
}

TemporaryFolder::TemporaryFolder() {
  const char *base = getenv("TMPDIR");
  path = std::string(base && *base ? base : "/tmp") + "/nnfc-XXXXXX";
  if (!mkdtemp(path.data())) {
    error = errno;
    path.clear();
  }
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path.empty())
    std::filesystem::remove_all(path, ignored);
}
Outcome TemporaryFolder::check() const {
  return path.empty()
             ? Outcome::fault(std::string("no temporary folder can be made: ") + strerror(error) + " [NNFC-E0408]")
             : Outcome();
}

static int64_t nowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

ProgressLine::ProgressLine() : onTerminal(isatty(2)), begin(nowMs()) {}
ProgressLine::~ProgressLine() {
  if (shown)
    fputs("\r\033[K", stderr);
}
void ProgressLine::say(const std::string &what) {
  if (!onTerminal || nowMs() - begin < 1000)
    return;
  shown = true;
  fprintf(stderr, "\r\033[K%s …", what.c_str());
  fflush(stderr);
}

} // namespace nnf::cli
