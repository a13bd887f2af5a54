#include "passes/kernels/RegisterTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
namespace nnf {

int64_t RegisterTile::mostRows(const TargetInfo &target, int64_t vectors) {
  return std::clamp<int64_t>((target.vectorRegisters - vectors - 2) / vectors, 1, target.vectorRegisters > 16 ? 12 : 6);
}

SmallVector<Value> RegisterTile::multiply(KernelBuilder &k, Value first, Value end, ValueRange sums) const {
  return k.loop(first, end, 1, sums, [&](Value i, ValueRange carried) {
    SmallVector<Value> vectorsOfB, next;
    Value offset = k.mul(i, columnStep);
    for (int64_t v = 0; v < vectors; ++v) {
      k.laneMask = masks.empty() ? Value() : masks[v];
      Value at = offset;
      if (panelStep)
        at = k.add(at, k.mul(k.constant(v / panelVectors), panelStep));
      int64_t within = panelStep ? v % panelVectors : v;
      vectorsOfB.push_back(k.load(columns, element, k.index(k.add(at, k.constant(within * k.lanes)), 1)));
    }
    k.laneMask = {};
    if (ahead) {
      Value line = k.elementAddress(ahead, k.b.getI8Type(), k.mul(i, k.constant(aheadStep)));
      LLVM::Prefetch::create(k.b, k.loc, line, /*rw=*/0, /*hint=*/2, /*cache=*/1);
    }
    Value along = k.mul(i, rowStep);
    for (auto [r, row] : llvm::enumerate(rows)) {
      Value scalar = k.load(row, element, k.index(along));
      Value spread = k.spread(scalar);
      for (int64_t v = 0; v < vectors; ++v) {
        Value sum = carried[r * vectors + v];
        if (k.target.hasFma) {
          next.push_back(vector::FMAOp::create(k.b, k.loc, spread, vectorsOfB[v], sum));
        } else {
          Value product = arith::MulFOp::create(k.b, k.loc, spread, vectorsOfB[v]);
          next.push_back(arith::AddFOp::create(k.b, k.loc, sum, product));
        }
      }
    }
    return next;
  });
}

} // namespace nnf
