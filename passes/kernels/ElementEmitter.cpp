#include "passes/kernels/ElementEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
namespace nnf {

static Type elementOf(Value tensor) { return cast<RankedTensorType>(tensor.getType()).getElementType(); }

static bool allUniform(const Indices &at) {
  return llvm::all_of(at, [](const Index &i) { return i.uniform(); });
}

// ---- lookup

Value ElementEmitter::at(Value tensor, const Indices &at) {
  for (auto &scope : llvm::reverse(scopes))
    if (auto it = scope.find(tensor); it != scope.end())
      for (Known &known : it->second)
        if (known.at == at)
          return known.value;
  Value value;
  if (auto buffer = buffers.find(tensor); buffer != buffers.end())
    value = k.load(buffer->second, elementOf(tensor), linear(shapeOf(tensor), at));
  else
    value = compute(tensor, at);
  bind(tensor, at, value);
  return value;
}

Value ElementEmitter::compute(Value tensor, const Indices &at) {
  Operation *op = tensor.getDefiningOp();
  assert(op && "a kernel's operands are bound to buffers");
  if (op->hasTrait<Elementwise>())
    return elementwise(op, at);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](ConstantOp op) { return constant(op, at); })
      .Case([&](PrimReshapeOp op) { return reshape(op, at); })
      .Case([&](PrimBroadcastOp op) { return broadcast(op, at); })
      .Case([&](PrimSliceOp op) { return slice(op, at); })
      .Case([&](PrimPadOp op) { return pad(op, at); })
      .Case([&](PrimConcatOp op) { return concat(op, at); })
      .Case([&](PrimReduceOp op) { return reduce(op, at); })
      .Case([&](PrimArgReduceOp op) { return argReduce(op, at); })
      .Case([&](PrimReduceWindowOp op) { return reduceWindow(op, cast<OpResult>(tensor).getResultNumber(), at); })
      .Case([&](PrimDotOp op) { return dot(op, at); })
      .Case([&](PrimConvOp op) { return conv(op, at); })
      .Case([&](PrimGatherOp op) { return gather(op, at); })
      .Case([&](PrimTransposeOp op) {
        Indices from(at.size());
        for (auto [i, dim] : llvm::enumerate(op.getPerm()))
          from[dim] = at[i];
        return this->at(op.getInput(), from);
      })
      .Case([&](PrimIotaOp op) {
        Value position = k.valueOf(at[op.getDim()]);
        Type element = elementOf(op.getOutput());
        Type scalar = KernelBuilder::registerType(element);
        Type type = k.isVector(position) ? Type(k.vectorOf(scalar)) : scalar;
        if (isa<FloatType>(element))
          return Value(arith::SIToFPOp::create(k.b, k.loc, type, position));
        if (scalar.getIntOrFloatBitWidth() < 64)
          return Value(arith::TruncIOp::create(k.b, k.loc, type, position));
        return position;
      })
      .Case([&](PrimDimOp op) { return k.size(op.getSize().getDims()[0]); })
      .Default([](Operation *op) -> Value {
        llvm_unreachable("grouping puts only primitives that can be evaluated at an index into kernels");
      });
}

// ---- positions

Index ElementEmitter::linear(ArrayRef<Dim> shape, const Indices &at) {
  Index offset = k.zero();
  Dim stride;
  for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i) {
    Value scale = stride ? k.size(stride) : k.constant(1);
    // A dimension of one element has one index, however it was computed.
    if (!isConstant(shape[i], 1))
      offset = k.add(k.mul(at[i], scale), offset);
    stride = stride ? stride * shape[i] : shape[i];
  }
  return offset;
}

Indices ElementEmitter::delinear(ArrayRef<Dim> shape, Index position) {
  Indices at(shape.size());
  // The first dimension that is not 1 takes what is left, without a remainder.
  int64_t leading = 0;
  while (leading < static_cast<int64_t>(shape.size()) && isConstant(shape[leading], 1))
    ++leading;
  for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i) {
    if (isConstant(shape[i], 1)) {
      at[i] = k.zero();
    } else if (i == leading) {
      at[i] = position;
    } else {
      Value size = k.size(shape[i]);
      at[i] = k.mod(position, size);
      position = k.floorDiv(position, size);
    }
  }
  return at;
}

