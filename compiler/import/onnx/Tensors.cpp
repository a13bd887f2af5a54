#include "compiler/import/onnx/Tensors.h"
#include "compiler/import/onnx/Known.h"

#include <cstring>

namespace nnf::onnx {

std::optional<Tensor> densified(const SparseTensor &sparse, std::string &fault) {
  auto fail = [&](std::string text) {
    fault = std::move(text);
    return std::nullopt;
  };
  const Tensor &values = sparse.values, &indices = sparse.indices;
  int64_t elementBytes = bytesOf(values.type), rank = sparse.dims.size();
  if (values.external || indices.external || !elementBytes)
    return fail("values of type " + dataTypeName(values.type) + ", expected numbers stored in the model [NNFC-E0307]");
  if (values.dims.size() != 1 || indices.type != DataType::Int64)
    return fail("expected a list of values, and int64 indices [NNFC-E0307]");
  int64_t count = values.numElements;
  bool isFlat = indices.dims.size() == 1;
  if (indices.numElements != (isFlat ? count : count * rank))
    return fail(std::to_string(indices.numElements) + " indices for " + std::to_string(count) +
                " values, expected one for each value, or one for each value and dimension [NNFC-E0307]");
  Tensor dense;
  dense.name = values.name;
  dense.type = values.type;
  dense.dims = sparse.dims;
  dense.numElements = 1;
  for (int64_t dim : sparse.dims)
    dense.numElements *= dim; // Checked where it was read.
  constexpr int64_t limit = int64_t(1) << 31;
  if (dense.numElements > limit / elementBytes)
    return fail(std::to_string(dense.numElements) + " elements with its zeros, expected less than 2 GB [NNFC-E0307]");

  auto bytes = std::make_shared<std::vector<uint8_t>>(dense.numElements * elementBytes);
  for (int64_t i = 0; i < count; ++i) {
    int64_t position = 0;
    for (int64_t d = 0; d < (isFlat ? 1 : rank); ++d) {
      int64_t index, size = isFlat ? dense.numElements : sparse.dims[d];
      std::memcpy(&index, indices.bytes.data() + (isFlat ? i : i * rank + d) * 8, 8);
      if (index < 0 || index >= size)
        return fail("index " + std::to_string(index) + ", expected 0 to " + std::to_string(size - 1) + " [NNFC-E0307]");
      position = position * size + index;
    }
    std::memcpy(bytes->data() + position * elementBytes, values.bytes.data() + i * elementBytes, elementBytes);
  }
  dense.bytes = {bytes->data(), bytes->size()};
  dense.owner = bytes;
  return dense;
}

DataType dataTypeOf(mlir::Type element) {
  for (int32_t i = 1; i <= static_cast<int32_t>(DataType::BFloat16); ++i)
    if (mlir::Type type = elementTypeOf(element.getContext(), static_cast<DataType>(i)); type && type == element)
      return static_cast<DataType>(i);
  return DataType::Undefined;
}

} // namespace nnf::onnx
