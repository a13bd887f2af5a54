// Sizes that ONNX computes with tensors are sizes again after the import.
#include "test/onnx/Imported.h"
#include <gtest/gtest.h>

namespace nnf::test {
namespace {

TEST(Shapes, ReshapeToComputedSizes) {
  // What torch exports for x.view(x.size(0), x.size(1), 3, 4).permute(0, 2, 1, 3).
  Imported m(modelFile("float[N,T,12] x", "float[N,3,T,4] y",
                       "s = Shape(x) n = Gather<axis = 0>(s, zero) t = Gather<axis = 0>(s, one) "
                       "n1 = Unsqueeze(n, axes) t1 = Unsqueeze(t, axes) "
                       "shape = Concat<axis = 0>(n1, t1, heads, width) "
                       "v = Reshape(x, shape) y = Transpose<perm = [0,2,1,3]>(v)",
                       13,
                       all({ints("zero", {}, {0}), ints("one", {}, {1}), ints("axes", {1}, {0}),
                            ints("heads", {1}, {3}), ints("width", {1}, {4})})));
  EXPECT_EQ(m.outputs(), "float32 [N, 3, T, 4]");
  EXPECT_EQ(m.ops(), "prim.reshape permute");
}

TEST(Shapes, ProductsOfSizesInAnyOrder) {
  // A group norm joins channels and places: [N, 4, H, W] becomes [N, 2, 2*(H*W)].
  Imported m(modelFile("float[N,4,H,W] x", "float[N,2,S] y",
                       "s = Shape(x) n = Gather<axis = 0>(s, zero) h = Gather<axis = 0>(s, two) "
                       "w = Gather<axis = 0>(s, three) hw = Mul(w, h) s2 = Mul(hw, two) "
                       "n1 = Unsqueeze(n, axes) s1 = Unsqueeze(s2, axes) shape = Concat<axis = 0>(n1, groups, s1) "
                       "y = Reshape(x, shape)",
                       13,
                       all({ints("zero", {}, {0}), ints("two", {}, {2}), ints("three", {}, {3}), ints("axes", {1}, {0}),
                            ints("groups", {1}, {2})})));
  EXPECT_EQ(m.outputs(), "float32 [N, 2, H * W * 2]");
}

TEST(Shapes, PadsThroughTranspose) {
  // torch's pads are pairs from the last dimension; the export turns them around: [[2, 1], [0, 0]] to [0, 2, 0, 1].
  Imported m(modelFile("float[N,5] x", "float[N,8] y",
                       "pairs = Reshape(pads, shape) back = Slice(pairs, minus, first, zero, minus) "
                       "columns = Transpose(back) all = Reshape(columns, minus) y = Pad(x, all)",
                       13,
                       all({ints("pads", {4}, {2, 1, 0, 0}), ints("shape", {2}, {2, 2}), ints("minus", {1}, {-1}),
                            ints("first", {1}, {-9223372036854775807}), ints("zero", {1}, {0})})));
  EXPECT_EQ(m.outputs(), "float32 [N, 8]");
}

TEST(Shapes, DiagonalOfASize) {
  // The mask of a decoder with a cache: what comes after the P earlier tokens and one's own.
  Imported m(modelFile("float[T,S] x, float[P] past", "float[T,S] y",
                       "p = Shape(past) p0 = Squeeze(p, axes) k = Add(p0, one) y = Trilu(x, k)", 14,
                       all({ints("axes", {1}, {0}), ints("one", {}, {1})})));
  EXPECT_EQ(m.outputs(), "float32 [T, S]");
}

TEST(Shapes, OneUnknownSizeIsLeftToReshape) {
  Imported m(modelFile("float[N,3,4] x", "float[N,12] y", "y = Reshape(x, shape)", 13, ints("shape", {2}, {0, -1})));
  EXPECT_EQ(m.outputs(), "float32 [N, 12]");
  EXPECT_EQ(m.ops(), "reshape");
}

TEST(Shapes, ArithmeticOnSizes) {
  // (2*N + 4) / 2 - 1 rows.
  Imported m(modelFile("float[N] x", "float[M] y",
                       "n = Shape(x) a = Mul(n, two) b = Add(a, four) c = Div(b, two) d = Sub(c, one) "
                       "y = ConstantOfShape(d)",
                       13, all({ints("one", {1}, {1}), ints("two", {1}, {2}), ints("four", {1}, {4})})));
  EXPECT_EQ(m.outputs(), "float32 [N + 1]");
}

TEST(Shapes, ScalesOfSizesThroughFloats) {
  // What torch exports for floor(size * 2.0) in an interpolation.
  Imported m(modelFile("float[N] x", "float[M] y",
                       "n = Shape(x) f = Cast<to = 1>(n) g = Mul(f, scale) h = Floor(g) i = Cast<to = 7>(h) "
                       "y = ConstantOfShape(i)",
                       13, floats("scale", {1}, {1.5})));
  EXPECT_EQ(m.outputs(), "float32 [N * 3 floordiv 2]");
}

TEST(Shapes, ExpandThroughWhere) {
  // torch.expand(-1, 4): Where(shape == -1, ones, shape), with the sizes of the result.
  Imported m(modelFile("float[N,1] x", "float[N,4] y",
                       "s = Shape(x) n = Slice(s, zero, one) shape = Concat<axis = 0>(n, four) "
                       "isFree = Equal(shape, minus) ones = ConstantOfShape<value = int64[1] {1}>(two) "
                       "target = Where(isFree, ones, shape) y = Expand(x, target)",
                       13,
                       all({ints("zero", {1}, {0}), ints("one", {1}, {1}), ints("four", {1}, {4}),
                            ints("two", {1}, {2}), ints("minus", {}, {-1})})));
  EXPECT_EQ(m.outputs(), "float32 [N, 4]");
}

TEST(Shapes, RangeUpToASize) {
  Imported m(modelFile("float[N] x", "int64[N] y", "s = Shape(x) n = Squeeze(s, axes) y = Range(zero, n, one)", 13,
                       all({ints("axes", {1}, {0}), ints("zero", {}, {0}), ints("one", {}, {1})})));
  EXPECT_EQ(m.outputs(), "int64 [N]");
}

TEST(Shapes, SliceUpToASizeIsCheckedAtRunTime) {
  // x[:, :T] of 512 positions: that T is at most 512 is for the run to see.
  Imported m(modelFile("float[1,T] ids, float[1,512] table", "float[1,T] y",
                       "s = Shape(ids) t = Slice(s, one, two) y = Slice(table, zero, t, one)", 13,
                       all({ints("zero", {1}, {0}), ints("one", {1}, {1}), ints("two", {1}, {2})})));
  EXPECT_EQ(m.outputs(), "float32 [1, T]");
  EXPECT_NE(m.ops().find("prim.gather"), std::string::npos) << m.ops();
}

TEST(Shapes, SlicesOfKnownLengthAreFunctions) {
  Imported m(modelFile("float[8,8] x", "float[3,4] y", "y = Slice(x, a, b, axes, steps)", 13,
                       all({ints("a", {2}, {1, -1}), ints("b", {2}, {-4, -9223372036854775807}),
                            ints("axes", {2}, {0, 1}), ints("steps", {2}, {1, -2})})));
  EXPECT_EQ(m.outputs(), "float32 [3, 4]");
}

TEST(Shapes, SizesAsDataAreMade) {
  Imported m(modelFile("float[N,3] x", "int64[2] y", "y = Shape(x)"));
  EXPECT_EQ(m.outputs(), "int64 [2]");
  EXPECT_NE(m.ops().find("prim.dim"), std::string::npos) << m.ops();
}

TEST(Shapes, UnnamedSizesAreNamedAfterTheirInputs) {
  Imported m(modelFile("float[?,3] x", "float[N,3] y", "y = Relu(x)"));
  EXPECT_EQ(m.outputs(), "float32 [x_0, 3]");
}

TEST(Shapes, EqualNamesAreEqualSizes) {
  Imported m(modelFile("float[N,3] x, float[N,3] z", "float[N,3] y", "y = Add(x, z)"));
  EXPECT_EQ(m.outputs(), "float32 [N, 3]");
}

TEST(Shapes, FixedByTheCaller) {
  ReadOptions options;
  options.dims["N"] = 5;
  Imported m(modelFile("float[N,3] x", "float[N,3] y", "y = Relu(x)"), options);
  EXPECT_EQ(m.outputs(), "float32 [5, 3]");
  options.dims = {{"K", 5}};
  Imported wrong(modelFile("float[N,3] x", "float[N,3] y", "y = Relu(x)"), options);
  EXPECT_EQ(wrong.error,
            "the size 'K' is to be 5, and no input has a size of that name, those that are named are 'N' [NNFC-E0016]");
}

TEST(Shapes, TheSmallerOfTwoSizes) {
  // What torch exports for x.topk(min(100, x.size(0))).
  Imported m(modelFile("float[N] x", "float[K] y, int64[K] i",
                       "s = Shape(x) k = Min(s, most) y, i = TopK<axis = 0>(x, k)", 13, ints("most", {1}, {100})));
  EXPECT_EQ(m.outputs(), "float32 [min(N, 100)], int64 [min(N, 100)]");
}

TEST(Shapes, ReshapeToSizesOfTheRun) {
  // Of a list that the run knows in part, the rest stays known; sizes that are open are the run's.
  Imported m(modelFile("float[N,12] x, int64 k", "float[A,B,C] y",
                       "k1 = Unsqueeze(k, zero) shape = Concat<axis = 0>(k1, four, minus) y = Reshape(x, shape)", 13,
                       all({ints("zero", {1}, {0}), ints("four", {1}, {4}), ints("minus", {1}, {-1})})));
  EXPECT_EQ(m.outputs(), "float32 [size(0), 4, size(1)]");
  EXPECT_NE(m.ops().find("require"), std::string::npos) << m.ops();
  // One that is open follows from the others.
  Imported one(modelFile("float[N,12] x, int64 k", "float[A,B,C] y",
                         "k1 = Unsqueeze(k, zero) shape = Concat<axis = 0>(k1, four, three) y = Reshape(x, shape)", 13,
                         all({ints("zero", {1}, {0}), ints("four", {1}, {4}), ints("three", {1}, {3})})));
  EXPECT_EQ(one.outputs(), "float32 [N, 4, 3]");
}

TEST(Shapes, OneNumberIsOneSize) {
  // A range up to k, and a tensor of k elements.
  Imported m(modelFile("float[1,3] x, int64 k", "float[A,B] y, int64[A] i",
                       "k1 = Unsqueeze(k, zero) shape = Concat<axis = 0>(k1, three) e = Expand(x, shape) "
                       "i = Range(first, k, one) f = Cast<to = 1>(i) g = Unsqueeze(f, last) y = Add(e, g)",
                       13,
                       all({ints("zero", {1}, {0}), ints("three", {1}, {3}), ints("first", {}, {0}),
                            ints("one", {}, {1}), ints("last", {1}, {1})})));
  EXPECT_EQ(m.outputs(), "float32 [size(0), 3], int64 [size(0)]");
}

TEST(Shapes, WhatTheModelDeclaresIsTakenAndChecked) {
  Imported m(modelFile("float[N,3] x, int64[2] s", "float[4,N] y", "y = Reshape(x, s)"));
  EXPECT_EQ(m.outputs(), "float32 [4, N]");
  EXPECT_NE(m.ops().find("prim.check"), std::string::npos) << m.ops();
  EXPECT_EQ(m.ops().find("size"), std::string::npos) << m.ops();
}

TEST(Shapes, SlicesOfTheRun) {
  // Only what the run knows is open; from the front, it is a view.
  Imported m(modelFile("float[8,N,6] x, int64[1] k", "float[A,B,C] y",
                       "ends = Concat<axis = 0>(four, k) y = Slice(x, starts, ends)", 13,
                       all({ints("four", {1}, {4}), ints("starts", {2}, {1, 0})})));
  EXPECT_EQ(m.outputs(), "float32 [3, size(0), 6]");
  EXPECT_EQ(m.ops().find("prim.gather"), std::string::npos) << m.ops();
}

TEST(Shapes, SizesOfTheDataAreTakenToAgree) {
  Imported m(modelFile("float[N] x, int64 k", "float[M] y", "i = Range(zero, k, one) f = Cast<to = 1>(i) y = Add(f, x)",
                       13, all({ints("zero", {}, {0}), ints("one", {}, {1})})));
  EXPECT_EQ(m.outputs(), "float32 [N]");
  EXPECT_NE(m.ops().find("require require"), std::string::npos) << m.ops();
}

TEST(Shapes, PiecesOfTheRun) {
  Imported m(modelFile("float[N,3] x, int64[2] s", "float[A,3] y, float[B,3] z", "y, z = Split(x, s)"));
  EXPECT_EQ(m.outputs(), "float32 [size(0), 3], float32 [size(1), 3]");
}

TEST(Shapes, ConditionsOnSizesChooseTheBranch) {
  Imported m(modelFile("float[N,3] x", "float[N,3] y",
                       "s = Shape(x) c = Gather<axis = 0>(s, one) isThree = Equal(c, three) "
                       "y = If<then_branch = t () => (float[N,3] a) { a = Relu(x) }, "
                       "else_branch = e () => (float[N,3] b) { b = Abs(x) }>(isThree)",
                       13, all({ints("one", {}, {1}), ints("three", {}, {3})})));
  EXPECT_EQ(m.ops(), "relu");
}

} // namespace
} // namespace nnf::test