// ---- elementwise and views

Value ElementEmitter::elementwise(Operation *op, const Indices &at) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(this->at(operand, at));
  k.unify(operands);
  return emitElementwise(k, op, operands);
}

Value ElementEmitter::constant(ConstantOp op, const Indices &) {
  auto values = cast<DenseElementsAttr>(op.getValue());
  assert(values.isSplat() && "larger constants are operands of the kernel");
  Type element = elementOf(op.getOutput()), type = KernelBuilder::registerType(element);
  TypedAttr number;
  if (isa<FloatType>(element))
    number = FloatAttr::get(type, values.getSplatValue<llvm::APFloat>());
  else
    number = IntegerAttr::get(type, values.getSplatValue<llvm::APInt>());
  return arith::ConstantOp::create(k.b, k.loc, number);
}

Value ElementEmitter::broadcast(PrimBroadcastOp op, const Indices &at) {
  Indices from;
  Shape in = shapeOf(op.getInput());
  for (auto [i, dim] : llvm::enumerate(op.getDims()))
    from.push_back(isConstant(in[i], 1) ? k.zero() : at[dim]);
  return this->at(op.getInput(), from);
}

/// Cuts both shapes into the shortest runs of equal products, so that only the dimensions a reshape really splits or
/// joins are computed with.
Value ElementEmitter::reshape(PrimReshapeOp op, const Indices &at) {
  Shape in = shapeOf(op.getInput()), out = shapeOf(op.getOutput());
  MLIRContext *context = op.getContext();
  Indices from(in.size(), k.zero());
  size_t i = 0, o = 0;
  while (i < in.size() || o < out.size()) {
    if (i < in.size() && isConstant(in[i], 1)) {
      ++i;
      continue;
    }
    if (o < out.size() && isConstant(out[o], 1)) {
      ++o;
      continue;
    }
    if (i == in.size() || o == out.size())
      break; // sizes that are 1 at run time, or nothing at all
    size_t iEnd = i + 1, oEnd = o + 1;
    Dim left = in[i], right = out[o];
    while (!sameDim(left, right) && (iEnd < in.size() || oEnd < out.size())) {
      auto a = constantOf(left), c = constantOf(right);
      bool growIn = oEnd == out.size() || (iEnd < in.size() && a && c && *a < *c) ||
                    (iEnd < in.size() && a && !c);
      if (growIn)
        left = simplify(productOf(context, {left, in[iEnd++]}));
      else
        right = simplify(productOf(context, {right, out[oEnd++]}));
    }
    Indices part(at.begin() + o, at.begin() + oEnd);
    ArrayRef<Dim> outPart = ArrayRef(out).slice(o, oEnd - o), inPart = ArrayRef(in).slice(i, iEnd - i);
    Indices found = outPart.size() == 1 && inPart.size() == 1 ? part : delinear(inPart, linear(outPart, part));
    std::copy(found.begin(), found.end(), from.begin() + i);
    i = iEnd, o = oEnd;
  }
  return this->at(op.getInput(), from);
}

Value ElementEmitter::slice(PrimSliceOp op, const Indices &at) {
  Indices from;
  for (auto [index, start, step] : llvm::zip(at, op.getStart().getDims(), op.getStep()))
    from.push_back(k.add(k.mul(index, k.constant(step)), k.index(k.size(start))));
  return this->at(op.getInput(), from);
}

Value ElementEmitter::under(Value condition, llvm::function_ref<Value()> evaluate) {
  Scope scope(*this);
  Value mask = k.laneMask, guard = k.guard;
  if (condition && k.isVector(condition))
    k.laneMask = k.both(k.laneMask, condition);
  else
    k.guard = k.both(k.guard, condition);
  Value value = evaluate();
  k.laneMask = mask, k.guard = guard;
  return value;
}

