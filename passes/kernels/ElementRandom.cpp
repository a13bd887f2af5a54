// Random bits at an index, computed where they are read.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/ElementEmitter.h"
#include "passes/math/Philox.h"

using namespace mlir;
namespace nnf {
namespace {

struct ArithDialect {
  using And = arith::AndIOp;
  using Shift = arith::ShRUIOp;
  using Mul = arith::MulIOp;
  using Xor = arith::XOrIOp;
  using Add = arith::AddIOp;
  KernelBuilder &k;
  bool vector;

  Value constant(uint64_t value) { return k.splat(k.b.getI64IntegerAttr(static_cast<int64_t>(value)), vector); }
};

} // namespace

Value ElementEmitter::rngBits(PrimRngBitsOp op, const Indices &at) {
  Value position = k.valueOf(linear(shapeOf(op.getOutput()), at));
  bool vector = k.isVector(position);
  Philox philox(k.b, k.loc, ArithDialect{k, vector});
  auto keyEntry = [&](int64_t i) {
    Value entry = this->at(op.getKey(), {k.index(k.constant(i))});
    return vector ? k.spread(entry) : entry;
  };
  Value seed = keyEntry(0), run = keyEntry(1), number = keyEntry(2);
  Value block = arith::ShRUIOp::create(k.b, k.loc, position, philox.constant(2));
  auto words = philox.block({philox.low(block), philox.high(block), philox.low(number), philox.low(run)}, seed);
  auto bit = [&](uint64_t mask) -> Value {
    Value set = arith::AndIOp::create(k.b, k.loc, position, philox.constant(mask));
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, set, philox.constant(0));
  };
  Value isOdd = bit(1), isUpper = bit(2);
  Value lower = arith::SelectOp::create(k.b, k.loc, isOdd, words[1], words[0]);
  Value upper = arith::SelectOp::create(k.b, k.loc, isOdd, words[3], words[2]);
  Value word = arith::SelectOp::create(k.b, k.loc, isUpper, upper, lower);
  Type i32 = k.b.getI32Type();
  return arith::TruncIOp::create(k.b, k.loc, vector ? Type(k.vectorOf(i32)) : i32, word);
}

} // namespace nnf
