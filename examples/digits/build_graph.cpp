// digits-build-graph FOLDER OUT: the digit recogniser made with the C++ builder, with the weights of FOLDER/weights.
// Writes a graph file: OUT is *.nnf, *.nnf.txt or *.mlir. The network is the one of train.py.
#include "Npy.h"
#include <cstdio>
#include <nnfc/builder.h>
#include <string>

namespace {

/// The trained parameters, by the names PyTorch gives them.
class Parameters {
public:
  Parameters(nnfc::Graph &graph, std::string folder) : graph(graph), folder(std::move(folder)) {}
  nnfc::Tensor operator()(const std::string &name) const {
    NpyArray<float> array = readNpy<float>(folder + "/weights/" + name + ".npy");
    return graph.constant(name, array.dims, array.values);
  }

private:
  nnfc::Graph &graph;
  std::string folder;
};

nnfc::Tensor batchNorm(nnfc::Graph &g, const Parameters &parameter, nnfc::Tensor x, const std::string &name) {
  return g.batch_norm(x, {.running_mean = parameter(name + ".running_mean"),
                          .running_var = parameter(name + ".running_var"),
                          .weight = parameter(name + ".weight"),
                          .bias = parameter(name + ".bias"),
                          .node = name});
}

/// images [N, 1, 8, 8] -> log-probabilities [N, 10].
void buildDigits(nnfc::Graph &g, const Parameters &parameter) {
  nnfc::Tensor images = g.input("images", nnfc::float32, {"N", 1, 8, 8});

  nnfc::Tensor stem = g.conv2d(images, parameter("stem.weight"), {.padding = 1, .node = "stem"});
  stem = g.relu(batchNorm(g, parameter, stem, "stem_norm"));
  nnfc::Tensor wide =
      g.conv2d(stem, parameter("widen.weight"), {.bias = parameter("widen.bias"), .padding = 1, .node = "widen"});
  nnfc::Tensor pooled = g.max_pool2d(g.leaky_relu(wide, {.negative_slope = 0.1}), 2);

  nnfc::Tensor block = g.conv2d(pooled, parameter("block.weight"), {.padding = 1, .node = "block"});
  block = batchNorm(g, parameter, block, "block_norm");
  nnfc::Tensor residual = g.add(pooled, g.mul(block, g.sigmoid(block)));

  nnfc::Tensor features = g.flatten(g.avg_pool2d(residual, 2), {.start_dim = 1});
  nnfc::Tensor hidden = g.relu(g.linear(features, parameter("hidden.weight"), {.bias = parameter("hidden.bias")}));
  nnfc::Tensor logits = g.linear(hidden, parameter("classes.weight"), {.bias = parameter("classes.bias")});
  g.output("logprobs", g.log_softmax(logits, {.dim = 1}));
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "error: %d arguments, expected 2\nusage: digits-build-graph FOLDER OUT\n", argc - 1);
    return 2;
  }
  nnfc::Graph graph("digits");
  buildDigits(graph, Parameters(graph, argv[1]));
  // What went wrong in any call above, with the line of that call.
  if (nnfc::Result<void> saved = graph.save(argv[2]); !saved) {
    std::fprintf(stderr, "error: %s\n", saved.error().text().c_str());
    return 1;
  }
}