/// A branch whose sides have one type: a constant evaluates to one value even where `at` differs from lane to lane.
Value ElementEmitter::eitherSide(Value inside, const Indices &at, llvm::function_ref<Value()> evaluate, Value fill) {
  auto shaped = [&](Value value) { return allUniform(at) ? value : k.spread(value); };
  return k.branch(
      inside, [&] { Scope scope(*this); return shaped(evaluate()); }, [&] { return shaped(fill); });
}

Value ElementEmitter::pad(PrimPadOp op, const Indices &at) {
  Shape in = shapeOf(op.getInput());
  Indices from;
  Value inside;
  for (size_t i = 0; i < in.size(); ++i) {
    Index index = k.add(at[i], k.index(k.constant(-op.getLow()[i])));
    int64_t gap = op.getInterior()[i] + 1;
    Value extent = k.size(in[i]);
    if (gap > 1) {
      // Positions between elements are padding too. Negative positions divide to something out of range.
      Value end = k.add(k.mul(k.sub(extent, k.constant(1)), k.constant(gap)), k.constant(1));
      inside = k.both(inside, k.inBounds(index, end));
      Value onElement = k.valueOf(k.mod(index, k.constant(gap)));
      Value zero = k.isVector(onElement) ? k.spread(k.constant(0)) : k.constant(0);
      inside = k.both(inside, arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, onElement, zero));
      index = k.floorDiv(index, k.constant(gap));
    } else if (op.getLow()[i] > 0 || op.getHigh()[i] > 0) {
      inside = k.both(inside, k.inBounds(index, extent));
    }
    from.push_back(index);
  }
  auto evaluate = [&] { return this->at(op.getInput(), from); };
  if (!inside)
    return evaluate();
  Value fill = this->at(op.getValue(), {});
  if (!k.isVector(inside))
    return eitherSide(inside, at, evaluate, fill);
  Value value = under(inside, evaluate);
  SmallVector<Value> sides{value, fill, inside};
  k.unify(sides);
  return arith::SelectOp::create(k.b, k.loc, sides[2], sides[0], sides[1]);
}

Value ElementEmitter::concat(PrimConcatOp op, const Indices &at) {
  uint64_t dim = op.getDim();
  Index position = at[dim];
  bool vector = k.lanes > 1 && !allUniform(at);
  Dim start = dimOf(op.getContext(), 0);
  // Operand i where position < start of operand i+1; the last needs no test.
  std::function<Value(unsigned, Dim)> from = [&](unsigned i, Dim start) -> Value {
    Dim end = start + shapeOf(op.getInputs()[i])[dim];
    auto evaluate = [&] {
      Indices inner(at);
      inner[dim] = k.add(position, k.index(k.sub(k.constant(0), k.size(start))));
      Value value = this->at(op.getInputs()[i], inner);
      return vector ? k.spread(value) : value;
    };
    if (i + 1 == op.getInputs().size())
      return evaluate();
    Value here = k.valueOf(position);
    Value limit = k.size(end);
    if (position.uniform()) {
      return k.branch(
          k.less(here, limit), [&] { Scope scope(*this); return evaluate(); },
          [&] { Scope scope(*this); return from(i + 1, end); });
    }
    Value inFirst = k.less(here, k.spread(limit));
    Value first = under(inFirst, evaluate);
    Value rest = under(arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::sge, here, k.spread(limit)),
                       [&] { return from(i + 1, end); });
    return arith::SelectOp::create(k.b, k.loc, inFirst, first, rest);
  };
  return from(0, start);
}

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
      return arith::MaximumFOp::create(b, loc, x, y);
    return isUnsigned ? Value(arith::MaxUIOp::create(b, loc, x, y)) : Value(arith::MaxSIOp::create(b, loc, x, y));
  case ReduceKind::Min:
    if (isFloat)
      return arith::MinimumFOp::create(b, loc, x, y);
    return isUnsigned ? Value(arith::MinUIOp::create(b, loc, x, y)) : Value(arith::MinSIOp::create(b, loc, x, y));
  case ReduceKind::And: return arith::AndIOp::create(b, loc, x, y);
  case ReduceKind::Or: return arith::OrIOp::create(b, loc, x, y);
  }
  llvm_unreachable("all kinds are listed");
}

