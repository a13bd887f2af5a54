// The constant part of a graph as code of the library, for programs that set weights.
#ifndef NNF_COMPILER_PREPARECODE_H
#define NNF_COMPILER_PREPARECODE_H

#include "compiler/Pipeline.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace nnf {

/// Compiles `prepare` (nnf-split-prepare made it), which stays as it is, like a model whose inputs are the weights of
/// `nnf.raw_weights`, for each CPU of `options.prepareFor`. What it takes and gives is said in `nnf.prepare` of the
/// module: as it is for one CPU, in a list of theirs for several.
mlir::LogicalResult compilePrepare(mlir::ModuleOp module, mlir::func::FuncOp prepare, const PipelineOptions &options);

/// Of a module whose constant part has been compiled for several CPUs: from now on it is for the one of this index.
void takePrepareOf(mlir::ModuleOp module, size_t index);

} // namespace nnf
#endif
