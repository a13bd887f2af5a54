#include "codegen/driver/SizeCode.h"

using namespace mlir;
namespace nnf {

Value SizeCode::constant(int64_t value) {
  Value &known = constants[value];
  if (!known)
    known = LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(value));
  return known;
}

void SizeCode::note(Value flag) { bad = bad ? Value(LLVM::OrOp::create(b, bad, flag)) : flag; }

void SizeCode::requireNotNegative(Value value) {
  note(LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::slt, value, constant(0)));
}

Value SizeCode::add(Value x, Value y) {
  if (!checked)
    return LLVM::AddOp::create(b, x, y);
  Type pair = LLVM::LLVMStructType::getLiteral(b.getContext(), {b.getI64Type(), b.getI1Type()});
  Value both = LLVM::SAddWithOverflowOp::create(b, pair, x, y);
  note(LLVM::ExtractValueOp::create(b, both, ArrayRef<int64_t>{1}));
  return LLVM::ExtractValueOp::create(b, both, ArrayRef<int64_t>{0});
}

Value SizeCode::mul(Value x, Value y) {
  if (!checked)
    return LLVM::MulOp::create(b, x, y);
  Type pair = LLVM::LLVMStructType::getLiteral(b.getContext(), {b.getI64Type(), b.getI1Type()});
  Value both = LLVM::SMulWithOverflowOp::create(b, pair, x, y);
  note(LLVM::ExtractValueOp::create(b, both, ArrayRef<int64_t>{1}));
  return LLVM::ExtractValueOp::create(b, both, ArrayRef<int64_t>{0});
}

Value SizeCode::max(Value x, Value y) { return LLVM::SMaxOp::create(b, x, y); }

/// floor, ceiling or remainder, as affine expressions have them: rounding down, remainders not negative.
Value SizeCode::divide(AffineExprKind kind, Value x, Value y, bool mayBeZero) {
  if (mayBeZero) // a symbol of size 0: no such division is ever used, but it must not trap
    y = LLVM::SMaxOp::create(b, y, constant(1));
  Value quotient = LLVM::SDivOp::create(b, x, y);
  Value rest = LLVM::SRemOp::create(b, x, y);
  Value zero = constant(0);
  auto when = [&](LLVM::ICmpPredicate predicate) -> Value { return LLVM::ICmpOp::create(b, predicate, rest, zero); };
  if (kind == AffineExprKind::CeilDiv)
    return LLVM::AddOp::create(b, quotient, LLVM::ZExtOp::create(b, b.getI64Type(), when(LLVM::ICmpPredicate::sgt)));
  Value negative = when(LLVM::ICmpPredicate::slt);
  if (kind == AffineExprKind::FloorDiv)
    return LLVM::SubOp::create(b, quotient, LLVM::ZExtOp::create(b, b.getI64Type(), negative));
  return LLVM::AddOp::create(b, rest, LLVM::SelectOp::create(b, negative, y, zero));
}

Value SizeCode::derived(const DerivedDim &definition) {
  assert(definition.kind != DerivedDim::Data && "used before it is defined");
  Value a = emit(definition.a);
  if (definition.kind == DerivedDim::Max)
    return max(a, emit(definition.b));
  if (definition.kind == DerivedDim::Min)
    return LLVM::SMinOp::create(b, a, emit(definition.b));
  if (definition.kind == DerivedDim::Joint) {
    Value isOne = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, a, constant(1));
    return LLVM::SelectOp::create(b, isOne, emit(definition.b), a);
  }
  Type f64 = b.getF64Type();
  auto number = [&](double value) { return LLVM::ConstantOp::create(b, f64, b.getF64FloatAttr(value)); };
  Value scaled = LLVM::FMulOp::create(b, LLVM::SIToFPOp::create(b, f64, a), number(definition.factor));
  // Beyond any size, and still an int64.
  scaled = LLVM::MinNumOp::create(b, scaled, number(0x1p62));
  // Truncation is rounding down: sizes and factors are not negative. (floor would be a call into libm.)
  return LLVM::FPToSIOp::create(b, b.getI64Type(), scaled);
}

Value SizeCode::emit(Dim dim) {
  if (std::optional<int64_t> size = constantOf(dim))
    return constant(*size);
  if (Value found = known.lookup(dim))
    return found;
  Value value;
  if (std::optional<DerivedDim> definition = derivationOf(dim)) {
    value = derived(*definition);
  } else if (auto symbolic = dyn_cast<AffineSymbolExpr>(dim)) {
    value = symbol(symbolic.getPosition());
  } else {
    auto binary = cast<AffineBinaryOpExpr>(dim);
    Value x = emit(binary.getLHS()), y = emit(binary.getRHS());
    switch (dim.getKind()) {
    case AffineExprKind::Add: value = add(x, y); break;
    case AffineExprKind::Mul: value = mul(x, y); break;
    default: value = divide(dim.getKind(), x, y, !constantOf(binary.getRHS())); break;
    }
  }
  known[dim] = value;
  return value;
}

} // namespace nnf
