#include "passes/decompose/Primitives.h"

using namespace mlir;
namespace nnf {

// ---- elementwise

#define NNF_UNARY(method, Op)                                                                                          \
  Value Primitives::method(Value x) { return Op::create(builder, loc, x.getType(), x); }
NNF_UNARY(neg, PrimNegOp)
NNF_UNARY(abs, PrimAbsOp)
NNF_UNARY(floor, PrimFloorOp)
NNF_UNARY(roundEven, PrimRoundEvenOp)
NNF_UNARY(exp, PrimExpOp)
NNF_UNARY(expm1, PrimExpm1Op)
NNF_UNARY(log, PrimLogOp)
NNF_UNARY(log1p, PrimLog1pOp)
NNF_UNARY(sqrt, PrimSqrtOp)
NNF_UNARY(sin, PrimSinOp)
NNF_UNARY(cos, PrimCosOp)
NNF_UNARY(tan, PrimTanOp)
NNF_UNARY(atan, PrimAtanOp)
NNF_UNARY(tanh, PrimTanhOp)
NNF_UNARY(erf, PrimErfOp)
NNF_UNARY(logicalNot, PrimNotOp)
#undef NNF_UNARY

#define NNF_BINARY(method, Op)                                                                                         \
  Value Primitives::method(Operand x, Operand y) { return binary<Op>(x, y); }
NNF_BINARY(add, PrimAddOp)
NNF_BINARY(sub, PrimSubOp)
NNF_BINARY(mul, PrimMulOp)
NNF_BINARY(div, PrimDivOp)
NNF_BINARY(rem, PrimRemOp)
NNF_BINARY(pow, PrimPowOp)
NNF_BINARY(min, PrimMinOp)
NNF_BINARY(max, PrimMaxOp)
NNF_BINARY(bitAnd, PrimAndOp)
NNF_BINARY(bitOr, PrimOrOp)
NNF_BINARY(bitXor, PrimXorOp)
NNF_BINARY(shl, PrimShlOp)
NNF_BINARY(shr, PrimShrOp)
#undef NNF_BINARY

std::pair<Value, Value> Primitives::unify(Operand x, Operand y) {
  assert((x.value || y.value) && "one operand is a tensor");
  Value like = x.value ? x.value : y.value;
  if (x.value && y.value && rankOf(y.value) > rankOf(x.value))
    like = y.value;
  auto spread = [&](const Operand &operand) -> Value {
    if (!operand.value)
      return full(shapeOf(like), operand.number, elementOf(like));
    if (rankOf(operand.value) == 0 && rankOf(like) != 0)
      return broadcast(operand.value, shapeOf(like), {});
    return operand.value;
  };
  Value lhs = spread(x), rhs = spread(y);
  assert(sameShape(shapeOf(lhs), shapeOf(rhs)) && "operands are broadcast before they meet");
  return {lhs, rhs};
}

Value Primitives::compare(CompareKind kind, Operand x, Operand y) {
  auto [lhs, rhs] = unify(x, y);
  return PrimCompareOp::create(builder, loc, tensorOf(shapeOf(lhs), builder.getI1Type()), kind, lhs, rhs);
}

Value Primitives::select(Value condition, Operand x, Operand y) {
  assert((x.value || y.value) && "one choice is a tensor");
  Type element = elementOf(x.value ? x.value : y.value);
  Shape shape = shapeOf(condition);
  auto spread = [&](const Operand &operand) -> Value {
    if (!operand.value)
      return full(shape, operand.number, element);
    return broadcastTo(operand.value, shape);
  };
  Value onTrue = spread(x), onFalse = spread(y);
  return PrimSelectOp::create(builder, loc, onTrue.getType(), condition, onTrue, onFalse);
}

Value Primitives::convert(Value x, Type element) {
  if (elementOf(x) == element)
    return x;
  // Numbers of the graph are rounded here, once.
  if (auto constant = x.getDefiningOp<ConstantOp>(); constant && rankOf(x) == 0)
    return number(*cast<DenseElementsAttr>(constant.getValue()).getValues<Attribute>().begin(), element);
  return PrimConvertOp::create(builder, loc, tensorOf(shapeOf(x), element), x);
}

Value Primitives::sigmoid(Value x) { return div(1.0, add(1.0, exp(neg(x)))); }

Value Primitives::power(Value x, double exponent) {
  if (exponent == 0)
    return full(shapeOf(x), 1, elementOf(x));
  if (exponent == 1)
    return x;
  if (exponent == 2)
    return square(x);
  if (exponent == 3)
    return mul(square(x), x);
  if (exponent == 0.5)
    return sqrt(x);
  if (exponent == -0.5)
    return div(1, sqrt(x));
  if (exponent == -1)
    return div(1, x);
  if (exponent == -2)
    return div(1, square(x));
  return pow(x, exponent);
}

Value Primitives::toFloat(Value x) { return isa<FloatType>(elementOf(x)) ? x : convert(x, builder.getF32Type()); }

// ---- constants

static Attribute numberAttr(double value, Type element) {
  if (isa<FloatType>(element))
    return FloatAttr::get(element, value);
  auto integer = cast<IntegerType>(element);
  if (integer.getWidth() == 1)
    return BoolAttr::get(element.getContext(), value != 0);
  return IntegerAttr::get(element, llvm::APInt(integer.getWidth(), static_cast<int64_t>(value),
                                               /*isSigned=*/true, /*implicitTrunc=*/true));
}

Value Primitives::scalar(double value, Type element) {
  auto type = RankedTensorType::get({}, element);
  return ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, ArrayRef(numberAttr(value, element))));
}

