// Philox4x32-10, as code: 32-bit words, each in the low half of an i64, so that a product of two is one multiplication.
// Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
#ifndef NNF_PASSES_MATH_PHILOX_H
#define NNF_PASSES_MATH_PHILOX_H

#include "mlir/IR/Builders.h"
#include <array>

namespace nnf {

/// `Dialect` names the ops (And, Shift, Mul, Xor, Add) and makes constants.
template <typename Dialect> class Philox {
public:
  using Value = mlir::Value;

  Philox(mlir::OpBuilder &b, mlir::Location loc, Dialect dialect) : b(b), loc(loc), dialect(dialect) {}

  Value constant(uint64_t value) { return dialect.constant(value); }
  Value low(Value x) { return make<typename Dialect::And>(x, constant(0xffffffff)); }
  Value high(Value x) { return make<typename Dialect::Shift>(x, constant(32)); }

  /// The four words of a block.
  std::array<Value, 4> block(std::array<Value, 4> c, Value seed) {
    constexpr int rounds = 10;
    constexpr uint64_t factor0 = 0xD2511F53, factor1 = 0xCD9E8D57, step0 = 0x9E3779B9, step1 = 0xBB67AE85;
    Value key0 = low(seed), key1 = high(seed);
    for (int round = 0; round < rounds; ++round) {
      Value product0 = make<typename Dialect::Mul>(c[0], constant(factor0));
      Value product1 = make<typename Dialect::Mul>(c[2], constant(factor1));
      c[0] = mixed(high(product1), c[1], key0);
      c[1] = low(product1);
      c[2] = mixed(high(product0), c[3], key1);
      c[3] = low(product0);
      key0 = low(make<typename Dialect::Add>(key0, constant(step0)));
      key1 = low(make<typename Dialect::Add>(key1, constant(step1)));
    }
    return c;
  }

private:
  mlir::OpBuilder &b;
  mlir::Location loc;
  Dialect dialect;

  template <typename Op> Value make(Value x, Value y) { return Op::create(b, loc, x, y); }
  Value mixed(Value x, Value y, Value key) {
    return make<typename Dialect::Xor>(make<typename Dialect::Xor>(x, y), key);
  }
};

} // namespace nnf
#endif
