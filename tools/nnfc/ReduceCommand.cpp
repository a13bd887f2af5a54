// nnfc reduce MODEL -o OUT
#include "compiler/reduce/Reducer.h"
#include "tools/nnfc/Command.h"
#include "tools/run/OutputFile.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sys/wait.h>

namespace nnf::cli {
namespace {

struct ReduceArguments {
  ReduceRequest request;
  std::string path, command, reference;
  bool run = false;
  unsigned seconds = 60;
  std::vector<std::string> options; // of nnfc compile
};

/// As one word of the shell.
std::string quoted(const std::string &text) {
  std::string word = "'";
  for (char c : text)
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

/// Commands of the shell that show a model's fault, and what of it must stay the same.
class Fault {
public:
  Fault(const ReduceArguments &given, const std::string &folder)
      : given(given), nnfc(quoted(std::filesystem::read_symlink("/proc/self/exe").string())), folder(folder) {
    for (const std::string &option : given.options)
      options += " " + quoted(option);
  }

  /// The command of ReduceRequest::test. Errors: the model has no fault.
  Outcome find(std::string &test) {
    if (!given.command.empty()) {
      test = given.command;
      return {};
    }
    int status = runOn(given.path);
    std::string said = firstLine();
    if (status == 0)
      return Outcome::fault("'" + given.path + "' " +
                            (given.reference.empty() ? "does not fail" : "agrees with the reference") +
                            ", expected a fault to keep: --run, --reference or --test say of which kind [NNFC-E0905]");
    if (status == 2)
      return Outcome::wrongUsage("the call that is to fail is wrong itself: " + said);
    if (!given.reference.empty() && said.find("[NNFC-E0901]") == std::string::npos)
      return Outcome::fault("'" + given.path + "' fails before it can be compared: " + said);
    test = failing() + "; test $? = " + std::to_string(status) + same(said);
    return {};
  }

private:
  const ReduceArguments &given;
  std::string nnfc, folder, options;

  std::string limited() const { return "timeout " + std::to_string(given.seconds) + " " + nnfc; }
  /// What fails for the file "$0"; the first error is in a file.
  std::string failing() const {
    std::string err = quoted(folder + "/err"), a = quoted(folder + "/a.so"), b = quoted(folder + "/b.so");
    std::string compile = limited() + " compile \"$0\"" + options + " -o " + a;
    std::string text = compile;
    if (given.run)
      text += " && " + limited() + " run " + a + " --random-inputs";
    if (!given.reference.empty())
      text += " && " + limited() + " compile \"$0\" " + given.reference + " -o " + b + " && " + limited() +
              " compare " + a + " " + b;
    return "(" + text + ") > /dev/null 2> " + err;
  }
  int runOn(const std::string &path) const {
    std::string call = "sh -c " + quoted(failing()) + " " + quoted(path);
    int status = std::system(call.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string firstLine() const {
    std::ifstream file(folder + "/err");
    std::string line;
    std::getline(file, line);
    return line;
  }
  /// The number of an error stays; of a fault of nnfc itself the text, too, up to the first name in it. A crash says
  /// nothing, and its status is its signal.
  std::string same(const std::string &said) const {
    size_t at = said.rfind("[NNFC-E");
    if (at == std::string::npos)
      return "";
    auto has = [&](const std::string &text) { return " && grep -qF " + quoted(text) + " " + quoted(folder + "/err"); };
    std::string number = said.substr(at, said.find(']', at) + 1 - at);
    size_t begin = said.find("internal");
    if (begin == std::string::npos)
      return has(number);
    return has(number) + has(said.substr(begin, std::min(said.find('\'', begin), at) - begin));
  }
};

Outcome reduce(ReduceArguments &given, ReduceResult &result) {
  TemporaryFolder folder;
  if (Outcome outcome = folder.check(); !outcome)
    return outcome;
  ReduceRequest &request = given.request;
  request.model.models = {given.path};
  request.folder = folder.path;
  if (Outcome outcome = Fault(given, folder.path).find(request.test); !outcome)
    return outcome;
  ProgressLine line;
  request.progress = [&](const std::string &what) { line.say(what); };
  return reduceModel(request, result);
}

} // namespace

int reduceCommand(int argc, char **argv, Streams streams) {
  CLI::App app("Leaves out nodes of a model as long as it fails as before, and writes what is left: a few nodes, whose "
               "inputs stand for the rest. What fails is compiling it, with the options after --.",
               "nnfc reduce");
  ReduceArguments given;
  app.add_option("MODEL", given.path, "what fails")->required();
  app.add_option("OPTION", given.options, "of nnfc compile, after --: -- --target=cuda -O3")->expected(0, 100);
  app.add_option("-o,--output", given.request.output, "the small model: .mlir, .nnf or .nnf.txt")
      ->type_name("OUT")
      ->required();
  CLI::Option *run = app.add_flag("--run", given.run, "running it with random inputs fails, not compiling it");
  CLI::Option *reference =
      app.add_option("--reference", given.reference,
                     "its results are wrong: they depart from those with these options of nnfc compile, such as -O0")
          ->type_name("OPTIONS");
  app.add_option("--test", given.command,
                 "a command of the shell that ends with 0 for what fails so; \"$0\" is the file")
      ->type_name("COMMAND")
      ->excludes(run)
      ->excludes(reference);
  app.add_option("--seconds", given.seconds, "how long a compilation or a run may take (default 60)")
      ->type_name("S")
      ->check(CLI::Range(1u, 86400u));
  app.add_option("--tests", given.request.maxTests, "how often it is tried at most (default 1000)")->type_name("N");
  ModelOptions model(app, given.request.model);
  int status;
  if (!parse(app, argc, argv, streams, status))
    return status;
  if (Outcome outcome = model.finish(); !outcome)
    return report(outcome, streams);
  if (run::Failure failure = run::checkFolderOf(given.request.output))
    return report(outcomeOf(failure), streams);
  ReduceResult result;
  Outcome outcome = reduce(given, result);
  if (outcome)
    streams.out << result.nodesAfter << " of " << result.nodesBefore << " nodes left after " << result.tests << " tests"
                << (result.hasWeights ? ", with the values of weights" : "") << ": " << given.request.output << "\n";
  return report(outcome, streams);
}

} // namespace nnf::cli
