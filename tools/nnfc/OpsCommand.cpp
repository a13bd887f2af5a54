// nnfc ops [NAME]
#include "compiler/builder/FunctionTable.h"
#include "tools/nnfc/Command.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

namespace nnf::cli {
namespace {

void printAll(std::ostream &out) {
  size_t widest = 0;
  for (const Function &function : allFunctions())
    widest = std::max(widest, function.name.size());
  for (const Function &function : allFunctions())
    out << function.name << std::string(widest + 2 - function.name.size(), ' ') << function.summary << "\n";
}

} // namespace

int opsCommand(int argc, char **argv, Streams streams) {
  CLI::App app("Lists the functions that graphs may use; with a name, says all about one.", "nnfc ops");
  std::string name;
  app.add_option("NAME", name, "a function of torch, such as conv2d");
  int status;
  if (!parse(app, argc, argv, streams, status))
    return status;
  if (name.empty()) {
    printAll(streams.out);
    return 0;
  }
  const Function *function = findFunction(name);
  if (!function) {
    std::string_view near = nearestFunction(name);
    std::string hint = near.empty() ? "; `nnfc ops` lists them" : "; the nearest is '" + std::string(near) + "'";
    return report(Outcome::fault("no function is called '" + name + "'" + hint), streams);
  }
  streams.out << function->signature() << "\n\n" << function->page;
  return 0;
}

} // namespace nnf::cli
