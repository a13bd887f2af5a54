// The operands of an integer convolution as the contract family multiplies them.
#ifndef NNF_PASSES_INTEGEROPERANDS_H
#define NNF_PASSES_INTEGEROPERANDS_H

#include "dialects/nnf/Constness.h"
#include "passes/NarrowIntegers.h"

namespace nnf {

/// result = sums of `input` times `weight` less `correction`; both are channels-last, as those of the convolution.
struct IntegerOperands {
  mlir::Value input, weight;
  llvm::SmallVector<int64_t> low, high; // padding that is left to the convolution, along spatial dimensions
  mlir::Value correction;               // one for each output channel; null: none
};

/// Both are 32-bit integers, and all elements of them fit in a word.
bool isNarrowProduct(mlir::Value lhs, mlir::Value rhs);

/// Makes them for the convolutions of one function: unsigned by signed bytes where the target multiplies those and both
/// zero points are plain numbers, the weight's 0 in its signed form; else words, from which the zero points are taken
/// already. What is stored is made where the 8-bit tensor is, and its other readers read that: one tensor is written.
class IntegerOperandMaker {
public:
  IntegerOperandMaker(Constness &constness, bool byteDots) : constness(constness), byteDots(byteDots) {}

  /// Needs isNarrowProduct of the operands.
  IntegerOperands make(Primitives &p, PrimConvOp op);

private:
  std::optional<IntegerOperands> asBytes(Primitives &p, PrimConvOp op);
  IntegerOperands asWords(Primitives &p, PrimConvOp op);
  mlir::Value unsignedBytes(mlir::Value bytes);
  mlir::Value words(Primitives &p, mlir::Value tensor);
  void alignChannels(Primitives &p, PrimConvOp op, IntegerOperands &operands, int64_t step, Operand fill);

  Constness &constness;
  bool byteDots;
  llvm::DenseMap<mlir::Value, mlir::Value> shifted;                     // signed bytes -> unsigned ones, 128 more
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::Value> centred; // bytes, zero point -> words
};

/// Replaces a contraction of such integers by one of floats that hold its sums exactly, converted back: for what takes
/// no integers on tiles. Null, and nothing is replaced, where the operands may be too large for that.
PrimConvOp convOfFloats(PrimConvOp op);
PrimDotOp dotOfFloats(PrimDotOp op);

} // namespace nnf
#endif
