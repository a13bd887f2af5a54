#include "compiler/import/onnx/StoredTensors.h"

namespace nnf::onnx {
namespace {

/// Where an operator has a tensor's zero point.
struct ZeroInput {
  std::string_view op;
  size_t tensor, zero;
};
constexpr ZeroInput zeroInputs[] = {{"DequantizeLinear", 0, 2}, {"MatMulInteger", 0, 2}, {"MatMulInteger", 1, 3},
                                    {"ConvInteger", 0, 2},      {"ConvInteger", 1, 3},   {"QLinearConv", 0, 2},
                                    {"QLinearConv", 3, 5},      {"QLinearMatMul", 0, 2}, {"QLinearMatMul", 3, 5}};
/// Where it has integers of 32 bits that are weights.
constexpr std::pair<std::string_view, size_t> biasInputs[] = {{"QLinearConv", 8}, {"DequantizeLinear", 0}};

std::string_view inputOf(const Node &node, size_t i) {
  return i < node.inputs.size() ? std::string_view(node.inputs[i]) : std::string_view();
}

template <typename Visit> void visitBodies(const Graph &graph, Visit visit) {
  for (const Node &node : graph.nodes)
    for (const Attribute &attribute : node.attributes)
      if (attribute.graph)
        visit(*attribute.graph);
}

} // namespace

StoredTensors::StoredTensors(const Model &model) {
  findStored(model.graph);
  findRoles(model.graph);
}

void StoredTensors::findStored(const Graph &graph) {
  for (const Tensor &tensor : graph.initializers)
    names.insert(tensor.name), tensors.insert(&tensor);
  for (const Node &node : graph.nodes)
    if (node.domain.empty() && node.opType == "Constant" && !node.outputs.empty()) {
      names.insert(node.outputs[0]);
      for (const Attribute &attribute : node.attributes)
        tensors.insert(attribute.tensor.get());
    }
  visitBodies(graph, [&](const Graph &body) { findStored(body); });
}

void StoredTensors::findRoles(const Graph &graph) {
  for (const Node &node : graph.nodes) {
    if (!node.domain.empty())
      continue;
    for (const ZeroInput &has : zeroInputs)
      if (node.opType == has.op && names.contains(inputOf(node, has.tensor)))
        zeros.insert(inputOf(node, has.zero));
    for (auto [op, input] : biasInputs)
      if (node.opType == op)
        biases.insert(inputOf(node, input));
  }
  visitBodies(graph, [&](const Graph &body) { findRoles(body); });
}

} // namespace nnf::onnx
