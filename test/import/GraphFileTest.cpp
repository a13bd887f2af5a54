#include "compiler/import/GraphFile.h"
#include "Folder.h"
#include "compiler/builder/GraphBuilder.h"
#include "test/builder/GraphText.h"
#include <gmock/gmock.h>

namespace nnf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string input = R"(inputs { name: "x" type { dtype: FLOAT32 dims { symbol: "N" } dims { size: 4 } } })";

std::string node(const std::string &op, const std::string &in, const std::string &out, const std::string &more = "") {
  return "nodes { op: \"" + op + "\" name: \"" + out + "_node\" arguments { name: \"input\" tensor: \"" + in + "\" } " +
         more + " outputs: \"" + out + "\" }\n";
}

class GraphFileTest : public testing::Test {
protected:
  GraphFileTest() : errors(context) {}
  mlir::OwningOpRef<mlir::ModuleOp> read(const std::string &text, const ReadOptions &options = {}) {
    return readGraphFile(context, folder.write("net.nnf.txt", text), GraphEncoding::Text, options);
  }
  std::string errorOf(const std::string &text, const ReadOptions &options = {}) {
    EXPECT_FALSE(read(text, options));
    return errors.first();
  }
  /// Writes and reads in every way; each must give the same module.
  void expectRoundTrip(mlir::ModuleOp module) {
    std::string before = test::textOf(module);
    for (GraphEncoding encoding : {GraphEncoding::Binary, GraphEncoding::Text})
      for (WeightsGo weights : {WeightsGo::Inside, WeightsGo::Beside}) {
        std::string path = folder / "again.nnf";
        ASSERT_TRUE(succeeded(writeGraphFile(module, path, encoding, weights))) << errors.first();
        mlir::MLIRContext other;
        test::Errors otherErrors(other);
        auto again = readGraphFile(other, path, encoding);
        ASSERT_TRUE(again) << otherErrors.first();
        EXPECT_EQ(test::textOf(*again), before);
      }
  }
  mlir::MLIRContext context;
  test::Errors errors;
  test::Folder folder;
};

TEST_F(GraphFileTest, RoundTrip) {
  std::string large;
  for (int i = 0; i < 300; ++i)
    large += "\\001\\002\\003\\004";
  auto module = read("name: \"net\" " + input + R"(
    constants { name: "w" tensor { type { dtype: FLOAT32 dims { size: 4 } } data: "\000\000\200?\000\000\200?\000\000\200?\000\000\000@" } }
    constants { name: "one" tensor { type { dtype: FLOAT32 dims { size: 2 } } data: "\000\000\200?\000\000\200?" } }
    constants { name: "b" tensor { type { dtype: BOOL dims { size: 3 } } data: "\001\000\001" } }
    constants { name: "big" tensor { type { dtype: INT32 dims { size: 300 } } data: ")" +
                     large + R"(" } }
    nodes { op: "prelu" name: "p" arguments { name: "input" tensor: "x" } arguments { name: "weight" tensor: "w" } outputs: "y" }
    nodes { op: "add" arguments { name: "input" tensor: "y" } arguments { name: "other" f: 2.5 } arguments { name: "alpha" i: 2 } outputs: "a" }
    nodes { op: "cat" name: "c" arguments { name: "tensors" tensors { names: "a" names: "y" } } arguments { name: "dim" i: 1 } outputs: "z" }
    nodes { op: "to" arguments { name: "input" tensor: "z" } arguments { name: "dtype" s: "float64" } outputs: "d" }
    outputs: "z" outputs: "d" outputs: "y")");
  ASSERT_TRUE(module) << errors.first();
  expectRoundTrip(*module);
}

TEST_F(GraphFileTest, InPlaceRoundTrip) {
  auto module = read(input + node("relu_", "x", "a") + node("tanh", "x", "b") +
                     node("hardswish", "x", "c", "arguments { name: \"inplace\" b: true }") + node("tanh", "x", "d") +
                     R"(outputs: "b" outputs: "d")");
  ASSERT_TRUE(module) << errors.first();
  expectRoundTrip(*module);
}

