// The constant part of a graph, run while compiling.
#ifndef NNF_COMPILER_PREPARE_H
#define NNF_COMPILER_PREPARE_H

#include "compiler/Pipeline.h"

namespace nnf {

/// Runs @prepare (nnf-split-prepare made it), compiled for this machine like any model, puts its results into the
/// weight store under the names that @main reads, and removes it. Without @prepare nothing happens. Errors: those of
/// compiling it, and of a check that fails on the weights.
mlir::LogicalResult runPrepare(mlir::ModuleOp module, const PipelineOptions &options);

} // namespace nnf
#endif
