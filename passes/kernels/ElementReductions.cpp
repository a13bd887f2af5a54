// Primitives that combine many elements, evaluated at an index: reductions, windows and contractions.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/ElementEmitter.h"
#include "passes/kernels/SoftmaxParts.h"

using namespace mlir;
namespace nnf {

// ---- reductions

static TypedAttr extreme(Type element, bool largest) {
  if (auto type = dyn_cast<FloatType>(element))
    return FloatAttr::get(type, llvm::APFloat::getInf(type.getFloatSemantics(), /*Negative=*/!largest));
  unsigned width = element.getIntOrFloatBitWidth();
  bool isUnsigned = element.isUnsignedInteger() || width == 1;
  llvm::APInt value = largest ? (isUnsigned ? llvm::APInt::getMaxValue(width) : llvm::APInt::getSignedMaxValue(width))
                              : (isUnsigned ? llvm::APInt::getMinValue(width) : llvm::APInt::getSignedMinValue(width));
  return IntegerAttr::get(KernelBuilder::registerType(element), value);
}

Value ElementEmitter::neutral(ReduceKind kind, Type element, bool vector) {
  Type type = KernelBuilder::registerType(element);
  auto number = [&](int64_t value) -> TypedAttr {
    if (isa<FloatType>(type))
      return FloatAttr::get(type, static_cast<double>(value));
    return IntegerAttr::get(type, value);
  };
  switch (kind) {
  case ReduceKind::Add:
  case ReduceKind::Or: return k.splat(number(0), vector);
  case ReduceKind::Mul: return k.splat(number(1), vector);
  case ReduceKind::Max: return k.splat(extreme(element, /*largest=*/false), vector);
  case ReduceKind::Min: return k.splat(extreme(element, /*largest=*/true), vector);
  case ReduceKind::And: return k.splat(number(-1), vector);
  }
  llvm_unreachable("all kinds are listed");
}

Value ElementEmitter::combine(ReduceKind kind, Type element, Value x, Value y) {
  OpBuilder &b = k.b;
  Location loc = k.loc;
  bool isFloat = isa<FloatType>(element);
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  switch (kind) {
  case ReduceKind::Add:
    return isFloat ? Value(arith::AddFOp::create(b, loc, x, y, arith::FastMathFlags::contract))
                   : Value(arith::AddIOp::create(b, loc, x, y));
  case ReduceKind::Mul:
    return isFloat ? Value(arith::MulFOp::create(b, loc, x, y)) : Value(arith::MulIOp::create(b, loc, x, y));
  case ReduceKind::Max:
    if (isFloat)
      return k.extreme(/*isMax=*/true, x, y);
    return isUnsigned ? Value(arith::MaxUIOp::create(b, loc, x, y)) : Value(arith::MaxSIOp::create(b, loc, x, y));
  case ReduceKind::Min:
    if (isFloat)
      return k.extreme(/*isMax=*/false, x, y);
    return isUnsigned ? Value(arith::MinUIOp::create(b, loc, x, y)) : Value(arith::MinSIOp::create(b, loc, x, y));
  case ReduceKind::And: return arith::AndIOp::create(b, loc, x, y);
  case ReduceKind::Or: return arith::OrIOp::create(b, loc, x, y);
  }
  llvm_unreachable("all kinds are listed");
}

Value ElementEmitter::combine(PrimReduceOp reduce, Value x, Value y) {
  if (mayOverlookNaN(reduce))
    return k.largerOfNumbers(x, y);
  return combine(reduce.getKind(), elementOf(reduce.getInput()), x, y);
}

Value ElementEmitter::combineLanes(Value vector, llvm::function_ref<Value(Value, Value)> step) {
  auto type = dyn_cast<VectorType>(vector.getType());
  if (!type)
    return vector;
  // Halve: lanes [0, n/2) with [n/2, n), the order a tree gives on any target.
  for (int64_t count = type.getNumElements(); count > 1; count /= 2) {
    assert(llvm::isPowerOf2_64(count));
    auto low = llvm::to_vector(llvm::seq<int64_t>(0, count / 2)),
         high = llvm::to_vector(llvm::seq<int64_t>(count / 2, count));
    Value first = vector::ShuffleOp::create(k.b, k.loc, vector, vector, low);
    Value second = vector::ShuffleOp::create(k.b, k.loc, vector, vector, high);
    vector = step(first, second);
  }
  return vector::ExtractOp::create(k.b, k.loc, vector, 0);
}

Value ElementEmitter::combineLanes(ReduceKind kind, Type element, Value vector) {
  return combineLanes(vector, [&](Value x, Value y) { return combine(kind, element, x, y); });
}

Value ElementEmitter::combineLanes(PrimReduceOp reduce, Value vector) {
  return combineLanes(vector, [&](Value x, Value y) { return combine(reduce, x, y); });
}

Value ElementEmitter::reduce(PrimReduceOp op, const Indices &at) {
  Shape in = shapeOf(op.getInput());
  Type element = elementOf(op.getInput());
  bool vector = k.lanes > 1 && !allUniform(at);
  int64_t block = op.getBlock();
  Indices inner;
  Index start = k.zero(); // of the first dimension's block
  unsigned next = 0;
  for (int64_t i = 0, e = in.size(); i < e; ++i) {
    bool isReduced = llvm::is_contained(op.getDims(), i), isBlocked = block && i == op.getDims().front();
    inner.push_back(isReduced && !isBlocked ? Index() : at[next++]);
    if (isBlocked)
      start = k.mul(inner.back(), k.constant(block));
  }
  Value inside; // the last block may have fewer elements
  std::function<Value(unsigned, Value)> nest = [&](unsigned level, Value carried) -> Value {
    if (level == op.getDims().size()) {
      SmallVector<Value, 2> sides{carried, under(inside, [&] { return this->at(op.getInput(), inner); })};
      k.unify(sides);
      if (inside)
        sides[1] = arith::SelectOp::create(k.b, k.loc, k.isVector(sides[1]) ? k.spread(inside) : inside, sides[1],
                                           neutral(op.getKind(), element, k.isVector(sides[1])));
      return combine(op.getKind(), element, sides[0], sides[1]);
    }
    int64_t dim = op.getDims()[level];
    bool isBlocked = block && level == 0;
    Value size = k.size(in[dim]);
    return k.loop(k.constant(0), isBlocked ? k.constant(block) : size, 1, carried,
                  [&](Value i, ValueRange carried) -> SmallVector<Value> {
                    Scope scope(*this);
                    inner[dim] = isBlocked ? k.add(start, k.index(i)) : k.index(i);
                    if (isBlocked)
                      inside = k.inBounds(inner[dim], size);
                    return {nest(level + 1, carried[0])};
                  })[0];
  };
  return nest(0, neutral(op.getKind(), element, vector));
}

Value ElementEmitter::beats(ReduceKind kind, Type element, Value later, Value before) {
  bool max = kind == ReduceKind::Max;
  if (isa<FloatType>(element)) {
    // Unordered counts as beyond: a NaN beats every number, and nothing beats a NaN.
    Value beyond =
        arith::CmpFOp::create(k.b, k.loc, max ? arith::CmpFPredicate::UGT : arith::CmpFPredicate::ULT, later, before);
    Value isNumber = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::ORD, before, before);
    return arith::AndIOp::create(k.b, k.loc, beyond, isNumber);
  }
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  using P = arith::CmpIPredicate;
  return arith::CmpIOp::create(k.b, k.loc, max ? (isUnsigned ? P::ugt : P::sgt) : (isUnsigned ? P::ult : P::slt), later,
                               before);
}

