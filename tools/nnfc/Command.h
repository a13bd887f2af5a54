// What the commands of nnfc share: how they are called, and how they parse.
#pragma once
#include "compiler/Compile.h"
#include "tools/run/Commands.h"
#include <memory>

namespace nnf::cli {

using run::Streams;

/// One command: its arguments are what follows its name.
struct Command {
  const char *name, *arguments, *summary;
  int (*function)(int argc, char **argv, Streams streams);
};

int compileCommand(int argc, char **argv, Streams streams);
int runCommand(int argc, char **argv, Streams streams);
int benchCommand(int argc, char **argv, Streams streams);
int tuneCommand(int argc, char **argv, Streams streams);
int inspectCommand(int argc, char **argv, Streams streams);
int reportCommand(int argc, char **argv, Streams streams);
int compareCommand(int argc, char **argv, Streams streams);
int convertCommand(int argc, char **argv, Streams streams);
int opsCommand(int argc, char **argv, Streams streams);
int reduceCommand(int argc, char **argv, Streams streams);
/// `--explain [NUMBER]`: no command of its own.
int explainCommand(int argc, char **argv, Streams streams);

/// Parses argv (argv[0] is the command's name). True: go on. False: done, with exit status `status` (help was printed,
/// or an error).
bool parse(CLI::App &app, int argc, char **argv, Streams streams, int &status);

/// Options about reading models; what they say is put into a request by `finish`, which reports a value that is wrong.
class ModelOptions {
public:
  /// `withDims`: `--dim` is among them.
  ModelOptions(CLI::App &app, ModelRequest &request, bool withDims = true);
  Outcome finish();

private:
  ModelRequest &request;
  std::vector<std::string> dims, inout;
};

/// Options about the machine the code is for.
class CodeOptions {
public:
  /// `withTuning`: `--tuning` is among them.
  CodeOptions(CLI::App &app, CodeRequest &request, bool withTuning = true);
  Outcome finish();

private:
  CodeRequest &request;
  std::string accuracy = "default";
};

/// Parses a command with these options and puts what they say into their requests; `status` as above.
bool parse(CLI::App &app, ModelOptions &model, CodeOptions &code, int argc, char **argv, Streams streams, int &status);

/// "SYMBOL=SIZE" each.
Outcome parseDims(const std::vector<std::string> &texts, ModelRequest &request);

/// Prints warnings, and "error: …" when it is one; returns the exit status.
int report(const Outcome &outcome, Streams streams);

Outcome outcomeOf(const run::Failure &failure);

/// Whether the file is a compiled library rather than a model: an ELF file, by its first bytes.
bool isCompiled(const std::string &path);

/// A folder of its own, removed at the end with what is in it.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  /// Errors: it could not be made.
  Outcome check() const;
  std::string path;

private:
  int error = 0;
};

/// On a terminal, a line that says what is happening once a second has gone by; cleared at the end.
class ProgressLine {
public:
  ProgressLine();
  ~ProgressLine();
  void say(const std::string &what);

private:
  bool onTerminal, shown = false;
  int64_t begin;
};

} // namespace nnf::cli
