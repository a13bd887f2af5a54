// What every node computes, as outputs of the model: to compare two models node by node.
#ifndef NNF_COMPILER_SEEING_EXPOSENODES_H
#define NNF_COMPILER_SEEING_EXPOSENODES_H

#include "compiler/Compile.h"
#include "mlir/IR/BuiltinOps.h"

namespace nnf {

/// Makes all results of @main's functions outputs too, behind its own, in the order of the nodes. They are called as
/// the model calls them, else by the node's name and the result's number. Returns what is an output now in that order,
/// the model's own outputs where the node stands that computes them.
std::vector<NodeOutput> exposeNodes(mlir::ModuleOp module);

} // namespace nnf
#endif
