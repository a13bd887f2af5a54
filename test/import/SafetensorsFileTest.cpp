#include "compiler/import/SafetensorsFile.h"
#include "Folder.h"
#include "llvm/Support/raw_ostream.h"
#include <gmock/gmock.h>

namespace nnf {
namespace {

using test::mapped;
using test::safetensors;

std::string errorOf(const std::string &file) {
  llvm::Expected<SafetensorsFile> opened = SafetensorsFile::open(mapped(file));
  return opened ? "" : llvm::toString(opened.takeError());
}
std::string errorOf(const std::string &dtype, const std::string &shape, const std::string &offsets) {
  return errorOf(safetensors(
      "{\"w\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}", "12345678"));
}

TEST(SafetensorsFile, ReadsAFile) {
  llvm::Expected<SafetensorsFile> file = SafetensorsFile::open(mapped(safetensors(
      R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}})", "12345678")));
  ASSERT_TRUE(static_cast<bool>(file));
  llvm::Expected<StoredTensor> tensor = file->tensor("w");
  ASSERT_TRUE(static_cast<bool>(tensor));
  EXPECT_EQ(tensor->dtype, "float16");
  EXPECT_THAT(tensor->sizes, testing::ElementsAre(2, 2));
  EXPECT_EQ(tensor->bytes[7], '8');
  EXPECT_EQ(llvm::toString(file->tensor("v").takeError()), "no tensor 'v' in it [NNFC-E0118]");
}

TEST(SafetensorsFile, ReadsWhatItWrites) {
  std::vector<uint8_t> a = {1, 0, 1}, b = {1, 2, 3, 4, 5, 6, 7, 8};
  std::string text;
  llvm::raw_string_ostream os(text);
  writeSafetensors({{"a \"b\"", {"bool", {3}, a, {}}}, {"w", {"float32", {1, 2}, b, {}}}}, os);
  EXPECT_EQ(text.find('{'), 8u);
  llvm::Expected<SafetensorsFile> file = SafetensorsFile::open(mapped(text));
  ASSERT_TRUE(static_cast<bool>(file));
  EXPECT_EQ(file->tensor("a \"b\"")->bytes, llvm::ArrayRef(a));
  EXPECT_EQ(file->tensor("w")->bytes, llvm::ArrayRef(b));
}

TEST(SafetensorsFile, SaysWhatIsBroken) {
  EXPECT_EQ(errorOf("1234"), "no .safetensors file: 4 bytes, expected at least 8 [NNFC-E0118]");
  EXPECT_EQ(errorOf(std::string(7, '\xff') + "\x7f{}"),
            "truncated: a header of 9223372036854775807 bytes in a file of 10 [NNFC-E0118]");
  EXPECT_EQ(errorOf(safetensors("{", "")), "broken header: no JSON [NNFC-E0118]");
  EXPECT_EQ(errorOf(safetensors("[]", "")), "broken header: no JSON object [NNFC-E0118]");
  EXPECT_EQ(errorOf(safetensors(std::string(100000, '['), "")), "broken header: nested too deeply [NNFC-E0118]");
  EXPECT_EQ(errorOf("F32", "[2]", "[0,16]"),
            "tensor 'w': bytes 0 to 16, expected them within the 8 bytes of the file's data [NNFC-E0118]");
  EXPECT_EQ(errorOf("F32", "[2]", "[8,0]"),
            "tensor 'w': bytes 8 to 0, expected them within the 8 bytes of the file's data [NNFC-E0118]");
  EXPECT_EQ(errorOf("F32", "[3]", "[0,8]"), "tensor 'w': 8 bytes, expected as many as its sizes need: 12 [NNFC-E0118]");
  EXPECT_EQ(errorOf("F32", "[4611686018427387904,4]", "[0,8]"),
            "tensor 'w': 8 bytes, expected as many as its sizes need [NNFC-E0118]");
  EXPECT_EQ(errorOf("F32", "[-2]", "[0,8]"), "tensor 'w': expected dtype, shape and two data_offsets [NNFC-E0118]");
  EXPECT_EQ(errorOf("F32", "[2]", "[0]"), "tensor 'w': expected dtype, shape and two data_offsets [NNFC-E0118]");
  EXPECT_THAT(errorOf("F8_E4M3", "[8]", "[0,8]"),
              testing::StartsWith("tensor 'w': dtype F8_E4M3, expected one of F32,"));
}

} // namespace
} // namespace nnf