Value Primitives::number(Attribute value, Type element) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return scalar(number.getValueAsDouble(), element);
  auto integer = cast<IntegerAttr>(value);
  bool isWide = isa<IntegerType>(element) && !element.isInteger(1);
  bool isPositive = integer.getType().isInteger(1) || integer.getType().isUnsignedInteger();
  llvm::APInt bits = isPositive ? integer.getValue().zextOrTrunc(64) : integer.getValue().sextOrTrunc(64);
  if (!isWide)
    return scalar(static_cast<double>(bits.getSExtValue()), element);
  // Not by way of a double, which holds 53 bits.
  auto type = RankedTensorType::get({}, element);
  Attribute wrapped = IntegerAttr::get(element, bits.sextOrTrunc(element.getIntOrFloatBitWidth()));
  return ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, ArrayRef(wrapped)));
}

Value Primitives::full(ArrayRef<Dim> shape, double value, Type element) {
  return broadcast(scalar(value, element), shape, {});
}

Value Primitives::vector(ArrayRef<int64_t> values, Type element) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
  SmallVector<Attribute> attributes;
  for (int64_t value : values)
    attributes.push_back(isa<FloatType>(element) ? numberAttr(static_cast<double>(value), element)
                                                 : IntegerAttr::get(element, value));
  return ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, attributes));
}

Value Primitives::vector(ArrayRef<double> values, Type element) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
  SmallVector<Attribute> attributes;
  for (double value : values)
    attributes.push_back(numberAttr(value, element));
  return ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, attributes));
}

Value Primitives::iota(ArrayRef<Dim> shape, int64_t dim, Type element) {
  return PrimIotaOp::create(builder, loc, tensorOf(shape, element), dim);
}

Value Primitives::randomBits(int64_t number, ArrayRef<Dim> shape, std::optional<uint32_t> seed) {
  Value key = RandomKeyOp::create(builder, loc, RankedTensorType::get({3}, builder.getI64Type()), number);
  if (seed)
    key = select(eq(iota(shapeOf(key), 0, builder.getI64Type()), 0), static_cast<double>(*seed), key);
  auto u32 = IntegerType::get(context(), 32, IntegerType::Unsigned);
  return PrimRngBitsOp::create(builder, loc, tensorOf(shape, u32), key);
}

Value Primitives::size(Dim dim, Type element) {
  if (std::optional<int64_t> constant = constantOf(dim))
    return scalar(static_cast<double>(*constant), element);
  Value size =
      PrimDimOp::create(builder, loc, RankedTensorType::get({}, builder.getI64Type()), DimsAttr::get(context(), {dim}));
  return convert(size, element);
}

// ---- shape

Value Primitives::reshape(Value x, ArrayRef<Dim> shape) {
  RankedTensorType type = tensorOf(shape, elementOf(x));
  if (x.getType() == type)
    return x;
  return PrimReshapeOp::create(builder, loc, type, x);
}

Value Primitives::transpose(Value x, Dims perm) {
  if (llvm::equal(perm, llvm::seq<int64_t>(0, perm.size())))
    return x;
  Shape in = shapeOf(x), out;
  for (int64_t dim : perm)
    out.push_back(in[dim]);
  return PrimTransposeOp::create(builder, loc, tensorOf(out, elementOf(x)), x, perm);
}

