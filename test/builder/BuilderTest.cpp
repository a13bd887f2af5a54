// The C++ API, seen from outside: this file includes nothing of the compiler.
#include <fstream>
#include <gmock/gmock.h>
#include <nnfc/builder.h>
#include <sstream>

namespace {

std::string saved(nnfc::Graph &graph) {
  std::string path = testing::TempDir() + "builder-test.nnf.txt";
  nnfc::Result<void> result = graph.save(path);
  EXPECT_TRUE(result) << result.error().text();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Builder, GraphsReadLikeTheProgram) {
  nnfc::Graph g("net");
  nnfc::Tensor x = g.input("x", nnfc::float32, {"N", 3});
  nnfc::Tensor w = g.constant("w", {3}, std::vector<float>{0.5f, 1.0f, 1.5f});
  g.output("y", g.leaky_relu(g.prelu(x, w), {.negative_slope = 0.25, .node = "last"}));
  EXPECT_EQ(saved(g), R"(name: "net"
inputs {
  name: "x"
  type {
    dtype: FLOAT32
    dims {
      symbol: "N"
    }
    dims {
      size: 3
    }
  }
}
constants {
  name: "w"
  tensor {
    type {
      dtype: FLOAT32
      dims {
        size: 3
      }
    }
    data: "\000\000\000?\000\000\200?\000\000\300?"
  }
}
nodes {
  op: "prelu"
  arguments {
    name: "input"
    tensor: "x"
  }
  arguments {
    name: "weight"
    tensor: "w"
  }
  outputs: "t1"
}
nodes {
  op: "leaky_relu"
  name: "last"
  arguments {
    name: "input"
    tensor: "t1"
  }
  arguments {
    name: "negative_slope"
    f: 0.25
  }
  outputs: "y"
}
outputs: "y"
)");
}

TEST(Builder, ParametersTakeWhatReadsWell) {
  nnfc::Graph g("net");
  nnfc::Tensor x = g.input("x", nnfc::float32, {"N", 3, 8, 8});
  nnfc::Tensor w = g.constant("w", {4, 3, 3, 3}, std::vector<float>(108));
  nnfc::Tensor b = g.constant("b", nnfc::float32, {4}, std::vector<float>(4));
  nnfc::Tensor y = g.conv2d(x, w, {.bias = b, .padding = "same"});
  auto pooled = g.max_pool2d(y, 2, {.return_indices = true});
  // Outputs that are asked for are there, and the first stands for all.
  EXPECT_TRUE(pooled.indices);
  auto again = g.max_pool2d(pooled, {2, 2}, {.stride = 1});
  EXPECT_FALSE(again.indices);
  nnfc::Tensor sum = g.add(again, 1.5, {.alpha = 2});
  std::vector<nnfc::Tensor> pieces = g.split(sum, 2, {.dim = 1});
  EXPECT_EQ(pieces.size(), 2u);
  g.output("z", g.to(g.cat(pieces, {.dim = 1}), nnfc::float64));
  EXPECT_THAT(saved(g), testing::HasSubstr("s: \"float64\""));
}

TEST(Builder, InPlaceFunctionsStayInPlace) {
  nnfc::Graph g("net");
  nnfc::Tensor x = g.input("x", nnfc::float32, {4});
  g.relu_(x);
  g.output("y", g.tanh(x));
  EXPECT_THAT(saved(g), testing::HasSubstr("op: \"relu_\""));
}

TEST(Builder, AnOutputNamedAsAChangedInputIsItsNewValue) {
  nnfc::Graph g("net");
  nnfc::Tensor x = g.input("x", nnfc::float32, {4}), z = g.input("z", nnfc::float32, {4});
  g.relu_(x);
  g.output("x", g.tanh(z));
  nnfc::Result<void> result = g.save(testing::TempDir() + "never.nnf");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "output 'x': has the name of an input that is changed in place, expected that "
                                    "input's new value [NNFC-E0123]");
}

TEST(Builder, TheFirstErrorNamesTheLine) {
  nnfc::Graph g("net");
  nnfc::Tensor x = g.input("x", nnfc::float32, {4});
  unsigned line = __LINE__ + 1;
  nnfc::Tensor y = g.gelu(x, {.approximate = "cubic"});
  EXPECT_FALSE(y);
  g.output("y", g.relu(y));
  nnfc::Result<void> result = g.save(testing::TempDir() + "never.nnf");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().line, line);
  EXPECT_THAT(result.error().file, testing::EndsWith("BuilderTest.cpp"));
  EXPECT_THAT(result.error().message, testing::HasSubstr("node (gelu), argument 'approximate'"));
}

TEST(Builder, TensorsOfAnotherGraphAreRefused) {
  nnfc::Graph a("a"), b("b");
  nnfc::Tensor x = a.input("x", nnfc::float32, {4});
  EXPECT_FALSE(b.relu(x));
  EXPECT_EQ(b.error()->message,
            "node (relu), argument 'input': a tensor of another graph, expected a tensor of this graph [NNFC-E0226]");
}

TEST(Builder, ConstantsNeedAsManyBytesAsTheirSizes) {
  nnfc::Graph g("net");
  EXPECT_FALSE(g.constant("w", {2, 2}, std::vector<float>{1, 2, 3}));
  EXPECT_EQ(g.error()->message, "constant 'w': 12 bytes, expected 16 for its sizes and dtype [NNFC-E0115]");
}

TEST(Builder, NothingIsAddedAfterSave) {
  nnfc::Graph g("net");
  nnfc::Tensor x = g.input("x", nnfc::float32, {4});
  g.output("y", g.relu(x));
  saved(g);
  EXPECT_FALSE(g.relu(x));
  ASSERT_TRUE(g.error());
  EXPECT_THAT(g.error()->message, testing::EndsWith("after save() or compile() [NNFC-E0225]"));
}

TEST(Builder, AnUnknownExtensionIsNoFaultOfTheGraph) {
  nnfc::Graph g("net");
  g.output("y", g.relu(g.input("x", nnfc::float32, {4})));
  nnfc::Result<void> result = g.save("net.txt");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "file 'net.txt': of no known format, expected .nnf, .nnf.txt or .mlir [NNFC-E0006]");
  saved(g);
}

} // namespace
