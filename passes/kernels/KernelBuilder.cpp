#include "passes/kernels/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
namespace nnf {

OpBuilder KernelBuilder::prologue() const {
  OpBuilder pre(prologueEnd->getContext());
  pre.setInsertionPoint(prologueEnd);
  return pre;
}

// ---- i64 arithmetic

Value KernelBuilder::constant(int64_t value) {
  Value &cached = constants[value];
  if (!cached) {
    OpBuilder pre = prologue();
    cached = arith::ConstantIntOp::create(pre, loc, value, 64);
    known[cached] = value;
  }
  return cached;
}

std::optional<int64_t> KernelBuilder::constantValue(Value value) const {
  auto it = known.find(value);
  return it == known.end() ? std::nullopt : std::optional<int64_t>(it->second);
}

Value KernelBuilder::emitDim(OpBuilder &pre, Dim dim) {
  if (std::optional<int64_t> value = constantOf(dim))
    return constant(*value);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(dim)) {
    auto it = symbols.find(symbol.getPosition());
    assert(it != symbols.end() && "a kernel has a size argument for each of its symbols");
    return it->second;
  }
  auto binary = cast<AffineBinaryOpExpr>(dim);
  Value lhs = emitDim(pre, binary.getLHS()), rhs = emitDim(pre, binary.getRHS());
  switch (dim.getKind()) {
  case AffineExprKind::Add: return arith::AddIOp::create(pre, loc, lhs, rhs);
  case AffineExprKind::Mul: return arith::MulIOp::create(pre, loc, lhs, rhs);
  case AffineExprKind::FloorDiv: return arith::FloorDivSIOp::create(pre, loc, lhs, rhs);
  case AffineExprKind::CeilDiv: return arith::CeilDivSIOp::create(pre, loc, lhs, rhs);
  default: {
    Value quotient = arith::FloorDivSIOp::create(pre, loc, lhs, rhs);
    return arith::SubIOp::create(pre, loc, lhs, arith::MulIOp::create(pre, loc, quotient, rhs));
  }
  }
}

Value KernelBuilder::size(Dim dim) {
  dim = simplify(dim);
  if (std::optional<int64_t> value = constantOf(dim))
    return constant(*value);
  Value &cached = sizes[dim];
  if (!cached) {
    OpBuilder pre = prologue();
    cached = emitDim(pre, dim);
  }
  return cached;
}

Value KernelBuilder::add(Value x, Value y) {
  auto a = constantValue(x), c = constantValue(y);
  if (a && c)
    return constant(*a + *c);
  if (a == 0)
    return y;
  if (c == 0)
    return x;
  return arith::AddIOp::create(b, loc, x, y, arith::IntegerOverflowFlags::nsw);
}
Value KernelBuilder::sub(Value x, Value y) {
  auto a = constantValue(x), c = constantValue(y);
  if (a && c)
    return constant(*a - *c);
  if (c == 0)
    return x;
  // (y + n) - y: a block's length is known where its end is.
  if (auto sum = x.getDefiningOp<arith::AddIOp>(); sum && sum.getLhs() == y)
    return sum.getRhs();
  return arith::SubIOp::create(b, loc, x, y, arith::IntegerOverflowFlags::nsw);
}
Value KernelBuilder::mul(Value x, Value y) {
  auto a = constantValue(x), c = constantValue(y);
  if (a && c)
    return constant(*a * *c);
  if (a == 0 || c == 0)
    return constant(0);
  if (a == 1)
    return y;
  if (c == 1)
    return x;
  return arith::MulIOp::create(b, loc, x, y, arith::IntegerOverflowFlags::nsw);
}
// Indices are never negative where they are divided, and divisors are sizes above 0 wherever a loop runs.
Value KernelBuilder::floorDiv(Value x, Value y) {
  auto a = constantValue(x), c = constantValue(y);
  if (c == 1)
    return x;
  if (a && c && *c > 0)
    return constant(llvm::divideFloorSigned(*a, *c));
  return arith::DivUIOp::create(b, loc, x, y);
}
Value KernelBuilder::mod(Value x, Value y) {
  auto a = constantValue(x), c = constantValue(y);
  if (c == 1)
    return constant(0);
  if (a && c && *c > 0)
    return constant(llvm::mod(*a, *c));
  return arith::RemUIOp::create(b, loc, x, y);
}
Value KernelBuilder::ceilDiv(Value x, int64_t y) {
  if (auto a = constantValue(x))
    return constant(llvm::divideCeilSigned(*a, y));
  return arith::CeilDivSIOp::create(b, loc, x, constant(y));
}
Value KernelBuilder::min(Value x, Value y) {
  auto a = constantValue(x), c = constantValue(y);
  if (a && c)
    return constant(std::min(*a, *c));
  if (x == y)
    return x;
  return arith::MinSIOp::create(b, loc, x, y);
}
Value KernelBuilder::max(Value x, Value y) {
  auto a = constantValue(x), c = constantValue(y);
  if (a && c)
    return constant(std::max(*a, *c));
  if (x == y)
    return x;
  return arith::MaxSIOp::create(b, loc, x, y);
}
Value KernelBuilder::less(Value x, Value y) { return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y); }

