// What a primitive costs, as far as fusion and the shape of loops depend on it.
#ifndef NNF_PASSES_COST_H
#define NNF_PASSES_COST_H

#include "mlir/IR/Operation.h"

namespace nnf {

/// Ops that only say where an element is found.
bool isView(mlir::Operation *op);
/// Elementwise ops that cost as much as a trip through memory.
bool isCostly(mlir::Operation *op);
/// What one evaluation of an op adds to a kernel, in simple instructions.
int64_t weightOf(mlir::Operation *op);

} // namespace nnf
#endif