Value Primitives::broadcast(Value x, ArrayRef<Dim> shape, Dims dims) {
  RankedTensorType type = tensorOf(shape, elementOf(x));
  if (x.getType() == type)
    return x;
  return PrimBroadcastOp::create(builder, loc, type, x, dims);
}

Value Primitives::broadcastTo(Value x, ArrayRef<Dim> shape) {
  int64_t rank = rankOf(x), first = static_cast<int64_t>(shape.size()) - rank;
  // What only the run knows to be 1 is read at its one element then.
  for (int64_t dim = 0; dim < rank; ++dim) {
    Dim from = shapeOf(x)[dim], to = shape[first + dim];
    if (isConstant(from, 1) || sameDim(from, to))
      continue;
    Type i64 = builder.getI64Type();
    Value last = sub(size(from, i64), 1);
    x = pick(x, dim, min(iota({to}, 0, i64), broadcast(last, {to}, {})), BoundsKind::Clamp);
  }
  return broadcast(x, shape, llvm::to_vector(llvm::seq<int64_t>(first, first + rank)));
}

Value Primitives::broadcastAlong(Value x, ArrayRef<Dim> shape, int64_t dim) {
  assert(rankOf(x) == 1);
  return broadcast(x, shape, {dim});
}

Value Primitives::broadcastOver(Value x, ArrayRef<Dim> shape, Dims reducedDims) {
  SmallVector<int64_t> kept;
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim)
    if (!llvm::is_contained(reducedDims, dim))
      kept.push_back(dim);
  return broadcast(x, shape, kept);
}

Value Primitives::flip(Value x, Dims dims) {
  Shape shape = shapeOf(x), start(shape.size(), dimOf(context(), 0));
  SmallVector<int64_t> steps(shape.size(), 1);
  for (int64_t dim : dims) {
    if (isConstant(shape[dim], 1))
      continue;
    start[dim] = shape[dim] - 1;
    steps[dim] = -1;
  }
  return slice(x, start, steps, shape);
}

Value Primitives::moveFirst(Value x, int64_t dim) {
  SmallVector<int64_t> perm;
  for (int64_t d = 0, rank = rankOf(x); d < rank; ++d)
    perm.push_back(d == dim ? 0 : d < dim ? d + 1 : d);
  return transpose(x, perm);
}

Value Primitives::slice(Value x, ArrayRef<Dim> start, Dims step, ArrayRef<Dim> shape) {
  if (sameShape(shapeOf(x), shape) && llvm::all_of(step, [](int64_t s) { return s == 1; }))
    return x;
  Shape simplified = llvm::to_vector<6>(llvm::map_range(start, simplify));
  return PrimSliceOp::create(builder, loc, tensorOf(shape, elementOf(x)), x, DimsAttr::get(context(), simplified),
                             step);
}

Value Primitives::sliceDim(Value x, int64_t dim, Dim start, Dim length, int64_t step) {
  Shape shape = shapeOf(x), starts(shape.size(), dimOf(context(), 0));
  SmallVector<int64_t> steps(shape.size(), 1);
  shape[dim] = length;
  starts[dim] = start;
  steps[dim] = step;
  return slice(x, starts, steps, shape);
}

Value Primitives::concat(ValueRange xs, int64_t dim) {
  if (xs.size() == 1)
    return xs[0];
  Shape shape = shapeOf(xs[0]);
  for (Value x : xs.drop_front())
    shape[dim] = shape[dim] + shapeOf(x)[dim];
  return PrimConcatOp::create(builder, loc, tensorOf(shape, elementOf(xs[0])), xs, dim);
}

Value Primitives::pad(Value x, Operand value, Dims low, Dims high, Dims interior) {
  auto zero = [](int64_t n) { return n == 0; };
  if (llvm::all_of(low, zero) && llvm::all_of(high, zero) && llvm::all_of(interior, zero))
    return x;
  Shape shape = shapeOf(x);
  SmallVector<int64_t> gaps(interior);
  gaps.resize(shape.size(), 0);
  for (size_t i = 0; i < shape.size(); ++i)
    shape[i] = (gaps[i] ? (shape[i] - 1) * (gaps[i] + 1) + 1 : shape[i]) + (low[i] + high[i]);
  Value fill = value.value ? value.value : scalar(value.number, elementOf(x));
  return PrimPadOp::create(builder, loc, tensorOf(shape, elementOf(x)), x, fill, low, high, gaps);
}

Value Primitives::unsqueeze(Value x, int64_t dim) {
  Shape shape = shapeOf(x);
  shape.insert(shape.begin() + dim, dimOf(context(), 1));
  return reshape(x, shape);
}

