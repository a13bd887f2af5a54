// What is no valid model, or not supported: each text as the user sees it, and never a crash.
#include "test/onnx/Imported.h"
#include <gtest/gtest.h>

namespace nnf::test {
namespace {

/// The error of a model made from text.
std::string errorOf(const std::string &inputs, const std::string &outputs, const std::string &nodes, int64_t opset = 13,
                    const Change &change = {}) {
  Imported m(modelFile(inputs, outputs, nodes, opset, change));
  EXPECT_LE(m.numErrors, 1u);
  return m.module ? "no error" : m.error;
}
std::string errorOfBytes(const std::string &bytes) {
  Imported m(fileOf("broken.onnx", bytes));
  return m.module ? "no error" : m.error;
}

TEST(Invalid, Files) {
  EXPECT_EQ(Imported("/nowhere/model.onnx").error, "No such file or directory [NNFC-E0101]");
  EXPECT_EQ(Imported("/tmp").error, "no regular file [NNFC-E0101]");
  EXPECT_EQ(errorOfBytes(""),
            "no valid ONNX model: it has no graph, expected a protobuf message onnx.ModelProto [NNFC-E0301]");
  EXPECT_EQ(errorOfBytes("not a model"),
            "no valid ONNX model: broken at byte 11, expected a protobuf message onnx.ModelProto [NNFC-E0301]");
}

TEST(Invalid, EveryTruncationIsAnErrorOrAWholeModel) {
  std::string bytes =
      modelBytes("float[N,3,8,8] x, float[4,3,3,3] w", "float[N,4,6,6] y", "h = Conv(x, w) y = Relu(h)");
  ASSERT_TRUE(Imported(fileOf("whole.onnx", bytes)).module);
  unsigned errors = 0;
  for (size_t length = 0; length < bytes.size(); ++length) {
    Imported m(fileOf("cut.onnx", bytes.substr(0, length)));
    EXPECT_NE(!m.module, m.error.empty()) << length;
    errors += !m.module;
  }
  EXPECT_GT(errors, bytes.size() * 9 / 10);
}

TEST(Invalid, EveryFlippedByteIsAnErrorOrAModel) {
  std::string bytes = modelBytes("float[N,3] x", "float[N,6] y", "y = Reshape(x, s)", 13, ints("s", {2}, {-1, 6}));
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int bit : {0, 3, 7}) {
      std::string broken = bytes;
      broken[at] ^= 1 << bit;
      Imported m(fileOf("flipped.onnx", broken));
      EXPECT_NE(!m.module, m.error.empty()) << at << " bit " << bit;
    }
}

TEST(Invalid, DataOfTensors) {
  auto withWeight = [](Change change) { return errorOf("float[2] x", "float[2] y", "y = Add(x, w)", 13, change); };
  EXPECT_EQ(withWeight(raw("w", 1, {2}, std::string(7, 'x'))),
            "initializer 'w': raw_data has 7 bytes, expected 8 for 2 elements of type float [NNFC-E0301]");
  EXPECT_EQ(withWeight(floats("w", {2}, {1})), "initializer 'w': float_data has 1 values, expected 2 [NNFC-E0301]");
  EXPECT_EQ(withWeight(floats("w", {2}, {})), "initializer 'w': no data, expected 2 elements [NNFC-E0301]");
  EXPECT_EQ(withWeight(floats("w", {-2}, {})), "initializer 'w': size -2, expected 0 or more [NNFC-E0301]");
  EXPECT_EQ(
      withWeight(floats("w", {int64_t(1) << 40, int64_t(1) << 40}, {1})),
      "initializer 'w': the product of its sizes is over 2^59, expected a tensor that fits in memory [NNFC-E0301]");
  EXPECT_EQ(withWeight(all({floats("w", {2}, {1, 2}), floats("w", {2}, {1, 2})})),
            "initializer 'w' is there twice [NNFC-E0107]");
  EXPECT_EQ(withWeight(raw("w", 8, {2}, "")),
            "tensor 'w' has elements of type string, which are not supported [NNFC-E0306]");
  EXPECT_EQ(withWeight(raw("w", 23, {2}, "ab")),
            "tensor 'w' has elements of type type 23, which are not supported [NNFC-E0306]");
}

TEST(Invalid, MoreThanOneDataField) {
  Imported m(fileOf("two.onnx", twoDataFields()));
  EXPECT_EQ(m.error,
            "initializer 'w': data in both raw_data and float_data, expected exactly one data field [NNFC-E0301]");
}

TEST(Invalid, SparseTensors) {
  EXPECT_EQ(errorOf("float[2] x", "float[2] y", "y = Add(x, w)", 13, sparse("w", {2}, {2}, {5})),
            "sparse initializer 'w': index 2, expected 0 to 1 [NNFC-E0307]");
  EXPECT_EQ(errorOf("float[2] x", "float[2] y", "y = Add(x, w)", 13, sparse("w", {2}, {0, 1}, {5})),
            "sparse initializer 'w': 2 indices for 1 values, expected one for each value, or one for each value and "
            "dimension [NNFC-E0307]");
}

TEST(Invalid, ExternalData) {
  auto withExternal = [](const std::string &location, const std::string &offset, const std::string &length) {
    return errorOf("float[4] x", "float[4] y", "y = Add(x, w)", 13, external("w", {4}, location, offset, length));
  };
  fileOf("short.bin", "0123456789");
  EXPECT_EQ(withExternal("short.bin", "0", "16"),
            "tensor 'w': bytes 0 to 16 of 'short.bin', which has 10 [NNFC-E0307]");
  EXPECT_EQ(withExternal("short.bin", "8", ""), "tensor 'w': bytes 8 to 24 of 'short.bin', which has 10 [NNFC-E0307]");
  EXPECT_EQ(withExternal("short.bin", "0", "10"), "tensor 'w': 10 bytes in 'short.bin', expected 16 [NNFC-E0307]");
  EXPECT_EQ(withExternal("short.bin", "-1", "16"),
            "initializer 'w': external data has offset '-1', expected a number of bytes [NNFC-E0301]");
  EXPECT_EQ(withExternal("", "0", "16"), "initializer 'w': external data without a location [NNFC-E0301]");
  for (std::string path : {"../short.bin", "/etc/passwd", "absent.bin", "."})
    EXPECT_EQ(withExternal(path, "0", "16").find("tensor 'w': "), 0u) << path;
}

TEST(Invalid, Graphs) {
  EXPECT_EQ(errorOf("float[4] x", "float[4] y", "y = Add(x, z)"),
            "node 'y' (Add): input 'z' is made by no node, and is no input or initializer of the graph [NNFC-E0108]");
  EXPECT_EQ(errorOf("float[4] x", "float[4] y", "a = Add(x, b) b = Relu(a) y = Abs(b)"),
            "the graph has a cycle: 'a' -> 'b' -> 'a' [NNFC-E0109]");
  EXPECT_EQ(errorOf("float[4] x", "float[4] y", "y = Relu(x) y = Abs(x)"),
            "node 'y' (Abs) makes 'y', which node 'y' (Relu) makes too, expected one [NNFC-E0107]");
  EXPECT_EQ(errorOf("float[4] x", "float[4] x", "x = Relu(x)"),
            "node 'x' (Relu) makes 'x', which is an input or initializer too, expected one [NNFC-E0107]");
  EXPECT_EQ(errorOf("float[4] x", "float[4] z", "y = Relu(x)"),
            "output 'z' is made by no node, and is no input or initializer [NNFC-E0108]");
  EXPECT_EQ(errorOf("float[4] x", "", "y = Relu(x)"), "the graph has no outputs, expected at least one [NNFC-E0111]");
  EXPECT_EQ(errorOf("float[4] x, float[4] x", "float[4] y", "y = Relu(x)"),
            "input 'x': there are two inputs of that name, expected one [NNFC-E0107]");
  EXPECT_EQ(errorOf("float[4] x", "int64[4] y", "y = Relu(x)"),
            "output 'y' is float32, and declared int64 [NNFC-E0308]");
}

TEST(Invalid, Inputs) {
  EXPECT_EQ(errorOf("float[] x", "float y", "y = Relu(x)"),
            "input 'x': no shape, expected one (sizes may be symbolic, the rank may not) [NNFC-E0308]");
  EXPECT_EQ(errorOf("string[2] x", "string[2] y", "y = Identity(x)"),
            "input 'x': elements of type string, which are not supported [NNFC-E0306]");
  EXPECT_EQ(errorOf("float[2] x", "float[2] y", "y = Identity(x)", 13, sequenceInput()),
            "input 'x': a sequence, expected a tensor [NNFC-E0308]");
  EXPECT_EQ(errorOf("float[2] x", "float[2] y", "y = Identity(x)", 13, inputSize(0, -3)),
            "input 'x': size -3 in dimension 0, expected 0 or more [NNFC-E0308]");
  EXPECT_EQ(errorOf("float[2] x", "float[2] y", "y = Identity(x)", 13, inputSize(0, int64_t(1) << 62)).substr(0, 10),
            "input 'x':");
}

TEST(Invalid, Versions) {
  EXPECT_EQ(errorOf("float[4] x", "float[4] y", "y = Relu(x)", 99), "operator set 99, expected 1 to 21 [NNFC-E0302]");
  EXPECT_EQ(errorOf("float[4] x", "float[4] y", "y = Relu(x)", 0), "operator set 0, expected 1 to 21 [NNFC-E0302]");
  EXPECT_EQ(errorOf("float[4] x", "float[4] y", "y = Relu(x)", 13, irVersion(15)),
            "IR version 15, expected 14 or lower [NNFC-E0302]");
  EXPECT_EQ(errorOf("float[4] x", "float[4] y", "y = Relu(x)", 13, irVersion(14)), "no error");
}

TEST(Invalid, UnsupportedOperatorsAreListedAtOnce) {
  EXPECT_EQ(errorOf("float[4] x", "float[4] y",
                    "a = Relu(x) b = Frobnicate(a) c = Frobnicate(b) d = StringNormalizer(c) e = com.acme.Magic(d) "
                    "f = LayerNormalization(e, x) y = Abs(f)"),
            "node 'b' (Frobnicate) is not supported: no operator of that name is known; in all: [NNFC-E0303]\n"
            "  Frobnicate, 2 nodes, the first one 'b': no operator of that name is known\n"
            "  StringNormalizer, 1 node 'd': strings are not supported\n"
            "  com.acme.Magic, 1 node 'e': opset_import has no version of its domain\n"
            "  LayerNormalization, 1 node 'f': came with operator set 17, and the model has 13");
}

TEST(Invalid, Nodes) {
  EXPECT_EQ(errorOf("float[1,3,8,8] x, float[4,3,3,3] w", "float[1] y", "y = Conv<strides = [1]>(x, w)"),
            "node 'y' (Conv), argument 'strides': 1 entries, expected 2 [NNFC-E0212]");
  EXPECT_EQ(errorOf("float[1,3,8,8] x, float[4,3,3,3] w", "float[1] y", "y = Conv<pads = [1,1,1,-1]>(x, w)"),
            "node 'y' (Conv), argument 'pads': -1, expected 0 or more [NNFC-E0213]");
  EXPECT_EQ(errorOf("float[1,3,8,8] x, float[4,3,3,3] w", "float[1] y", "y = Conv<auto_pad = \"ALL\">(x, w)"),
            "node 'y' (Conv), argument 'auto_pad': 'ALL', expected 'NOTSET', 'SAME_UPPER', 'SAME_LOWER' or 'VALID' "
            "[NNFC-E0214]");
  EXPECT_EQ(errorOf("float[1,3,8,8] x, float[4,2,3,3] w", "float[1] y", "y = Conv(x, w)"),
            "node 'y' (Conv), argument 'weight': shape [4, 2, 3, 3] takes 2 input channels in 1 groups, expected 3 as "
            "'input' has [NNFC-E0208]")
      << "the function's own words";
  EXPECT_EQ(errorOf("float[2,3] x", "float[6] y", "y = Flatten<axis = 7>(x)"),
            "node 'y' (Flatten), argument 'axis': 7, expected -2 to 2 [NNFC-E0210]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[6] y", "y = Flatten<axis = \"one\">(x)"),
            "node 'y' (Flatten), argument 'axis': a string, expected an integer [NNFC-E0305]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[4] y", "y = Reshape(x, s)", 13, ints("s", {2}, {-1, 4})),
            "node 'y' (Reshape), argument 'shape': [-1, 4], expected sizes that divide the 6 elements of an input [2, "
            "3] [NNFC-E0216]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[4] y", "y = Reshape(x, s)", 13, ints("s", {2}, {-1, -1})),
            "node 'y' (Reshape), argument 'shape': [-1, -1], expected at most one -1 [NNFC-E0213]");
  EXPECT_EQ(errorOf("float[N,3] x, int64[K] s", "float[A,B] y", "y = Reshape(x, s)"),
            "node 'y' (Reshape), argument 'shape': 's' is int64 [K], expected one integer, or a list of at most 64 "
            "[NNFC-E0207]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[2] y", "y = ReduceSum(x, a)", 13, ints("a", {1}, {5})),
            "node 'y' (ReduceSum), argument 'axes': 5, expected -2 to 1 for a tensor of rank 2 [NNFC-E0210]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[2] y", "y = Gather(x, i)", 13, ints("i", {2}, {0, 9})),
            "node 'y' (Gather), argument 'indices': 9, expected -2 to 1 [NNFC-E0213]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[2] y", "y = Cast<to = 8>(x)"),
            "node 'y' (Cast), argument 'to': string, which is not supported [NNFC-E0306]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[2] y", "y = Relu<alpha = 3>(x)"),
            "node 'y' (Relu), argument 'alpha': is no attribute of the operator [NNFC-E0305]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[2] y", "y = Add(x)"), "node 'y' (Add): input 1 is missing [NNFC-E0204]");
  EXPECT_EQ(errorOf("float[2,3] x", "float[2] y", "y = Add(x, )"), "node 'y' (Add): input 1 is missing [NNFC-E0204]");
  EXPECT_EQ(errorOf("float[2,3] x, bool c", "float[2,3] y",
                    "y = If<then_branch = t () => (float[2,3] a) { a = Relu(x) }, "
                    "else_branch = e () => (float[2] b) { b = ReduceMax<axes = [1], keepdims = 0>(x) }>(c)"),
            "node 'y' (If): one branch gives float32 [2, 3], the other float32 [2], expected one dtype and rank "
            "[NNFC-E0137]");
  EXPECT_EQ(
      errorOf("float[2] x, int64 n", "float[2] y",
              "y = Loop<body = b (int64 i, bool c, float[2] v) => (bool c, float[4] w) { "
              "a = Constant<value = int64[1] {0}>() w = Unsqueeze(v, a) }>(n, , x)"),
      "node 'y' (Loop): a carried tensor becomes float32 [1, 2] after float32 [2], expected one rank and dtype in "
      "every step [NNFC-E0137]");
  EXPECT_EQ(
      errorOf("float[2] x, int64 n", "float[2] y",
              "y = Loop<body = b (int64 i, bool c) => (bool c, float[2] w) { w = Relu(x) }>(n, , x)"),
      "node 'y' (Loop), argument 'body': 2 inputs and 2 outputs, expected 3 inputs, and outputs for the condition "
      "and 1 more [NNFC-E0309]");
  EXPECT_EQ(errorOf("float[2] x", "float[2] y",
                    "y = Scan<num_scan_inputs = 2, body = b (float v) => (float w) { w = Relu(v) }>(x)"),
            "node 'y' (Scan), argument 'num_scan_inputs': 2, expected 1 to 1 [NNFC-E0213]");
  EXPECT_EQ(errorOf("float x", "float[K] y",
                    "y = Scan<num_scan_inputs = 1, body = b (float v) => (float w) { w = Relu(v) }>(x)"),
            "node 'y' (Scan): a scanned input of shape [], expected rank 1 or more [NNFC-E0207]");
  EXPECT_EQ(
      errorOf("float[5] x, float[3] z", "float[K] y",
              "y = Scan<num_scan_inputs = 2, body = b (float v, float u) => (float w) { w = Add(u, v) }>(x, z)"),
      "node 'y' (Scan), argument 'scan_input_axes': 3 steps, expected 5 as the first scanned input has [NNFC-E0208]");
  EXPECT_EQ(errorOf("float[2] x, int64[3] n", "float[2] y",
                    "y = Loop<body = b (int64 i, bool c, float[2] v) => (bool c, float[2] w) { w = Relu(v) }>(n, , x)"),
            "node 'y' (Loop), argument 'M': shape [3], expected one element [NNFC-E0207]");
  EXPECT_EQ(errorOf("float[9,2,3] x, float[1,20,3] w, float[1,20,5] r, float[1,7] b", "float[9,1,2,5] y",
                    "y = LSTM<hidden_size = 5>(x, w, r, b)"),
            "node 'y' (LSTM), argument 'B': shape [1, 7], expected [1, 40] [NNFC-E0208]");
}

