// From a model that fails to the few nodes of it that do. Plain C++.
#ifndef NNF_COMPILER_REDUCE_REDUCER_H
#define NNF_COMPILER_REDUCE_REDUCER_H

#include "compiler/Compile.h"

namespace nnf {

struct ReduceRequest {
  ModelRequest model;
  std::string output; ///< .mlir, .nnf or .nnf.txt
  /// A command of /bin/sh in which "$0" is a file (.mlir, its weights beside it): ends with 0 where that fails as the
  /// model does.
  std::string test;
  std::string folder;                                ///< where such files may be written
  unsigned maxTests = 1000;                          ///< how often the command is run at most
  std::function<void(const std::string &)> progress; ///< told what happens now
};

struct ReduceResult {
  unsigned nodesBefore = 0, nodesAfter = 0, tests = 0;
  bool hasWeights = false; ///< the nodes that are left need the values of weights; else they are inputs
};

/// Leaves out nodes as long as the rest fails as the whole: what the rest read of them becomes inputs, what only they
/// read becomes outputs. Errors: the whole does not fail so.
Outcome reduceModel(const ReduceRequest &request, ReduceResult &result);

} // namespace nnf
#endif