// ---- indices

std::optional<Index> KernelBuilder::join(Index x, Index y, Dim size) {
  if (!x.isSamePosition(y) || !y.modulus || !x.divisor || !sameDim(y.modulus, size) ||
      !sameDim(x.divisor, y.divisor ? y.divisor * size : size))
    return std::nullopt;
  x.divisor = y.divisor;
  if (x.modulus)
    x.modulus = simplify(x.modulus * size);
  return x;
}

Index KernelBuilder::whole(Index x) {
  if (!x.isPart())
    return x;
  Dim divisor = std::exchange(x.divisor, {}), modulus = std::exchange(x.modulus, {});
  x.range = {}; // of the position
  ++slowAccesses;
  if (divisor)
    x = floorDiv(x, size(divisor));
  return modulus ? mod(x, size(modulus)) : x;
}

Index KernelBuilder::add(Index x, Index y) {
  if (y.uniform() && !y.isPart() && constantValue(y.base) == 0)
    return x;
  x = whole(x), y = whole(y);
  if (!x.perLane && !y.perLane) {
    Index sum{add(x.base, y.base), x.stride + y.stride, {}};
    const Index &moving = x.range ? x : y, &fixed = x.range ? y : x;
    if (auto by = fixed.uniform() ? constantValue(fixed.base) : std::nullopt; by && moving.range)
      sum.range = {moving.range->lowest + *by, moving.range->limit + *by};
    return sum;
  }
  Value sum = arith::AddIOp::create(b, loc, spread(valueOf(x)), spread(valueOf(y)));
  return {{}, 0, sum};
}

Index KernelBuilder::mul(Index x, Value scale) {
  std::optional<int64_t> factor = constantValue(scale);
  if (factor == 0)
    return zero();
  if (factor == 1)
    return x;
  x = whole(x);
  if (!x.perLane && (x.stride == 0 || factor)) {
    Index product{mul(x.base, scale), x.stride * factor.value_or(0), {}};
    if (x.range && factor) {
      int64_t first = x.range->lowest * *factor, last = (x.range->limit - 1) * *factor;
      product.range = {std::min(first, last), std::max(first, last) + 1};
    }
    return product;
  }
  return {{}, 0, arith::MulIOp::create(b, loc, spread(valueOf(x)), spread(scale))};
}

Index KernelBuilder::floorDiv(Index x, Value divisor) {
  if (constantValue(divisor) == 1)
    return x;
  x = whole(x);
  if (x.uniform())
    return index(floorDiv(x.base, divisor));
  return {{}, 0, arith::DivUIOp::create(b, loc, spread(valueOf(x)), spread(divisor))};
}

Index KernelBuilder::mod(Index x, Value divisor) {
  if (constantValue(divisor) == 1)
    return zero();
  x = whole(x);
  if (x.uniform())
    return index(mod(x.base, divisor));
  return {{}, 0, arith::RemUIOp::create(b, loc, spread(valueOf(x)), spread(divisor))};
}

