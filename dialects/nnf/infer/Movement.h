// What the parameters of ops that move or make data mean.
#ifndef NNF_DIALECTS_NNF_INFER_MOVEMENT_H
#define NNF_DIALECTS_NNF_INFER_MOVEMENT_H

#include "dialects/nnf/infer/Promotion.h"

namespace nnf {

/// Elements start, start + step, … of one dimension, `length` of them.
struct Range {
  Dim start, length;
  int64_t step;
};

/// Python's slice(start, end, step) of a dimension of this size: negative bounds count from the end, those outside
/// are clamped. An end of 2^31 - 1 or more is the end, also of a symbolic size; a symbolic size takes no other end
/// from the front, since it may be smaller.
llvm::FailureOr<Range> sliceRange(mlir::Location loc, Dim size, std::optional<int64_t> start,
                                  std::optional<int64_t> end, int64_t step);

/// Lengths of the pieces of split, or of chunk.
llvm::FailureOr<IntList> splitLengths(mlir::Location loc, Dim size, Ints sections);
llvm::FailureOr<IntList> chunkLengths(mlir::Location loc, Dim size, int64_t chunks);

/// start + i*step for i < count.
struct Steps {
  double start, step;
  int64_t count;
  mlir::Type element;
};
llvm::FailureOr<Steps> arangeSteps(mlir::Location loc, mlir::Value start, mlir::Value end, mlir::Value step,
                                   std::optional<mlir::Type> dtype);

/// The tensors of cat that count: all but those of shape [0].
llvm::SmallVector<mlir::Value> catOperands(mlir::ValueRange tensors);

} // namespace nnf
#endif
