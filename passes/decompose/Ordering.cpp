// Sorting, running sums, and writes to computed places, as primitives.
//
// Places are found by comparing all pairs along one dimension, in a reduction that stores no pair: the result does not
// depend on how work is spread, and no primitive beyond reduce and gather is needed. The work grows with the product
// of the two sizes.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Ordering.h.inc"

using namespace mlir;
namespace nnf {
namespace {

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }

/// Pairs of positions along dimension `dim` of a shape: the second one is a new last dimension.
struct Pairs {
  Shape shape;
  int64_t dim;
  int64_t last() const { return static_cast<int64_t>(shape.size()) - 1; }
};

/// x at the first position of every pair.
Value atFirst(Primitives &p, Value x, const Pairs &pairs) { return p.broadcastOver(x, pairs.shape, {pairs.last()}); }

/// x at the second position of every pair.
Value atSecond(Primitives &p, Value x, const Pairs &pairs) {
  int64_t rank = p.rankOf(x);
  IntList perm;
  for (int64_t d = 0; d < rank; ++d)
    if (d != pairs.dim)
      perm.push_back(d);
  perm.push_back(pairs.dim);
  return p.broadcastOver(p.transpose(x, perm), pairs.shape, {pairs.dim});
}

/// x[…, index, …]: read along `dim`, elsewhere in place.
Value readAlong(Primitives &p, Value x, int64_t dim, Value index) {
  Shape shape = shapeOf(index);
  SmallVector<Value> indices;
  for (int64_t d = 0, rank = shape.size(); d < rank; ++d)
    indices.push_back(d == dim ? index : p.iota(shape, d, i64Of(p)));
  return p.gather(x, indices, llvm::to_vector(llvm::seq<int64_t>(0, shape.size())), BoundsKind::Clamp);
}

/// a < b, where NaN is the largest.
Value less(Primitives &p, Value a, Value b) {
  Value isLess = p.lt(a, b);
  if (!isFloat(p.elementOf(a)))
    return isLess;
  return p.bitOr(isLess, p.bitAnd(p.isNan(b), p.logicalNot(p.isNan(a))));
}

/// The positions of the first `count` elements in order along `dim`; equal ones keep their order.
Value order(Primitives &p, Value x, int64_t dim, bool descending, Dim count) {
  Shape shape = shapeOf(x);
  Type i64 = i64Of(p);
  Pairs pairs{shape, dim};
  pairs.shape.push_back(shape[dim]);
  Value mine = atFirst(p, x, pairs), other = atSecond(p, x, pairs);
  if (descending)
    std::swap(mine, other);
  Value isEarlier = p.lt(p.iota(pairs.shape, pairs.last(), i64), p.iota(pairs.shape, dim, i64));
  Value before = p.bitOr(less(p, other, mine), p.bitAnd(isEarlier, p.logicalNot(less(p, mine, other))));
  Value rank = p.sum(p.convert(before, i64), {pairs.last()});

  // The element of rank k is at position k: the inverse of the permutation.
  Pairs inverse{shape, dim};
  inverse.shape[dim] = count;
  inverse.shape.push_back(shape[dim]);
  Value isHere = p.eq(atSecond(p, rank, inverse), p.iota(inverse.shape, dim, i64));
  Value position = p.select(isHere, p.iota(inverse.shape, inverse.last(), i64), 0);
  return p.reduce(ReduceKind::Max, position, {inverse.last()});
}

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
  Value indices = order(p, x, dim, descending, shape[dim]);
  return {readAlong(p, x, dim, indices), indices};
}

/// Sums over [i - size + 1, i] along `dim`.
Value trailingSums(Primitives &p, Value x, int64_t dim, int64_t size) {
  int64_t rank = p.rankOf(x);
  SmallVector<int64_t> sizes(rank, 1), ones(rank, 1), low(rank, 0), high(rank, 0);
  sizes[dim] = size;
  low[dim] = size - 1;
  return p.reduceWindow(ReduceKind::Add, x, {sizes, ones, ones, low, high});
}

/// In blocks of about the root of the length: sums within a block, plus those of the blocks before it.
Value cumsum(CumsumOp op, CumsumOp::Adaptor operands, Primitives &p) {
  Value x = p.convert(operands.getInput(), elementOf(op.getOutput()));
  if (isHalf(p.elementOf(x)))
    x = p.convert(x, Float32Type::get(p.context()));
  Shape shape = shapeOf(x);
  int64_t rank = shape.size();
  if (rank == 0)
    return x;
  int64_t dim = *wrapDim(op.getLoc(), "dim", op.getDim(), rank), length = *constantOf(shape[dim]);
  if (length <= 1)
    return x;
  if (length <= 64)
    return trailingSums(p, x, dim, length);

  int64_t block = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(length))));
  int64_t blocks = (length + block - 1) / block;
  SmallVector<int64_t> none(rank, 0), fill(rank, 0), one(rank, 0), minusOne(rank, 0);
  fill[dim] = blocks * block - length;
  one[dim] = 1;
  minusOne[dim] = -1;
  Value padded = p.pad(x, 0, none, fill);
  Shape split = shapeOf(padded);
  split[dim] = dimOf(p.context(), blocks);
  split.insert(split.begin() + dim + 1, dimOf(p.context(), block));
  Value within = trailingSums(p, p.reshape(padded, split), dim + 1, block);
  Value totals = p.squeeze(p.sliceDim(within, dim + 1, dimOf(p.context(), block - 1), dimOf(p.context(), 1)), dim + 1);
  Value before = p.pad(trailingSums(p, totals, dim, blocks), 0, one, minusOne);
  Value sums = p.add(within, p.broadcastOver(before, split, {dim + 1}));
  return p.sliceDim(p.reshape(sums, shapeOf(padded)), dim, dimOf(p.context(), 0), shape[dim]);
}

