// A part of a graph as a graph of its own.
#ifndef NNF_COMPILER_REDUCE_EXCERPT_H
#define NNF_COMPILER_REDUCE_EXCERPT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/BitVector.h"

namespace nnf {

/// What a part keeps.
struct Excerpt {
  llvm::BitVector nodes;         ///< by their numbers in @main, as nodesOf() has them
  bool weightsAreInputs = false; ///< the values of weights are left out
  bool keepsOutputs = false;     ///< outputs that other nodes read as well stay outputs
};

/// What computes in @main, in order. Constants and weights are not among them: they go with what reads them.
llvm::SmallVector<mlir::Operation *> nodesOf(mlir::ModuleOp module);

/// What computes in @main and in what its loops and branches run.
unsigned countNodes(mlir::ModuleOp module);

/// The functions that loops and branches run, each as a model of its own: a step's number, what is carried and what is
/// captured are its inputs.
llvm::SmallVector<mlir::OwningOpRef<mlir::ModuleOp>> bodiesOf(mlir::ModuleOp module);

/// The part as a model: values of nodes that are left out become inputs, values that no node reads become outputs.
/// Null when it would have no outputs.
mlir::OwningOpRef<mlir::ModuleOp> excerptOf(mlir::ModuleOp module, const Excerpt &excerpt);

} // namespace nnf
#endif
