// What follows several products alike, element by element.
#ifndef NNF_PASSES_GROUPS_JOINTEPILOGUE_H
#define NNF_PASSES_GROUPS_JOINTEPILOGUE_H

#include "dialects/nnf/Constness.h"
#include "passes/decompose/Primitives.h"

namespace nnf {

/// Steps that products whose results have their columns in the last dimension take together: the same elementwise op on
/// the same earlier values, or one with a constant for each column, which products that lack it take with a constant
/// that changes nothing. No value on the way but the last is read elsewhere.
class JointEpilogue {
public:
  JointEpilogue(llvm::ArrayRef<mlir::Operation *> products, Constness &constness);

  /// Of each product: the value that the rest of the graph reads.
  llvm::ArrayRef<mlir::Value> exits() const { return values[exitAt]; }
  /// The steps without those of columns by constants. Products of one text have a joint epilogue worth the name.
  std::string text() const;
  /// The ops of a product's steps.
  bool isStep(mlir::Operation *op) const { return taken.contains(op); }
  /// The constants that the steps read.
  llvm::SmallVector<mlir::Value> constants() const;
  /// The steps on one tensor that has the products' columns side by side.
  mlir::Value emit(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value joined) const;

private:
  using Parts = llvm::SmallVector<mlir::Value>; // one value of each product
  struct Step {
    llvm::SmallVector<mlir::Operation *> ops;          // of each product; null where it takes none
    llvm::SmallVector<std::optional<size_t>> operands; // which of `values`; none: a constant
    mlir::Operation *model() const {
      return *llvm::find_if(ops, [](auto *op) { return op != nullptr; });
    }
  };

  std::optional<size_t> valueAt(size_t part, mlir::Value value) const;
  bool takeCommonStep();
  bool takeColumnStep();
  std::optional<Step> stepWith(mlir::Operation *first, size_t from);
  void take(Step step);
  /// Which of `values` holds, of each product, the only value that is read elsewhere.
  std::optional<size_t> exit() const;
  mlir::Value columnsOfConstant(Primitives &p, const Step &step, size_t operand, llvm::ArrayRef<Dim> shape) const;

  Constness &constness;
  llvm::SmallVector<Parts> values; // first the results, then those of the steps
  llvm::SmallVector<Step> steps;
  llvm::DenseSet<mlir::Operation *> taken;
  size_t exitAt = 0;
};

} // namespace nnf
#endif
