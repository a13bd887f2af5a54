// From a module to a ModelGraph.
#ifndef NNF_COMPILER_SEEING_READGRAPH_H
#define NNF_COMPILER_SEEING_READGRAPH_H

#include "compiler/seeing/ModelGraph.h"
#include "mlir/IR/BuiltinOps.h"

namespace nnf {

/// The functions that @main calls or, once there are kernels, its launches. Weights are notes of the boxes that read
/// them; what @main's loops and branches run is one box each.
ModelGraph readGraph(mlir::ModuleOp module);

/// "float32 [N, 3, 8, 8]"
std::string typeText(mlir::RankedTensorType type);

} // namespace nnf
#endif
