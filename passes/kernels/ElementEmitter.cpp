#include "passes/kernels/ElementEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/Placement.h"

using namespace mlir;
namespace nnf {

// ---- lookup

Value ElementEmitter::at(Value tensor, const Indices &at) {
  for (auto &scope : llvm::reverse(scopes))
    if (auto it = scope.find(tensor); it != scope.end())
      for (Known &known : it->second)
        if (known.at == at)
          return known.value;
  if (Value other = aliases.lookup(tensor))
    return this->at(other, at);
  Value value;
  if (auto buffer = buffers.find(tensor); buffer != buffers.end()) {
    Shape memory = memoryShapeOf(tensor);
    value =
        k.load(buffer->second, elementOf(tensor), linear(memory, at), constantOf(productOf(k.b.getContext(), memory)));
  } else {
    value = compute(tensor, at);
  }
  bind(tensor, at, value);
  return value;
}

Value ElementEmitter::compute(Value tensor, const Indices &at) {
  Operation *op = tensor.getDefiningOp();
  assert(op && "a kernel's operands are bound to buffers");
  if (op->hasTrait<Elementwise>())
    return elementwise(op, at);
  if (auto behind = behindView(op, at))
    return this->at(behind->first, behind->second);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](ConstantOp op) { return constant(op, at); })
      .Case([&](PrimPadOp op) { return pad(op, at); })
      .Case([&](PrimConcatOp op) { return concat(op, at); })
      .Case([&](PrimReduceOp op) { return reduce(op, at); })
      .Case([&](PrimArgReduceOp op) { return argReduce(op, at); })
      .Case([&](PrimReduceWindowOp op) { return reduceWindow(op, cast<OpResult>(tensor).getResultNumber(), at); })
      .Case([&](PrimDotOp op) { return dot(op, at); })
      .Case([&](PrimConvOp op) { return conv(op, at); })
      .Case([&](PrimGatherOp op) { return gather(op, at); })
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
      .Case([&](PrimRngBitsOp op) { return rngBits(op, at); })
      .Case([&](PrimDimOp op) { return k.size(op.getSize().getDims()[0]); })
      .Default([](Operation *op) -> Value {
        llvm_unreachable("grouping puts only primitives that can be evaluated at an index into kernels");
      });
}

// ---- positions