TEST_F(GraphFileTest, RunningStatisticsRoundTrip) {
  auto module = read(input + R"(
    inputs { name: "mean" type { dtype: FLOAT32 dims { size: 4 } } }
    inputs { name: "var" type { dtype: FLOAT32 dims { size: 4 } } }
    nodes { op: "batch_norm" arguments { name: "input" tensor: "x" } arguments { name: "running_mean" tensor: "mean" }
            arguments { name: "running_var" tensor: "var" } arguments { name: "training" b: true } outputs: "y" }
    nodes { op: "tanh" arguments { name: "input" tensor: "mean" } outputs: "t" }
    outputs: "y" outputs: "t" outputs: "var")");
  ASSERT_TRUE(module) << errors.first();
  auto main = module->lookupSymbol<mlir::func::FuncOp>("main");
  EXPECT_EQ(main.getNumResults(), 4u);
  EXPECT_EQ(main.getArgAttrOfType<mlir::IntegerAttr>(1, "nnf.inout").getInt(), 3);
  EXPECT_EQ(main.getArgAttrOfType<mlir::IntegerAttr>(2, "nnf.inout").getInt(), 2);
  expectRoundTrip(*module);
}

TEST_F(GraphFileTest, AChainOfChangesRoundTrip) {
  auto module = read(input + R"(
    inputs { name: "mean" type { dtype: FLOAT32 dims { size: 4 } } }
    inputs { name: "var" type { dtype: FLOAT32 dims { size: 4 } } }
    nodes { op: "relu_" arguments { name: "input" tensor: "mean" } outputs: "m" }
    nodes { op: "relu_" arguments { name: "input" tensor: "m" } outputs: "m2" }
    nodes { op: "batch_norm" arguments { name: "input" tensor: "x" } arguments { name: "running_mean" tensor: "mean" }
            arguments { name: "running_var" tensor: "var" } arguments { name: "training" b: true } outputs: "y" }
    nodes { op: "sigmoid" arguments { name: "input" tensor: "m2" } outputs: "s" }
    outputs: "y" outputs: "m" outputs: "s")");
  ASSERT_TRUE(module) << errors.first();
  expectRoundTrip(*module);
}

TEST_F(GraphFileTest, NodesInAnyOrder) {
  auto module = read(input + node("tanh", "y", "z") + node("relu", "x", "y") + R"(outputs: "z")");
  ASSERT_TRUE(module) << errors.first();
}