Value KernelBuilder::valueOf(Index x) {
  x = whole(x);
  if (x.perLane)
    return x.perLane;
  if (x.stride == 0)
    return x.base;
  SmallVector<int64_t> steps;
  for (int64_t lane = 0; lane < lanes; ++lane)
    steps.push_back(lane * x.stride);
  auto type = vectorOf(b.getI64Type());
  Value offsets = arith::ConstantOp::create(b, loc, DenseIntElementsAttr::get(type, steps));
  return arith::AddIOp::create(b, loc, spread(x.base), offsets);
}

Index KernelBuilder::indexOf(Value value) {
  if (isVector(value))
    return {{}, 0, value};
  return index(value);
}

Value KernelBuilder::inBounds(Index x, Value upper) {
  x = whole(x);
  auto end = constantValue(upper);
  if (x.uniform())
    if (auto at = constantValue(x.base); at && end && *at >= 0 && *at < *end)
      return {};
  if (x.range && end) {
    if (x.range->isWithin(0, *end))
      return {};
    notePartingAt(x, 0);
    notePartingAt(x, *end);
  }
  Value value = valueOf(x);
  // Unsigned: a negative index is a huge one.
  Value bound = isVector(value) ? spread(upper) : upper;
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, value, bound);
}

void KernelBuilder::notePartingAt(const Index &x, int64_t position) {
  if (x.perLane || x.stride == 0 || !x.range)
    return;
  int64_t lane = x.stride > 0 ? llvm::divideCeilSigned(position - x.range->lowest, x.stride)
                              : llvm::divideFloorSigned(x.range->limit - 1 - position, -x.stride) + 1;
  partings.insert(lane);
}

// ---- lanes

Value KernelBuilder::spread(Value value) {
  if (lanes == 1 || isVector(value))
    return value;
  return vector::BroadcastOp::create(b, loc, vectorOf(value.getType()), value);
}

void KernelBuilder::unify(MutableArrayRef<Value> values) {
  if (llvm::any_of(values, [&](Value value) { return isVector(value); }))
    for (Value &value : values)
      value = spread(value);
}

Value KernelBuilder::splat(TypedAttr number, bool vector) {
  if (!vector || lanes == 1)
    return arith::ConstantOp::create(b, loc, number);
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vectorOf(number.getType()), Attribute(number)));
}

Value KernelBuilder::both(Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  SmallVector<Value, 2> sides{x, y};
  unify(sides);
  return arith::AndIOp::create(b, loc, sides[0], sides[1]);
}

Value KernelBuilder::firstLanes(int64_t count) {
  SmallVector<bool> active(lanes);
  std::fill_n(active.begin(), count, true);
  auto type = VectorType::get({lanes}, b.getI1Type());
  Value mask = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, active));
  if (count == 1)
    singleLaneMasks.insert(mask);
  return mask;
}

// x86's maxps and minps give their second operand where one is NaN: y only has to be looked at for that, not waited
// for.
Value KernelBuilder::extreme(bool isMax, Value x, Value y) {
  if (target.hasExtremes)
    return isMax ? Value(arith::MaximumFOp::create(b, loc, x, y)) : Value(arith::MinimumFOp::create(b, loc, x, y));
  auto predicate = isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT;
  Value wins = arith::CmpFOp::create(b, loc, predicate, y, x);
  Value best = arith::SelectOp::create(b, loc, wins, y, x);
  Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, y, y);
  return arith::SelectOp::create(b, loc, isNaN, y, best);
}

// One instruction of any target: of a NaN and a number it gives whichever it likes.
Value KernelBuilder::largerOfNumbers(Value x, Value y) {
  if (target.hasExtremes)
    return arith::MaximumFOp::create(b, loc, x, y);
  return arith::SelectOp::create(b, loc, arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y), x, y);
}

