#include "dialects/nnf/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

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
