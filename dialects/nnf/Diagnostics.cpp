#include "dialects/nnf/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Path.h"

using namespace mlir;
namespace nnf {

Location nodeLocation(MLIRContext *context, StringRef node, StringRef op) {
  auto opLocation = NameLoc::get(StringAttr::get(context, op));
  return NameLoc::get(StringAttr::get(context, node), opLocation);
}

/// The outer NameLoc of a node and its op, through fusions and call sites.
static std::pair<StringAttr, StringAttr> findNode(Location location) {
  std::pair<StringAttr, StringAttr> found;
  location->walk([&](Location part) {
    if (auto outer = dyn_cast<NameLoc>(part))
      if (auto inner = dyn_cast<NameLoc>(outer.getChildLoc())) {
        found = {outer.getName(), inner.getName()};
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return found;
}

std::string nodeName(Location location) {
  StringAttr name = findNode(location).first;
  return name ? name.str() : "";
}

std::string nodeText(Location location) {
  auto [name, op] = findNode(location);
  if (!op)
    return "";
  if (name.empty())
    return ("node (" + op.getValue() + ")").str();
  return ("node '" + name.getValue() + "' (" + op.getValue() + ")").str();
}

FileLineColLoc placeOf(Location location) {
  FileLineColLoc place;
  location->walk([&](Location part) {
    place = dyn_cast<FileLineColLoc>(part);
    return place ? WalkResult::interrupt() : WalkResult::advance();
  });
  return place;
}

static std::string placeText(StringRef file, FileLineColLoc place) {
  return (file + ":" + Twine(place.getLine()) + ":" + Twine(place.getColumn())).str();
}

std::string placeText(FileLineColLoc place) { return placeText(place.getFilename().getValue(), place); }

std::string withPlace(StringRef message, Location location) {
  FileLineColLoc place = placeOf(location);
  if (!place)
    return message.str();
  StringRef file = llvm::sys::path::filename(place.getFilename().getValue());
  return message.str() + "\n  at " + placeText(file, place);
}

static InFlightDiagnostic start(std::optional<Location> location, llvm::Twine text) {
  // Inference may be asked without a location by MLIR's own helpers; those callers report for themselves.
  if (!location)
    return InFlightDiagnostic();
  return emitError(*location) << text;
}

std::string nodeMessage(Location location, const llvm::Twine &text) {
  std::string node = nodeText(location);
  return (node + (node.empty() ? "" : ": ") + text).str();
}

std::string argumentMessage(Location location, StringRef argument, const llvm::Twine &text) {
  std::string node = nodeText(location);
  return (node + (node.empty() ? "" : ", ") + "argument '" + argument + "': " + text).str();
}

InFlightDiagnostic argumentError(std::optional<Location> location, StringRef argument) {
  return start(location, location ? argumentMessage(*location, argument, "") : "");
}

InFlightDiagnostic nodeError(std::optional<Location> location) {
  return start(location, location ? nodeMessage(*location, "") : "");
}

} // namespace nnf