Value Primitives::squeeze(Value x, int64_t dim) {
  Shape shape = shapeOf(x);
  assert(isConstant(shape[dim], 1));
  shape.erase(shape.begin() + dim);
  return reshape(x, shape);
}

// ---- reductions

Value Primitives::reduce(ReduceKind kind, Value x, Dims dims, bool keep) {
  SmallVector<int64_t> sorted(dims);
  llvm::sort(sorted);
  Shape kept, removed;
  for (auto [i, dim] : llvm::enumerate(shapeOf(x))) {
    bool reduced = llvm::is_contained(sorted, static_cast<int64_t>(i));
    if (!reduced)
      removed.push_back(dim);
    kept.push_back(reduced ? dimOf(context(), 1) : dim);
  }
  Value result = x;
  if (!sorted.empty())
    result = PrimReduceOp::create(builder, loc, tensorOf(removed, elementOf(x)), kind, x, sorted);
  return keep ? reshape(result, kept) : result;
}

Value Primitives::argReduce(ReduceKind kind, Value x, int64_t dim) {
  Shape shape = shapeOf(x);
  shape.erase(shape.begin() + dim);
  return PrimArgReduceOp::create(builder, loc, tensorOf(shape, builder.getI64Type()), kind, x,
                                 static_cast<uint64_t>(dim));
}

Value Primitives::reduceBlocks(ReduceKind kind, Value x, Dims dims, int64_t block) {
  Shape shape;
  for (auto [i, dim] : llvm::enumerate(shapeOf(x)))
    if (static_cast<int64_t>(i) == dims.front())
      shape.push_back(simplify(dim.ceilDiv(block)));
    else if (!llvm::is_contained(dims, static_cast<int64_t>(i)))
      shape.push_back(dim);
  return PrimReduceOp::create(builder, loc, tensorOf(shape, elementOf(x)), kind, x, dims, block);
}

Value Primitives::argReduceBlocks(ReduceKind kind, Value x, int64_t dim, int64_t block) {
  Shape shape = shapeOf(x);
  shape[dim] = simplify(shape[dim].ceilDiv(block));
  return PrimArgReduceOp::create(builder, loc, tensorOf(shape, builder.getI64Type()), kind, x,
                                 static_cast<uint64_t>(dim), block);
}

Value Primitives::mean(Value x, Dims dims, bool keep) {
  Shape shape = shapeOf(x), reduced;
  for (int64_t dim : dims)
    reduced.push_back(shape[dim]);
  Value total = sum(x, dims, keep);
  return div(total, size(productOf(context(), reduced), elementOf(x)));
}

static Shape windowShape(ArrayRef<Dim> in, const WindowDims &window) {
  Shape out;
  for (auto [i, dim] : llvm::enumerate(in)) {
    Dim span = dim + (window.low[i] + window.high[i] - window.dilation[i] * (window.size[i] - 1) - 1);
    out.push_back(span.floorDiv(window.stride[i]) + 1);
  }
  return out;
}

Value Primitives::reduceWindow(ReduceKind kind, Value x, const WindowDims &w) {
  Type type = tensorOf(windowShape(shapeOf(x), w), elementOf(x));
  return PrimReduceWindowOp::create(builder, loc, type, Type(), kind, x, w.size, w.stride, w.dilation, w.low, w.high,
                                    ArrayRef<int64_t>{})
      .getOutput();
}

std::pair<Value, Value> Primitives::maxWindowWithIndex(Value x, const WindowDims &w, Dims indexDims) {
  Shape shape = windowShape(shapeOf(x), w);
  auto op =
      PrimReduceWindowOp::create(builder, loc, tensorOf(shape, elementOf(x)), tensorOf(shape, builder.getI64Type()),
                                 ReduceKind::Max, x, w.size, w.stride, w.dilation, w.low, w.high, indexDims);
  return {op.getOutput(), op.getIndex()};
}

// ---- contractions

Value Primitives::dot(Value lhs, Value rhs, Dims lhsBatch, Dims rhsBatch, Dims lhsContract, Dims rhsContract) {
  Shape shape, left = shapeOf(lhs), right = shapeOf(rhs);
  for (int64_t dim : lhsBatch)
    shape.push_back(left[dim]);
  for (int64_t i = 0, e = left.size(); i < e; ++i)
    if (!llvm::is_contained(lhsBatch, i) && !llvm::is_contained(lhsContract, i))
      shape.push_back(left[i]);
  for (int64_t i = 0, e = right.size(); i < e; ++i)
    if (!llvm::is_contained(rhsBatch, i) && !llvm::is_contained(rhsContract, i))
      shape.push_back(right[i]);
  return PrimDotOp::create(builder, loc, tensorOf(shape, elementOf(lhs)), lhs, rhs, lhsBatch, rhsBatch, lhsContract,
                           rhsContract);
}

