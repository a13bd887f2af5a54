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

/// Vectors of this size are AVX-512's, whose arithmetic takes an element of memory for every lane.
static constexpr int64_t avx512Bytes = 64;

/// How many rows are read anew for each vector, as operands of the multiplications, rather than once into a register. A
/// core that shares its front end with another thread is bound by the number of instructions: 12 rows of 2 vectors are
/// 38 a step, 30 with 8 rows so (5.4 and 4.9 ns then; 4.3 both with the core for itself). More would be bound by loads.
int64_t RegisterTile::rowsAsOperands(const KernelBuilder &k) const {
  int64_t count = static_cast<int64_t>(rows.size());
  if (k.target.vectorBytes < avx512Bytes || vectors != 2 || !rowDistance || !k.constantValue(rowDistance) ||
      !isa<FloatType>(element) || operands().a != element)
    return 0;
  return std::max<int64_t>(0, count * vectors * 11 / 12 - vectors - count);
}

/// The same value, of which the compiler does not know how it came about.
static Value opaque(KernelBuilder &k, Value value) {
  return LLVM::InlineAsmOp::create(k.b, k.loc, value.getType(), value, "", "=r,0", /*has_side_effects=*/false,
                                   /*is_align_stack=*/false, LLVM::TailCallKind::None, /*asm_dialect=*/{},
                                   /*operand_attrs=*/{})
      .getRes();
}

SmallVector<Value> RegisterTile::multiply(KernelBuilder &k, Value first, Value end, ValueRange sums) const {
  int64_t count = static_cast<int64_t>(rows.size()), chosen = rowsAsOperands(k), unroll = inPairs ? 2 : 1;
  SmallVector<bool> isOperand(count);
  for (int64_t i = 0; i < chosen; ++i)
    isOperand[(2 * i + 1) * count / (2 * chosen)] = true;
  // Two addresses of the first row that step along, for the loads of the first vector and of the second: if they were
  // known to be equal, there would be one load. Both opaque, or they would become a base and an index, and an
  // instruction that multiplies with an indexed operand is two (6.9 ns).
  SmallVector<Value> carried(sums);
  if (chosen) {
    Value start = k.elementAddress(rows.front(), operands().a, k.mul(first, rowStep));
    carried.append({opaque(k, start), opaque(k, start)});
  }
  SmallVector<Value> result =
      k.loop(first, end, operands().step * unroll, carried, [&](Value start, ValueRange carried) {
        if (ahead) {
          Value line = k.elementAddress(ahead, k.b.getI8Type(), k.mul(start, k.constant(aheadStep)));
          LLVM::Prefetch::create(k.b, k.loc, line, /*rw=*/0, /*hint=*/2, /*cache=*/1);
        }
        ValueRange addresses = carried.drop_front(sums.size());
        SmallVector<Value> next(carried.take_front(sums.size()));
        for (int64_t u = 0; u < unroll; ++u) {
          Value i = k.add(start, k.constant(u)), offset = k.mul(i, columnStep);
          SmallVector<Value> vectorsOfB;
          for (int64_t v = 0; v < vectors; ++v)
            vectorsOfB.push_back(loadB(k, offset, v));
          auto load = [&](int64_t r, int64_t v) {
            if (!chosen)
              return spreadA(k, rows[r], k.mul(i, rowStep));
            Value along = k.add(k.mul(k.constant(r), rowDistance), k.mul(k.constant(u), rowStep));
            return spreadA(k, addresses[v], along);
          };
          for (int64_t r = 0; r < count; ++r) {
            Value spread = load(r, 0);
            for (int64_t v = 0; v < vectors; ++v) {
              Value &sum = next[r * vectors + v];
              sum = addProducts(k, v > 0 && isOperand[r] ? load(r, v) : spread, vectorsOfB[v], sum);
            }
          }
        }
        for (Value address : addresses)
          next.push_back(opaque(k, k.elementAddress(address, operands().a, k.mul(k.constant(unroll), rowStep))));
        return next;
      });
  result.truncate(sums.size());
  return result;
}

} // namespace nnf
