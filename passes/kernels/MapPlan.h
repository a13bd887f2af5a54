// The loops of a map kernel: which dimensions are walked as one, and which way lanes lie.
#ifndef NNF_PASSES_KERNELS_MAPPLAN_H
#define NNF_PASSES_KERNELS_MAPPLAN_H

#include "passes/kernels/KernelEmitter.h"

namespace nnf {

/// Neighbouring dimensions of the result are one loop ("axis") where no access has to take their index apart. What
/// is slow along the last axis is found by emitting it both ways and looking (KernelBuilder::slowAccesses).
struct MapPlan {
  using Value = mlir::Value;

  enum Kind {
    /// Lanes along the last axis, row after row.
    Rows,
    /// Square blocks of two axes: `turned` is computed with lanes along `across` and transposed in registers, the rest
    /// with lanes along the last axis.
    Blocks,
    /// The last axis is only a few elements wide: lanes along `across`, the axis before it, a vector for each of those
    /// elements, and the vectors interleaved.
    Columns
  };

  struct Axis {
    unsigned first, end; // dimensions of the result
    Dim size;
  };

  static MapPlan of(KernelEmitter &emitter);

  Shape shape;
  llvm::SmallVector<Axis> axes;
  Kind kind = Rows;
  int64_t lanes = 1;
  /// Of Rows: an axis that much of the work is the same along. It is the innermost loop, so that this is done once for
  /// all of it.
  std::optional<unsigned> repeated;
  /// Of Rows: where the last axis is cut, so that all lanes of most pieces go the same way through concatenations and
  /// paddings: the first position of each piece, and the end. Empty: not cut.
  llvm::SmallVector<int64_t> cuts;
  unsigned across = 0;
  llvm::SmallVector<Value> turned;
  /// What is computed for each column (with lanes along `across`), or for each row of a block, is too much code to be
  /// repeated for each: it is a loop, with the block in scratch memory.
  bool loopsOverColumns = false, loopsOverRows = false;

  /// Indices of the result's dimensions from those of the axes.
  Indices expand(ElementEmitter &e, llvm::ArrayRef<Index> at) const;
  Dim width() const;
  /// Sizes of the axes but the last and `except`.
  Shape outerSizes(std::optional<unsigned> except) const;
};

} // namespace nnf
#endif
