// nnfc: the commands, and which one is meant.
#include "tools/nnfc/Command.h"
#include "tools/run/Usage.h"
#include <cstring>
#include <filesystem>
#include <iostream>

using namespace nnf::cli;

namespace {

constexpr Command commands[] = {
    {"compile", "MODEL... -o OUT", "compile a model, or several into one library", compileCommand},
    {"run", "MODEL_OR_COMPILED", "run it once", runCommand},
    {"bench", "MODEL_OR_COMPILED", "measure latency, throughput and memory", benchCommand},
    {"tune", "MODEL", "measure which kernels are faster another way, for compile --tuning", tuneCommand},
    {"inspect", "MODEL_OR_COMPILED", "show inputs, outputs, ops, weights, memory plan and kernels", inspectCommand},
    {"compare", "A B", "find where the results of two models, or of one and a reference, part", compareCommand},
    {"report", "MODEL -o OUT.html", "write a page with its graph, kernels, memory plan and times", reportCommand},
    {"reduce", "MODEL -o OUT", "shrink a model that fails to the few nodes that do", reduceCommand},
    {"convert", "IN -o OUT", "write a model in another format", convertCommand},
    {"ops", "[NAME]", "what the compiler knows", opsCommand},
};

void printHelp(std::ostream &out) {
  out << "nnfc compiles neural networks to native code.\n\n";
  for (const Command &command : commands) {
    std::string call = std::string("nnfc ") + command.name + " " + command.arguments;
    out << "  " << call << std::string(call.size() < 34 ? 34 - call.size() : 1, ' ') << command.summary << "\n";
  }
  out << "\nnnfc COMMAND --help says more, nnfc --explain NUMBER what an error means.\n";
}

} // namespace

int main(int argc, char **argv) {
  Streams streams{std::cout, std::cerr};
  nnf::installFatalErrorHandlers();
  if (argc < 2) {
    int status = report(nnf::Outcome::wrongUsage("no command given [NNFC-E0001]"), streams);
    printHelp(std::cerr);
    return status;
  }
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
    printHelp(std::cout);
    return 0;
  }
  if (strcmp(name, nnf::compilerWorkerFlag) == 0)
    return nnf::runCompilerWorker(argc - 2, argv + 2);
  nnf::setCompilerWorker("/proc/self/exe");
  if (strcmp(name, "--explain") == 0)
    return explainCommand(argc - 1, argv + 1, streams);
  if (strcmp(name, "--version") == 0) {
    std::cout << nnf::producerText() << "\n";
    return 0;
  }
  for (const Command &command : commands)
    if (strcmp(name, command.name) == 0)
      return command.function(argc - 1, argv + 1, streams);
  std::string known;
  std::vector<std::string> names;
  for (const Command &command : commands) {
    names.push_back(command.name);
    known += std::string(known.empty() ? "" : ", ") + command.name;
  }
  std::string near = strcmp(name, "explain") == 0 ? "--explain" : nnf::run::nearest(name, names);
  return report(nnf::Outcome::wrongUsage(std::string("no command '") + name + "'" +
                                         (std::filesystem::exists(name) ? " (a file stands behind the command)" : "") +
                                         (near.empty() ? "" : ", the nearest is '" + near + "'") +
                                         ", expected one of " + known + " [NNFC-E0002]"),
                streams);
}