Value ElementEmitter::combineLanes(ReduceKind kind, Type element, Value vector) {
  auto type = dyn_cast<VectorType>(vector.getType());
  if (!type)
    return vector;
  // Halve: lanes [0, n/2) with [n/2, n), the order a tree gives on any target.
  for (int64_t count = type.getNumElements(); count > 1; count /= 2) {
    assert(llvm::isPowerOf2_64(count));
    auto low = llvm::to_vector(llvm::seq<int64_t>(0, count / 2)), high = llvm::to_vector(llvm::seq<int64_t>(count / 2, count));
    Value first = vector::ShuffleOp::create(k.b, k.loc, vector, vector, low);
    Value second = vector::ShuffleOp::create(k.b, k.loc, vector, vector, high);
    vector = combine(kind, element, first, second);
  }
  return vector::ExtractOp::create(k.b, k.loc, vector, 0);
}

Value ElementEmitter::reduce(PrimReduceOp op, const Indices &at) {
  Shape in = shapeOf(op.getInput());
  Type element = elementOf(op.getInput());
  bool vector = k.lanes > 1 && !allUniform(at);
  Indices inner;
  unsigned next = 0;
  for (size_t i = 0; i < in.size(); ++i)
    inner.push_back(llvm::is_contained(op.getDims(), static_cast<int64_t>(i)) ? Index() : at[next++]);
  std::function<Value(unsigned, Value)> nest = [&](unsigned level, Value carried) -> Value {
    if (level == op.getDims().size()) {
      SmallVector<Value, 2> sides{carried, this->at(op.getInput(), inner)};
      k.unify(sides);
      return combine(op.getKind(), element, sides[0], sides[1]);
    }
    int64_t dim = op.getDims()[level];
    return k.loop(k.constant(0), k.size(in[dim]), 1, carried, [&](Value i, ValueRange carried) -> SmallVector<Value> {
      Scope scope(*this);
      inner[dim] = k.index(i);
      return {nest(level + 1, carried[0])};
    })[0];
  };
  return nest(0, neutral(op.getKind(), element, vector));
}

Value ElementEmitter::argReduce(PrimArgReduceOp op, const Indices &at) {
  Shape in = shapeOf(op.getInput());
  Type element = elementOf(op.getInput());
  bool isFloat = isa<FloatType>(element), vector = k.lanes > 1 && !allUniform(at);
  uint64_t dim = op.getDim();
  Indices inner(at);
  inner.insert(inner.begin() + dim, k.zero());
  auto compare = [&](Value x, Value y) -> Value {
    bool max = op.getKind() == ReduceKind::Max;
    if (isFloat)
      return arith::CmpFOp::create(k.b, k.loc, max ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, x, y);
    bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
    using P = arith::CmpIPredicate;
    P predicate = max ? (isUnsigned ? P::ugt : P::sgt) : (isUnsigned ? P::ult : P::slt);
    return arith::CmpIOp::create(k.b, k.loc, predicate, x, y);
  };
  auto evaluate = [&](Value i) {
    inner[dim] = k.index(i);
    Value value = this->at(op.getInput(), inner);
    return vector ? k.spread(value) : value;
  };
  Value zero = vector ? k.spread(k.constant(0)) : k.constant(0);
  Value first;
  {
    Scope scope(*this);
    first = evaluate(k.constant(0));
  }
  SmallVector<Value> best =
      k.loop(k.constant(1), k.size(in[dim]), 1, {first, zero}, [&](Value i, ValueRange carried) -> SmallVector<Value> {
        Scope scope(*this);
        Value value = evaluate(i);
        Value wins = compare(value, carried[0]);
        if (isFloat) {
          // The first NaN beats every number and stays.
          Value isNan = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::UNO, value, value);
          Value hasNumber = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::ORD, carried[0], carried[0]);
          wins = arith::OrIOp::create(k.b, k.loc, wins, arith::AndIOp::create(k.b, k.loc, isNan, hasNumber));
        }
        Value position = vector ? k.spread(i) : i;
        return {arith::SelectOp::create(k.b, k.loc, wins, value, carried[0]),
                arith::SelectOp::create(k.b, k.loc, wins, position, carried[1])};
      });
  return best[1];
}

