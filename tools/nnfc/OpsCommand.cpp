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

void printOne(std::ostream &out, const Function &function) {
  out << function.signature() << "\n  " << function.summary << "\n\n";
  out << "  parameters\n";
  for (const Parameter &parameter : function.parameters) {
    out << "    " << parameter.name << ": " << kindText(parameter.kind);
    if (parameter.presence != Presence::Required)
      out << ", default " << (parameter.defaultText.empty() ? "None" : parameter.defaultText);
    out << "\n";
  }
  out << "  results\n";
  for (const FunctionResult &result : function.results)
    out << "    " << result.name
        << (result.isOptional   ? " (where asked for)"
            : result.isVariadic ? " (any number)"
                                : "")
        << "\n";
  if (!function.inplaceTwin.empty())
    out << "  in place: " << function.inplaceTwin << "\n";
  for (const FunctionEffect &effect : function.effects)
    out << "  changes: " << effect.argument << "\n";
  for (const OnnxOperator &onnx : function.onnx)
    out << "  ONNX: " << onnx.name << ", since opset " << onnx.since << "\n";
  out << "  targets: cpu\n  gradient: no\n";
  if (!function.formula.empty())
    out << "\n  " << function.formula << "\n";
  if (!function.description.empty())
    out << "\n" << function.description << "\n";
  if (!function.source.empty())
    out << "\n  from: " << function.source << "\n";
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
  printOne(streams.out, *function);
  return 0;
}

} // namespace nnf::cli
