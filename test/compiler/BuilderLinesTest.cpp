// What a compilation says of a graph made in C++: the caller's line that made the node it is about.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nnfc/builder.h>

namespace {

TEST(BuilderLines, AnErrorWhileCompilingIsAtTheLineOfItsNode) {
  nnfc::Graph g("net");
  nnfc::Tensor x = g.input("x", nnfc::float32, {"N", 3});
  unsigned line = __LINE__ + 1;
  nnfc::Tensor y = g.reshape(x, {-1, 4}, {.node = "rows of 4"}); // right for some N
  g.output("y", g.relu(y));
  nnfc::CompileOptions options;
  options.dims["N"] = 5;
  nnfc::Result<void> result = g.compile(testing::TempDir() + "never.so", options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().line, line);
  EXPECT_THAT(result.error().file, testing::EndsWith("BuilderLinesTest.cpp"));
  EXPECT_THAT(result.error().message, testing::HasSubstr("node 'rows of 4' (reshape)"));
  EXPECT_THAT(result.error().message, testing::HasSubstr("[NNFC-E0216]"));
}

TEST(BuilderLines, AnErrorOfNoNodeIsAtTheCall) {
  nnfc::Graph g("net");
  g.output("y", g.relu(g.input("x", nnfc::float32, {4}), {.node = "n"}));
  nnfc::CompileOptions options;
  options.cpu = "none";
  unsigned line = __LINE__ + 1;
  nnfc::Result<void> result = g.compile(testing::TempDir() + "never.so", options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().line, line);
  EXPECT_THAT(result.error().message, testing::HasSubstr("[NNFC-E0011]"));
}

} // namespace