Value Primitives::conv(Value x, Value weight, Dims stride, Dims low, Dims high, Dims inputDilation, Dims kernelDilation,
                       int64_t groups) {
  Shape shape = shapeOf(x), kernel = shapeOf(weight);
  shape[1] = kernel[0];
  for (size_t i = 0; i < stride.size(); ++i) {
    Dim in = shape[2 + i];
    Dim spread = inputDilation[i] == 1 ? in : (in - 1) * inputDilation[i] + 1;
    Dim span = spread + (low[i] + high[i] - 1) - (kernel[2 + i] - 1) * kernelDilation[i];
    shape[2 + i] = span.floorDiv(stride[i]) + 1;
  }
  return PrimConvOp::create(builder, loc, tensorOf(shape, elementOf(x)), x, weight, stride, low, high, inputDilation,
                            kernelDilation, static_cast<uint64_t>(groups), /*layout=*/uint64_t(0));
}

// ---- indexed

Value Primitives::gather(Value x, ValueRange indices, Dims gatherDims, BoundsKind bounds, StringRef message,
                         Value fill) {
  Shape shape = shapeOf(indices[0]);
  for (auto [i, dim] : llvm::enumerate(shapeOf(x)))
    if (!llvm::is_contained(gatherDims, static_cast<int64_t>(i)))
      shape.push_back(dim);
  return PrimGatherOp::create(builder, loc, tensorOf(shape, elementOf(x)), x, indices, fill, gatherDims, bounds,
                              message);
}

Value Primitives::pick(Value x, int64_t dim, Value index, BoundsKind bounds, StringRef message, Value fill) {
  return moveFirst(gather(x, {index}, {dim}, bounds, message, fill), dim);
}

Value Primitives::scatter(ScatterKind kind, Value x, ValueRange indices, Value updates, Dims scatterDims,
                          BoundsKind bounds, StringRef message) {
  return PrimScatterOp::create(builder, loc, x.getType(), kind, x, indices, updates, scatterDims, bounds, message);
}

std::pair<Value, Value> Primitives::sort(Value x, int64_t dim, bool descending, Dim count) {
  Shape shape = shapeOf(x), first(shape);
  first[dim] = count;
  Type i64 = builder.getI64Type();
  auto op = PrimSortOp::create(builder, loc, tensorOf(first, elementOf(x)), tensorOf(first, i64),
                               tensorOf(sortWorkspace(shape, dim, count), i64), x, dim, descending);
  return {op.getValues(), op.getIndices()};
}

Value Primitives::cumulate(ReduceKind kind, Value x, int64_t dim, bool reverse) {
  return PrimCumulateOp::create(builder, loc, x.getType(), kind, x, dim, reverse);
}

SmallVector<Value> Primitives::loop(Dim trips, int64_t rows, ValueRange inits, ValueRange captures, LoopStep step) {
  SmallVector<Type> carried(inits.getTypes());
  auto loop = PrimLoopOp::create(builder, loc, carried, carried, inits, captures, DimsAttr::get(context(), {trips}),
                                 builder.getI64IntegerAttr(rows));
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&loop.getBody());
  Value number = body->addArgument(RankedTensorType::get({}, builder.getI64Type()), loc);
  for (Value operand : loop.getOperands())
    body->addArgument(operand.getType(), loc);
  ValueRange arguments = body->getArguments().drop_front();
  YieldOp::create(builder, loc,
                  step(*this, number, arguments.take_front(inits.size()), arguments.drop_front(inits.size())));
  return SmallVector<Value>(loop.getFinals());
}

void Primitives::defineSize(Dim dim, Value value) {
  std::optional<DerivedDim> definition = derivationOf(dim);
  assert(definition && definition->kind == DerivedDim::Data);
  SizeOp::create(builder, loc, value, definition->number);
}

std::string Primitives::message(StringRef argument, StringRef text) const {
  return argumentMessage(loc, argument, text);
}

void Primitives::check(Value condition, Value value, StringRef message) {
  PrimCheckOp::create(builder, loc, condition, value, message);
}

} // namespace nnf
