// Integers in 32 bits that are seen to be narrow: those that quantised models compute with.
#ifndef NNF_PASSES_NARROWINTEGERS_H
#define NNF_PASSES_NARROWINTEGERS_H

#include "passes/decompose/Primitives.h"

namespace nnf {

/// The largest magnitude that an integer tensor's elements can have, from what they are computed of; nothing where that
/// says no more than their type.
std::optional<int64_t> magnitudeOf(mlir::Value tensor);

/// The number that all elements of an integer tensor are, where it is written down: a constant or a weight.
std::optional<int64_t> uniformInteger(mlir::Value tensor);

/// A tensor as 8-bit integers less a zero point, below reshapes and transposes: views(convert(bytes) - zero).
struct CentredBytes {
  llvm::SmallVector<mlir::Operation *> views; // from the inside out
  mlir::Value bytes;
  mlir::Value zero; // what is subtracted, of the shape of `bytes`; null: nothing

  static std::optional<CentredBytes> of(mlir::Value tensor);
  /// The same views of another tensor in place of `bytes`.
  mlir::Value viewed(Primitives &p, mlir::Value tensor) const;
};

/// The one number, of rank 0, that a tensor repeats; null where it is not made so.
mlir::Value repeatedNumber(Primitives &p, mlir::Value tensor);

} // namespace nnf
#endif