TEST(Invalid, NGrams) {
  auto errorWith = [](const std::string &attributes) {
    return errorOf("int64[4] x", "float[2] y", "y = TfIdfVectorizer<mode = \"TF\", " + attributes + ">(x)");
  };
  EXPECT_EQ(errorWith("ngram_counts = [0, 1], ngram_indexes = [0, 1], pool_int64s = [1, 2, 3, 4]"),
            "node 'y' (TfIdfVectorizer), argument 'ngram_counts': 1 to 4 for n-grams of length 2 in a pool of 4, "
            "expected places in the pool that go up by multiples of the length [NNFC-E0213]");
  EXPECT_EQ(errorWith("ngram_counts = [0], ngram_indexes = [0, 0], pool_int64s = [1, 2]"),
            "node 'y' (TfIdfVectorizer), argument 'ngram_indexes': 0, expected columns from 0, each once [NNFC-E0213]");
  EXPECT_EQ(
      errorWith("ngram_counts = [0], ngram_indexes = [0], pool_int64s = [1, 2]"),
      "node 'y' (TfIdfVectorizer), argument 'ngram_indexes': 1 of them, expected 2 as there are n-grams [NNFC-E0212]");
  EXPECT_EQ(errorWith("max_gram_length = 3, ngram_counts = [0], ngram_indexes = [0], pool_int64s = [1]"),
            "node 'y' (TfIdfVectorizer), argument 'max_gram_length': 1 to 3 tokens, expected lengths from 1 to 1, as "
            "'ngram_counts' has [NNFC-E0213]");
}

// Each of these loops is imported twice whenever the one around it is.
TEST(Invalid, LoopsThatGrowInLoops) {
  std::string made = "Concat<axis = 0>(v1, v1)";
  for (int depth = 1; depth <= 16; ++depth) {
    std::string n = std::to_string(depth), outer = depth == 16 ? "x" : "v" + std::to_string(depth + 1);
    made = "Loop<body = b" + n + " (int64 i" + n + ", bool c" + n + ", float[M] v" + n + ") => (bool d" + n +
           ", float[K] w" + n + ") { d" + n + " = Identity(c" + n + ") w" + n + " = " + made + " }>(n, , " + outer +
           ")";
  }
  std::string error = errorOf("float[2] x, int64 n", "float[L] y", "y = " + made);
  EXPECT_NE(error.find("over 16384 bodies of loops and branches"), std::string::npos) << error;
}

TEST(Invalid, FunctionsThatCallThemselves) {
  EXPECT_NE(errorOf("float[4] x", "float[4] y", "y = own.Loop(x)", 13, recursiveFunction())
                .find("(do they call themselves?) [NNFC-E0311]"),
            std::string::npos);
}

} // namespace
} // namespace nnf::test
