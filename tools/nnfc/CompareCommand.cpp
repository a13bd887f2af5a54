// nnfc compare A B: where the results of a model part from those of another, or from files.
#include "tools/nnfc/Command.h"
#include "tools/run/Compare.h"
#include "tools/run/OutputFile.h"
#include "tools/run/Session.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <ostream>
#include <sstream>

namespace nnf::cli {
namespace {

struct CompareRequest {
  std::string paths[2]; ///< the second is the reference: a model, or a folder of .npy files
  bool perLayer = false;
  run::Tolerance tolerance;
  run::ModelRequest run; ///< inputs and threads
  ModelRequest model;
  CodeRequest code;
};

/// A tensor by its name, and the node that computes it ("" where that is not known).
struct NodeTensor {
  std::string name, node;
  run::Array array;
};

/// The tensors of one side in the order of their nodes, and the inputs it ran with.
class Side {
public:
  std::vector<NodeTensor> tensors;
  std::vector<std::pair<std::string, run::Array>> inputs;

  /// `given` has the inputs of the other side, which this one is to run with; null: files and random values.
  Outcome run(const CompareRequest &request, const std::string &path, const std::string &folder, const Side *given,
              std::ostream &notes) {
    bool isLibrary = path.ends_with(".so") || isCompiled(path);
    if (isLibrary && request.perLayer)
      return Outcome::wrongUsage("--per-layer: '" + path +
                                 "' is compiled and has its outputs left, expected a model [NNFC-E0010]");
    run::ModelRequest library = request.run;
    library.library = path;
    std::vector<NodeOutput> nodes;
    if (!isLibrary) {
      CompileRequest compile;
      compile.model = request.model;
      compile.model.models = {path};
      compile.code = request.code;
      compile.output = library.library = folder + "/model.so";
      compile.everyNode = request.perLayer ? &nodes : nullptr;
      ProgressLine line;
      compile.progress = [&](const std::string &what) { line.say(what); };
      Outcome outcome = compileModels(compile);
      notes << outcome.warnings;
      outcome.warnings.clear();
      if (!outcome)
        return outcome;
      library.dims.clear();
    }
    run::Session session;
    std::ostringstream ignored;
    if (given)
      library.inputs.clear();
    if (run::Failure failure = session.open(library, /*randomInputs=*/true, {notes, given ? ignored : notes}))
      return outcomeOf(failure);
    if (given)
      if (Outcome outcome = take(*given, session); !outcome)
        return outcome;
    keepInputs(session);
    if (run::Failure failure = session.runOnce())
      return outcomeOf(failure);
    return keepOutputs(session, nodes);
  }

  /// NAME.npy of each tensor of `of`, where there is one.
  Outcome readFolder(const std::string &folder, const Side &of) {
    for (const NodeTensor &tensor : of.tensors) {
      std::string file = folder + "/" + run::fileNameOf(tensor.name) + ".npy";
      std::error_code ignored;
      if (!std::filesystem::exists(file, ignored))
        continue;
      NodeTensor read{tensor.name, "", {}};
      if (run::Failure failure = run::readNpy(file, tensor.array.dtype, read.array))
        return outcomeOf(failure);
      tensors.push_back(std::move(read));
    }
    return {};
  }

  const NodeTensor *find(const std::string &name) const {
    auto found = std::find_if(tensors.begin(), tensors.end(), [&](const NodeTensor &t) { return t.name == name; });
    return found == tensors.end() ? nullptr : &*found;
  }

private:
  Outcome take(const Side &given, run::Session &session) {
    for (size_t i = 0; i < session.inputs.size(); ++i) {
      std::string name = session.model.inputs()[i].name;
      auto found = std::find_if(given.inputs.begin(), given.inputs.end(),
                                [&](const auto &input) { return input.first == name; });
      if (found == given.inputs.end())
        return Outcome::fault("the second model has an input '" + name + "' that the first has not [NNFC-E0615]");
      if (!session.inputs[i].allocate(found->second.dtype, found->second.dims))
        return Outcome::fault("input '" + name + "': out of memory [NNFC-E0609]");
      if (found->second.bytes())
        memcpy(session.inputs[i].data(), found->second.data(), found->second.bytes());
    }
    session.in.clear();
    for (run::Array &array : session.inputs)
      session.in.emplace_back(array.data(), array.dtype, array.dims);
    return {};
  }

  static bool copy(uint32_t dtype, std::vector<int64_t> dims, const uint8_t *data, run::Array &array) {
    if (!array.allocate(dtype, std::move(dims)))
      return false;
    if (array.bytes())
      memcpy(array.data(), data, array.bytes());
    return true;
  }

  void keepInputs(run::Session &session) {
    for (size_t i = 0; i < session.inputs.size(); ++i) {
      auto &kept = inputs.emplace_back(session.model.inputs()[i].name, run::Array());
      copy(session.inputs[i].dtype, session.inputs[i].dims, session.inputs[i].data(), kept.second);
    }
  }