TEST_F(GraphFileTest, ExternalFiles) {
  folder.write("w.npy", test::npy("<f4", "(2,)", "12345678"));
  folder.write("m.safetensors",
               test::safetensors(R"({"k#1":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}})", "12345678"));
  folder.write("u.npy", test::npy("<u2", "(4,)", "12345678"));
  auto module = read(input + R"(
    constants { name: "w" tensor { type { dtype: FLOAT32 dims { size: 2 } } file: "w.npy" } }
    constants { name: "k" tensor { type { dtype: BFLOAT16 dims { size: 4 } } file: "m.safetensors#k#1" } }
    constants { name: "u" tensor { type { dtype: BFLOAT16 dims { size: 4 } } file: "u.npy" } }
    outputs: "w" outputs: "k" outputs: "u")");
  ASSERT_TRUE(module) << errors.first();
  auto main = module->lookupSymbol<mlir::func::FuncOp>("main");
  auto constants = llvm::to_vector(main.getOps<ConstantOp>());
  ASSERT_EQ(constants.size(), 3u);
  auto raw = llvm::cast<mlir::DenseElementsAttr>(constants[0].getValue()).getRawData();
  EXPECT_EQ(std::string(raw.begin(), raw.end()), "12345678");
}

TEST_F(GraphFileTest, FixedSizes) {
  ReadOptions options;
  options.dims = {{"N", 3}};
  auto module = read(input + node("relu", "x", "y") + R"(outputs: "y")", options);
  ASSERT_TRUE(module) << errors.first();
  EXPECT_THAT(test::textOf(*module), HasSubstr("nnf.relu %arg0 : (tensor<3x4xf32>) -> tensor<3x4xf32>"));
}

TEST_F(GraphFileTest, AFailedWriteLeavesNoFile) {
  auto module = read(input + node("relu", "x", "y") + R"(outputs: "y")");
  ASSERT_TRUE(module);
  EXPECT_TRUE(failed(writeGraphFile(*module, folder / "no/such/folder.nnf", GraphEncoding::Text)));
  EXPECT_THAT(errors.first(), HasSubstr("cannot be written"));
  EXPECT_EQ(folder.count(), 1u);
}

// ---- errors: one test each for what a file may get wrong

TEST_F(GraphFileTest, NoText) {
  EXPECT_EQ(errorOf("nodes { op: \"relu\" colour: 3 }"),
            "net.nnf.txt:1:26: Message type \"nnfc.Node\" has no field named \"colour\". [NNFC-E0102]");
}
TEST_F(GraphFileTest, NoBinary) {
  EXPECT_FALSE(readGraphFile(context, folder.write("net.nnf", "\x0a\xff"), GraphEncoding::Binary));
  EXPECT_EQ(errors.first(),
            "net.nnf: no binary graph file: broken or truncated, or a name in it is no UTF-8 [NNFC-E0103]");
}
TEST_F(GraphFileTest, NoFile) {
  EXPECT_FALSE(readGraphFile(context, folder / "absent.nnf", GraphEncoding::Binary));
  EXPECT_THAT(errors.first(), HasSubstr("absent.nnf': No such file or directory"));
}
TEST_F(GraphFileTest, NewerVersion) {
  EXPECT_EQ(errorOf("version: 2"), "graph '': version 2, expected 0 or 1 [NNFC-E0105]");
}
TEST_F(GraphFileTest, BothDataFields) {
  EXPECT_THAT(errorOf(R"(constants { name: "w" tensor { data: "" file: "w.npy" } })"),
              HasSubstr("Field \"file\" is specified along with field \"data\""));
}
TEST_F(GraphFileTest, NeitherDataField) {
  EXPECT_EQ(errorOf(R"(constants { name: "w" tensor { type { dtype: INT8 } } })"),
            "constant 'w': no data, expected data or a file [NNFC-E0116]");
}
TEST_F(GraphFileTest, DTypeUnspecified) {
  EXPECT_THAT(errorOf(R"(inputs { name: "x" })"), StartsWith("input 'x': dtype unspecified, expected one of float32,"));
}
TEST_F(GraphFileTest, WrongNumberOfBytes) {
  EXPECT_EQ(errorOf(R"(constants { name: "w" tensor { type { dtype: INT32 dims { size: 2 } } data: "12345" } })"),
            "constant 'w': 5 bytes of data, expected 8 for int32 [2] [NNFC-E0115]");
}
TEST_F(GraphFileTest, ConstantsHaveNoSymbols) {
  EXPECT_EQ(errorOf(R"(constants { name: "w" tensor { type { dtype: INT32 dims { symbol: "N" } } data: "" } })"),
            "constant 'w': size 'N', expected a number [NNFC-E0113]");
}
TEST_F(GraphFileTest, NegativeSize) {
  EXPECT_EQ(errorOf(R"(inputs { name: "x" type { dtype: INT32 dims { size: -1 } } })"),
            "input 'x': size -1, expected at least 0 [NNFC-E0113]");
}
TEST_F(GraphFileTest, SizeOfNothing) {
  EXPECT_EQ(errorOf(R"(inputs { name: "x" type { dtype: INT32 dims { } } })"),
            "input 'x': a size that is neither a number nor a name, expected one of them [NNFC-E0113]");
}
TEST_F(GraphFileTest, HugeConstant) {
  EXPECT_THAT(errorOf(R"(constants { name: "w" tensor { type { dtype: INT32 dims { size: 4611686018427387904 }
                         dims { size: 4 } } data: "" } })"),
              StartsWith("constant 'w': int32 [4611686018427387904, 4], expected at most"));
}
TEST_F(GraphFileTest, RankBeyondLimits) {
  std::string dims;
  for (int i = 0; i < 40; ++i)
    dims += "dims { size: 1 } ";
  EXPECT_EQ(errorOf("inputs { name: \"x\" type { dtype: INT32 " + dims + " } }"),
            "input 'x': rank 40, expected at most 16 [NNFC-E0114]");
}
TEST_F(GraphFileTest, TwoDefinitions) {
  EXPECT_EQ(
      errorOf(input + node("relu", "x", "x")),
      "node 'x_node' (relu): defines tensor 'x', which input 'x' defines too, expected one definition [NNFC-E0107]");
  EXPECT_THAT(errors.notes, ElementsAre("at net.nnf.txt:1:83"));
}
TEST_F(GraphFileTest, UnknownTensor) {
  EXPECT_EQ(errorOf(input + node("relu", "q", "y")),
            "node 'y_node' (relu), argument 'input': tensor 'q' is not there, expected an input, a constant or an "
            "output of a node [NNFC-E0108]");
}
TEST_F(GraphFileTest, UnknownOutput) {
  EXPECT_EQ(errorOf(input + "outputs: \"y\""),
            "output 'y': no tensor of that name, expected an input, a constant or an output of a node [NNFC-E0108]");
}
TEST_F(GraphFileTest, NodeWithoutOutputs) {
  EXPECT_EQ(errorOf(input + R"(nodes { op: "tanh" name: "t" arguments { name: "input" tensor: "x" } })"),
            "node 't' (tanh): no outputs, expected 1 [NNFC-E0121]");
}
TEST_F(GraphFileTest, NodeWithoutOp) {
  EXPECT_EQ(errorOf(R"(nodes { name: "t" })"), "node 't' (): no op, expected the name of a function [NNFC-E0121]");
}
TEST_F(GraphFileTest, Cycle) {
  EXPECT_EQ(errorOf(input + node("relu", "b", "a") + node("tanh", "a", "b")),
            "node 'a_node' (relu), node 'b_node' (tanh): each reads from the next and the last from the first, "
            "expected no cycle [NNFC-E0109]");
}
TEST_F(GraphFileTest, InPlaceNeedsOrder) {
  EXPECT_EQ(
      errorOf(input + node("tanh", "y", "z") + node("relu_", "x", "y") + R"(outputs: "z")"),
      "node 'z_node' (tanh): reads a tensor that a later node makes, expected nodes in topological order, because "
      "node 'y_node' (relu_) changes a tensor in place [NNFC-E0110]");
}
TEST_F(GraphFileTest, FileOfAnotherType) {
  folder.write("w.npy", test::npy("<f8", "(1,)", "12345678"));
  EXPECT_EQ(errorOf(R"(constants { name: "w" tensor { type { dtype: FLOAT32 dims { size: 2 } } file: "w.npy" } })"),
            "constant 'w': file 'w.npy': float64 [1], expected float32 [2] [NNFC-E0119]");
}
TEST_F(GraphFileTest, FileOutside) {
  EXPECT_EQ(errorOf(R"(constants { name: "w" tensor { type { dtype: FLOAT32 } file: "../w.npy" } })"),
            "constant 'w': file '../w.npy': outside the folder of the model, expected a file inside it [NNFC-E0117]");
}
TEST_F(GraphFileTest, FileOfUnknownKind) {
  EXPECT_EQ(errorOf(R"(constants { name: "w" tensor { type { dtype: FLOAT32 } file: "w.bin" } })"),
            "constant 'w': file 'w.bin': expected a path ending in .npy, or in .safetensors#key [NNFC-E0117]");
}

// Broken files end in an error or in a graph, never in a crash: every prefix, and every byte changed.
TEST_F(GraphFileTest, DamagedBinaryFiles) {
  auto module =
      read(input + R"(constants { name: "w" tensor { type { dtype: FLOAT32 dims { size: 1 } } data: "1234" } })" +
           node("leaky_relu", "x", "y", "arguments { name: \"negative_slope\" f: 2 }") + R"(outputs: "y")");
  ASSERT_TRUE(module) << errors.first();
  ASSERT_TRUE(succeeded(writeGraphFile(*module, folder / "good.nnf", GraphEncoding::Binary)));
  std::string good = folder.read("good.nnf");
  int refused = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    for (unsigned char bits : {0x01, 0x80, 0xff}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ bits);
      refused += !readGraphFile(context, folder.write("bad.nnf", bad), GraphEncoding::Binary);
    }
    readGraphFile(context, folder.write("bad.nnf", good.substr(0, i)), GraphEncoding::Binary);
  }
  EXPECT_GT(refused, 0);
}

} // namespace
} // namespace nnf
