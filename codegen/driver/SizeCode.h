// Code that computes sizes from symbols.
#ifndef NNF_CODEGEN_DRIVER_SIZECODE_H
#define NNF_CODEGEN_DRIVER_SIZECODE_H

#include "dialects/nnf/Dims.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <functional>
#include <map>

namespace nnf {

/// Emits i64 arithmetic for sizes, each distinct one once. Everything is emitted where the builder stands: the caller
/// keeps to one block, or to blocks that the first one dominates.
class SizeCode {
public:
  /// `symbol` gives the value of a symbol by the dialect's number. With `checked`, overflow() says whether any
  /// arithmetic went out of range.
  SizeCode(mlir::ImplicitLocOpBuilder &b, std::function<mlir::Value(unsigned)> symbol, bool checked)
      : b(b), symbol(std::move(symbol)), checked(checked) {}

  mlir::Value emit(Dim dim);
  /// From here on the data have decided a size (sizeOfData).
  void define(Dim dim, mlir::Value value) { known[dim] = value; }
  mlir::Value constant(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value max(mlir::Value x, mlir::Value y);
  /// Notes that the value must not be negative.
  void requireNotNegative(mlir::Value value);
  /// i1: something overflowed or was negative; null: nothing can.
  mlir::Value overflow() const { return bad; }

private:
  mlir::Value derived(const DerivedDim &definition);
  mlir::Value divide(mlir::AffineExprKind kind, mlir::Value x, mlir::Value y, bool mayBeZero);
  void note(mlir::Value flag);

  mlir::ImplicitLocOpBuilder &b;
  std::function<mlir::Value(unsigned)> symbol;
  bool checked;
  mlir::Value bad;
  llvm::DenseMap<Dim, mlir::Value> known;
  std::map<int64_t, mlir::Value> constants; // any number may be one, those that a DenseMap keeps for itself too
};

} // namespace nnf
#endif