Value ElementEmitter::argReduce(PrimArgReduceOp op, const Indices &at) {
  Shape in = shapeOf(op.getInput());
  Type element = elementOf(op.getInput());
  bool vector = k.lanes > 1 && !allUniform(at);
  uint64_t dim = op.getDim();
  int64_t block = op.getBlock();
  Indices inner(at);
  Index start = k.zero();
  if (block)
    start = k.mul(at[dim], k.constant(block));
  else
    inner.insert(inner.begin() + dim, start);
  Value size = k.size(in[dim]);
  auto spread = [&](Value value) { return vector ? k.spread(value) : value; };
  auto evaluate = [&] { return spread(this->at(op.getInput(), inner)); };
  inner[dim] = start;
  Value first;
  {
    Scope scope(*this);
    first = evaluate();
  }
  SmallVector<Value> best =
      k.loop(k.constant(1), block ? k.constant(block) : size, 1, {first, spread(k.valueOf(start))},
             [&](Value i, ValueRange carried) -> SmallVector<Value> {
               Scope scope(*this);
               inner[dim] = k.add(start, k.index(i));
               Value inside = block ? k.inBounds(inner[dim], size) : Value();
               Value value = under(inside, evaluate);
               Value wins = beats(op.getKind(), element, value, carried[0]);
               if (inside)
                 wins = arith::AndIOp::create(k.b, k.loc, wins, spread(inside));
               return {arith::SelectOp::create(k.b, k.loc, wins, value, carried[0]),
                       arith::SelectOp::create(k.b, k.loc, wins, spread(k.valueOf(inner[dim])), carried[1])};
             });
  return best[1];
}

