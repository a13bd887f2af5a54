// .npy files: what NumPy writes is read, what is broken is refused, what is written is what NumPy reads.
#include "tools/run/Npy.h"
#include "runtime/nnf.h"
#include "tools/run/OutputFile.h"
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace nnf::run;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

/// As numpy.save writes it (1.24): header text padded to 64 bytes.
std::string npy(const std::string &dict, const std::string &data) {
  std::string header = dict;
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + char(header.size() & 255) + char(header.size() >> 8) + header + data;
}
std::string typed(const char *descr, const char *shape, const std::string &data, const char *fortran = "False") {
  return npy(std::string("{'descr': '") + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }",
             data);
}

class Npy : public testing::Test {
protected:
  Npy() {
    char name[] = "/tmp/nnf-npy-XXXXXX";
    folder = mkdtemp(name);
    path = folder / "a.npy";
  }
  ~Npy() override { fs::remove_all(folder); }
  Failure read(const std::string &bytes, uint32_t expected = 0) {
    std::ofstream(path, std::ios::binary) << bytes;
    return readNpy(path, expected, array);
  }
  void expectError(const std::string &bytes, const char *text) {
    Failure failure = read(bytes);
    EXPECT_EQ(failure.status, exitFault);
    EXPECT_THAT(failure.text, HasSubstr(text));
    EXPECT_THAT(failure.text, HasSubstr("a.npy"));
  }
  template <typename T> std::vector<T> values() {
    const T *data = reinterpret_cast<const T *>(array.data());
    return {data, data + array.elements()};
  }
  fs::path folder, path;
  Array array;
};

TEST_F(Npy, readsWhatNumPyWrites) {
  ASSERT_FALSE(read(typed("<f4", "(2, 3)", std::string("\0\0\x80?\0\0\0@\0\0@@\0\0\x80@\0\0\xa0@\0\0\xc0@", 24))));
  EXPECT_EQ(array.dtype, uint32_t(NNF_FLOAT32));
  EXPECT_THAT(array.dims, ElementsAre(2, 3));
  EXPECT_THAT(values<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(array.data()) % 64, 0u);
  ASSERT_FALSE(read(typed("<i8", "()", std::string("\7\0\0\0\0\0\0\0", 8))));
  EXPECT_TRUE(array.dims.empty());
  EXPECT_THAT(values<int64_t>(), ElementsAre(7));
  ASSERT_FALSE(read(typed("|b1", "(2,)", std::string("\2\0", 2))));
  EXPECT_THAT(values<uint8_t>(), ElementsAre(1, 0)) << "a bool is 0 or 1";
  ASSERT_FALSE(read(typed("<f8", "(0, 3)", "")));
  EXPECT_EQ(array.elements(), 0);
}

TEST_F(Npy, columnMajor) {
  ASSERT_FALSE(read(typed("<i2", "(2, 3)", std::string("\1\0\4\0\2\0\5\0\3\0\6\0", 12), "True")));
  EXPECT_THAT(values<int16_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
  ASSERT_FALSE(read(typed("<i2", "(0, 3)", "", "True")));
}

TEST_F(Npy, bfloat16) {
  for (const char *descr : {"<V2", "|V2"}) {
    ASSERT_FALSE(read(typed(descr, "(1,)", "\x80?")));
    EXPECT_EQ(array.dtype, uint32_t(NNF_BFLOAT16));
  }
  ASSERT_FALSE(read(typed("<u2", "(1,)", "\x80?"), NNF_BFLOAT16));
  EXPECT_EQ(array.dtype, uint32_t(NNF_BFLOAT16));
  ASSERT_FALSE(read(typed("<u2", "(1,)", "\x80?"), NNF_FLOAT32));
  EXPECT_EQ(array.dtype, uint32_t(NNF_UINT16));
}

TEST_F(Npy, laterVersions) {
  std::string bytes = typed("|i1", "(1,)", "\5");
  uint32_t length = uint32_t(uint8_t(bytes[8])) | uint32_t(uint8_t(bytes[9])) << 8;
  std::string version2 = std::string("\x93NUMPY\x02\x00", 8) + char(length) + std::string(3, '\0') + bytes.substr(10);
  ASSERT_FALSE(read(version2));
  EXPECT_THAT(values<int8_t>(), ElementsAre(5));
}

TEST_F(Npy, refuses) {
  expectError("", "not a .npy file");
  expectError("PK\3\4 this is a zip file", "not a .npy file");
  expectError(std::string("\x93NUMPY\x09\x00\x10\x00", 10), "format version 9");
  expectError(std::string("\x93NUMPY\x01\x00\xff\xff", 10), "its header has 65535 bytes, the whole file 10");
  expectError(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12), "its header has 4294967295 bytes");
  expectError(typed(">f4", "(1,)", "1234"), "'>f4' is big-endian");
  expectError(typed("<c8", "(1,)", "12345678"), "'<c8' is none of the element types");
  expectError(typed("|O", "(1,)", "12345678"), "'|O' is none of the element types");
  expectError(npy("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,), }", "1234"), "holds records");
  expectError(typed("<f4", "(2,)", "1234"), "4 bytes of data, expected those of float32[2]");
  expectError(typed("<f4", "(2,)", "123456789"), "9 bytes of data");
  expectError(typed("<f4", "(4611686018427387904, 4611686018427387904)", ""), "0 bytes of data");
  expectError(typed("<f4", "(99999999999999999999,)", ""), "its header is not");
  expectError(typed("<f4", "(-1,)", ""), "its header is not");
  EXPECT_THAT(readNpy(folder, 0, array).text, HasSubstr("not a regular file"));
  EXPECT_THAT(readNpy(folder / "none", 0, array).text, HasSubstr("No such file"));
}

