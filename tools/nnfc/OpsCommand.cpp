// nnfc ops [NAME]
#include "compiler/builder/FunctionTable.h"
#include "tools/nnfc/Command.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>
#include <string_view>
#include <vector>

namespace nnf::cli {
namespace {

/// The one function of torch.nn.functional that is no node of a graph: it runs a whole one.
constexpr std::string_view
    dataParallelName = "data_parallel",
    dataParallelSummary = "one model on several devices, each with a part of the batch",
    dataParallelPage = R"(data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None)

One model on several devices, each with a part of the batch. Not a node of graphs: the runtime runs compiled models so.

- command line: `nnfc run MODEL --device cpu:0,cpu:1 --data-parallel-dim 0`; C: `nnf_data_parallel`; C++: `nnf::DataParallel`
- inputs are cut along dim as torch.chunk does: 7 over 3 devices is 3, 3, 1; 4 over 3 is 2, 2, and the third does nothing
- scalars, and inputs named with `--replicate`, go whole to each device
- as many replicas run as the input with the fewest parts has
- outputs are joined along dim in the order of the devices; scalars become a vector
- the model's size along dim must be a named one, or that of every part
- devices: `cpu:K` is the K-th core set of the CPUs that the process may use; results are in the CPU's memory
- gradient: no
)";

void printAll(std::ostream &out) {
  std::vector<std::pair<std::string_view, std::string_view>> lines = {{dataParallelName, dataParallelSummary}};
  for (const Function &function : allFunctions())
    lines.emplace_back(function.name, function.summary);
  std::sort(lines.begin(), lines.end());
  size_t widest = 0;
  for (const auto &[name, summary] : lines)
    widest = std::max(widest, name.size());
  for (const auto &[name, summary] : lines)
    out << name << std::string(widest + 2 - name.size(), ' ') << summary << "\n";
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
  if (name == dataParallelName) {
    streams.out << dataParallelPage;
    return 0;
  }
  const Function *function = findFunction(name);
  if (!function) {
    std::string_view near = nearestFunction(name);
    std::string hint = near.empty() ? "; `nnfc ops` lists them" : "; the nearest is '" + std::string(near) + "'";
    return report(Outcome::fault("no function is called '" + name + "'" + hint + " [NNFC-E0904]"), streams);
  }
  streams.out << function->signature() << "\n\n" << function->page;
  return 0;
}

} // namespace nnf::cli