// ---- windows

ElementEmitter::Taps ElementEmitter::taps(Index start, int64_t size, int64_t dilation, Value extent) {
  if (!start.uniform())
    return {k.constant(0), k.constant(size), /*masked=*/true};
  start = k.whole(start);
  Value lowest = k.sub(k.constant(0), start.base);
  if (dilation == 1)
    return {k.max(lowest, k.constant(0)), k.min(k.sub(extent, start.base), k.constant(size)), /*masked=*/false};
  Value first = k.ceilDiv(k.max(lowest, k.constant(0)), dilation);
  Value end = k.min(k.ceilDiv(k.max(k.sub(extent, start.base), k.constant(0)), dilation), k.constant(size));
  return {first, end, /*masked=*/false};
}

Value ElementEmitter::reduceWindow(PrimReduceWindowOp op, unsigned result, const Indices &at) {
  Shape in = shapeOf(op.getInput());
  Type element = elementOf(op.getInput());
  bool withIndex = static_cast<bool>(op.getIndex()), vector = k.lanes > 1 && !allUniform(at);
  Indices inner(in.size());
  SmallVector<unsigned> dims;
  for (unsigned i = 0; i < in.size(); ++i) {
    inner[i] = at[i];
    if (op.getSize()[i] != 1 || op.getStride()[i] != 1 || op.getLow()[i] != 0 || op.getHigh()[i] != 0)
      dims.push_back(i);
  }
  Shape plane;
  for (int64_t dim : op.getIndexDims())
    plane.push_back(in[dim]);

  std::function<SmallVector<Value>(unsigned, Value, ValueRange)> nest = [&](unsigned level, Value inside,
                                                                            ValueRange carried) -> SmallVector<Value> {
    if (level == dims.size()) {
      Value value = under(inside, [&] { return this->at(op.getInput(), inner); });
      if (vector)
        value = k.spread(value);
      if (!withIndex) {
        if (inside)
          value = arith::SelectOp::create(k.b, k.loc, vector ? k.spread(inside) : inside, value,
                                          neutral(op.getKind(), element, vector));
        return {combine(op.getKind(), element, carried[0], value)};
      }
      Indices position;
      for (int64_t dim : op.getIndexDims())
        position.push_back(inner[dim]);
      Value flat = k.valueOf(linear(plane, position));
      if (vector)
        flat = k.spread(flat);
      // Wins: larger, or NaN (the last one stays), or the first element seen.
      Value none = vector ? k.spread(k.constant(0)) : k.constant(0);
      Value wins = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, carried[1], none);
      bool isUnsigned = element.isUnsignedInteger();
      Value larger =
          isa<FloatType>(element)
              ? Value(arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::OGT, value, carried[0]))
              : Value(arith::CmpIOp::create(
                    k.b, k.loc, isUnsigned ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::sgt, value, carried[0]));
      wins = arith::OrIOp::create(k.b, k.loc, wins, larger);
      if (isa<FloatType>(element))
        wins = arith::OrIOp::create(k.b, k.loc, wins,
                                    arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::UNO, value, value));
      wins = k.both(wins, inside);
      if (vector)
        wins = k.spread(wins);
      return {arith::SelectOp::create(k.b, k.loc, wins, value, carried[0]),
              arith::SelectOp::create(k.b, k.loc, wins, flat, carried[1])};
    }
    unsigned dim = dims[level];
    int64_t dilation = op.getDilation()[dim];
    Value extent = k.size(in[dim]);
    Index start = k.add(k.mul(at[dim], k.constant(op.getStride()[dim])), k.index(k.constant(-op.getLow()[dim])));
    bool always = op.getLow()[dim] <= 0 && op.getHigh()[dim] <= 0;
    Taps range = always ? Taps{k.constant(0), k.constant(op.getSize()[dim]), false}
                        : taps(start, op.getSize()[dim], dilation, extent);
    return k.loop(range.first, range.end, 1, carried, [&](Value i, ValueRange carried) {
      Scope scope(*this);
      inner[dim] = k.add(start, k.index(k.mul(i, k.constant(dilation))));
      Value still = range.masked ? k.both(inside, k.inBounds(inner[dim], extent)) : inside;
      return nest(level + 1, still, carried);
    });
  };
  SmallVector<Value> init{neutral(op.getKind(), element, vector)};
  if (withIndex)
    init.push_back(vector ? k.spread(k.constant(-1)) : k.constant(-1));
  SmallVector<Value> found = nest(0, {}, init);
  bind(op.getResult(1 - (withIndex ? result : 1)), at, found[withIndex ? 1 - result : 0]);
  return found[result];
}

