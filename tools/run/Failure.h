// How a step of a command ends.
#pragma once
#include <algorithm>
#include <string>
#include <utility>

namespace nnf::run {

/// Exit statuses of the tools.
enum ExitStatus { exitDone = 0, exitFault = 1, exitUsage = 2 };

/// What went wrong, as the user reads it after "error: "; false in a condition when nothing did.
struct [[nodiscard]] Failure {
  ExitStatus status = exitDone;
  std::string text;

  Failure() = default;
  Failure(ExitStatus status, std::string text) : status(status), text(std::move(text)) {}
  explicit operator bool() const { return status != exitDone; }
};

/// The model, the input or the machine is at fault.
inline Failure fault(std::string text) { return {exitFault, std::move(text)}; }
/// The command line is at fault.
inline Failure wrongUsage(std::string text) { return {exitUsage, std::move(text)}; }

/// The text of an error, with the number `otherwise` at the end of its first line where it has none yet.
inline std::string numbered(std::string text, const char *otherwise = " [NNFC-E9002]") {
  size_t end = std::min(text.find('\n'), text.size());
  if (text.find("[NNFC-E") >= end)
    text.insert(end, otherwise);
  return text;
}

} // namespace nnf::run
