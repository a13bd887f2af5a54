#include "compiler/Depfile.h"
#include "llvm/ADT/STLExtras.h"

namespace nnf {
namespace {

/// A backslash before a space or '#' escapes it, and then those in front of that one count double; elsewhere it is a
/// plain character.
std::string escaped(llvm::StringRef path) {
  std::string text;
  size_t backslashes = 0;
  for (char c : path) {
    if (c == ' ' || c == '#')
      text.append(backslashes + 1, '\\');
    if (c == '$')
      text += '$';
    text += c;
    backslashes = c == '\\' ? backslashes + 1 : 0;
  }
  return text;
}

} // namespace

llvm::Expected<std::string> depfileText(llvm::StringRef output, std::vector<std::string> files) {
  llvm::sort(files);
  files.erase(llvm::unique(files), files.end());
  std::string text = escaped(output) + ":";
  for (const std::string &file : files)
    text += " \\\n  " + escaped(file);
  bool hasLineBreak = output.contains('\n') || llvm::any_of(files, [](llvm::StringRef f) { return f.contains('\n'); });
  if (hasLineBreak)
    return llvm::createStringError(
        "--depfile: found a line break in the name of a file, which make does not take [NNFC-E0410]");
  text += "\n";
  return text;
}

} // namespace nnf