  Outcome keepOutputs(const run::Session &session, const std::vector<NodeOutput> &nodes) {
    std::map<std::string, size_t> numbers;
    for (size_t j = 0; j < session.out.size(); ++j)
      numbers.emplace(session.model.outputs()[j].name, j);
    auto add = [&](const std::string &name, const std::string &node) -> Outcome {
      auto found = numbers.find(name);
      if (found == numbers.end())
        return {};
      size_t j = found->second;
      numbers.erase(found); // an output that no node computes comes last
      const auto &out = session.out[j];
      NodeTensor &tensor = tensors.emplace_back(NodeTensor{name, node, {}});
      if (!copy(session.model.outputs()[j].dtype, {out.dims().begin(), out.dims().end()}, out.data<uint8_t>(),
                tensor.array))
        return Outcome::fault("tensor '" + name + "': out of memory [NNFC-E0609]");
      return {};
    };
    for (const NodeOutput &node : nodes)
      if (Outcome outcome = add(node.tensor, node.node); !outcome)
        return outcome;
    for (size_t j = 0; j < session.out.size(); ++j)
      if (Outcome outcome = add(session.model.outputs()[j].name, ""); !outcome)
        return outcome;
    return {};
  }
};

/// Prints a line for each tensor that both sides have; the first that departs is the error.
Outcome judge(const CompareRequest &request, const Side &a, const Side &b, std::ostream &out) {
  Outcome outcome;
  size_t compared = 0, departed = 0;
  for (const NodeTensor &tensor : a.tensors) {
    const NodeTensor *reference = b.find(tensor.name);
    if (!reference)
      continue;
    ++compared;
    run::Difference difference = run::compareArrays(tensor.array, reference->array, request.tolerance);
    char largest[32];
    snprintf(largest, sizeof largest, "%.3g", difference.largest);
    out << (difference.departs ? "departs  " : "agrees   ") << tensor.name
        << (tensor.node.empty() ? "" : ", " + tensor.node) << ": "
        << (difference.departs ? difference.text : std::string("largest difference ") + largest) << "\n";
    if (difference.departs && ++departed == 1)
      outcome = Outcome::fault((tensor.node.empty() ? "" : tensor.node + ": ") + "tensor '" + tensor.name +
                               "' is the first to depart from the reference, " + difference.text + " [NNFC-E0901]");
  }
  out << compared << " tensors compared, " << departed << " depart";
  if (compared < a.tensors.size())
    out << ", " << a.tensors.size() - compared << " of the first have none of their name in the reference";
  out << "\n";
  if (compared == 0)
    return Outcome::fault("nothing to compare: no tensor of '" + request.paths[0] + "' has its name in '" +
                          request.paths[1] + "', such as '" + (a.tensors.empty() ? "" : a.tensors[0].name) +
                          "' [NNFC-E0902]");
  return outcome;
}

Outcome compare(const CompareRequest &request, std::ostream &out, std::ostream &notes) {
  std::error_code ignored;
  bool hasFiles = std::filesystem::is_directory(request.paths[1], ignored);
  Side sides[2];
  for (int i = 0; i < (hasFiles ? 1 : 2); ++i) {
    TemporaryFolder folder;
    if (Outcome outcome = folder.check(); !outcome)
      return outcome;
    Outcome outcome = sides[i].run(request, request.paths[i], folder.path, i ? &sides[0] : nullptr, notes);
    if (!outcome)
      return outcome;
  }
  if (hasFiles)
    if (Outcome outcome = sides[1].readFolder(request.paths[1], sides[0]); !outcome)
      return outcome;
  return judge(request, sides[0], sides[1], out);
}

} // namespace

int compareCommand(int argc, char **argv, Streams streams) {
  CLI::App app("Runs a model beside a reference, on the same inputs, and says which tensors depart. The reference is "
               "another model, or a folder with NAME.npy for tensors of the first, as run --output-dir writes them.",
               "nnfc compare");
  CompareRequest request;
  app.add_option("A", request.paths[0], "the model")->required();
  app.add_option("B", request.paths[1], "the reference: a model, or a folder of .npy files")->required();
  app.add_flag("--per-layer", request.perLayer, "compare what every node computes, not the outputs alone");
  app.add_option("--absolute", request.tolerance.absolute, "allowed: |a - b| <= ABSOLUTE + RELATIVE * |b| (1e-5)")
      ->type_name("ABSOLUTE")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--relative", request.tolerance.relative, "see --absolute (1e-4)")
      ->type_name("RELATIVE")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--input", request.run.inputs, "an input from a .npy file; the others are filled with random values")
      ->type_name("NAME=FILE.npy")
      ->allow_extra_args(false);
  app.add_option("--seed", request.run.seed, "of random inputs and random ops (default 0)")->type_name("N");
  app.add_option("--threads", request.run.threads, "how many at most; 0 (default): all the process may use")
      ->type_name("N");
  ModelOptions model(app, request.model);
  CodeOptions code(app, request.code);
  int status;
  if (!parse(app, model, code, argc, argv, streams, status))
    return status;
  std::ostringstream notes; // an error is the first line
  Outcome outcome = compare(request, streams.out, notes);
  outcome.warnings = notes.str() + outcome.warnings;
  return report(outcome, streams);
}

} // namespace nnf::cli
