// Sizes that only the run knows, as numbers to choose by.
#ifndef NNF_PASSES_LIKELYSIZES_H
#define NNF_PASSES_LIKELYSIZES_H

#include "dialects/nnf/Dims.h"
#include "mlir/IR/Operation.h"

namespace nnf {

/// Of a module or a kernel: the least and the most of each name that has bounds.
constexpr llvm::StringLiteral rangesAttr = "nnf.ranges";

/// While it lives, this thread knows the bounds that a module's or a kernel's attribute `nnf.ranges` has: the least and
/// the most of each name (`--dim N=1:32`).
class LikelySizes {
public:
  explicit LikelySizes(mlir::Operation *op);
  ~LikelySizes();
  LikelySizes(const LikelySizes &) = delete;

  /// The size, if it is a constant. If all of its names have bounds, the guess, or what is nearest to it of the sizes
  /// that may come. None where nothing is known.
  static std::optional<int64_t> within(Dim dim, int64_t guess);
  /// The same; the guess where nothing is known.
  static int64_t of(Dim dim, int64_t guess) { return within(dim, guess).value_or(guess); }

  /// Gives a kernel the bounds of its symbols, so that its text alone decides its code.
  static void copyRanges(mlir::Operation *module, llvm::ArrayRef<Dim> symbols, mlir::Operation *kernel);

private:
  mlir::DictionaryAttr ranges; // null: none
  const LikelySizes *outer;
};

} // namespace nnf
#endif
