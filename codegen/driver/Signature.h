// What a model takes and gives, read off @main.
#ifndef NNF_CODEGEN_DRIVER_SIGNATURE_H
#define NNF_CODEGEN_DRIVER_SIGNATURE_H

#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace nnf {

struct TensorSignature {
  std::string name;
  mlir::RankedTensorType type;
  int32_t tied = -1; // in-out: index of the output (of an input) or input (of an output) it is one buffer with
};

struct Signature {
  llvm::SmallVector<TensorSignature> inputs, outputs;
  llvm::SmallVector<unsigned> symbols; // the dialect's numbers, in the order of the model's own

  /// The model's number of a symbol that an input binds; none: no input does.
  std::optional<unsigned> indexOf(unsigned symbol) const;
};

/// Reads @main of the module. Errors (reported): no @main, an input whose size is neither fixed nor one symbol, an
/// output size that no input binds.
mlir::FailureOr<Signature> readSignature(mlir::ModuleOp module);

/// The number of abi.h for an element type; 0 when it has none.
uint32_t abiDType(mlir::Type element);

/// The launch result whose memory a value of @main is (reshapes share it), or the value itself.
mlir::Value storageOf(mlir::Value value);

} // namespace nnf
#endif
