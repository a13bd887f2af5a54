// What kernels are built around, and what they want of their operands.
#ifndef NNF_PASSES_GROUPS_ANCHORS_H
#define NNF_PASSES_GROUPS_ANCHORS_H

#include "mlir/IR/Operation.h"

namespace nnf {

/// Ops a group is built around: they read elements many times or in an order of their own.
bool isAnchor(mlir::Operation *op);
/// A concatenation of pieces of one tensor that others of the kind are made of: borders along several dimensions are
/// one kernel, for what is computed twice is a load.
bool isInnerBorder(mlir::Operation *op);
/// Ops whose result is written in an order of their own, with memory they read back.
bool isOrdered(mlir::Operation *op);
bool isContraction(mlir::Operation *op);
/// What reads and gives what is stored, and nothing joins: what the driver does itself, and kernels of a user.
bool standsAlone(mlir::Operation *op);
/// The value is read more than once per element, or by code that wants a buffer: its producers are not computed there.
bool wantsBuffer(mlir::OpOperand &use);

} // namespace nnf
#endif
