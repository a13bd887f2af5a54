// Broadcasting over the elements of known tensors.
#ifndef NNF_COMPILER_IMPORT_ONNX_EVALUATE_H
#define NNF_COMPILER_IMPORT_ONNX_EVALUATE_H

#include "compiler/import/onnx/OpTable.h"

namespace nnf::onnx {

/// The shape two tensors have together; nothing when they do not fit, or when the result is no small tensor.
std::optional<llvm::SmallVector<int64_t>> broadcastShape(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);

/// Positions in operands that are broadcast to one shape.
class BroadcastIndex {
public:
  explicit BroadcastIndex(llvm::ArrayRef<int64_t> shape) : shape(shape) {}
  int64_t count() const { return llvm::product_of(shape); }
  /// Where element i of the result is read in an operand.
  int64_t position(llvm::ArrayRef<int64_t> operand, int64_t i) const;

private:
  llvm::ArrayRef<int64_t> shape;
};

/// What ONNX's start, end and step mean for a dimension: clamped, negative ones from the end.
struct SliceRange {
  int64_t start, length;
};
SliceRange sliceRange(int64_t start, int64_t end, int64_t step, int64_t size);

void addElementwiseEvaluations(OpTable &table);
void addShapeEvaluations(OpTable &table);

} // namespace nnf::onnx
#endif