// ---- windows

ElementEmitter::Taps ElementEmitter::taps(Index start, int64_t size, int64_t dilation, Value extent) {
  if (!start.uniform())
    return {k.constant(0), k.constant(size), /*masked=*/true};
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
      Value larger = isa<FloatType>(element)
                         ? Value(arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::OGT, value, carried[0]))
                         : Value(arith::CmpIOp::create(
                               k.b, k.loc, isUnsigned ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::sgt, value,
                               carried[0]));
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

static Value multiplyAdd(KernelBuilder &k, Type element, Value x, Value y, Value sum) {
  SmallVector<Value, 3> v{x, y, sum};
  k.unify(v);
  if (isa<FloatType>(element)) {
    Value product = arith::MulFOp::create(k.b, k.loc, v[0], v[1], arith::FastMathFlags::contract);
    return arith::AddFOp::create(k.b, k.loc, v[2], product, arith::FastMathFlags::contract);
  }
  return arith::AddIOp::create(k.b, k.loc, v[2], arith::MulIOp::create(k.b, k.loc, v[0], v[1]));
}

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
      return multiplyAdd(k, element, this->at(op.getLhs(), lhs), this->at(op.getRhs(), rhs), sum);
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
        return multiplyAdd(k, element, this->at(op.getInput(), in), this->at(op.getWeight(), kernel), sum);
      };
      if (!inside)
        return product();
      if (!k.isVector(inside))
        return k.branch(
            inside, [&] { Scope scope(*this); return product(); }, [&] { return sum; });
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
    Taps range = clamp ? taps(start, *size, dilation, extent)
                       : Taps{k.constant(0), k.size(kernelShape[s]), !always};
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

// ---- gather and checks

Value ElementEmitter::gather(PrimGatherOp op, const Indices &at) {
  Shape in = shapeOf(op.getInput());
  unsigned indexRank = shapeOf(op.getIndices()[0]).size();
  Indices indexAt(at.begin(), at.begin() + indexRank), from(in.size());
  unsigned next = indexRank;
  Value inside;
  auto number = op->getAttrOfType<IntegerAttr>("check");
  for (int64_t i = 0, e = in.size(); i < e; ++i) {
    auto found = llvm::find(op.getGatherDims(), i);
    if (found == op.getGatherDims().end()) {
      from[i] = at[next++];
      continue;
    }
    Value position = this->at(op.getIndices()[found - op.getGatherDims().begin()], indexAt);
    Value extent = k.size(in[i]);
    Index index = k.indexOf(position);
    Value valid = k.inBounds(index, extent);
    if (!valid) {
      from[i] = index;
      continue;
    }
    if (op.getBounds() == BoundsKind::Error)
      check(valid, position, extent, number ? number.getInt() : 0);
    if (op.getBounds() == BoundsKind::Clamp) {
      Value low = k.isVector(position) ? k.spread(k.constant(0)) : k.constant(0);
      Value high = k.sub(extent, k.constant(1));
      high = k.isVector(position) ? k.spread(high) : high;
      position = arith::MaxSIOp::create(k.b, k.loc, arith::MinSIOp::create(k.b, k.loc, position, high), low);
      from[i] = k.indexOf(position);
      continue;
    }
    inside = k.both(inside, valid);
    from[i] = index;
  }
  auto evaluate = [&] { return this->at(op.getInput(), from); };
  if (!inside)
    return evaluate();
  Type element = elementOf(op.getInput());
  Value fill = op.getFill() ? this->at(op.getFill(), {}) : k.zeroOf(KernelBuilder::registerType(element));
  if (!k.isVector(inside))
    return eitherSide(inside, at, evaluate, fill);
  Value value = under(inside, evaluate);
  SmallVector<Value> sides{inside, value, fill};
  k.unify(sides);
  return arith::SelectOp::create(k.b, k.loc, sides[0], sides[1], sides[2]);
}

