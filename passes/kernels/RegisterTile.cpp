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
/// Where rows are not at one distance, each such row has an address that steps along: worth while for several steps.
int64_t RegisterTile::rowsAsOperands(const KernelBuilder &k) const {
  int64_t count = static_cast<int64_t>(rows.size());
  bool isWorthwhile = areAtOneDistance(k) || (stepsMultipleOf > 1 && k.constantValue(rowStep));
  if (k.target.vectorBytes < avx512Bytes || vectors != 2 || !isWorthwhile || !isa<FloatType>(element) ||
      operands().a != element)
    return 0;
  return std::max<int64_t>(0, count * vectors * 11 / 12 - vectors - count);
}

/// The same address, of which the compiler does not know how it came about. It would find an index that steps along for
/// all addresses, and an instruction that multiplies with an indexed operand is two (6.9 ns).
static Value opaque(KernelBuilder &k, Value address) {
  return LLVM::InlineAsmOp::create(k.b, k.loc, address.getType(), address, "", "=r,0", /*has_side_effects=*/false,
                                   /*is_align_stack=*/false, LLVM::TailCallKind::None, /*asm_dialect=*/{},
                                   /*operand_attrs=*/{})
      .getRes();
}

/// Of x86's address spaces that of pointers of 64 bits, which all are. By way of an integer, what is read there is not
/// known to be what is read at the same place of the usual one, so there are two loads.
static constexpr unsigned pointers64 = 272;

/// One element of a row in every lane, loaded for vector v alone.
Value RegisterTile::spreadOperand(KernelBuilder &k, Value row, Value offset, int64_t v) const {
  Value at = k.elementAddress(row, operands().a, offset);
  if (v > 0) {
    at = LLVM::PtrToIntOp::create(k.b, k.loc, k.b.getI64Type(), at);
    at = LLVM::IntToPtrOp::create(k.b, k.loc, LLVM::LLVMPointerType::get(k.b.getContext(), pointers64), at);
  }
  return k.spread(LLVM::LoadOp::create(k.b, k.loc, element, at, elementBytes(element)));
}

SmallVector<Value> RegisterTile::multiply(KernelBuilder &k, Value first, Value end, ValueRange sums) const {
  int64_t count = static_cast<int64_t>(rows.size()), chosen = rowsAsOperands(k);
  bool isRegular = chosen && areAtOneDistance(k);
  int64_t atOnce = std::min<int64_t>(stepsMultipleOf, chosen && !isRegular ? 4 : 2);
  // Addresses that step along: of the first row, or of each that is read as an operand.
  SmallVector<std::optional<int64_t>> operandOf(count);
  for (int64_t i = 0; i < chosen; ++i)
    operandOf[(2 * i + 1) * count / (2 * chosen)] = isRegular ? 0 : i;
  SmallVector<Value> carried(sums);
  for (int64_t r = 0; r < count; ++r)
    if (isRegular ? chosen && r == 0 : operandOf[r].has_value())
      carried.push_back(opaque(k, k.elementAddress(rows[r], operands().a, k.mul(first, rowStep))));
  SmallVector<Value> result =
      k.loop(first, end, operands().step * atOnce, carried, [&](Value start, ValueRange carried) {
        if (ahead) {
          Value line = k.elementAddress(ahead, k.b.getI8Type(), k.mul(start, aheadStep));
          LLVM::Prefetch::create(k.b, k.loc, line, /*rw=*/0, /*hint=*/2, /*cache=*/1);
        }
        SmallVector<Value> addresses(carried.drop_front(sums.size()));
        SmallVector<Value> next(carried.take_front(sums.size()));
        for (int64_t u = 0; u < atOnce; ++u) {
          Value i = k.add(start, k.constant(u)), offset = k.mul(i, columnStep);
          Value along = k.mul(k.constant(u), rowStep);
          SmallVector<Value> vectorsOfB;
          for (int64_t v = 0; v < vectors; ++v)
            vectorsOfB.push_back(loadB(k, offset, v));
          auto load = [&](int64_t r, int64_t v) {
            Value fromFirst = isRegular ? k.add(k.mul(k.constant(r), rowDistance), along) : along;
            if (operandOf[r])
              return spreadOperand(k, addresses[*operandOf[r]], fromFirst, v);
            return isRegular ? spreadA(k, addresses.front(), fromFirst) : spreadA(k, rows[r], k.mul(i, rowStep));
          };
          for (int64_t r = 0; r < count; ++r) {
            Value spread = load(r, 0);
            for (int64_t v = 0; v < vectors; ++v) {
              Value &sum = next[r * vectors + v];
              sum = addProducts(k, v > 0 && operandOf[r] ? load(r, v) : spread, vectorsOfB[v], sum);
            }
          }
        }
        for (Value address : addresses)
          next.push_back(opaque(k, k.elementAddress(address, operands().a, k.mul(k.constant(atOnce), rowStep))));
        return next;
      });
  result.truncate(sums.size());
  return result;
}

} // namespace nnf
