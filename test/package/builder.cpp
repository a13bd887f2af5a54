// A program outside the tree that makes a graph, compiles it and runs it: y = relu(x w^T), x [N, 3]. Writes net.so.
// Reads x, float32 [N, 3], from standard input and writes y to standard output.
#include <cstdio>
#include <nnf.hpp>
#include <nnfc/builder.h>
#include <vector>

int main() {
  const std::vector<float> weight = {1, 2, 3, -1, 0.5f, 0, 2, -3, 1};
  nnfc::Graph g("net");
  auto x = g.input("x", nnfc::float32, {"N", 3});
  g.output("y", g.relu(g.linear(x, g.constant("w", {3, 3}, weight))));
  if (nnfc::Result<void> done = g.compile("net.so"); !done) {
    fprintf(stderr, "error: %s\n", done.error().text().c_str());
    return 1;
  }

  // What is wrong is a value that names the line.
  nnfc::Graph wrong("wrong");
  auto narrow = wrong.input("x", nnfc::float32, {"N", 2});
  wrong.output("y", wrong.linear(narrow, wrong.constant("w", {3, 3}, weight)));
  if (!wrong.error() || wrong.error()->line != __LINE__ - 1)
    return 2;

  std::vector<float> data(300);
  const int64_t rows = int64_t(fread(data.data(), 12, 100, stdin));
  nnf::Model model;
  if (nnf::Status status = nnf::Model::load("net.so", model); !status) {
    fprintf(stderr, "error: %s\n", status.message().c_str());
    return 1;
  }
  nnf::Context context;
  std::vector<nnf::Tensor> in, out(1);
  in.emplace_back(data.data(), NNF_FLOAT32, std::vector<int64_t>{rows, 3});
  nnf::Status status = nnf::Context::create(model, context);
  if (status)
    status = context.run(in, out);
  if (!status) {
    fprintf(stderr, "error: %s\n", status.message().c_str());
    return 1;
  }
  fwrite(out[0].data<float>(), 12, size_t(rows), stdout);
  return 0;
}