void ElementEmitter::check(PrimCheckOp op, const Indices &at) {
  Value condition = this->at(op.getCondition(), at), value = this->at(op.getValue(), at);
  Type element = elementOf(op.getValue()), i64 = k.b.getI64Type();
  Type target = k.isVector(value) ? Type(k.vectorOf(i64)) : i64;
  // Messages show whole numbers; a float out of range shows as its integer part.
  if (isa<FloatType>(element))
    value = arith::FPToSIOp::create(k.b, k.loc, target, value);
  else if (value.getType() != target)
    value = element.isUnsignedInteger() || element.isInteger(1)
                ? Value(arith::ExtUIOp::create(k.b, k.loc, target, value))
                : Value(arith::ExtSIOp::create(k.b, k.loc, target, value));
  check(condition, value, k.constant(0), op->getAttrOfType<IntegerAttr>("check").getInt());
}

void ElementEmitter::check(Value condition, Value value, Value bound, int64_t checkNumber) {
  assert(checkState && "a kernel with checks has a check state");
  OpBuilder &b = k.b;
  Location loc = k.loc;
  Value trueValue = k.splat(b.getBoolAttr(true), k.isVector(condition));
  Value bad = arith::XOrIOp::create(b, loc, condition, trueValue);
  if (k.guard || (k.laneMask && k.isVector(bad))) {
    Value active = k.isVector(bad) ? k.spread(k.both(k.laneMask, k.guard)) : k.guard;
    bad = arith::AndIOp::create(b, loc, bad, active);
  }
  Value any = k.isVector(bad)
                  ? Value(vector::ReductionOp::create(b, loc, vector::CombiningKind::OR, bad))
                  : bad;
  auto ifOp = scf::IfOp::create(b, loc, TypeRange{}, any, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard restore(b);
  b.setInsertionPoint(ifOp.getThenRegion().front().getTerminator());
  // The lowest failing lane, by a select chain from the last to the first: this path runs at most a few times.
  Value found = value;
  if (k.isVector(bad)) {
    Value values = k.spread(value);
    found = vector::ExtractOp::create(b, loc, values, k.lanes - 1);
    for (int64_t lane = k.lanes - 2; lane >= 0; --lane) {
      Value isBad = vector::ExtractOp::create(b, loc, bad, lane);
      Value here = vector::ExtractOp::create(b, loc, values, lane);
      found = arith::SelectOp::create(b, loc, isBad, here, found);
    }
  }
  auto i64 = b.getI64Type();
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value number = arith::AddIOp::create(b, loc, checkBase, k.constant(checkNumber));
  Value order = arith::ShLIOp::create(b, loc, number, k.constant(32));
  Value before = LLVM::AtomicRMWOp::create(b, loc, LLVM::AtomicBinOp::umin, checkState, order,
                                           LLVM::AtomicOrdering::monotonic);
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, order, before);
  auto first = scf::IfOp::create(b, loc, TypeRange{}, isFirst, /*withElseRegion=*/false);
  b.setInsertionPoint(first.getThenRegion().front().getTerminator());
  auto slot = [&](int64_t i) -> Value {
    return LLVM::GEPOp::create(b, loc, pointer, i64, checkState, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
  };
  if (found.getType() != i64)
    found = arith::ExtSIOp::create(b, loc, i64, found);
  LLVM::StoreOp::create(b, loc, found, slot(1));
  LLVM::StoreOp::create(b, loc, bound, slot(2));
}

} // namespace nnf
