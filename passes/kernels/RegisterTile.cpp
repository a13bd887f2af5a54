#include "passes/kernels/RegisterTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/ElementEmitter.h"
#include "passes/kernels/IntegerSteps.h"

using namespace mlir;
namespace nnf {

OperandTypes OperandTypes::of(Type a, Type b, Type sum) {
  auto bits = [](Type type) { return static_cast<int64_t>(type.getIntOrFloatBitWidth()); };
  bool isNarrow = isa<IntegerType>(sum) && bits(b) < bits(sum);
  return {a, b, isNarrow ? bits(sum) / bits(b) : 1};
}

int64_t RegisterTile::mostRows(const TargetInfo &target, int64_t vectors) {
  return std::clamp<int64_t>((target.vectorRegisters - vectors - 2) / vectors, 1, target.vectorRegisters > 16 ? 12 : 6);
}

/// Vector v of B; of floats that are stored narrower, widened.
Value RegisterTile::loadB(KernelBuilder &k, Value offset, int64_t v) const {
  OperandTypes types = operands();
  int64_t lanes = std::exchange(k.lanes, k.lanes * types.step);
  k.laneMask = masks.empty() ? Value() : masks[v];
  if (panelStep)
    offset = k.add(offset, k.mul(k.constant(v / panelVectors), panelStep));
  int64_t within = panelStep ? v % panelVectors : v;
  Value loaded = k.load(columns, types.b, k.index(k.add(offset, k.constant(within * k.lanes)), 1));
  k.laneMask = {};
  k.lanes = lanes;
  bool isWidened = types.step == 1 && types.b != element;
  return isWidened ? arith::ExtFOp::create(k.b, k.loc, k.vectorOf(element), loaded) : loaded;
}

/// What a step takes of a row, in every lane.
Value RegisterTile::spreadA(KernelBuilder &k, Value row, Value offset) const {
  OperandTypes types = operands();
  if (types.step == 1)
    return k.spread(k.load(row, types.a, k.index(offset)));
  Value at = k.elementAddress(row, types.a, offset);
  return k.spread(LLVM::LoadOp::create(k.b, k.loc, k.b.getI32Type(), at, /*alignment=*/elementBytes(types.a)));
}

Value RegisterTile::addProducts(KernelBuilder &k, Value a, Value b, Value sum) const {
  if (int64_t step = operands().step; step > 1)
    return step == 4 ? addProductsOfBytes(k, a, b, sum) : addProductsOfWords(k, a, b, sum);
  if (k.target.hasFma)
    return vector::FMAOp::create(k.b, k.loc, a, b, sum);
  return arith::AddFOp::create(k.b, k.loc, sum, arith::MulFOp::create(k.b, k.loc, a, b));
}

SmallVector<Value> RegisterTile::multiply(KernelBuilder &k, Value first, Value end, ValueRange sums) const {
  return k.loop(first, end, operands().step, sums, [&](Value i, ValueRange carried) {
    SmallVector<Value> vectorsOfB, next;
    Value offset = k.mul(i, columnStep);
    for (int64_t v = 0; v < vectors; ++v)
      vectorsOfB.push_back(loadB(k, offset, v));
    if (ahead) {
      Value line = k.elementAddress(ahead, k.b.getI8Type(), k.mul(i, k.constant(aheadStep)));
      LLVM::Prefetch::create(k.b, k.loc, line, /*rw=*/0, /*hint=*/2, /*cache=*/1);
    }
    Value along = k.mul(i, rowStep);
    for (auto [r, row] : llvm::enumerate(rows)) {
      Value spread = spreadA(k, row, along);
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back(addProducts(k, spread, vectorsOfB[v], carried[r * vectors + v]));
    }
    return next;
  });
}

} // namespace nnf
