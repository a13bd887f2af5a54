#include "runtime/Hash.h"
#include <gtest/gtest.h>
#include <string>

namespace {

uint64_t hashOf(const std::string &text) { return nnf::hash64(text.data(), text.size()); }

// Values of the reference implementation (xxHash 0.8, XXH64 with seed 0).
TEST(Hash, agreesWithXxHash) {
  EXPECT_EQ(hashOf(""), 0xEF46DB3751D8E999u);
  EXPECT_EQ(hashOf("a"), 0xD24EC4F1A98C6E5Bu);
  EXPECT_EQ(hashOf("abc"), 0x44BC2CF5AD770999u);
  EXPECT_EQ(hashOf("Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1u);
  // bytes 0, 1, …: every mixture of 32-, 8-, 4- and 1-byte steps
  const std::pair<size_t, uint64_t> lengths[] = {{8, 0x884A173614B81B8Du},  {12, 0x424AF23F1F08DCA5u},
                                                 {31, 0xC346D2B59B4D8EE1u}, {32, 0xCBF59C5116FF32B4u},
                                                 {64, 0xF7C67301DB6713F0u}, {77, 0x93F85C1B6280EAD3u}};
  for (auto [length, hash] : lengths) {
    std::string bytes;
    for (size_t i = 0; i < length; ++i)
      bytes += char(i);
    EXPECT_EQ(hashOf(bytes), hash) << length;
  }
}

TEST(Hash, piecesAreOneText) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += char(i * 7);
  for (size_t piece : {1, 3, 8, 31, 32, 33, 64, 100, 199}) {
    nnf::Hash64 hash;
    for (size_t at = 0; at < text.size(); at += piece)
      hash.update(text.data() + at, std::min(piece, text.size() - at));
    EXPECT_EQ(hash.finish(), hashOf(text)) << piece;
  }
}

TEST(Hash, everyByteCounts) {
  std::string text(100, 'x');
  uint64_t before = hashOf(text);
  for (char &c : text) {
    c = 'y';
    EXPECT_NE(hashOf(text), before);
    c = 'x';
  }
  EXPECT_NE(hashOf(text.substr(1)), before);
}

} // namespace