Index ElementEmitter::linear(ArrayRef<Dim> shape, const Indices &at) {
  Index offset = k.zero();
  Dim stride = dimOf(k.b.getContext(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0;) {
    Dim size = shape[i];
    // A dimension of one element has one index, however it was computed.
    if (isConstant(size, 1)) {
      --i;
      continue;
    }
    Index index = at[i--];
    for (; i >= 0; --i) {
      if (isConstant(shape[i], 1))
        continue;
      std::optional<Index> joined = k.join(at[i], index, size);
      if (!joined)
        break;
      index = *joined;
      size = size * shape[i];
    }
    offset = k.add(k.mul(index, k.size(stride)), offset);
    stride = stride * size;
  }
  return offset;
}

Indices ElementEmitter::split(ArrayRef<Dim> shape, Index position) {
  Indices at(shape.size(), k.zero());
  if (position.isPart() && position.modulus && !sameDim(position.modulus, productOf(k.b.getContext(), shape)))
    position = k.whole(position);
  unsigned leading = 0;
  while (leading < shape.size() && isConstant(shape[leading], 1))
    ++leading;
  Dim divisor;
  for (unsigned i = shape.size(); i-- > leading;) {
    if (isConstant(shape[i], 1))
      continue;
    at[i] = position;
    at[i].divisor = !divisor ? position.divisor : position.divisor ? simplify(position.divisor * divisor) : divisor;
    // The first dimension that is not 1 takes what is left: it ends where the position does.
    at[i].modulus = i != leading || position.modulus ? shape[i] : Dim();
    divisor = divisor ? simplify(divisor * shape[i]) : shape[i];
  }
  return at;
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

/// Cuts both shapes into the shortest runs of equal products, so that only the dimensions a reshape really splits or
/// joins are computed with.
Indices ElementEmitter::reshaped(ArrayRef<Dim> from, ArrayRef<Dim> to, const Indices &at) {
  MLIRContext *context = k.b.getContext();
  Indices result(to.size(), k.zero());
  size_t i = 0, o = 0;
  while (i < to.size() || o < from.size()) {
    if (i < to.size() && isConstant(to[i], 1)) {
      ++i;
      continue;
    }
    if (o < from.size() && isConstant(from[o], 1)) {
      ++o;
      continue;
    }
    if (i == to.size() || o == from.size())
      break; // sizes that are 1 at run time, or nothing at all
    size_t iEnd = i + 1, oEnd = o + 1;
    Dim left = to[i], right = from[o];
    while (!sameDim(left, right) && (iEnd < to.size() || oEnd < from.size())) {
      auto a = constantOf(left), c = constantOf(right);
      bool growTo = oEnd == from.size() || (iEnd < to.size() && a && c && *a < *c) || (iEnd < to.size() && a && !c);
      if (growTo)
        left = simplify(productOf(context, {left, to[iEnd++]}));
      else
        right = simplify(productOf(context, {right, from[oEnd++]}));
    }
    Indices part(at.begin() + o, at.begin() + oEnd);
    ArrayRef<Dim> fromPart = from.slice(o, oEnd - o), toPart = to.slice(i, iEnd - i);
    Indices found = fromPart.size() == 1 && toPart.size() == 1 ? part : split(toPart, linear(fromPart, part));
    std::copy(found.begin(), found.end(), result.begin() + i);
    i = iEnd, o = oEnd;
  }
  return result;
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
      inside,
      [&] {
        Scope scope(*this);
        return shaped(evaluate());
      },
      [&] { return shaped(fill); });
}

Value ElementEmitter::pad(PrimPadOp op, const Indices &at) {
  Shape in = shapeOf(op.getInput());
  Indices from;
  // Apart: what all lanes share is branched on, so that nothing is read where none of them is inside.
  Value inside, laneInside;
  auto require = [&](Value condition) {
    if (condition) {
      Value &joined = k.isVector(condition) ? laneInside : inside;
      joined = k.both(joined, condition);
    }
  };
  for (size_t i = 0; i < in.size(); ++i) {
    Index index = k.add(at[i], k.index(k.constant(-op.getLow()[i])));
    int64_t gap = op.getInterior()[i] + 1;
    Value extent = k.size(in[i]);
    if (auto size = constantOf(in[i]);
        size && !index.isPart() && index.range && index.range->isApartFrom(0, *size * gap))
      return this->at(op.getValue(), {});
    if (gap > 1) {
      // Positions between elements are padding too. Negative positions divide to something out of range.
      Value end = k.add(k.mul(k.sub(extent, k.constant(1)), k.constant(gap)), k.constant(1));
      require(k.inBounds(index, end));
      Value onElement = k.valueOf(k.mod(index, k.constant(gap)));
      Value zero = k.isVector(onElement) ? k.spread(k.constant(0)) : k.constant(0);
      require(arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, onElement, zero));
      index = k.floorDiv(index, k.constant(gap));
    } else if (op.getLow()[i] > 0 || op.getHigh()[i] > 0) {
      require(k.inBounds(index, extent));
    }
    from.push_back(index);
  }
  if (!inside && !laneInside)
    return this->at(op.getInput(), from);
  Value fill = this->at(op.getValue(), {});
  auto evaluate = [&]() -> Value {
    if (!laneInside)
      return this->at(op.getInput(), from);
    SmallVector<Value> sides{under(laneInside, [&] { return this->at(op.getInput(), from); }), fill, laneInside};
    k.unify(sides);
    return arith::SelectOp::create(k.b, k.loc, sides[2], sides[0], sides[1]);
  };
  return inside ? eitherSide(inside, at, evaluate, fill) : evaluate();
}

Value ElementEmitter::concat(PrimConcatOp op, const Indices &at) {
  uint64_t dim = op.getDim();
  Index position = at[dim];
  bool vector = k.lanes > 1 && !allUniform(at);
  Dim start = dimOf(op.getContext(), 0);
  if (position.range && !position.isPart()) {
    int64_t first = 0;
    for (Value input : op.getInputs()) {
      auto size = constantOf(shapeOf(input)[dim]);
      if (!size)
        break;
      if (position.range->isWithin(first, first + *size)) {
        Indices inner(at);
        inner[dim] = k.add(position, k.index(k.constant(-first)));
        return this->at(input, inner);
      }
      first += *size;
      k.notePartingAt(position, first);
    }
  }
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
          k.less(here, limit),
          [&] {
            Scope scope(*this);
            return evaluate();
          },
          [&] {
            Scope scope(*this);
            return from(i + 1, end);
          });
    }
    Value inFirst = k.less(here, k.spread(limit));
    Value first = under(inFirst, evaluate);
    Value rest = under(arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::sge, here, k.spread(limit)),
                       [&] { return from(i + 1, end); });
    return arith::SelectOp::create(k.b, k.loc, inFirst, first, rest);
  };
  return from(0, start);
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
    Index index = positionAt(op.getIndices()[found - op.getGatherDims().begin()], indexAt);
    Value extent = k.size(in[i]);
    Value valid = k.inBounds(index, extent);
    if (!valid) {
      from[i] = index;
      continue;
    }
    Value position = k.valueOf(index);
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
  Value any = k.isVector(bad) ? Value(vector::ReductionOp::create(b, loc, vector::CombiningKind::OR, bad)) : bad;
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
  Value before =
      LLVM::AtomicRMWOp::create(b, loc, LLVM::AtomicBinOp::umin, checkState, order, LLVM::AtomicOrdering::monotonic);
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
