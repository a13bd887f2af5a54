// Sequences are lists while importing: what comes out of them are tensors of the graph.
#include "test/onnx/Imported.h"
#include <gtest/gtest.h>

namespace nnf::test {
namespace {

TEST(Sequences, InsertEraseAndAt) {
  Imported m(
      modelFile("float[2] a, float[3] b, float[4] c", "float[4] y, float[2] z, int64[] n",
                "r = SequenceConstruct(a, b) s = Identity(r) t = SequenceInsert(s, c, minus) u = SequenceErase(t) "
                "y = SequenceAt(u, one) z = SequenceAt(u, minus2) n = SequenceLength(u)",
                13, all({ints("one", {}, {1}), ints("minus", {}, {-1}), ints("minus2", {}, {-2})})));
  EXPECT_EQ(m.outputs(), "float32 [4], float32 [2], int64 []");
}

TEST(Sequences, SplitAndJoin) {
  Imported m(
      modelFile("float[5,N] x", "float[2,N] first, float[1,N] last, float[5,N] joined, float[N,5] stacked",
                "s = SplitToSequence(x, two) first = SequenceAt(s, zero) last = SequenceAt(s, two) "
                "joined = ConcatFromSequence<axis = 0>(s) "
                "rows = SplitToSequence<keepdims = 0>(x) stacked = ConcatFromSequence<axis = -1, new_axis = 1>(rows)",
                13, all({ints("zero", {}, {0}), ints("two", {}, {2})})));
  EXPECT_EQ(m.outputs(), "float32 [2, N], float32 [1, N], float32 [5, N], float32 [N, 5]");
}

TEST(Sequences, LoopIsWrittenOut) {
  // What torch exports for tensor_split: the number of the step is a list of one. (This text cannot say "sequence".)
  Imported m(modelFile("float[6] x", "float[2] y, float[2] z",
                       "empty = SequenceEmpty() "
                       "s = Loop<body = body (int64[1] i, bool c, float[N] before) => (bool stays, float[N] after) "
                       "{ from = Mul(i, two) to = Add(from, two) piece = Slice(x, from, to) "
                       "after = SequenceInsert(before, piece) stays = Identity(yes) }>(three, yes, empty) "
                       "y = SequenceAt(s, zero) z = SequenceAt(s, minus)",
                       13,
                       all({ints("two", {1}, {2}), ints("three", {}, {3}), ints("zero", {}, {0}),
                            ints("minus", {}, {-1}), raw("yes", 9, {}, std::string(1, 1))})));
  EXPECT_EQ(m.outputs(), "float32 [2], float32 [2]") << m.error;
}

TEST(Sequences, Errors) {
  auto errorOf = [](const std::string &outputs, const std::string &nodes) {
    Imported m(modelFile("float[4,N] x, int64[1] at", outputs, nodes, 17,
                         all({ints("two", {}, {2}), ints("sizes", {2}, {3, 2})})));
    return m.module ? "no error" : m.error;
  };
  EXPECT_EQ(errorOf("float[4,N] y", "s = SequenceConstruct(x) y = Relu(s)"),
            "node 'y' (Relu): input 's' is a sequence, expected a tensor [NNFC-E0310]");
  EXPECT_EQ(errorOf("float[4,N] y", "y = SequenceAt(x, two)"),
            "node 'y' (SequenceAt): input 'x' is a tensor, expected a sequence [NNFC-E0310]");
  EXPECT_EQ(errorOf("float[4,N] y", "s = SequenceConstruct(x) y = SequenceAt(s, two)"),
            "node 'y' (SequenceAt), argument 'position': 2, expected -1 to 0 [NNFC-E0310]");
  EXPECT_EQ(
      errorOf("float[4,N] y", "s = SequenceConstruct(x) y = SequenceAt(s, at)"),
      "node 'y' (SequenceAt), argument 'position': 'at' is known at run time only, expected a constant [NNFC-E0221]");
  EXPECT_EQ(errorOf("float[4,N] y", "s = SequenceEmpty() y = ConcatFromSequence<axis = 0>(s)"),
            "node 'y' (ConcatFromSequence): an empty sequence, expected tensors [NNFC-E0310]");
  EXPECT_EQ(errorOf("float[4,N] y", "s = SequenceEmpty() t = SequenceErase(s) y = ConcatFromSequence<axis = 0>(t)"),
            "node 't' (SequenceErase): an empty sequence, expected an element to erase [NNFC-E0310]");
  EXPECT_EQ(errorOf("float[4,N] y", "s = SequenceConstruct(x, x) t = SequenceConstruct(x) "
                                    "y = SequenceMap<body = b (float[4,N] a, float[4,N] b) => (float[4,N] c) "
                                    "{ c = Add(a, b) }>(s, t)"),
            "node 'y' (SequenceMap): input 't' has 1 tensors, expected 2 as the first sequence [NNFC-E0310]");
  EXPECT_EQ(errorOf("float[4,N] y", "s = SplitToSequence(x, sizes) y = SequenceAt(s, two)"),
            "node 's' (SplitToSequence), argument 'split': [3, 2], expected sizes that add up to 4 [NNFC-E0310]");
  EXPECT_EQ(errorOf("float[4,N] y", "s = SplitToSequence<axis = 1>(x) y = SequenceAt(s, two)"),
            "node 's' (SplitToSequence): dimension 1 has size N, expected a fixed one: it decides the length of a "
            "sequence [NNFC-E0221]");
}

TEST(Optionals, Errors) {
  auto errorOf = [](const std::string &nodes) {
    Imported m(modelFile("float[N] x, bool c", "float[N] y", "none = Optional() " + nodes, 18));
    return m.module ? "no error" : m.error;
  };
  EXPECT_EQ(errorOf("y = Relu(none)"),
            "node 'y' (Relu): input 'none' is an empty optional, expected a tensor [NNFC-E0310]");
  EXPECT_EQ(errorOf("y = SequenceLength(none)"),
            "node 'y' (SequenceLength): input 'none' is an empty optional, expected a sequence [NNFC-E0310]");
  EXPECT_EQ(errorOf("y = OptionalGetElement(none)"),
            "node 'y' (OptionalGetElement): input 'none' is an empty optional, expected one with a value [NNFC-E0310]");
  EXPECT_EQ(errorOf("y = Identity(none)"), "'none' is an empty optional, expected a tensor [NNFC-E0308]");
  EXPECT_EQ(errorOf("z = If<then_branch = t () => (float[N] a) { a = Optional(x) }, "
                    "else_branch = e () => (float[N] b) { b = Optional() }>(c) y = OptionalGetElement(z)"),
            "'b' is an empty optional, expected a tensor [NNFC-E0308]");
}

} // namespace
} // namespace nnf::test
