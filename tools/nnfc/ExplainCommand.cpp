// nnfc --explain [NUMBER]
#include "tools/nnfc/Command.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <ostream>
#include <string_view>

namespace nnf::cli {
namespace {

constexpr unsigned char pageBytes[] = {
#include "ErrorsPage.inc"
};
/// docs/errors.md: a section "### NNFC-E0207: …" for each number, in areas "## …".
const std::string_view page(reinterpret_cast<const char *>(pageBytes), sizeof pageBytes);
constexpr std::string_view sectionMark = "### NNFC-E";

/// Calls visit(title, body) for each number's section.
template <typename Visit> void forEachSection(Visit visit) {
  for (size_t at = page.find(sectionMark); at != std::string_view::npos;) {
    size_t end = std::min(page.find("\n##", at), page.size()), line = page.find('\n', at);
    visit(page.substr(at + 4, line - at - 4), page.substr(line + 1, end - line - 1));
    at = page.find(sectionMark, end);
  }
}

/// "0207" of "NNFC-E0207", "nnfc-e0207", "E0207", "[NNFC-E0207]", "0207" and "207"; "" where it is none of them.
std::string digitsOf(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  for (std::string_view prefix : {"NNFC-", "E"})
    if (text.starts_with(prefix))
      text.erase(0, prefix.size());
  if (text.empty() || text.size() > 4 || text.find_first_not_of("0123456789") != std::string::npos)
    return "";
  return text.insert(0, 4 - text.size(), '0');
}

} // namespace

int explainCommand(int argc, char **argv, Streams streams) {
  CLI::App app("Says what an error means and what to do about it; without a number, which errors there are.",
               "nnfc --explain");
  std::string number;
  app.add_option("NUMBER", number, "such as NNFC-E0207, e0207 or 207");
  int status;
  if (!parse(app, argc, argv, streams, status))
    return status;
  std::string digits = digitsOf(number);
  bool isFound = number.empty();
  forEachSection([&](std::string_view title, std::string_view body) {
    if (number.empty()) {
      streams.out << title << "\n";
    } else if (title.substr(6, 4) == digits) {
      streams.out << title << "\n" << body << "\n";
      isFound = true;
    }
  });
  if (isFound)
    return 0;
  return report(Outcome::wrongUsage("--explain " + number +
                                    ": no error has this number, expected one that nnfc --explain lists [NNFC-E0906]"),
                streams);
}

} // namespace nnf::cli