// ---- contractions, element by element: what the tiled kernels do not take

Value ElementEmitter::dot(PrimDotOp op, const Indices &at) {
  Shape lhsShape = shapeOf(op.getLhs()), rhsShape = shapeOf(op.getRhs());
  Type element = elementOf(op.getLhs());
  bool vector = k.lanes > 1 && !allUniform(at);
  Indices lhs(lhsShape.size()), rhs(rhsShape.size());
  unsigned next = 0;
  for (auto [l, r] : llvm::zip(op.getLhsBatch(), op.getRhsBatch()))
    lhs[l] = rhs[r] = at[next++];
  auto rest = [&](Indices &indices, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
    for (int64_t i = 0, e = indices.size(); i < e; ++i)
      if (!llvm::is_contained(batch, i) && !llvm::is_contained(contract, i))
        indices[i] = at[next++];
  };
  rest(lhs, op.getLhsBatch(), op.getLhsContract());
  rest(rhs, op.getRhsBatch(), op.getRhsContract());
  std::function<Value(unsigned, Value)> nest = [&](unsigned level, Value sum) -> Value {
    if (level == op.getLhsContract().size())
      return k.multiplyAdd(element, this->at(op.getLhs(), lhs), this->at(op.getRhs(), rhs), sum);
    int64_t l = op.getLhsContract()[level], r = op.getRhsContract()[level];
    return k.loop(k.constant(0), k.size(lhsShape[l]), 1, sum, [&](Value i, ValueRange carried) -> SmallVector<Value> {
      Scope scope(*this);
      lhs[l] = rhs[r] = k.index(i);
      return {nest(level + 1, carried[0])};
    })[0];
  };
  return nest(0, neutral(ReduceKind::Add, element, vector));
}

