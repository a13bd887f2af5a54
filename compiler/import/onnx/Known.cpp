#include "compiler/import/onnx/Known.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Endian.h"
#include <bit>

using namespace mlir;
namespace nnf::onnx {

std::optional<double> Known::number(size_t i) const {
  std::optional<int64_t> size = constantOf(values[i].size);
  if (!size)
    return std::nullopt;
  return isFloat() ? *size * values[i].factor : static_cast<double>(*size);
}

std::optional<int64_t> Known::integer(size_t i) const {
  if (isFloat())
    return std::nullopt;
  return constantOf(values[i].size);
}

std::optional<SmallVector<int64_t>> Known::integers() const {
  SmallVector<int64_t> all;
  for (size_t i = 0; i < values.size(); ++i) {
    std::optional<int64_t> value = integer(i);
    if (!value)
      return std::nullopt;
    all.push_back(*value);
  }
  return all;
}

std::optional<Shape> Known::sizes() const {
  if (isFloat())
    return std::nullopt;
  return Shape(llvm::map_range(values, [](const Scalar &value) { return value.size; }));
}

Scalar Known::ofNumber(double value) const {
  llvm::APFloat rounded(value);
  bool lost;
  rounded.convert(cast<FloatType>(element).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &lost);
  return {dimOf(element.getContext(), 1), rounded.convertToDouble()};
}

Type elementTypeOf(MLIRContext *context, DataType type) {
  Builder b(context);
  switch (type) {
  case DataType::Float: return b.getF32Type();
  case DataType::Double: return b.getF64Type();
  case DataType::Float16: return b.getF16Type();
  case DataType::BFloat16: return b.getBF16Type();
  case DataType::Int64: return b.getI64Type();
  case DataType::Int32: return b.getI32Type();
  case DataType::Int16: return b.getIntegerType(16);
  case DataType::Int8: return b.getIntegerType(8);
  case DataType::UInt8: return b.getIntegerType(8, /*isSigned=*/false);
  case DataType::UInt16: return b.getIntegerType(16, /*isSigned=*/false);
  case DataType::UInt32: return b.getIntegerType(32, /*isSigned=*/false);
  case DataType::UInt64: return b.getIntegerType(64, /*isSigned=*/false);
  case DataType::Bool: return b.getI1Type();
  default: return {};
  }
}

namespace {
template <typename T> T read(ArrayRef<uint8_t> bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

double readFloat(FloatType type, ArrayRef<uint8_t> bytes, size_t i) {
  uint64_t bits = type.getWidth() == 16   ? read<uint16_t>(bytes, i)
                  : type.getWidth() == 32 ? read<uint32_t>(bytes, i)
                                          : read<uint64_t>(bytes, i);
  llvm::APFloat value(type.getFloatSemantics(), llvm::APInt(type.getWidth(), bits));
  bool lost;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
  return value.convertToDouble();
}

int64_t readInteger(DataType type, ArrayRef<uint8_t> bytes, size_t i) {
  switch (type) {
  case DataType::Int64: return read<int64_t>(bytes, i);
  case DataType::Int32: return read<int32_t>(bytes, i);
  case DataType::Int16: return read<int16_t>(bytes, i);
  case DataType::Int8: return read<int8_t>(bytes, i);
  case DataType::UInt32: return read<uint32_t>(bytes, i);
  case DataType::UInt16: return read<uint16_t>(bytes, i);
  default: return read<uint8_t>(bytes, i);
  }
}
} // namespace

std::optional<Known> knownOf(MLIRContext *context, DataType type, ArrayRef<int64_t> dims, ArrayRef<uint8_t> bytes) {
  Known known;
  known.element = elementTypeOf(context, type);
  // Sizes are signed; an unsigned 64-bit number may not be one.
  if (!known.element || type == DataType::UInt64)
    return std::nullopt;
  known.shape.assign(dims.begin(), dims.end());
  int64_t count = bytes.size() / onnx::bytesOf(type);
  if (count > maxKnownElements)
    return std::nullopt;
  for (int64_t i = 0; i < count; ++i) {
    if (auto floating = dyn_cast<FloatType>(known.element))
      known.values.push_back({dimOf(context, 1), readFloat(floating, bytes, i)});
    else
      known.values.push_back({dimOf(context, readInteger(type, bytes, i))});
  }
  return known;
}

std::optional<std::vector<uint8_t>> bytesOf(const Known &known) {
  unsigned width = known.element.getIntOrFloatBitWidth();
  size_t elementBytes = width == 1 ? 1 : width / 8;
  std::vector<uint8_t> bytes(known.values.size() * elementBytes);
  for (size_t i = 0; i < known.values.size(); ++i) {
    uint64_t bits;
    if (auto floating = dyn_cast<FloatType>(known.element)) {
      std::optional<double> number = known.number(i);
      if (!number)
        return std::nullopt;
      llvm::APFloat value(*number);
      bool lost;
      value.convert(floating.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &lost);
      bits = value.bitcastToAPInt().getZExtValue();
    } else {
      std::optional<int64_t> number = known.integer(i);
      if (!number)
        return std::nullopt;
      bits = static_cast<uint64_t>(*number);
    }
    std::memcpy(bytes.data() + i * elementBytes, &bits, elementBytes);
  }
  return bytes;
}

} // namespace nnf::onnx
