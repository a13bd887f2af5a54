#include "compiler/Diagnostics.h"
#include "dialects/nnf/Diagnostics.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr unsigned maxErrors = 20; // more say nothing new

/// "file.mlir:3:15: " where the location is one of a text file; else the node, where the message does not name one.
std::string prefixOf(Diagnostic &diagnostic, const std::string &message) {
  if (auto file = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
    return placeText(file) + ": ";
  std::string node = nodeText(diagnostic.getLocation());
  if (node.empty() || StringRef(message).contains("node '") || StringRef(message).contains("node ("))
    return "";
  return node + ": ";
}

/// What has no number of its own is MLIR's: about text, or about a pass of ours that has made something wrong.
std::string numbered(std::string line, Diagnostic &diagnostic) {
  if (StringRef(line).contains("[NNFC-E"))
    return line;
  bool isOfText = isa<FileLineColLoc>(diagnostic.getLocation()) && !StringRef(line).contains("internal");
  const char *number = isOfText ? " [NNFC-E0130]" : " [NNFC-E9001]";
  return line.insert(std::min(line.find('\n'), line.size()), number);
}

} // namespace

DiagnosticSink::DiagnosticSink(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        add(diagnostic);
        return success();
      }) {}

void DiagnosticSink::add(Diagnostic &diagnostic) {
  std::lock_guard<std::mutex> lock(mutex);
  std::string message = diagnostic.str();
  std::string line = prefixOf(diagnostic, message) + message;
  if (diagnostic.getSeverity() == DiagnosticSeverity::Warning) {
    warnings += "warning: " + line + "\n";
    return;
  }
  if (diagnostic.getSeverity() != DiagnosticSeverity::Error || ++count > maxErrors)
    return;
  text += (text.empty() ? "" : "error: ") + numbered(line, diagnostic) + "\n";
  // Of a location that is nothing but a place the first line tells; a reader notes it by itself.
  bool hasPlace = isa<FileLineColLoc>(diagnostic.getLocation()) ||
                  llvm::any_of(diagnostic.getNotes(), [](Diagnostic &note) { return note.str().starts_with("at "); });
  if (FileLineColLoc place = placeOf(diagnostic.getLocation()); place && !hasPlace)
    text += "  at " + placeText(place) + "\n";
  for (Diagnostic &note : diagnostic.getNotes()) {
    std::string noteText = note.str();
    // MLIR's "see current operation" prints whole functions; what a user can act on is short.
    if (!StringRef(noteText).starts_with("see current operation") && noteText.size() < 2000)
      text += "  " + noteText + "\n";
  }
}

std::string DiagnosticSink::errors() const {
  return text.empty() ? "internal: a step failed without saying why [NNFC-E9001]\n" : text;
}

} // namespace nnf
