// torch's type promotion and broadcasting.
#ifndef NNF_DIALECTS_NNF_INFER_PROMOTION_H
#define NNF_DIALECTS_NNF_INFER_PROMOTION_H

#include "dialects/nnf/infer/Arguments.h"

namespace nnf {

/// torch.promote_types: the smallest type that holds both, by category (bool, integer, float) and width.
mlir::Type promote(mlir::Type a, mlir::Type b);

/// torch.result_type of the operands (null ones do not count). Tensors with dimensions decide; scalars and then
/// numbers count only where their category is higher. A float number among integers is float32.
mlir::Type promoteTypes(llvm::ArrayRef<mlir::Value> operands);

/// The shape two shapes broadcast to: aligned at the end, a size 1 is repeated. Of sizes not known to be equal
/// the run is required to find that they broadcast. `argument` is the one to blame, with shape `b`.
llvm::FailureOr<Shape> broadcastShapes(mlir::Location loc, llvm::StringRef argument, llvm::ArrayRef<Dim> a,
                                       llvm::ArrayRef<Dim> b);
/// The same for several values; null ones do not count.
llvm::FailureOr<Shape> broadcastAll(mlir::Location loc, llvm::ArrayRef<llvm::StringRef> arguments,
                                    llvm::ArrayRef<mlir::Value> values);

/// A tensor that broadcasts to `shape` without enlarging it. A null value passes.
llvm::LogicalResult expectBroadcastsTo(mlir::Location loc, llvm::StringRef argument, mlir::Value value,
                                       llvm::ArrayRef<Dim> shape);

} // namespace nnf
#endif
