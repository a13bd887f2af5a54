// The table of decompositions: how each function becomes primitives.
#ifndef NNF_PASSES_DECOMPOSE_DECOMPOSITIONS_H
#define NNF_PASSES_DECOMPOSE_DECOMPOSITIONS_H

#include "dialects/nnf/Nnf.h"
#include "passes/decompose/Primitives.h"
#include <functional>

namespace nnf {

/// A decomposition is called as f(op, x, p): the op (parameters, result types, and the operands as the user gave
/// them), an adaptor with the operands to compute with, and the builder of primitives. It returns one value or a
/// SmallVector of values, one per result; a null value after an error was emitted.
class Decompositions {
public:
  using Values = llvm::SmallVector<mlir::Value>;
  struct Entry {
    std::function<Values(mlir::Operation *, mlir::ValueRange, Primitives &)> rewrite;
    /// Moves data only: operands keep 16-bit types. Others get them as float32, and results are converted back.
    bool moves;
  };

  template <typename Op, typename F> void add(F f) { table[Op::getOperationName()] = {adapt<Op>(f), false}; }
  template <typename Op, typename F> void addMove(F f) { table[Op::getOperationName()] = {adapt<Op>(f), true}; }

  const Entry *find(mlir::Operation *op) const {
    auto found = table.find(op->getName().getStringRef());
    return found == table.end() ? nullptr : &found->second;
  }

private:
  template <typename Op, typename F> static auto adapt(F f) {
    return [f](mlir::Operation *generic, mlir::ValueRange operands, Primitives &p) -> Values {
      auto op = llvm::cast<Op>(generic);
      if constexpr (std::is_same_v<decltype(f(op, typename Op::Adaptor(operands, op), p)), Values>)
        return f(op, typename Op::Adaptor(operands, op), p);
      else
        return {f(op, typename Op::Adaptor(operands, op), p)};
    };
  }
  llvm::StringMap<Entry> table;
};

/// All decompositions.
const Decompositions &decompositions();

// One function a family, each at the foot of its file.
void addActivations(Decompositions &table);
void addSoftmaxes(Decompositions &table);
void addConvolutions(Decompositions &table);
void addPooling(Decompositions &table);
void addAdaptivePooling(Decompositions &table);
void addFractionalPooling(Decompositions &table);
void addNormalizations(Decompositions &table);
void addLinear(Decompositions &table);
void addAttention(Decompositions &table);
void addElementwise(Decompositions &table);
void addReductions(Decompositions &table);
void addMovement(Decompositions &table);
void addIndexing(Decompositions &table);
void addDropout(Decompositions &table);
void addResizing(Decompositions &table);
void addEmbeddings(Decompositions &table);
void addPadding(Decompositions &table);
void addSampling(Decompositions &table);
void addOrdering(Decompositions &table);
void addLosses(Decompositions &table);
void addClassLosses(Decompositions &table);
void addCtc(Decompositions &table);
void addCustomKernels(Decompositions &table);

} // namespace nnf
#endif
