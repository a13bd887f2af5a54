#include "tools/run/Usage.h"
#include "tools/run/Failure.h"
#include <CLI/CLI.hpp>
#include <algorithm>

namespace nnf::run {
namespace {

/// How many letters are to be put in, left out, changed or swapped with their neighbour (optimal string alignment).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> least(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        least[i][j] = i + j;
        continue;
      }
      least[i][j] = std::min({least[i - 1][j] + 1, least[i][j - 1] + 1, least[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        least[i][j] = std::min(least[i][j], least[i - 2][j - 2] + 1);
    }
  return least[a.size()][b.size()];
}

std::string_view withoutDashes(std::string_view name) {
  return name.substr(std::min(name.find_first_not_of('-'), name.size()));
}

/// The option or the argument that the command does not have; "": all that was given it has.
std::string unknownText(const CLI::App &app) {
  std::vector<std::string> rest = app.remaining();
  auto option = std::find_if(rest.begin(), rest.end(), [](const std::string &word) { return word.starts_with('-'); });
  std::vector<std::string> names;
  std::string positionals;
  for (const CLI::Option *known : app.get_options()) {
    for (const std::string &name : known->get_lnames())
      names.push_back("--" + name);
    if (known->get_positional())
      positionals += (positionals.empty() ? "" : " ") + known->get_name(/*positional=*/true);
  }
  // What stands behind an option that is not known is its value, and no news.
  if (option != rest.end()) {
    std::string name = option->substr(0, option->find('=')), near = nearest(name, names);
    return "no option is called '" + name + "'" + (near.empty() ? "" : "; the nearest is '" + near + "'") +
           " [NNFC-E0001]";
  }
  if (rest.empty())
    return "";
  return "'" + rest.front() + "' is one argument too many, expected " + (positionals.empty() ? "none" : positionals) +
         " [NNFC-E0001]";
}

/// "Could not convert: --seconds = abc", as CLI11 has it.
std::string conversionText(const CLI::App &app, std::string text) {
  size_t begin = text.find(": "), equals = text.find(" = ");
  if (begin == std::string::npos || equals == std::string::npos || equals < begin)
    return numbered(text, " [NNFC-E0001]");
  std::string name = text.substr(begin + 2, equals - begin - 2), value = text.substr(equals + 3);
  const CLI::Option *option = app.get_option_no_throw(name);
  std::string type = option ? option->get_type_name() : "";
  bool isCount = type.starts_with("N") || type.starts_with("LEVEL");
  return name + ": found '" + value + "', expected a " +
         (isCount ? "whole number, 0 or more" : (type == "DIM" ? "whole number" : "number")) + " [NNFC-E0001]";
}

} // namespace

std::string nearest(std::string_view word, const std::vector<std::string> &names) {
  std::string_view letters = withoutDashes(word);
  std::string best;
  size_t least = std::max<size_t>(letters.size() / 3, 1) + 1;
  for (const std::string &name : names) {
    std::string_view known = withoutDashes(name);
    size_t steps = letters.size() > 1 && known.starts_with(letters) ? 1 : distance(letters, known);
    if (steps < least) {
      least = steps;
      best = name;
    }
  }
  return best;
}

std::string usageError(const CLI::App &app, const CLI::ParseError &error) {
  // A word too many is likelier the mistake than what is then missing.
  if (dynamic_cast<const CLI::ExtrasError *>(&error) || dynamic_cast<const CLI::RequiredError *>(&error))
    if (std::string text = unknownText(app); !text.empty())
      return text;
  if (dynamic_cast<const CLI::ConversionError *>(&error))
    return conversionText(app, error.what());
  return numbered(error.what(), " [NNFC-E0001]");
}

} // namespace nnf::run
