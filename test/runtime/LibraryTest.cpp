// What the runtime's own library is: small, without libstdc++, exporting the C interface and nothing else; and the C++
// wrapper on top.
#include "TestModel.h"
#include "runtime/nnf.hpp"
#include <cstdio>
#include <filesystem>
#include <regex>
#include <sstream>

using namespace nnf::test;
using testing::AnyOf;
using testing::ElementsAre;

namespace {

std::vector<std::string> linesOf(const std::string &command) {
  std::vector<std::string> lines;
  FILE *pipe = popen(command.c_str(), "r");
  char line[1024];
  while (pipe && fgets(line, sizeof line, pipe))
    lines.push_back(line);
  EXPECT_EQ(pipe ? pclose(pipe) : -1, 0) << command;
  return lines;
}

#if defined(NNF_SANITIZED)
#define SKIP_IF_SANITIZED() GTEST_SKIP() << "a sanitizer's build is another library"
#else
#define SKIP_IF_SANITIZED() (void)0
#endif

TEST(Library, needsLibcAndLibmOnly) {
  SKIP_IF_SANITIZED();
  int needed = 0;
  for (const std::string &line : linesOf("readelf -d " NNF_RUNTIME_LIBRARY))
    if (std::smatch match; std::regex_search(line, match, std::regex("NEEDED.*\\[(.*)\\]"))) {
      EXPECT_THAT(match[1].str(), AnyOf("libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"));
      ++needed;
    }
  EXPECT_GE(needed, 1);
}

TEST(Library, exportsTheInterfaceOnly) {
  SKIP_IF_SANITIZED();
  int exported = 0;
  for (const std::string &line : linesOf("nm -D --defined-only --format=posix " NNF_RUNTIME_LIBRARY)) {
    EXPECT_EQ(line.rfind("nnf_", 0), 0u) << line;
    EXPECT_NE(line.rfind("nnf_model_", 0), 0u) << "those names belong to the models: " << line;
    ++exported;
  }
  EXPECT_GE(exported, 20);
}

TEST(Library, isSmall) {
  SKIP_IF_SANITIZED();
  EXPECT_LT(std::filesystem::file_size(NNF_RUNTIME_LIBRARY), 300'000u);
}

TEST(Library, staticOneNeedsNoCxxLibrary) {
  SKIP_IF_SANITIZED();
  for (const std::string &line : linesOf("nm -u " NNF_RUNTIME_ARCHIVE)) {
    EXPECT_EQ(line.find("_ZSt"), std::string::npos) << line;
    EXPECT_EQ(line.find("_ZNSt"), std::string::npos) << line;
    EXPECT_EQ(line.find("_Zn"), std::string::npos) << "operator new: " << line;
    EXPECT_EQ(line.find("_Zd"), std::string::npos) << "operator delete: " << line;
    EXPECT_EQ(line.find("__cxa_"), std::string::npos) << line;
    EXPECT_EQ(line.find("__gxx_"), std::string::npos) << line;
  }
}

TEST(DTypes, namesAndSizes) {
  EXPECT_STREQ(nnf_dtype_name(NNF_BFLOAT16), "bfloat16");
  EXPECT_STREQ(nnf_dtype_name(0), "unknown");
  EXPECT_STREQ(nnf_dtype_name(99), "unknown");
  EXPECT_EQ(nnf_dtype_bytes(NNF_FLOAT64), 8u);
  EXPECT_EQ(nnf_dtype_bytes(99), 0u);
  EXPECT_EQ(nnf_dtype_dlpack(NNF_BFLOAT16).code, kDLBfloat);
  EXPECT_EQ(nnf_dtype_dlpack(NNF_UINT16).bits, 16);
  EXPECT_STREQ(nnf_status_name(NNF_ERROR_DATA), "invalid data");
  EXPECT_STREQ(nnf_status_name(1234), "unknown status");
}

TEST(CxxWrapper, runs) {
  TestModel descriptor = doubling();
  nnf::Model model;
  EXPECT_FALSE(model);
  ASSERT_TRUE(nnf::Model::from(descriptor.get(), model));
  EXPECT_EQ(model.name(), "hand");
  EXPECT_EQ(model.inputs().size(), 1u);
  nnf::Context context;
  ASSERT_TRUE(nnf::Context::create(model, context, nnf::Context::options(1)));
  const float data[] = {1, 2, 3};
  nnf::Tensor x = nnf::Tensor::of(data, {3}), y;
  nnf::Status status = context.run({&x, 1}, {&y, 1});
  ASSERT_TRUE(status) << status.message();
  EXPECT_THAT(y.dims(), ElementsAre(3));
  EXPECT_EQ(y.data<float>()[2], 6);
  nnf::Tensor moved = std::move(x);
  EXPECT_TRUE(context.run({&moved, 1}, {&y, 1}));
  nnf::Tensor wrong = nnf::Tensor::of(data, {1, 3});
  status = context.run({&wrong, 1}, {&y, 1});
  EXPECT_FALSE(status);
  EXPECT_EQ(status.code(), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(status.message(), "input 'x': rank 2, expected 1 [N] [NNFC-E0604]");
  EXPECT_FALSE(nnf::Model::load("/nowhere.so", model)) << "and the model is still the old one";
  EXPECT_TRUE(model);
}

} // namespace