Value KernelBuilder::multiplyAdd(Type element, Value x, Value y, Value sum) {
  SmallVector<Value, 3> v{x, y, sum};
  unify(v);
  if (isa<FloatType>(element)) {
    Value product = arith::MulFOp::create(b, loc, v[0], v[1], arith::FastMathFlags::contract);
    return arith::AddFOp::create(b, loc, v[2], product, arith::FastMathFlags::contract);
  }
  return arith::AddIOp::create(b, loc, v[2], arith::MulIOp::create(b, loc, v[0], v[1]));
}

// ---- memory

Type KernelBuilder::registerType(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}

Type KernelBuilder::memoryType(Type element) {
  if (element.isInteger(1))
    return IntegerType::get(element.getContext(), 8);
  // LLVM converts 16-bit floats where it takes a masked access apart, with library calls; bits it leaves alone.
  if (element.isF16() || element.isBF16())
    return IntegerType::get(element.getContext(), 16);
  return registerType(element);
}

Value KernelBuilder::zeroOf(Type type) { return arith::ConstantOp::create(b, loc, type, b.getZeroAttr(type)); }

Value KernelBuilder::elementAddress(Value address, Type element, Value offset) {
  if (constantValue(offset) == 0)
    return address;
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  return LLVM::GEPOp::create(b, loc, pointer, memoryType(element), address, ArrayRef<LLVM::GEPArg>{offset},
                             LLVM::GEPNoWrapFlags::inbounds);
}

/// bool: i8 in memory, i1 in registers; 16-bit floats: their bits in memory.
static Value toRegister(KernelBuilder &k, Value value, Type element) {
  if (element.isF16() || element.isBF16()) {
    Type type = k.isVector(value) ? Type(k.vectorOf(element)) : element;
    return arith::BitcastOp::create(k.b, k.loc, type, value);
  }
  if (!element.isInteger(1))
    return value;
  Value zero = k.zeroOf(value.getType());
  return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, value, zero);
}

/// Elements at a small constant distance, backward or forward: vectors without gaps, and shuffles. Reads nothing before
/// the first element or after the last.
Value KernelBuilder::loadStrided(Value address, Type element, Index offset, Value mask) {
  Type memory = memoryType(element);
  VectorType type = vectorOf(memory);
  unsigned align = (memory.getIntOrFloatBitWidth() + 7) / 8;
  int64_t distance = std::abs(offset.stride), span = distance * (lanes - 1) + 1;
  Value first = offset.stride > 0 ? offset.base : add(offset.base, constant(offset.stride * (lanes - 1)));
  if (mask) {
    assert(distance == 1 && "a mask of lanes is one of elements");
    SmallVector<int64_t> backward = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, lanes)));
    mask = vector::ShuffleOp::create(b, loc, mask, mask, backward);
  }
  Value result;
  for (int64_t v = 0; v < distance; ++v) {
    int64_t start = std::min(v * lanes, span - lanes);
    Value at = elementAddress(address, element, add(first, constant(start)));
    Value read = mask ? Value(LLVM::MaskedLoadOp::create(b, loc, type, at, mask, zeroOf(type), align))
                      : Value(LLVM::LoadOp::create(b, loc, type, at, align));
    SmallVector<int64_t> from;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      int64_t position = distance * (offset.stride > 0 ? lane : lanes - 1 - lane);
      bool isHere = std::min(position / lanes, distance - 1) == v;
      from.push_back(isHere ? lanes + position - start : v > 0 ? lane : -1);
    }
    result = vector::ShuffleOp::create(b, loc, result ? result : read, read, from);
  }
  return result;
}

