// Operators of ONNX become functions with torch's parameters, at every operator-set version.
#include "test/onnx/Imported.h"
#include <gtest/gtest.h>

namespace nnf::test {
namespace {

TEST(Reader, ConvolutionWithEvenPaddingIsOneFunction) {
  Imported m(modelFile("float[N,3,8,8] x, float[4,3,3,3] w, float[4] b", "float[N,4,4,4] y",
                       "y = Conv<strides = [2,2], pads = [1,1,1,1]>(x, w, b)"));
  EXPECT_EQ(m.ops(), "conv2d");
  EXPECT_EQ(m.outputs(), "float32 [N, 4, 4, 4]");
  EXPECT_EQ(m.attribute("conv2d", "stride"), "array<i64: 2, 2>");
  EXPECT_EQ(m.attribute("conv2d", "padding"), "array<i64: 1, 1>");
}

TEST(Reader, UnevenPaddingIsWrittenOut) {
  Imported m(modelFile("float[1,3,8,8] x, float[4,3,3,3] w", "float[1,4,8,7] y", "y = Conv<pads = [0,1,2,0]>(x, w)"));
  EXPECT_EQ(m.ops(), "pad conv2d");
  EXPECT_EQ(m.attribute("pad", "pad"), "array<i64: 1, 0, 0, 2>");
  EXPECT_EQ(m.outputs(), "float32 [1, 4, 8, 7]");
}

TEST(Reader, SamePaddingPutsTheOddOneWhereItSays) {
  Imported upper(
      modelFile("float[1,3,7] x, float[4,3,4] w", "float[1,4,7] y", "y = Conv<auto_pad = \"SAME_UPPER\">(x, w)"));
  EXPECT_EQ(upper.attribute("pad", "pad"), "array<i64: 1, 2>");
  Imported lower(
      modelFile("float[1,3,7] x, float[4,3,4] w", "float[1,4,7] y", "y = Conv<auto_pad = \"SAME_LOWER\">(x, w)"));
  EXPECT_EQ(lower.attribute("pad", "pad"), "array<i64: 2, 1>");
}

TEST(Reader, TransposedConvolutionToAWantedShape) {
  Imported m(modelFile("float[1,1,3,3] x, float[1,2,3,3] w", "float[1,2,10,8] y",
                       "y = ConvTranspose<strides = [3,2], output_shape = [10,8]>(x, w)"));
  EXPECT_EQ(m.outputs(), "float32 [1, 2, 10, 8]");
}

TEST(Reader, GemmOfALinearLayerIsLinear) {
  Imported m(modelFile("float[N,8] x, float[4,8] w, float[4] b", "float[N,4] y", "y = Gemm<transB = 1>(x, w, b)"));
  EXPECT_EQ(m.ops(), "linear");
  Imported other(modelFile("float[8,N] x, float[8,4] w, float[1,4] b", "float[N,4] y",
                           "y = Gemm<transA = 1, alpha = 0.5>(x, w, b)"));
  EXPECT_EQ(other.ops(), "permute matmul mul add");
  EXPECT_EQ(other.outputs(), "float32 [N, 4]");
}

TEST(Reader, ClipTakesItsBoundsFromAttributesThenFromInputs) {
  Imported old(modelFile("float[4] x", "float[4] y", "y = Clip<min = 0.0, max = 6.0>(x)", 6));
  EXPECT_EQ(old.ops(), "clamp");
  Imported now(modelFile("float[4] x", "float[4] y", "y = Clip(x, , hi)", 11, floats("hi", {}, {6})));
  EXPECT_EQ(now.ops(), "clamp");
  Imported none(modelFile("float[4] x", "float[4] y", "y = Clip(x)", 13));
  EXPECT_EQ(none.ops(), "");
}

TEST(Reader, SqueezeTakesItsAxesFromAttributesThenFromInputs) {
  Imported old(modelFile("float[2,1,3,1] x", "float[2,1,3] y", "y = Squeeze<axes = [3]>(x)", 11));
  EXPECT_EQ(old.outputs(), "float32 [2, 1, 3]");
  Imported now(modelFile("float[2,1,3,1] x", "float[2,3,1] y", "y = Squeeze(x, axes)", 13, ints("axes", {1}, {1})));
  EXPECT_EQ(now.outputs(), "float32 [2, 3, 1]");
  Imported all(modelFile("float[2,1,3,1] x", "float[2,3] y", "y = Squeeze(x)", 13));
  EXPECT_EQ(all.outputs(), "float32 [2, 3]");
}

TEST(Reader, SoftmaxBeforeVersion13SeesAMatrix) {
  Imported old(modelFile("float[2,3,4] x", "float[2,3,4] y", "y = Softmax<axis = 1>(x)", 11));
  EXPECT_EQ(old.ops(), "reshape softmax reshape");
  Imported last(modelFile("float[2,3,4] x", "float[2,3,4] y", "y = Softmax<axis = 2>(x)", 11));
  EXPECT_EQ(last.ops(), "softmax");
  Imported now(modelFile("float[2,3,4] x", "float[2,3,4] y", "y = Softmax<axis = 1>(x)", 13));
  EXPECT_EQ(now.ops(), "softmax");
  EXPECT_EQ(now.attribute("softmax", "dim"), "1 : i64");
}

TEST(Reader, OldBroadcastingFollowsTheAxis) {
  Imported m(
      modelFile("float[2,3,4,5] x, float[3,4] b", "float[2,3,4,5] y", "y = Add<broadcast = 1, axis = 1>(x, b)", 6));
  EXPECT_EQ(m.ops(), "reshape add");
  EXPECT_EQ(m.outputs(), "float32 [2, 3, 4, 5]");
}

TEST(Reader, IntegersKeepTheirTypes) {
  Imported sum(
      modelFile("int32[2,3] x", "int32[2] y", "y = ReduceSum<keepdims = 0>(x, axes)", 13, ints("axes", {1}, {1})));
  EXPECT_EQ(sum.outputs(), "int32 [2]");
  Imported div(modelFile("int32[4] x, int32[4] z", "int32[4] y", "y = Div(x, z)"));
  EXPECT_EQ(div.outputs(), "int32 [4]");
  EXPECT_EQ(div.attribute("div", "rounding_mode"), "\"trunc\"");
  Imported pow(modelFile("int32[4] x, float[4] z", "int32[4] y", "y = Pow(x, z)"));
  EXPECT_EQ(pow.outputs(), "int32 [4]");
}

TEST(Reader, PoolingWithTorchsLimitsIsOneFunction) {
  Imported m(modelFile("float[1,3,8,8] x", "float[1,3,4,4] y",
                       "y = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(x)"));
  EXPECT_EQ(m.ops(), "max_pool2d");
  Imported uneven(modelFile("float[1,3,8,8] x", "float[1,3,8,8] y",
                            "y = MaxPool<kernel_shape = [2,2], auto_pad = \"SAME_UPPER\">(x)"));
  EXPECT_EQ(uneven.ops(), "pad max_pool2d");
  EXPECT_EQ(uneven.outputs(), "float32 [1, 3, 8, 8]");
  Imported global(modelFile("float[N,3,H,W] x", "float[N,3,1,1] y", "y = GlobalAveragePool(x)"));
  EXPECT_EQ(global.outputs(), "float32 [N, 3, 1, 1]");
}

/// The value of the last constant, or the error.
std::string constantText(Imported &m) {
  std::string text = "error: " + m.error;
  if (m.module)
    m.module->walk([&](ConstantOp op) {
      text.clear();
      llvm::raw_string_ostream(text) << op.getValueAttr();
    });
  return text;
}

TEST(Reader, BothEncodingsOfDataAreTheSame) {
  std::string bytes(8, '\0');
  float values[] = {1.5f, -2};
  std::memcpy(bytes.data(), values, 8);
  Imported typed(modelFile("float[2] x", "float[2] y", "y = Add(x, w)", 13, floats("w", {2}, {1.5f, -2})));
  Imported raws(modelFile("float[2] x", "float[2] y", "y = Add(x, w)", 13, raw("w", 1, {2}, bytes)));
  EXPECT_EQ(constantText(typed), "dense<[1.500000e+00, -2.000000e+00]> : tensor<2xf32>");
  EXPECT_EQ(constantText(raws), constantText(typed));
}

TEST(Reader, SparseInitializersGetTheirZeros) {
  Imported m(modelFile("float[2,2] x", "float[2,2] y", "y = Add(x, w)", 13, sparse("w", {2, 2}, {1, 2}, {5, 7})));
  EXPECT_EQ(constantText(m), "dense<[[0.000000e+00, 5.000000e+00], [7.000000e+00, 0.000000e+00]]> : tensor<2x2xf32>");
}

TEST(Reader, FunctionsOfTheModelTakeTheCallsAttributes) {
  Imported given(modelFile("float[4] x", "float[4] y", "y = own.Leaky<slope = 0.25>(x)", 13, leakyFunction()));
  EXPECT_EQ(given.attribute("leaky_relu", "negative_slope"), "2.500000e-01 : f64");
  Imported omitted(modelFile("float[4] x", "float[4] y", "y = own.Leaky(x)", 13, leakyFunction()));
  EXPECT_EQ(omitted.attribute("leaky_relu", "negative_slope"), "0.0099999997764825821 : f64");
}

TEST(Reader, SizesGivenAtRunTimeAreThoseDeclaredAndChecked) {
  Imported m(modelFile("float[2,6] x, int64[2] s", "float[3,4] y", "y = Reshape(x, s)"));
  EXPECT_EQ(m.outputs(), "float32 [3, 4]");
  EXPECT_NE(m.ops().find("prim.check"), std::string::npos) << m.ops();
}

TEST(Reader, ExternalDataIsReadFromBesideTheModel) {
  fileOf("weights.bin", std::string(64, '\0'));
  Imported m(modelFile("float[4] x", "float[4] y", "y = Add(x, w)", 13, external("w", {4}, "weights.bin", "16", "16")));
  EXPECT_EQ(m.outputs(), "float32 [4]");
}

TEST(Reader, InitializersThatAreInputsToo) {
  // Before IR version 4 every one had to be.
  Imported m(modelFile("float[2] x, float[2] w", "float[2] y", "y = Add(x, w)", 8, floats("w", {2}, {1, 2})));
  EXPECT_EQ(m.inputs(), "float32 [2]");
}

TEST(Reader, NodesInAnyOrder) {
  Imported m(modelFile("float[4] x", "float[4] y", "y = Relu(h) h = Abs(x)"));
  EXPECT_EQ(m.ops(), "abs relu");
}

TEST(Reader, NodesNoOutputNeedsAreLeftOut) {
  Imported m(modelFile("float[4] x", "float[4] y", "y = Relu(x) unused = NonMaxSuppression(x)"));
  EXPECT_EQ(m.ops(), "relu");
}

TEST(Reader, NodesAndOutputsKeepTheirNames) {
  Imported m(modelFile("float[4] x", "float[4] y", "y = Relu(x)"));
  ASSERT_TRUE(m.module) << m.error;
  std::string text;
  m.module->walk([&](mlir::Operation *op) {
    if (op->getName().getStringRef() == "nnf.relu")
      text = nodeText(op->getLoc());
  });
  EXPECT_EQ(text, "node 'y' (Relu)");
  EXPECT_EQ(llvm::cast<mlir::StringAttr>(m.main().getResultAttr(0, "nnf.name")).getValue(), "y");
  EXPECT_EQ(llvm::cast<mlir::StringAttr>(m.main().getArgAttr(0, "nnf.name")).getValue(), "x");
}

TEST(Reader, DropoutIsTheIdentity) {
  Imported m(modelFile("float[4] x", "float[4] y, bool[4] mask", "y, mask = Dropout(x)"));
  EXPECT_EQ(m.outputs(), "float32 [4], bool [4]");
  EXPECT_EQ(m.ops().find("dropout"), std::string::npos);
}

TEST(Reader, OperatorsThatOnnxDefinesAreExpanded) {
  Imported m(modelFile("int64 n", "float[5] y", "y = HannWindow<periodic = 0>(size)", 17, ints("size", {}, {5})));
  EXPECT_EQ(m.outputs(), "float32 [5]");
}

TEST(Reader, LayerNormalizationIsOneFunctionUnlessStatisticsAreWanted) {
  Imported plain(
      modelFile("float[N,4] x, float[4] s, float[4] b", "float[N,4] y", "y = LayerNormalization(x, s, b)", 17));
  EXPECT_EQ(plain.ops(), "layer_norm");
  Imported full(modelFile("float[N,4] x, float[4] s, float[4] b", "float[N,4] y, float[N,1] m, float[N,1] d",
                          "y, m, d = LayerNormalization(x, s, b)", 17));
  EXPECT_EQ(full.outputs(), "float32 [N, 4], float32 [N, 1], float32 [N, 1]");
}

} // namespace
} // namespace nnf::test
