// Which ops can run only when the data have decided a size.
#ifndef NNF_PASSES_GROUPS_SIZEPHASES_H
#define NNF_PASSES_GROUPS_SIZEPHASES_H

#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace nnf {

/// No value says that an op with such a size comes after the nnf.size that defines it, so ops are in phases: 0 is what
/// the inputs' sizes are enough for; an op that reads a value of phase p is in p or a later one, and what has a size
/// that a value of phase p decides is in p + 1 or a later one. A group is within one phase, and phases are launched one
/// after the other; then values alone order what is within one.
class SizePhases {
public:
  /// Error (reported): a size that no nnf.size before its use defines.
  static mlir::FailureOr<SizePhases> of(mlir::func::FuncOp function);
  unsigned of(mlir::Operation *op) const { return phaseOf.lookup(op); }

private:
  llvm::DenseMap<mlir::Operation *, unsigned> phaseOf;
};

} // namespace nnf
#endif