Value ElementEmitter::conv(PrimConvOp op, const Indices &at) {
  assert(!op.getPacked() && "packed weights belong to the contract family");
  Shape inShape = shapeOf(op.getInput()), kernelShape = op.kernelSizes();
  Type element = elementOf(op.getInput());
  bool vector = k.lanes > 1 && !allUniform(at), last = op.getLayout() == 1;
  unsigned rank = inShape.size(), spatial = op.spatialRank(), first = last ? 1 : 2, channel = last ? rank - 1 : 1;
  unsigned kernelFirst = last ? 0 : 2, kernelChannel = last ? rank - 2 : 1, kernelOut = last ? rank - 1 : 0;
  Indices in(rank), kernel(rank);
  in[0] = at[0];
  kernel[kernelOut] = at[channel];
  Dim perGroup = op.channelsPerGroup();
  Index group = k.zero();
  if (op.getGroups() != 1) {
    Dim outputs = shapeOf(op.getOutput())[channel];
    group = k.floorDiv(at[channel], k.size(outputs.floorDiv(static_cast<int64_t>(op.getGroups()))));
  }
  Index firstChannel = k.mul(group, k.size(perGroup));

  std::function<Value(unsigned, Value, Value)> nest = [&](unsigned level, Value inside, Value sum) -> Value {
    if (level == spatial + 1) {
      auto product = [&]() -> Value {
        return k.multiplyAdd(element, this->at(op.getInput(), in), this->at(op.getWeight(), kernel), sum);
      };
      if (!inside)
        return product();
      if (!k.isVector(inside))
        return k.branch(
            inside,
            [&] {
              Scope scope(*this);
              return product();
            },
            [&] { return sum; });
      Value value = under(inside, product);
      return arith::SelectOp::create(k.b, k.loc, inside, value, sum);
    }
    if (level == 0)
      return k.loop(k.constant(0), k.size(perGroup), 1, sum, [&](Value c, ValueRange carried) -> SmallVector<Value> {
        Scope scope(*this);
        in[channel] = k.add(firstChannel, k.index(c));
        kernel[kernelChannel] = k.index(c);
        return {nest(1, inside, carried[0])};
      })[0];
    unsigned s = level - 1;
    int64_t gaps = op.getInputDilation()[s], dilation = op.getKernelDilation()[s];
    Value extent = k.size(inShape[first + s]);
    Index start = k.add(k.mul(at[first + s], k.constant(op.getStride()[s])), k.index(k.constant(-op.getLow()[s])));
    auto size = constantOf(kernelShape[s]);
    bool always = gaps == 1 && op.getLow()[s] <= 0 && op.getHigh()[s] <= 0;
    bool clamp = gaps == 1 && !always && start.uniform() && size;
    Taps range = clamp ? taps(start, *size, dilation, extent) : Taps{k.constant(0), k.size(kernelShape[s]), !always};
    return k.loop(range.first, range.end, 1, sum, [&](Value i, ValueRange carried) -> SmallVector<Value> {
      Scope scope(*this);
      Index position = k.add(start, k.index(k.mul(i, k.constant(dilation))));
      Value still = inside;
      if (range.masked) {
        Value end = gaps == 1 ? extent : k.add(k.mul(k.sub(extent, k.constant(1)), k.constant(gaps)), k.constant(1));
        still = k.both(still, k.inBounds(position, end));
        if (gaps > 1) {
          Value remainder = k.valueOf(k.mod(position, k.constant(gaps)));
          Value zero = k.isVector(remainder) ? k.spread(k.constant(0)) : k.constant(0);
          still = k.both(still, arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, remainder, zero));
          position = k.floorDiv(position, k.constant(gaps));
        }
      }
      in[first + s] = position;
      kernel[kernelFirst + s] = k.index(i);
      return {nest(level + 1, still, carried[0])};
    })[0];
  };
  return nest(0, {}, neutral(ReduceKind::Add, element, vector));
}

} // namespace nnf
