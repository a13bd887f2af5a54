// Stored tensors: their bytes, wherever they are, and limits on what a model may ask for.
#ifndef NNF_COMPILER_IMPORT_ONNX_TENSORS_H
#define NNF_COMPILER_IMPORT_ONNX_TENSORS_H

#include "compiler/import/onnx/Model.h"
#include "mlir/IR/Types.h"
#include <optional>

namespace nnf::onnx {

/// A sparse tensor with its zeros; nothing, and the reason in `fault`, when its indices do not fit.
std::optional<Tensor> densified(const SparseTensor &sparse, std::string &fault);

/// ONNX's name for an element type.
DataType dataTypeOf(mlir::Type element);

} // namespace nnf::onnx
#endif
