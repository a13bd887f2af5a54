// JSON text.
#pragma once
#include <string>
#include <string_view>

namespace nnf::run {

/// The text as a JSON string, quotes included. Bytes that are no UTF-8 become U+FFFD.
std::string jsonString(std::string_view text);
/// The number with all its digits; null if it is not finite.
std::string jsonNumber(double value);

} // namespace nnf::run
