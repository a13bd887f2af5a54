#include "tools/run/Usage.h"
#include <gtest/gtest.h>

namespace nnf::run {
namespace {

TEST(Nearest, OneLetterInThree) {
  std::vector<std::string> names = {"--emit", "--output", "--output-dir", "--dim", "--seed"};
  EXPECT_EQ(nearest("--emti", names), "--emit") << "two letters swapped";
  EXPECT_EQ(nearest("--sed", names), "--seed") << "a letter left out";
  EXPECT_EQ(nearest("--dimm", names), "--dim") << "a letter too many";
  EXPECT_EQ(nearest("--outpot_dir", names), "--output-dir") << "two of ten are wrong";
  EXPECT_EQ(nearest("-outputs", names), "--output") << "dashes do not count";
  EXPECT_EQ(nearest("--edit", names), "--emit");
}

TEST(Nearest, HowANameBegins) {
  EXPECT_EQ(nearest("--out", {"--input", "--output"}), "--output");
  EXPECT_EQ(nearest("--o", {"--input", "--output"}), "") << "one letter says nothing";
}

TEST(Nearest, Nothing) {
  EXPECT_EQ(nearest("--threads", {"--emit", "--output", "--dim"}), "");
  EXPECT_EQ(nearest("train", {"run", "tune", "compile"}), "");
  EXPECT_EQ(nearest("--", {"--emit"}), "");
  EXPECT_EQ(nearest("--emit", {}), "");
}

} // namespace
} // namespace nnf::run
