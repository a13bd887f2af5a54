#include "passes/kernels/IntegerSteps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
namespace nnf {

// Written out, not as an instruction: LLVM finds vpmaddwd or vpdpwssd in it, and what other targets have.
Value addProductsOfWords(KernelBuilder &k, Value a, Value b, Value sum) {
  auto words = VectorType::get({2 * k.lanes}, k.b.getI16Type()),
       wide = VectorType::get({2 * k.lanes}, k.b.getI32Type());
  auto widened = [&](Value x) -> Value { return arith::ExtSIOp::create(k.b, k.loc, wide, x); };
  Value products = arith::MulIOp::create(k.b, k.loc, widened(vector::BitCastOp::create(k.b, k.loc, words, a)),
                                         widened(b), arith::IntegerOverflowFlags::nsw);
  auto every = [&](int64_t first) -> Value {
    SmallVector<int64_t> lanes;
    for (int64_t lane = 0; lane < k.lanes; ++lane)
      lanes.push_back(2 * lane + first);
    return vector::ShuffleOp::create(k.b, k.loc, products, products, lanes);
  };
  return arith::AddIOp::create(k.b, k.loc, sum, arith::AddIOp::create(k.b, k.loc, every(0), every(1)));
}

Value addProductsOfBytes(KernelBuilder &k, Value a, Value b, Value sum) {
  assert(k.target.hasByteDots && "panels of bytes are for targets that multiply bytes");
  auto bytes = VectorType::get({4 * k.lanes}, k.b.getI8Type());
  std::string name = "llvm.x86.avx512.vpdpbusd." + std::to_string(32 * k.lanes);
  SmallVector<Value> operands{sum, vector::BitCastOp::create(k.b, k.loc, bytes, a), b};
  return LLVM::CallIntrinsicOp::create(k.b, k.loc, sum.getType(), k.b.getStringAttr(name), operands).getResult(0);
}

} // namespace nnf
