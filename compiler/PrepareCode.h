// The constant part of a graph as code of the library, for programs that set weights.
#ifndef NNF_COMPILER_PREPARECODE_H
#define NNF_COMPILER_PREPARECODE_H

#include "compiler/Pipeline.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallVector.h"

namespace nnf {

struct PrepareCode {
  /// An object that defines what `nnf.prepare` of the module names; its kernels are among options.kernels. Empty:
  /// nothing is computed from weights.
  llvm::SmallVector<char, 0> driver;
};

/// Compiles `prepare` (nnf-split-prepare made it; null: there is none), which stays as it is, like a model whose inputs
/// are the weights of `nnf.raw_weights`, for the target. Says in `nnf.prepare` of the module what it takes and gives.
mlir::LogicalResult compilePrepare(mlir::ModuleOp module, mlir::func::FuncOp prepare, const PipelineOptions &options,
                                   PrepareCode &code);

} // namespace nnf
#endif
