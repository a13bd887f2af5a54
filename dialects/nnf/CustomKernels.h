// Kernels that a model brings with it.
#ifndef NNF_DIALECTS_NNF_CUSTOMKERNELS_H
#define NNF_DIALECTS_NNF_CUSTOMKERNELS_H

#include "dialects/nnf/Nnf.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/CustomKernels.h.inc"

namespace nnf {

/// What the texts of an nnf.custom_cuda say.
struct CustomLaunch {
  /// A parameter of the kernel: an input or output by its number, or a value in an integer of `bytes`.
  struct Parameter {
    enum Kind { Input, Output, Value } kind;
    int64_t index = 0;
    Dim value;
    int64_t bytes = 8;
  };
  llvm::SmallVector<mlir::Type> results;
  llvm::SmallVector<Dim> grid;      // three
  llvm::SmallVector<int64_t> block; // three
  int64_t sharedBytes = 0;
  llvm::SmallVector<Parameter> parameters;
};

/// Reads them; an error names the argument, and where in its text.
llvm::FailureOr<CustomLaunch> readCustomLaunch(mlir::Location loc, CustomCudaOp::Adaptor op);

} // namespace nnf
#endif
