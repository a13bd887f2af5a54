#include "compiler/Depfile.h"
#include <gmock/gmock.h>

namespace nnf {
namespace {

/// The text for one file.
std::string textOf(llvm::StringRef output, const std::string &file) {
  llvm::Expected<std::string> text = depfileText(output, {file});
  return text ? *text : llvm::toString(text.takeError());
}

TEST(Depfile, NamesEachFileOnce) {
  llvm::Expected<std::string> text = depfileText("net.o", {"net.onnx", "a.bin", "net.onnx"});
  ASSERT_TRUE(static_cast<bool>(text));
  EXPECT_EQ(*text, "net.o: \\\n  a.bin \\\n  net.onnx\n");
}

TEST(Depfile, EscapesWhatMakeReads) {
  EXPECT_EQ(textOf("a b.o", "c#1.bin"), "a\\ b.o: \\\n  c\\#1.bin\n");
  EXPECT_EQ(textOf("n.o", "$x"), "n.o: \\\n  $$x\n");
  // Backslashes count double in front of what is escaped, and stand for themselves elsewhere.
  EXPECT_EQ(textOf("n.o", "a\\b"), "n.o: \\\n  a\\b\n");
  EXPECT_EQ(textOf("n.o", "a\\ b"), "n.o: \\\n  a\\\\\\ b\n");
}

TEST(Depfile, RefusesLineBreaks) {
  EXPECT_THAT(textOf("n.o", "a\nb"), testing::HasSubstr("which make does not take [NNFC-E0410]"));
  EXPECT_THAT(textOf("n\n.o", "a"), testing::HasSubstr("which make does not take [NNFC-E0410]"));
}

} // namespace
} // namespace nnf
