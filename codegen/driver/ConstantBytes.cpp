#include "codegen/driver/ConstantBytes.h"
#include "dialects/nnf/WeightStore.h"

using namespace mlir;
namespace nnf {

std::vector<uint8_t> bytesOf(DenseElementsAttr value) {
  int64_t width = elementBytes(value.getElementType());
  std::vector<uint8_t> bytes;
  bytes.reserve(value.getNumElements() * width);
  auto append = [&](const APInt &bits) {
    for (int64_t i = 0; i < width; ++i)
      bytes.push_back(
          static_cast<uint8_t>(bits.extractBitsAsZExtValue(std::min<unsigned>(8, bits.getBitWidth() - 8 * i), 8 * i)));
  };
  if (isa<FloatType>(value.getElementType()))
    for (const APFloat &element : value.getValues<APFloat>())
      append(element.bitcastToAPInt());
  else
    for (const APInt &element : value.getValues<APInt>())
      append(element);
  return bytes;
}

} // namespace nnf