Value KernelBuilder::load(Value address, Type element, Index offset, std::optional<int64_t> elements) {
  offset = whole(offset);
  Type memory = memoryType(element);
  unsigned align = (memory.getIntOrFloatBitWidth() + 7) / 8;
  if (offset.uniform()) {
    auto read = [&]() -> Value {
      return LLVM::LoadOp::create(b, loc, memory, elementAddress(address, element, offset.base), align);
    };
    if (!guard)
      return toRegister(*this, read(), element);
    return toRegister(*this, branch(guard, read, [&] { return zeroOf(memory); }), element);
  }
  Value mask = both(laneMask, guard);
  VectorType type = vectorOf(memory);
  if (mask)
    mask = spread(mask);
  if (offset.stride == 1 && !offset.perLane) {
    Value at = elementAddress(address, element, offset.base);
    Value read = mask ? Value(LLVM::MaskedLoadOp::create(b, loc, type, at, mask, zeroOf(type), align))
                      : Value(LLVM::LoadOp::create(b, loc, type, at, align));
    return toRegister(*this, read, element);
  }
  // Further apart a gather reads less.
  constexpr int64_t maxDistance = 4;
  if (!offset.perLane && (offset.stride == -1 || (!mask && std::abs(offset.stride) <= maxDistance)))
    return toRegister(*this, loadStrided(address, element, offset, mask), element);
  ++slowAccesses;
  // Indices of 32 bits where they suffice: LLVM sees through the extension, and gathers twice the lanes at a time.
  constexpr int64_t limit = std::numeric_limits<int32_t>::max();
  Value offsets;
  if (!offset.perLane && std::abs(offset.stride) < limit / lanes) {
    address = elementAddress(address, element, offset.base);
    SmallVector<int32_t> steps;
    for (int64_t lane = 0; lane < lanes; ++lane)
      steps.push_back(lane * offset.stride);
    offsets = arith::ConstantOp::create(b, loc, DenseIntElementsAttr::get(vectorOf(b.getI32Type()), steps));
  } else {
    offsets = valueOf(offset);
    if (elements && *elements <= limit)
      offsets = arith::TruncIOp::create(b, loc, vectorOf(b.getI32Type()), offsets);
  }
  auto pointers = VectorType::get({lanes}, LLVM::LLVMPointerType::get(b.getContext()));
  Value at = LLVM::GEPOp::create(b, loc, pointers, memory, address, ArrayRef<LLVM::GEPArg>{offsets});
  if (!mask)
    mask = splat(b.getBoolAttr(true), /*vector=*/true);
  Value read = LLVM::masked_gather::create(b, loc, type, at, mask, ValueRange{zeroOf(type)}, align);
  return toRegister(*this, read, element);
}

void KernelBuilder::store(Value value, Value address, Type element, Index offset, bool pastCaches) {
  offset = whole(offset);
  Type memory = memoryType(element);
  unsigned align = (memory.getIntOrFloatBitWidth() + 7) / 8;
  auto toMemory = [&](Value v) -> Value {
    if (memory == registerType(element))
      return v;
    Type type = isVector(v) ? Type(vectorOf(memory)) : memory;
    if (isa<FloatType>(element))
      return arith::BitcastOp::create(b, loc, type, v);
    return arith::ExtUIOp::create(b, loc, type, v);
  };
  if (lanes == 1 || offset.uniform()) {
    // Lanes over a dimension of size 1: the first is the only one that is there.
    if (isVector(value))
      value = vector::ExtractOp::create(b, loc, value, 0);
    LLVM::StoreOp::create(b, loc, toMemory(value), elementAddress(address, element, offset.base), align);
    return;
  }
  if (laneMask && singleLaneMasks.contains(laneMask) && !offset.perLane) {
    value = isVector(value) ? Value(vector::ExtractOp::create(b, loc, value, 0)) : value;
    LLVM::StoreOp::create(b, loc, toMemory(value), elementAddress(address, element, offset.base), align);
    return;
  }
  value = toMemory(spread(value));
  if (offset.stride == 1 && !offset.perLane) {
    Value at = elementAddress(address, element, offset.base);
    if (laneMask)
      LLVM::MaskedStoreOp::create(b, loc, value, at, laneMask, align);
    else if (pastCaches)
      storePastCaches(value, at, align);
    else
      LLVM::StoreOp::create(b, loc, value, at, align);
    return;
  }
  Value offsets = valueOf(offset);
  auto pointers = VectorType::get({lanes}, LLVM::LLVMPointerType::get(b.getContext()));
  Value at = LLVM::GEPOp::create(b, loc, pointers, memory, address, ArrayRef<LLVM::GEPArg>{offsets});
  Value mask = laneMask ? laneMask : splat(b.getBoolAttr(true), /*vector=*/true);
  LLVM::masked_scatter::create(b, loc, value, at, mask, align);
}

