#include "tools/run/Json.h"
#include <charconv>
#include <cmath>
#include <cstdint>

namespace nnf::run {
namespace {

/// Bytes of the UTF-8 character that `text` starts with; 0: it is none.
size_t characterBytes(std::string_view text) {
  uint8_t first = uint8_t(text[0]);
  size_t bytes = first < 0x80                    ? 1
                 : first >= 0xC2 && first < 0xE0 ? 2
                 : first >= 0xE0 && first < 0xF0 ? 3
                 : first >= 0xF0 && first < 0xF5 ? 4
                                                 : 0;
  if (bytes == 0 || bytes > text.size())
    return 0;
  for (size_t i = 1; i < bytes; ++i)
    if ((uint8_t(text[i]) & 0xC0) != 0x80)
      return 0;
  uint8_t second = bytes > 1 ? uint8_t(text[1]) : 0;
  // Longer than needed, a surrogate, or beyond U+10FFFF.
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) || (first == 0xF0 && second < 0x90) ||
      (first == 0xF4 && second >= 0x90))
    return 0;
  return bytes;
}

} // namespace

std::string jsonString(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string json = "\"";
  while (!text.empty()) {
    size_t bytes = characterBytes(text);
    uint8_t first = uint8_t(text[0]);
    if (bytes == 0) {
      json += "\\ufffd";
      bytes = 1;
    } else if (first < 0x20) {
      json += {'\\', 'u', '0', '0', digits[first >> 4], digits[first & 15]};
    } else {
      if (first == '"' || first == '\\')
        json += '\\';
      json += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return json + "\"";
}

std::string jsonNumber(double value) {
  if (!std::isfinite(value))
    return "null";
  char text[64];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end);
}

} // namespace nnf::run
