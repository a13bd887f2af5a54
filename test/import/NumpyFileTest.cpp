#include "Folder.h"
#include "compiler/import/StoredTensor.h"
#include <gmock/gmock.h>

namespace nnf {
namespace {

using test::mapped;
using test::npy;

std::string errorOf(const std::string &file) {
  llvm::Expected<StoredTensor> tensor = readNumpy(mapped(file));
  return tensor ? "" : llvm::toString(tensor.takeError());
}

TEST(NumpyFile, ReadsWhatNumpyWrites) {
  llvm::Expected<StoredTensor> tensor =
      readNumpy(mapped(npy("<i2", "(2, 3)", std::string("\1\0\2\0\3\0\4\0\5\0\6\0", 12))));
  ASSERT_TRUE(static_cast<bool>(tensor));
  EXPECT_EQ(tensor->dtype, "int16");
  EXPECT_THAT(tensor->sizes, testing::ElementsAre(2, 3));
  EXPECT_EQ(tensor->bytes[10], 6);
}

TEST(NumpyFile, FortranOrderIsTransposed) {
  // [[1, 2, 3], [4, 5, 6]], column after column.
  llvm::Expected<StoredTensor> tensor = readNumpy(mapped(npy("|u1", "(2, 3)", "\1\4\2\5\3\6", "True")));
  ASSERT_TRUE(static_cast<bool>(tensor));
  EXPECT_THAT(tensor->bytes, testing::ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(NumpyFile, ScalarsEmptyTensorsAndBfloat16) {
  auto scalar = readNumpy(mapped(npy("<V2", "()", "ab")));
  ASSERT_TRUE(static_cast<bool>(scalar));
  EXPECT_EQ(scalar->dtype, "bfloat16");
  EXPECT_TRUE(scalar->sizes.empty());
  auto empty = readNumpy(mapped(npy("<f4", "(0, 5)", "")));
  ASSERT_TRUE(static_cast<bool>(empty));
}

TEST(NumpyFile, SaysWhatIsBroken) {
  EXPECT_EQ(errorOf(""), "no .npy file [NNFC-E0118]");
  EXPECT_EQ(errorOf(std::string("\x93NUMPY\x07\x00 something", 18)), "version 7 of .npy, expected 1 to 3 [NNFC-E0118]");
  EXPECT_EQ(errorOf(npy("<f4", "(2,)", "1234")), "truncated or too long: 4 bytes of data, expected 8 [NNFC-E0118]");
  EXPECT_EQ(errorOf(npy(">f4", "(1,)", "1234")),
            "dtype '>f4', expected a little-endian number such as '<f4' [NNFC-E0118]");
  EXPECT_EQ(errorOf(npy("|O", "(1,)", "1234")),
            "dtype '|O', expected a little-endian number such as '<f4' [NNFC-E0118]");
  EXPECT_EQ(errorOf(npy("<f4", "(4611686018427387904, 4)", "")),
            "sizes whose product is no 64-bit number [NNFC-E0118]");
  EXPECT_EQ(errorOf(npy("<f4", "(0, 4611686018427387904, 4)", "")),
            "sizes whose product is no 64-bit number [NNFC-E0118]");
  EXPECT_EQ(errorOf(npy("<f4", "(-1,)", "")),
            "broken header: found ',), }       ', expected a tuple of sizes [NNFC-E0118]");
  std::string cut = npy("<f4", "(2,)", "12345678");
  EXPECT_EQ(errorOf(cut.substr(0, 60)), "truncated: a header of 118 bytes in a file of 60 [NNFC-E0118]");
}

TEST(NumpyFile, EveryPrefixIsRefused) {
  std::string file = npy("<f4", "(2,)", "12345678");
  for (size_t length = 0; length < file.size(); ++length)
    EXPECT_NE(errorOf(file.substr(0, length)), "") << length;
}

} // namespace
} // namespace nnf
