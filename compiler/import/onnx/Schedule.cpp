#include "compiler/import/onnx/Schedule.h"
#include "compiler/builder/FunctionTable.h"
#include "compiler/builder/GraphBuilder.h"
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/Proto.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <queue>

using namespace mlir;
namespace nnf::onnx {
namespace {

/// Names a subgraph uses from outside. Graphs nest no deeper than protobuf's limit on messages.
void addCaptures(const Graph &graph, SmallVectorImpl<StringRef> &names) {
  llvm::StringSet<> own;
  for (const ValueInfo &input : graph.inputs)
    own.insert(input.name);
  for (const Tensor &tensor : graph.initializers)
    own.insert(tensor.name);
  for (const SparseTensor &tensor : graph.sparseInitializers)
    own.insert(tensor.values.name);
  for (const Node &node : graph.nodes)
    for (const std::string &output : node.outputs)
      own.insert(output);
  SmallVector<StringRef> used;
  for (const Node &node : graph.nodes) {
    used.append(node.inputs.begin(), node.inputs.end());
    for (const Attribute &attribute : node.attributes)
      if (attribute.graph)
        addCaptures(*attribute.graph, used);
  }
  for (const ValueInfo &output : graph.outputs)
    used.push_back(output.name);
  for (StringRef name : used)
    if (!own.contains(name))
      names.push_back(name);
}

/// Everything a node reads, its subgraphs included; omitted inputs are left out.
SmallVector<StringRef> namesReadBy(const Node &node) {
  SmallVector<StringRef> names(node.inputs.begin(), node.inputs.end());
  for (const Attribute &attribute : node.attributes)
    if (attribute.graph)
      addCaptures(*attribute.graph, names);
  llvm::erase_if(names, [](StringRef name) { return name.empty(); });
  return names;
}

/// Which nodes the wanted values need. `makers` is the node that makes a name.
SmallVector<bool> neededNodes(ArrayRef<Node> nodes, ArrayRef<std::string> wanted,
                              const llvm::StringMap<size_t> &makers) {
  SmallVector<bool> needed(nodes.size(), false);
  SmallVector<size_t> stack;
  auto need = [&](StringRef name) {
    auto maker = makers.find(name);
    if (maker != makers.end() && !needed[maker->second]) {
      needed[maker->second] = true;
      stack.push_back(maker->second);
    }
  };
  for (const std::string &name : wanted)
    need(name);
  while (!stack.empty())
    for (StringRef name : namesReadBy(nodes[stack.pop_back_val()]))
      need(name);
  return needed;
}

std::string title(const Node &node) { return "node '" + node.name + "' (" + node.opType + ")"; }

/// One cycle among the nodes that could not be put in order: "'a' (Add) -> 'b' (Mul) -> 'a'".
std::string cycleText(ArrayRef<Node> nodes, ArrayRef<SmallVector<size_t>> sources, ArrayRef<bool> done) {
  size_t at = llvm::find(done, false) - done.begin();
  SmallVector<size_t> path;
  llvm::DenseMap<size_t, size_t> place;
  while (!place.contains(at)) {
    place[at] = path.size();
    path.push_back(at);
    at = *llvm::find_if(sources[at], [&](size_t source) { return !done[source]; });
  }
  std::string text = "'" + nodes[at].name + "'";
  for (size_t i = path.size(); i-- > place[at];) {
    if (path.size() - i > 8) {
      text += " -> ...";
      break;
    }
    text += " -> '" + nodes[path[i]].name + "'";
  }
  return text;
}

} // namespace

FailureOr<SmallVector<const Node *>> schedule(ArrayRef<Node> nodes, ArrayRef<std::string> wanted,
                                              llvm::function_ref<bool(StringRef)> isVisible,
                                              llvm::function_ref<bool(StringRef)> isTaken, MLIRContext &context,
                                              const std::string &path) {
  auto error = [&] { return emitError(UnknownLoc::get(&context)) << path << ": "; };
  llvm::StringMap<size_t> makers;
  for (auto [i, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.outputs) {
      if (output.empty())
        continue;
      if (auto [maker, isNew] = makers.try_emplace(output, i); !isNew)
        return error() << title(node) << " makes '" << output << "', which " << title(nodes[maker->second])
                       << " makes too, expected one [NNFC-E0107]";
      if (isTaken(output))
        return error() << title(node) << " makes '" << output
                       << "', which is an input or initializer too, expected one [NNFC-E0107]";
    }

  SmallVector<SmallVector<size_t>> sources(nodes.size()), readers(nodes.size());
  SmallVector<size_t> missing(nodes.size(), 0);
  for (auto [i, node] : llvm::enumerate(nodes))
    for (StringRef name : namesReadBy(node)) {
      auto maker = makers.find(name);
      if (maker == makers.end()) {
        if (!isVisible(name))
          return error() << title(node) << ": input '" << name
                         << "' is made by no node, and is no input or initializer of the graph [NNFC-E0108]";
        continue;
      }
      sources[i].push_back(maker->second);
      readers[maker->second].push_back(i);
      ++missing[i];
    }

  SmallVector<bool> needed = neededNodes(nodes, wanted, makers), done(nodes.size(), false);
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (!missing[i])
      ready.push(i);
  SmallVector<const Node *> order;
  size_t count = 0;
  while (!ready.empty()) {
    size_t i = ready.top();
    ready.pop();
    done[i] = true;
    ++count;
    if (needed[i])
      order.push_back(&nodes[i]);
    for (size_t reader : readers[i])
      if (--missing[reader] == 0)
        ready.push(reader);
  }
  if (count != nodes.size())
    return error() << "the graph has a cycle: " << cycleText(nodes, sources, done) << " [NNFC-E0109]";
  return order;
}

// ---- what is not supported

namespace {

class Survey {
public:
  explicit Survey(const Model &model) : model(model) {}

  void visit(ArrayRef<Node> nodes, const Opsets &opsets, unsigned depth) {
    for (const Node &node : nodes)
      visit(node, opsets, depth);
  }

  void visitGraph(const Graph &graph, const Opsets &opsets, unsigned depth) {
    llvm::StringMap<size_t> makers;
    for (auto [i, node] : llvm::enumerate(graph.nodes))
      for (const std::string &output : node.outputs)
        makers.try_emplace(output, i);
    std::vector<std::string> wanted;
    for (const ValueInfo &output : graph.outputs)
      wanted.push_back(output.name);
    SmallVector<bool> needed = neededNodes(graph.nodes, wanted, makers);
    for (auto [i, node] : llvm::enumerate(graph.nodes))
      if (needed[i])
        visit(node, opsets, depth);
  }

  struct Finding {
    size_t count = 0;
    std::string first, reason;
  };
  llvm::MapVector<std::string, Finding, llvm::StringMap<unsigned>> findings;

private:
  void visit(const Node &node, const Opsets &opsets, unsigned depth) {
    for (const Attribute &attribute : node.attributes)
      if (attribute.graph && depth < 64)
        visitGraph(*attribute.graph, opsets, depth + 1);
    if (const Function *function = model.functionOf(node)) {
      // Bodies are looked at once, and recursion is the importer's to refuse.
      if (visited.insert(function).second)
        visit(function->nodes, function->opsets.empty() ? opsets : function->opsets, depth);
      return;
    }
    std::string reason = reasonAgainst(node, opsets, depth);
    if (reason.empty())
      return;
    Finding &finding = findings[node.domain.empty() ? node.opType : node.domain + "." + node.opType];
    if (!finding.count++) {
      finding.first = node.name;
      finding.reason = reason;
    }
  }

  /// Why there is no mapping for a node; empty when there is one.
  std::string reasonAgainst(const Node &node, const Opsets &opsets, unsigned depth) {
    auto version = opsets.find(node.domain);
    if (version == opsets.end())
      return "opset_import has no version of its domain";
    const OpTable *table = opTable(node.domain);
    if (!table)
      return "operators of domain " + node.domain + " are not known";
    int64_t introduced = 0;
    const Mapping *mapping = table->find(node.opType, version->second, &introduced);
    if (mapping && !mapping->refusal.empty())
      return mapping->refusal.str();
    if (mapping) {
      SmallVector<StringRef> functions;
      mapping->functions.split(functions, ' ', -1, /*KeepEmpty=*/false);
      for (StringRef function : functions)
        if (!findFunction({function.data(), function.size()}))
          return "the function " + function.str() + " is not there yet";
      return "";
    }
    if (introduced)
      return "came with operator set " + std::to_string(introduced) + ", and the model has " +
             std::to_string(version->second);
    // Defined by ONNX in terms of others, which are looked at in turn.
    if (std::unique_ptr<Function> definition = definitionOf(node, version->second, {}); definition && depth < 64) {
      for (const Node &inner : definition->nodes)
        if (std::string reason = reasonAgainst(inner, definition->opsets, depth + 1); !reason.empty())
          return "it is made of " + inner.opType + ": " + reason;
      return "";
    }
    if (isDefinedByTypes(node, version->second))
      return "";
    return isNamed(node, version->second) ? "not there yet" : "no operator of that name is known";
  }

  const Model &model;
  llvm::DenseSet<const Function *> visited;
};

} // namespace

LogicalResult listUnsupported(MLIRContext &context, const std::string &path, const Model &model) {
  Survey survey(model);
  survey.visitGraph(model.graph, model.opsets, 0);
  if (survey.findings.empty())
    return success();
  size_t ops = survey.findings.size();
  const auto &[firstOp, first] = survey.findings.front();
  InFlightDiagnostic error = emitError(UnknownLoc::get(&context)) << path << ": node '" << first.first << "' ("
                                                                  << firstOp << ") is not supported: " << first.reason;
  if (ops == 1 && first.count == 1)
    return error << " [NNFC-E0303]";
  error << "; in all: [NNFC-E0303]";
  for (const auto &[op, finding] : survey.findings)
    error << "\n  " << op << ", " << finding.count << (finding.count == 1 ? " node" : " nodes, the first one") << " '"
          << finding.first << "': " << finding.reason;
  return error;
}

} // namespace nnf::onnx