/// Pairs (place in the result, position in index) along `dim`, for the part of the result that index covers elsewhere.
struct Places {
  Pairs pairs;
  Value hit; // index names this place
};

Places placesOf(Primitives &p, Value input, Value index, int64_t dim, StringRef argument) {
  Dim size = shapeOf(input)[dim];
  Value bound = p.size(size, i64Of(p));
  p.check(p.bitAnd(p.ge(index, 0), p.lt(index, bound)), index,
          p.message(argument, "index {value}, expected 0 <= index < " + toString(size)));
  Pairs pairs{shapeOf(index), dim};
  Dim count = pairs.shape[dim];
  pairs.shape[dim] = size;
  pairs.shape.push_back(count);
  return {pairs, p.eq(atSecond(p, index, pairs), p.iota(pairs.shape, dim, i64Of(p)))};
}

/// x, which covers the first elements of `shape`, with `value` for the others.
Value extended(Primitives &p, Value x, ArrayRef<Dim> shape, double value) {
  SmallVector<int64_t> low(shape.size(), 0), high(shape.size(), 0);
  for (auto [d, dim] : llvm::enumerate(shapeOf(x)))
    if (!sameDim(dim, shape[d]))
      high[d] = *constantOf(shape[d]) - *constantOf(dim);
  return p.pad(x, value, low, high);
}

/// input where index names no place; else src at the last position that names it.
Value writeAlong(Primitives &p, Value input, Value index, Value src, int64_t dim, StringRef argument) {
  Shape shape = shapeOf(input);
  Type i64 = i64Of(p);
  Places places = placesOf(p, input, index, dim, argument);
  Value position = p.select(places.hit, p.iota(places.pairs.shape, places.pairs.last(), i64), -1);
  Value winner = extended(p, p.reduce(ReduceKind::Max, position, {places.pairs.last()}), shape, -1);
  Value written = p.rankOf(src) == 0 ? p.broadcastTo(src, shape) : readAlong(p, src, dim, winner);
  return p.select(p.ge(winner, 0), written, input);
}

/// A scalar as a vector of one, which has a dimension.
Value asVector(Primitives &p, Value x) { return p.rankOf(x) == 0 ? p.unsqueeze(x, 0) : x; }

Value scatter(ScatterOp op, ScatterOp::Adaptor x, Primitives &p) {
  Value input = x.getInput(), src = x.getSrc();
  int64_t rank = p.rankOf(input), dim = *wrapDim(op.getLoc(), "dim", op.getDim(), rank);
  bool isNumber = !src || numberOf(op.getSrc());
  src = p.convert(src ? src : x.getValue(), p.elementOf(input));
  if (!isNumber)
    src = asVector(p, src);
  Value result = writeAlong(p, asVector(p, input), asVector(p, x.getIndex()), src, dim, "index");
  return p.reshape(result, shapeOf(op.getOutput()));
}

Value scatterAdd(ScatterAddOp op, ScatterAddOp::Adaptor x, Primitives &p) {
  Value input = asVector(p, x.getInput()), index = asVector(p, x.getIndex()), src = asVector(p, x.getSrc());
  int64_t dim = *wrapDim(op.getLoc(), "dim", op.getDim(), p.rankOf(input));
  Places places = placesOf(p, input, index, dim, "index");
  Shape covered = shapeOf(index), zeros(covered.size(), dimOf(p.context(), 0));
  SmallVector<int64_t> steps(covered.size(), 1);
  Value added = atSecond(p, p.slice(src, zeros, steps, covered), places.pairs);
  Value sums = p.sum(p.select(places.hit, added, 0), {places.pairs.last()});
  return p.reshape(p.add(input, extended(p, sums, shapeOf(input), 0)), shapeOf(op.getOutput()));
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
  Value written =
      writeAlong(p, zeros, p.reshape(x.getIndices(), flat(in)), p.reshape(x.getInput(), flat(in)), leading, "indices");
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
  table.addMove<ScatterOp>(scatter);
  table.add<ScatterAddOp>(scatterAdd);
  table.addMove<MaxUnpool1dOp>([](auto op, auto x, auto &p) { return maxUnpool(op, x, p, 1); });
  table.addMove<MaxUnpool2dOp>([](auto op, auto x, auto &p) { return maxUnpool(op, x, p, 2); });
  table.addMove<MaxUnpool3dOp>([](auto op, auto x, auto &p) { return maxUnpool(op, x, p, 3); });
}

} // namespace nnf
