// Random bits at an index: Philox4x32-10, computed where they are read.
// Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/ElementEmitter.h"

using namespace mlir;
namespace nnf {
namespace {

/// 32-bit words, each in the low half of an i64: products of two words are then one multiplication.
struct Words {
  KernelBuilder &k;
  bool vector;

  Value constant(uint64_t value) { return k.splat(k.b.getI64IntegerAttr(static_cast<int64_t>(value)), vector); }
  Value low(Value x) { return arith::AndIOp::create(k.b, k.loc, x, constant(0xffffffff)); }
  Value high(Value x) { return arith::ShRUIOp::create(k.b, k.loc, x, constant(32)); }
  Value product(Value x, uint64_t factor) { return arith::MulIOp::create(k.b, k.loc, x, constant(factor)); }
  Value mixed(Value x, Value y, Value key) {
    return arith::XOrIOp::create(k.b, k.loc, arith::XOrIOp::create(k.b, k.loc, x, y), key);
  }
  Value bumped(Value key, uint64_t step) { return low(arith::AddIOp::create(k.b, k.loc, key, constant(step))); }
};

constexpr int rounds = 10;
constexpr uint64_t factor0 = 0xD2511F53, factor1 = 0xCD9E8D57, step0 = 0x9E3779B9, step1 = 0xBB67AE85;

} // namespace

Value ElementEmitter::rngBits(PrimRngBitsOp op, const Indices &at) {
  Value position = k.valueOf(linear(shapeOf(op.getOutput()), at));
  bool vector = k.isVector(position);
  Words words{k, vector};
  auto keyEntry = [&](int64_t i) {
    Value entry = this->at(op.getKey(), {k.index(k.constant(i))});
    return vector ? k.spread(entry) : entry;
  };
  Value seed = keyEntry(0), run = keyEntry(1), number = keyEntry(2);
  Value block = arith::ShRUIOp::create(k.b, k.loc, position, words.constant(2));
  Value c[4] = {words.low(block), words.high(block), words.low(number), words.low(run)};
  Value key0 = words.low(seed), key1 = words.high(seed);
  for (int round = 0; round < rounds; ++round) {
    Value product0 = words.product(c[0], factor0), product1 = words.product(c[2], factor1);
    c[0] = words.mixed(words.high(product1), c[1], key0);
    c[1] = words.low(product1);
    c[2] = words.mixed(words.high(product0), c[3], key1);
    c[3] = words.low(product0);
    key0 = words.bumped(key0, step0);
    key1 = words.bumped(key1, step1);
  }
  auto bit = [&](uint64_t mask) -> Value {
    Value set = arith::AndIOp::create(k.b, k.loc, position, words.constant(mask));
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, set, words.constant(0));
  };
  Value isOdd = bit(1), isUpper = bit(2);
  Value lower = arith::SelectOp::create(k.b, k.loc, isOdd, c[1], c[0]);
  Value upper = arith::SelectOp::create(k.b, k.loc, isOdd, c[3], c[2]);
  Value word = arith::SelectOp::create(k.b, k.loc, isUpper, upper, lower);
  Type i32 = k.b.getI32Type();
  return arith::TruncIOp::create(k.b, k.loc, vector ? Type(k.vectorOf(i32)) : i32, word);
}

} // namespace nnf
