// Bytes of a model file as an attribute.
#ifndef NNF_COMPILER_BUILDER_CONSTANTELEMENTS_H
#define NNF_COMPILER_BUILDER_CONSTANTELEMENTS_H

#include "mlir/IR/BuiltinAttributes.h"

namespace nnf {

/// Of little-endian bytes, as many as the type needs; bools are bytes here, bits there.
inline mlir::DenseElementsAttr elementsOf(mlir::RankedTensorType type, llvm::ArrayRef<uint8_t> bytes) {
  using namespace mlir;
  if (type.getNumElements() == 0)
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  if (type.getElementType().isInteger(1))
    return DenseElementsAttr::get(type, llvm::to_vector(llvm::map_range(bytes, [](uint8_t b) { return b != 0; })));
  return DenseElementsAttr::getFromRawBuffer(type,
                                             ArrayRef(reinterpret_cast<const char *>(bytes.data()), bytes.size()));
}

} // namespace nnf
#endif