TEST(NpyHeader, forms) {
  NpyHeader header;
  EXPECT_FALSE(parseNpyHeader("{\"shape\":(3,4L),'fortran_order':True,'descr':'<f4'}", header));
  EXPECT_THAT(header.shape, ElementsAre(3, 4));
  EXPECT_TRUE(header.fortranOrder);
  const char *broken[] = {"",
                          "{}",
                          "{",
                          "'descr'",
                          "{'descr': '<f4', 'fortran_order': False}",
                          "{'descr': '<f4', 'fortran_order': Maybe, 'shape': ()}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (1,) } x",
                          "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (1,,)}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
                          "{'descr: <f4",
                          "{'descr': '<f4' 'fortran_order': False, 'shape': ()}",
                          "{'colour': 'red', 'descr': '<f4', 'fortran_order': False, 'shape': ()}"};
  for (const char *text : broken)
    EXPECT_TRUE(parseNpyHeader(text, header)) << text;
  std::string deep = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (int i = 0; i < 100; ++i)
    deep += "1, ";
  EXPECT_TRUE(parseNpyHeader(deep + ")}", header)) << "100 dimensions";
}

// Every header with one byte changed or missing is read or refused; sanitizers watch.
TEST_F(Npy, everyByteChanged) {
  std::string good = typed("<f4", "(2, 1)", "12345678");
  for (size_t i = 0; i < 80; ++i)
    for (int change : {0, 1, 0x80, 0x7f, int('9'), int('('), int('\''), 255}) {
      std::string bad = good;
      bad[i] = char(change);
      if (Failure failure = read(bad))
        EXPECT_EQ(failure.status, exitFault);
      (void)read(good.substr(0, i));
    }
}

TEST_F(Npy, writtenIsWhatNumPyWrites) {
  EXPECT_EQ(npyPreamble(NNF_FLOAT32, {2, 3}), typed("<f4", "(2, 3)", ""));
  EXPECT_EQ(npyPreamble(NNF_INT64, {}), typed("<i8", "()", ""));
  EXPECT_EQ(npyPreamble(NNF_BOOL, {2}), typed("|b1", "(2,)", ""));
  EXPECT_EQ(npyPreamble(NNF_UINT8, {0}), typed("|u1", "(0,)", ""));
  EXPECT_EQ(npyPreamble(NNF_BFLOAT16, {1}), typed("<V2", "(1,)", ""));
  std::vector<int64_t> dims(64, 1'000'000'000);
  EXPECT_EQ(npyPreamble(NNF_FLOAT32, dims).size() % 64, 0u);
}

TEST(OutputFile, names) {
  EXPECT_EQ(fileNameOf("logits"), "logits");
  EXPECT_EQ(fileNameOf("a/b.c-d_E9"), "a%2Fb.c-d_E9");
  EXPECT_EQ(fileNameOf("../x"), "%2E.%2Fx");
  EXPECT_EQ(fileNameOf("100%"), "100%25");
  EXPECT_EQ(fileNameOf("\xc3\xa9"), "%C3%A9");
}

TEST_F(Npy, filesAreWrittenWholeOrNotAtAll) {
  fs::path file = folder / "out.bin";
  ASSERT_FALSE(writeFile(file, {"ab", "c"}));
  ASSERT_FALSE(writeFile(file, {"second"}));
  EXPECT_EQ(fs::file_size(file), 6u);
  Failure failure = writeFile(folder / "none" / "x", {"a"});
  EXPECT_THAT(failure.text, HasSubstr("cannot write"));
  fs::create_directory(folder / "taken");
  EXPECT_TRUE(writeFile(folder / "taken", {"a"})) << "a folder is in the way";
  int files = 0;
  for (const auto &entry : fs::directory_iterator(folder))
    files += entry.path() != file && entry.path() != folder / "taken";
  EXPECT_EQ(files, 0) << "a temporary file is left";
  EXPECT_THAT(writeFile("/dev/full", {"a"}).text, HasSubstr("No space left"));
}

} // namespace
