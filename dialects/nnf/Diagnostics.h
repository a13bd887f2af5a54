// Errors that name the node, the op and the argument.
#ifndef NNF_DIALECTS_NNF_DIAGNOSTICS_H
#define NNF_DIALECTS_NNF_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include <optional>

namespace nnf {

/// The location of a graph node: its name, and the name of its op as the user wrote it.
mlir::Location nodeLocation(mlir::MLIRContext *context, llvm::StringRef node, llvm::StringRef op);

/// "node 'stem' (conv2d)", or "" where the location is none of a node. An empty node name gives "node (conv2d)".
std::string nodeText(mlir::Location location);
/// The node's name alone; "" when unknown.
std::string nodeName(mlir::Location location);

/// Where the first node of the location stands in a graph file in text; null: nowhere.
mlir::FileLineColLoc placeOf(mlir::Location location);
/// "dir/net.nnf.txt:3:1".
std::string placeText(mlir::FileLineColLoc place);

/// "node 'stem' (conv2d): " and the text: a message for later.
std::string nodeMessage(mlir::Location location, const llvm::Twine &text);
/// "node 'stem' (conv2d), argument 'weight': " and the text: a message for later.
std::string argumentMessage(mlir::Location location, llvm::StringRef argument, const llvm::Twine &text);
/// The message, and below it where the node stands: what a run says, which has no locations. The file is named without
/// its folder, for a library does not depend on where its model was.
std::string withPlace(llvm::StringRef message, mlir::Location location);
/// Starts "node 'stem' (conv2d), argument 'weight': "; stream what was found, then what was expected.
mlir::InFlightDiagnostic argumentError(std::optional<mlir::Location> location, llvm::StringRef argument);
/// Starts "node 'stem' (conv2d): ".
mlir::InFlightDiagnostic nodeError(std::optional<mlir::Location> location);

} // namespace nnf
#endif
