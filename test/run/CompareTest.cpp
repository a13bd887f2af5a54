#include "tools/run/Compare.h"
#include "runtime/nnf.h"
#include <cmath>
#include <cstring>
#include <gmock/gmock.h>

using namespace nnf::run;
using testing::HasSubstr;

namespace {

template <typename T> Array arrayOf(uint32_t dtype, std::vector<int64_t> dims, std::initializer_list<T> values) {
  Array array;
  EXPECT_TRUE(array.allocate(dtype, std::move(dims)));
  EXPECT_EQ(array.bytes(), values.size() * sizeof(T));
  memcpy(array.data(), values.begin(), array.bytes());
  return array;
}

Array floats(std::initializer_list<float> values) { return arrayOf(NNF_FLOAT32, {int64_t(values.size())}, values); }

TEST(Compare, toleranceIsOfTheReference) {
  Tolerance tolerance{0.1, 0.01};
  EXPECT_FALSE(compareArrays(floats({101.05f}), floats({100}), tolerance).departs); // allowed: 1.1
  EXPECT_TRUE(compareArrays(floats({101.15f}), floats({100}), tolerance).departs);
  EXPECT_FALSE(compareArrays(floats({}), floats({}), tolerance).departs);
}

TEST(Compare, theWorstElementIsNamed) {
  Array a = arrayOf<float>(NNF_FLOAT32, {2, 3}, {0, 1, 2, 3, 5, 9}),
        b = arrayOf<float>(NNF_FLOAT32, {2, 3}, {0, 1, 2, 3, 4, 5});
  Difference difference = compareArrays(a, b, {});
  EXPECT_TRUE(difference.departs);
  EXPECT_EQ(difference.count, 2);
  EXPECT_EQ(difference.largest, 4);
  EXPECT_EQ(difference.text, "at [1, 2]: 9, expected 5 (2 of 6 elements depart)");
}

TEST(Compare, whatIsNotFinite) {
  float nan = NAN, inf = INFINITY;
  EXPECT_FALSE(compareArrays(floats({nan, inf, -inf}), floats({nan, inf, -inf}), {}).departs);
  for (float other : {0.0f, inf, -inf})
    EXPECT_TRUE(compareArrays(floats({nan}), floats({other}), {}).departs) << other;
  EXPECT_TRUE(compareArrays(floats({inf}), floats({-inf}), {}).departs);
  EXPECT_TRUE(compareArrays(floats({1}), floats({inf}), {}).departs);
}

TEST(Compare, integersAreEqualOrNot) {
  Array a = arrayOf<int64_t>(NNF_INT64, {1}, {9007199254740993}),
        b = arrayOf<int64_t>(NNF_INT64, {1}, {9007199254740992});
  EXPECT_THAT(compareArrays(a, b, {1e30, 1}).text, HasSubstr("9007199254740993, expected 9007199254740992"));
}

TEST(Compare, halvesAreNumbers) {
  // 1.5 and 1.5 + 2^-10; 1 and 1 + 2^-7.
  Array half = arrayOf<uint16_t>(NNF_FLOAT16, {1}, {0x3E00}), nextHalf = arrayOf<uint16_t>(NNF_FLOAT16, {1}, {0x3E01});
  EXPECT_EQ(compareArrays(nextHalf, half, {}).largest, 0x1p-10);
  Array brain = arrayOf<uint16_t>(NNF_BFLOAT16, {1}, {0x3F80}),
        nextBrain = arrayOf<uint16_t>(NNF_BFLOAT16, {1}, {0x3F81});
  EXPECT_EQ(compareArrays(nextBrain, brain, {}).largest, 0x1p-7);
}

TEST(Compare, typesAndSizes) {
  EXPECT_EQ(compareArrays(floats({1}), floats({1, 2}), {}).text, "float32[1], expected float32[2]");
  EXPECT_TRUE(compareArrays(floats({1}), arrayOf<int32_t>(NNF_INT32, {1}, {1}), {}).departs);
}

} // namespace
