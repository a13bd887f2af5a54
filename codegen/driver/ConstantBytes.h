// The memory image of constants that are attributes.
#ifndef NNF_CODEGEN_DRIVER_CONSTANTBYTES_H
#define NNF_CODEGEN_DRIVER_CONSTANTBYTES_H

#include "mlir/IR/BuiltinAttributes.h"
#include <vector>

namespace nnf {
/// Little-endian row-major bytes of a constant, repeated values written out; bool takes a byte each.
std::vector<uint8_t> bytesOf(mlir::DenseElementsAttr value);
} // namespace nnf
#endif
