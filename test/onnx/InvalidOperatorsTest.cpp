// What operators beyond the functions of torch refuse, and what they need no run for.
#include "test/onnx/Imported.h"
#include <gtest/gtest.h>

namespace nnf::test {
namespace {

std::string errorOf(const std::string &inputs, const std::string &nodes, int64_t opset = 13,
                    const Change &change = {}) {
  return Imported(modelFile(inputs, "float[K] y", nodes, opset, change)).error;
}

TEST(DataSized, KnownConditionsGiveKnownSizes) {
  Change condition = ints("c", {3}, {1, 0, 2});
  Imported positions(
      modelFile("float[N] x", "float[K] y", "i = NonZero(c) j = Squeeze(i) y = Gather(x, j)", 11, condition));
  EXPECT_EQ(positions.outputs(), "float32 [2]");
  Imported picked(modelFile("float[N] x", "float[K] y", "b = Cast<to = 9>(c) y = Compress(x, b)", 11, condition));
  EXPECT_EQ(picked.outputs(), "float32 [2]");
  Imported computed(modelFile("bool[N] x", "int64[1,K] y", "y = NonZero(x)"));
  EXPECT_EQ(computed.outputs(), "int64 [1, size(0)]");
}

TEST(DataSized, Refused) {
  EXPECT_EQ(errorOf("float[4] x, bool[2,2] c", "y = Compress(x, c)"),
            "node 'y' (Compress), argument 'condition': shape [2, 2], expected rank 1 [NNFC-E0207]");
  EXPECT_EQ(errorOf("float[4] x", "y = Unique<axis = 1>(x)"),
            "node 'y' (Unique), argument 'axis': 1, expected -1 to 0 for a tensor of rank 1 [NNFC-E0210]");
}

TEST(Detection, NonMaxSuppressionRefuses) {
  std::string nodes = "y = NonMaxSuppression(b, s, m, i)", most = ", int64 m";
  Change threshold = floats("i", {}, {0.5});
  EXPECT_EQ(
      errorOf("float[1,N,5] b, float[1,2,N] s" + most, nodes, 13, threshold),
      "node 'y' (NonMaxSuppression), argument 'boxes': shape [1, N, 5], expected [images, boxes, 4] [NNFC-E0208]");
  EXPECT_EQ(
      errorOf("float[1,N,4] b, float[2,N] s" + most, nodes, 13, threshold),
      "node 'y' (NonMaxSuppression), argument 'scores': shape [2, N], expected [images, classes, boxes] [NNFC-E0208]");
  EXPECT_EQ(errorOf("float[1,6,4] b, float[1,2,7] s" + most, nodes, 13, threshold),
            "node 'y' (NonMaxSuppression), argument 'scores': 7 boxes, expected 6 as 'boxes' has [NNFC-E0208]");
  EXPECT_EQ(errorOf("float[1,6,4] b, float[1,2,6] s" + most, nodes, 13, floats("i", {}, {1.5})),
            "node 'y' (NonMaxSuppression), argument 'iou_threshold': 1.500000, expected 0 to 1 [NNFC-E0213]");
}

TEST(Detection, RoiAlignRefuses) {
  std::string inputs = "float[1,3,H,W] x, float[R,4] r, int64[R] b";
  EXPECT_EQ(errorOf(inputs, "y = RoiAlign<mode = \"min\">(x, r, b)"),
            "node 'y' (RoiAlign), argument 'mode': 'min', expected 'avg' or 'max' [NNFC-E0214]");
  EXPECT_EQ(errorOf(inputs, "y = RoiAlign<coordinate_transformation_mode = \"half\">(x, r, b)", 16),
            "node 'y' (RoiAlign), argument 'coordinate_transformation_mode': 'half', expected 'half_pixel' or "
            "'output_half_pixel' [NNFC-E0214]");
  EXPECT_EQ(errorOf(inputs, "y = RoiAlign<output_height = 0>(x, r, b)"),
            "node 'y' (RoiAlign): sampling_ratio 0 to a size [0, 1], expected 0 to 32768, and sizes of 1 or more "
            "[NNFC-E0213]");
  EXPECT_EQ(errorOf("float[3,H,W] x, float[R,4] r, int64[R] b", "y = RoiAlign(x, r, b)"),
            "node 'y' (RoiAlign), argument 'X': rank 3, expected 4 [images, channels, height, width] [NNFC-E0207]");
  EXPECT_EQ(errorOf("float[1,3,H,W] x, float[R,5] r, int64[R] b", "y = RoiAlign(x, r, b)"),
            "node 'y' (RoiAlign), argument 'rois': shape [R, 5], expected [regions, 4] [NNFC-E0208]");
  EXPECT_EQ(errorOf("float[1,3,H,W] x, float[R,4] r, int64[R,1] b", "y = RoiAlign(x, r, b)"),
            "node 'y' (RoiAlign), argument 'batch_indices': rank 2, expected 1 [NNFC-E0207]");
  EXPECT_EQ(errorOf("float[1,3,0,W] x, float[R,4] r, int64[R] b", "y = RoiAlign(x, r, b)"),
            "node 'y' (RoiAlign), argument 'X': size 0 in dimension 2, expected at least 1 [NNFC-E0217]");
  EXPECT_EQ(errorOf("float[1,3,H,W] x, float[2,4] r, int64[3] b", "y = RoiAlign(x, r, b)"),
            "node 'y' (RoiAlign), argument 'batch_indices': 3 of them, expected 2 as 'rois' has [NNFC-E0212]");
}

TEST(Products, DetRefuses) {
  EXPECT_EQ(errorOf("float[4] x", "y = Det(x)"),
            "node 'y' (Det), argument 'X': rank 1, expected matrices [NNFC-E0207]");
  EXPECT_EQ(errorOf("float[3,4] x", "y = Det(x)"),
            "node 'y' (Det), argument 'X': 3 rows, expected 4 as there are columns [NNFC-E0208]");
}

TEST(Indexing, ScatterRefuses) {
  EXPECT_EQ(errorOf("float[4] x, int64[2] i, float[2] u", "y = ScatterElements<reduction = \"avg\">(x, i, u)", 18),
            "node 'y' (ScatterElements), argument 'reduction': 'avg', expected 'none', 'add', 'mul', 'min' or 'max' "
            "[NNFC-E0214]");
  EXPECT_EQ(errorOf("float[4] x, int64[2] i, float[3] u", "y = ScatterElements<reduction = \"mul\">(x, i, u)", 18),
            "node 'y' (ScatterElements), argument 'updates': shape [3], expected [2] as 'indices' has, and the rank of "
            "'data' [NNFC-E0207]");
}

TEST(Random, Refused) {
  EXPECT_EQ(errorOf("float[4] x", "y = RandomUniformLike<dtype = 7>(x)"),
            "node 'y' (RandomUniformLike), argument 'dtype': int64, expected a float [NNFC-E0206]");
  EXPECT_EQ(errorOf("float[4] x", "y = RandomUniformLike<dtype = 8>(x)"),
            "node 'y' (RandomUniformLike), argument 'dtype': 8, expected the number of a type that is supported "
            "[NNFC-E0206]");
  EXPECT_EQ(errorOf("float[4] x", "y = RandomNormal<shape = [2,-1]>()"),
            "node 'y' (RandomNormal), argument 'shape': [2, -1], expected sizes of 0 or more [NNFC-E0213]");
  EXPECT_EQ(errorOf("float[4] x", "y = RandomNormal<shape = [1099511627776, 4]>()"),
            "node 'y' (RandomNormal): a result of sizes [1099511627776, 4], expected at most 1099511627776 bytes "
            "[NNFC-E0114]");
  EXPECT_EQ(errorOf("int64[4] x", "y = Bernoulli(x)", 15),
            "node 'y' (Bernoulli), argument 'input': dtype int64, expected a float [NNFC-E0206]");
  EXPECT_EQ(errorOf("float[4] x", "y = Multinomial(x)"),
            "node 'y' (Multinomial), argument 'input': float32 [4], expected floats [rows, classes] [NNFC-E0213]");
  EXPECT_EQ(errorOf("float[4,2] x", "y = Multinomial<sample_size = 0>(x)"),
            "node 'y' (Multinomial): 0 samples of int32, expected 1 or more of an integer type [NNFC-E0213]");
  EXPECT_EQ(errorOf("float[4,0] x", "y = Multinomial(x)"),
            "node 'y' (Multinomial), argument 'input': 0 classes, expected at least 1 [NNFC-E0217]");
  EXPECT_EQ(errorOf("float[4] x, bool t", "y = Dropout(x, r, t)", 13, floats("r", {}, {2})),
            "node 'y' (Dropout), argument 'ratio': 2.000000, expected 0 to 1 [NNFC-E0213]");
}

TEST(Training, Refused) {
  auto error = [](const std::string &inputs, const std::string &node) {
    return errorOf(inputs, node, 13, opsetOf("ai.onnx.preview.training", 1));
  };
  std::string scalars = "float r, int64 t, ";
  EXPECT_EQ(error(scalars + "float[2] x, float[2] g", "y, h = ai.onnx.preview.training.Adagrad(r, t, x, g)"),
            "node 'y' (Adagrad): 4 inputs and 2 outputs, expected 2 inputs and for each tensor 3 more and 2 outputs "
            "[NNFC-E0312]");
  EXPECT_EQ(
      error(scalars + "float[2] x, float[3] g, float[2] h", "y, k = ai.onnx.preview.training.Adagrad(r, t, x, g, h)"),
      "node 'y' (Adagrad): tensor 0 is float32 [2], and float32 [3] goes with it, expected equal floats [NNFC-E0208]");
  EXPECT_EQ(error(scalars + "float[2] x, float[2] g, float[2] v",
                  "y, w = ai.onnx.preview.training.Momentum<alpha = 1.0, beta = 1.0, norm_coefficient = 0.0, "
                  "mode = \"heavy\">(r, t, x, g, v)"),
            "node 'y' (Momentum), argument 'mode': 'heavy', expected 'standard' or 'nesterov' [NNFC-E0214]");
  EXPECT_EQ(error(scalars + "float[2] x, float[2] g, float[2] v",
                  "y, w = ai.onnx.preview.training.Momentum<alpha = 1.0>(r, t, x, g, v)"),
            "node 'y' (Momentum), argument 'beta': missing, expected a value [NNFC-E0204]");
}

} // namespace
} // namespace nnf::test