// ---- control flow

SmallVector<Value> KernelBuilder::loop(Value lower, Value upper, int64_t step, ValueRange carried, LoopBody body) {
  auto first = constantValue(lower), end = constantValue(upper);
  if (first && end) {
    if (*end <= *first)
      return llvm::to_vector(carried);
    if (*end - *first <= step)
      return body(lower, carried);
  }
  auto forOp = scf::ForOp::create(b, loc, lower, upper, constant(step), carried);
  OpBuilder::InsertionGuard restore(b);
  if (carried.empty())
    b.setInsertionPoint(forOp.getBody()->getTerminator());
  else
    b.setInsertionPointToStart(forOp.getBody());
  SmallVector<Value> next = body(forOp.getInductionVar(), forOp.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(b, loc, next);
  return llvm::to_vector(llvm::map_range(forOp.getResults(), [](OpResult r) -> Value { return r; }));
}

/// Whole registers at their own alignment, which only the run knows: a caller's tensors may lie anywhere.
void KernelBuilder::storePastCaches(Value value, Value at, unsigned align) {
  auto type = cast<VectorType>(value.getType());
  int64_t bytes = std::min(target.vectorBytes, type.getNumElements() * type.getElementTypeBitWidth() / 8);
  Value number = LLVM::PtrToIntOp::create(b, loc, b.getI64Type(), at);
  Value beyond = arith::AndIOp::create(b, loc, number, constant(bytes - 1));
  Value isPlaced = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, beyond, constant(0));
  auto where = scf::IfOp::create(b, loc, isPlaced, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard restore(b);
  b.setInsertionPointToStart(where.thenBlock());
  LLVM::StoreOp::create(b, loc, value, at, bytes, /*isVolatile=*/false, /*isNonTemporal=*/true);
  // In halves: of two equal stores LLVM would make one, of the weaker kind.
  b.setInsertionPointToStart(where.elseBlock());
  int64_t half = type.getNumElements() / 2;
  for (int64_t first : {int64_t(0), half}) {
    Value part = vector::ExtractStridedSliceOp::create(b, loc, value, first, half, 1);
    Value to =
        LLVM::GEPOp::create(b, loc, at.getType(), type.getElementType(), at, ArrayRef<LLVM::GEPArg>{int32_t(first)});
    LLVM::StoreOp::create(b, loc, part, to, align);
  }
  storesPastCaches = true;
}

void KernelBuilder::waitForStores() {
  LLVM::CallIntrinsicOp::create(b, loc, b.getStringAttr("llvm.x86.sse.sfence"), ValueRange{});
}

Value KernelBuilder::branch(Value condition, llvm::function_ref<Value()> onTrue, llvm::function_ref<Value()> onFalse) {
  // The type of the result is known only after the first side is built.
  OpBuilder::InsertPoint here = b.saveInsertionPoint();
  auto *block = new Block();
  b.setInsertionPointToStart(block);
  Value yes = onTrue();
  scf::YieldOp::create(b, loc, yes);
  b.restoreInsertionPoint(here);
  auto ifOp = scf::IfOp::create(b, loc, TypeRange{yes.getType()}, condition, /*withElseRegion=*/true);
  ifOp.getThenRegion().front().erase();
  ifOp.getThenRegion().push_back(block);
  b.setInsertionPointToStart(&ifOp.getElseRegion().front());
  Value no = onFalse();
  assert(no.getType() == yes.getType() && "both sides give the same type");
  scf::YieldOp::create(b, loc, no);
  b.setInsertionPointAfter(ifOp);
  return ifOp.getResult(0);
}

} // namespace nnf
