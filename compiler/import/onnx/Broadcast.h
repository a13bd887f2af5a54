// Broadcasting of operands, for mappings that make primitives or must know the common shape.
#ifndef NNF_COMPILER_IMPORT_ONNX_BROADCAST_H
#define NNF_COMPILER_IMPORT_ONNX_BROADCAST_H

#include "compiler/import/onnx/Call.h"

namespace nnf::onnx {

/// Input 1, in the place among the dimensions of input 0 that the version's rules give it.
TensorId secondOperand(Call &call);
/// Dimensions that are not known to agree, and one of which the data decide, are taken to: the run fails where they do
/// not. So a size 1 that the data decide is not broadcast. Dimensions are counted from the end; `except`, from the
/// front, is left alone.
void alignDataSizes(Call &call, llvm::MutableArrayRef<TensorId> tensors, std::optional<int64_t> except = {});
/// The shape tensors have together.
Shape broadcastShapes(Call &call, llvm::ArrayRef<TensorId> tensors);
/// Each of them with that shape.
llvm::SmallVector<TensorId> broadcastTogether(Call &call, llvm::SmallVector<TensorId> tensors);

} // namespace nnf::onnx
#endif
