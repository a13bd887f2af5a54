// The order in which the nodes of a graph file are built.
#ifndef NNF_COMPILER_IMPORT_NODEORDER_H
#define NNF_COMPILER_IMPORT_NODEORDER_H

#include "compiler/import/GraphMessage.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace nnf {

struct NodeOrder {
  llvm::SmallVector<unsigned> nodes; ///< every node after those it reads from; in file order where that is possible
  /// The first node that reads a tensor which the file makes later.
  std::optional<unsigned> firstOutOfOrder;
  /// Nodes each of which reads from the next, the last from the first; then `nodes` is of no use.
  llvm::SmallVector<unsigned> cycle;
};

/// Orders the nodes. Names that no node makes are left out of account.
NodeOrder orderNodes(const message::Graph &graph);

/// Calls `f` with each tensor name that an argument of the node gives.
template <typename F> void forEachTensorName(const message::Node &node, F f) {
  for (const message::Argument &argument : node.arguments) {
    if (auto *one = std::get_if<message::TensorName>(&argument.value))
      f(argument, one->name);
    else if (auto *many = std::get_if<message::TensorNames>(&argument.value))
      for (const std::string &name : many->names)
        f(argument, name);
  }
}

} // namespace nnf
#endif
