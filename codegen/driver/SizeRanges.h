// What the named sizes of a model may be, and what follows for sizes that are computed from them.
#ifndef NNF_CODEGEN_DRIVER_SIZERANGES_H
#define NNF_CODEGEN_DRIVER_SIZERANGES_H

#include "dialects/nnf/Dims.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <string>

namespace nnf {

class NnfDialect;

/// Of a module: its attribute `nnf.ranges` has the least and the most of each name that has bounds.
class SizeRanges {
public:
  struct Range {
    int64_t least, most;
  };

  explicit SizeRanges(mlir::ModuleOp module);
  /// Adds to the attribute. Errors (reported): no input has a size of that name; what is there is no such attribute.
  template <typename Ranges> static mlir::LogicalResult add(mlir::ModuleOp module, const Ranges &ranges) {
    std::map<std::string, Range> added;
    for (const auto &[name, range] : ranges)
      added[name] = {range.least, range.most};
    return addAll(module, added);
  }

  /// Of a name; none: it has no bounds.
  std::optional<Range> of(llvm::StringRef name) const;
  /// Of a size; none: it has a name without bounds, or leaves the range of numbers.
  std::optional<Range> of(Dim dim) const;
  /// Of the arena of @main, without what the data decide.
  std::optional<int64_t> mostArenaBytes() const;

private:
  static mlir::LogicalResult addAll(mlir::ModuleOp module, const std::map<std::string, Range> &ranges);
  std::optional<Range> ofBinary(mlir::AffineBinaryOpExpr expr) const;

  mlir::ModuleOp module;
  NnfDialect &dialect;
  mlir::DictionaryAttr ranges; // null: none
};

} // namespace nnf
#endif
