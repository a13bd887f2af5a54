#include "passes/kernels/RegisterTranspose.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
namespace nnf {
namespace {

/// Elements as they are moved: bool as bytes and 16-bit floats as integers, whose shuffles every target has.
SmallVector<Value> toMoved(KernelBuilder &k, ArrayRef<Value> vectors) {
  auto type = cast<VectorType>(vectors[0].getType());
  Type moved = KernelBuilder::memoryType(type.getElementType());
  if (moved == type.getElementType())
    return SmallVector<Value>(vectors);
  VectorType to = type.clone(moved);
  return llvm::map_to_vector(vectors, [&](Value v) -> Value {
    if (type.getElementType().isInteger(1))
      return arith::ExtUIOp::create(k.b, k.loc, to, v);
    return arith::BitcastOp::create(k.b, k.loc, to, v);
  });
}

SmallVector<Value> fromMoved(KernelBuilder &k, ArrayRef<Value> vectors, Type element) {
  auto type = cast<VectorType>(vectors[0].getType());
  if (type.getElementType() == element)
    return SmallVector<Value>(vectors);
  return llvm::map_to_vector(vectors, [&](Value v) -> Value {
    if (element.isInteger(1))
      return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, v, k.zeroOf(type));
    return arith::BitcastOp::create(k.b, k.loc, type.clone(element), v);
  });
}

Value shuffle(KernelBuilder &k, Value x, Value y, ArrayRef<int64_t> mask) {
  return vector::ShuffleOp::create(k.b, k.loc, x, y, mask);
}

/// Vectors are cut into parts of 16 bytes, within which elements of two registers interleave in one instruction on
/// every target; parts as wholes are moved between registers after that.
constexpr int64_t partBytes = 16;

} // namespace

SmallVector<Value> transposed(KernelBuilder &k, ArrayRef<Value> rows) {
  int64_t n = rows.size();
  auto registerType = cast<VectorType>(rows[0].getType());
  assert(llvm::isPowerOf2_64(n) && registerType.getNumElements() == n && "a square block");
  SmallVector<Value> block = toMoved(k, rows);
  int64_t bytes = std::max<int64_t>(1, cast<VectorType>(block[0].getType()).getElementTypeBitWidth() / 8);
  int64_t length = std::min(n, partBytes / bytes), parts = n / length;

  // Within parts: log2(length) rounds over rows of a group, each the perfect shuffle of its first and its second half.
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n; ++i) {
    int64_t from = i / length * length + i % length / 2, side = i % 2 * n;
    low.push_back(from + side);
    high.push_back(from + length / 2 + side);
  }
  for (int64_t round = 1; round < length; round *= 2) {
    SmallVector<Value> next(n);
    for (int64_t group = 0; group < n; group += length)
      for (int64_t i = 0; i < length / 2; ++i) {
        Value x = block[group + i], y = block[group + i + length / 2];
        next[group + 2 * i] = shuffle(k, x, y, low);
        next[group + 2 * i + 1] = shuffle(k, x, y, high);
      }
    block = next;
  }
  // Row r of group g has, in part p, what belongs into part g of the result's row p * length + r.
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < n; ++i) {
    int64_t part = 2 * (i / length);
    even.push_back(part * length + i % length);
    odd.push_back((part + 1) * length + i % length);
  }
  SmallVector<Value> result(n);
  for (int64_t r = 0; r < length; ++r) {
    SmallVector<Value> line;
    for (int64_t g = 0; g < parts; ++g)
      line.push_back(block[g * length + r]);
    for (int64_t round = 1; round < parts; round *= 2) {
      SmallVector<Value> next(parts);
      for (int64_t i = 0; i < parts / 2; ++i) {
        next[i] = shuffle(k, line[2 * i], line[2 * i + 1], even);
        next[i + parts / 2] = shuffle(k, line[2 * i], line[2 * i + 1], odd);
      }
      line = next;
    }
    for (int64_t p = 0; p < parts; ++p)
      result[p * length + r] = line[p];
  }
  return fromMoved(k, result, registerType.getElementType());
}

SmallVector<Value> interleaved(KernelBuilder &k, ArrayRef<Value> columns) {
  assert(columns.size() > 1 && "one column is its rows");
  int64_t count = columns.size(), n = cast<VectorType>(columns[0].getType()).getNumElements();
  SmallVector<Value> moved = toMoved(k, columns), result;
  for (int64_t v = 0; v < count; ++v) {
    Value sum = moved[0];
    for (int64_t c = 1; c < count; ++c) {
      SmallVector<int64_t> mask;
      for (int64_t i = 0; i < n; ++i) {
        int64_t at = v * n + i, column = at % count, row = at / count;
        // The first round also brings column 0 to its places; those of columns to come hold anything.
        mask.push_back(column == c ? n + row : column > c ? -1 : c == 1 ? row : i);
      }
      sum = shuffle(k, sum, moved[c], mask);
    }
    result.push_back(sum);
  }
  return fromMoved(k, result, cast<VectorType>(columns[0].getType()).getElementType());
}

} // namespace nnf
