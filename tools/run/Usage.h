// What is wrong with a command line: what was found, what was expected, and the nearest name that there is.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class ParseError;
} // namespace CLI

namespace nnf::run {

/// Which of `names` the word was meant to be: at most a third of its letters are missing, wrong, too many or swapped
/// with the next one, or it is how one of them begins. "": none.
std::string nearest(std::string_view word, const std::vector<std::string> &names);

/// What a command's parser found wrong, without "error: " and with its number.
std::string usageError(const CLI::App &app, const CLI::ParseError &error);

} // namespace nnf::run
