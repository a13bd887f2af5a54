// Sorting, running sums, and writes to computed places, as primitives.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Ordering.h.inc"

using namespace mlir;
namespace nnf {
namespace {

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }

/// Values and positions of the first elements in order; a scalar is a row of one.
Decompositions::Values sorted(Primitives &p, Value x, int64_t givenDim, bool descending, std::optional<int64_t> count) {
  Type i64 = i64Of(p);
  int64_t rank = p.rankOf(x), dim = *wrapDim(p.location(), "dim", givenDim, rank);
  if (rank == 0)
    return {x, p.scalar(0, i64)};
  Shape shape = shapeOf(x);
  if (count)
    shape[dim] = dimOf(p.context(), *count);
  if (isConstant(shape[dim], 0))
    return {p.full(shape, 0, p.elementOf(x)), p.full(shape, 0, i64)};
  auto [values, indices] = p.sort(x, dim, descending, shape[dim]);
  return {values, indices};
}

template <typename Running>
Value running(ReduceKind kind, Running op, typename Running::Adaptor operands, Primitives &p) {
  Value x = p.convert(operands.getInput(), elementOf(op.getOutput()));
  if (isHalf(p.elementOf(x)))
    x = p.convert(x, Float32Type::get(p.context()));
  int64_t rank = p.rankOf(x);
  return rank == 0 ? x : p.cumulate(kind, x, *wrapDim(op.getLoc(), "dim", op.getDim(), rank));
}

Value cumsum(CumsumOp op, CumsumOp::Adaptor operands, Primitives &p) {
  return running(ReduceKind::Add, op, operands, p);
}

Value cumprod(CumprodOp op, CumprodOp::Adaptor operands, Primitives &p) {
  return running(ReduceKind::Mul, op, operands, p);
}

/// A scalar as a vector of one, which has a dimension.
Value asVector(Primitives &p, Value x) { return p.rankOf(x) == 0 ? p.unsqueeze(x, 0) : x; }

/// Writes src, which index covers the first elements of, to the places that index names along `dim`; elsewhere each
/// update stands beside its place.
Value writeAlong(Primitives &p, ScatterKind kind, Value input, Value index, Value src, int64_t dim,
                 StringRef argument) {
  index = p.convert(index, i64Of(p));
  Shape covered = shapeOf(index);
  SmallVector<Value> indices;
  for (int64_t d = 0, rank = covered.size(); d < rank; ++d)
    indices.push_back(d == dim ? index : p.iota(covered, d, i64Of(p)));
  if (p.rankOf(src) == 0) {
    src = p.broadcastTo(src, covered);
  } else {
    Shape zeros(covered.size(), dimOf(p.context(), 0));
    src = p.slice(src, zeros, SmallVector<int64_t>(covered.size(), 1), covered);
  }
  std::string message =
      p.message(argument, "index {value}, expected 0 <= index < " + toString(shapeOf(input)[dim]) + " [NNFC-E0501]");
  return p.scatter(kind, input, indices, src, llvm::to_vector(llvm::seq<int64_t>(0, covered.size())), BoundsKind::Error,
                   message);
}

bool isEmpty(Value x) {
  return llvm::any_of(shapeOf(x), [](Dim size) { return isConstant(size, 0); });
}

Value scatter(ScatterOp op, ScatterOp::Adaptor x, Primitives &p) {
  if (isEmpty(x.getIndex())) // of any rank and dtype
    return x.getInput();
  Value input = x.getInput(), src = x.getSrc();
  int64_t dim = *wrapDim(op.getLoc(), "dim", op.getDim(), p.rankOf(input));
  bool isNumber = !src || numberOf(op.getSrc());
  src = p.convert(src ? src : x.getValue(), p.elementOf(input));
  if (!isNumber)
    src = asVector(p, src);
  Value result = writeAlong(p, ScatterKind::Set, asVector(p, input), asVector(p, x.getIndex()), src, dim, "index");
  return p.reshape(result, shapeOf(op.getOutput()));
}

Value scatterAdd(ScatterAddOp op, ScatterAddOp::Adaptor x, Primitives &p) {
  if (isEmpty(x.getIndex()))
    return x.getInput();
  Value input = asVector(p, x.getInput()), index = asVector(p, x.getIndex()), src = asVector(p, x.getSrc());
  int64_t dim = *wrapDim(op.getLoc(), "dim", op.getDim(), p.rankOf(input));
  // The sum of truths is whether one of them is true: they are counted.
  bool isTruth = isBool(p.elementOf(input));
  if (isTruth) {
    input = p.convert(input, i64Of(p));
    src = p.convert(src, i64Of(p));
  }
  Value sums = writeAlong(p, ScatterKind::Add, input, index, src, dim, "index");
  return p.reshape(isTruth ? p.ne(sums, 0) : sums, shapeOf(op.getOutput()));
}

template <typename Op> Value maxUnpool(Op op, typename Op::Adaptor x, Primitives &p, int64_t spatial) {
  Shape in = shapeOf(x.getInput()), out = shapeOf(op.getOutput());
  int64_t leading = in.size() - spatial;
  // The planes as one dimension each.
  auto flat = [&](ArrayRef<Dim> shape) {
    Shape result(shape.take_front(leading));
    result.push_back(productOf(p.context(), shape.drop_front(leading)));
    return result;
  };
  Value zeros = p.full(flat(out), 0, p.elementOf(x.getInput()));
  Value written = writeAlong(p, ScatterKind::Set, zeros, p.reshape(x.getIndices(), flat(in)),
                             p.reshape(x.getInput(), flat(in)), leading, "indices");
  return p.reshape(written, out);
}

} // namespace

void addOrdering(Decompositions &table) {
  table.addMove<SortOp>(
      [](auto op, auto x, auto &p) { return sorted(p, x.getInput(), op.getDim(), op.getDescending(), std::nullopt); });
  table.addMove<ArgsortOp>([](auto op, auto x, auto &p) {
    return sorted(p, x.getInput(), op.getDim(), op.getDescending(), std::nullopt)[1];
  });
  table.addMove<TopkOp>([](auto op, auto x, auto &p) {
    return sorted(p, x.getInput(), op.getDim(), op.getLargest(),
                  p.rankOf(x.getInput()) == 0 ? std::nullopt : std::optional<int64_t>(op.getK()));
  });
  table.add<CumsumOp>(cumsum);
  table.add<CumprodOp>(cumprod);
  table.addMove<ScatterOp>(scatter);
  table.add<ScatterAddOp>(scatterAdd);
  table.addMove<MaxUnpool1dOp>([](auto op, auto x, auto &p) { return maxUnpool(op, x, p, 1); });
  table.addMove<MaxUnpool2dOp>([](auto op, auto x, auto &p) { return maxUnpool(op, x, p, 2); });
  table.addMove<MaxUnpool3dOp>([](auto op, auto x, auto &p) { return maxUnpool(op, x, p, 3); });
}

} // namespace nnf
