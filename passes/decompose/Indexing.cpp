// Reads with computed indices, and distances, as primitives.
#include "dialects/nnf/infer/Promotion.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Norm.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Indexing.h.inc"
#define GET_OP_CLASSES

using namespace mlir;
namespace nnf {
namespace {

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }

/// What a run says of an index that is none.
std::string outOfRange(Primitives &p, StringRef argument) {
  return p.message(argument, "index {value}, expected 0 <= index < {bound} [NNFC-E0501]");
}

Value gather(GatherOp op, GatherOp::Adaptor x, Primitives &p) {
  Value input = x.getInput(), index = x.getIndex();
  if (llvm::any_of(shapeOf(index), [](Dim size) { return isConstant(size, 0); }))
    return p.full(shapeOf(index), 0, p.elementOf(input));
  index = p.convert(index, i64Of(p));
  int64_t rank = p.rankOf(input);
  if (rank <= 1) // an index of any rank up to 1; a scalar is a vector of one
    return p.gather(rank == 1 ? input : p.reshape(input, {dimOf(p.context(), 1)}), {index}, {0}, BoundsKind::Error,
                    outOfRange(p, "index"));
  int64_t dim = *wrapDim(op.getLoc(), "dim", op.getDim(), rank);
  // Elsewhere each element is read at its own position.
  Shape shape = shapeOf(index);
  SmallVector<Value> indices;
  for (int64_t d = 0; d < rank; ++d)
    indices.push_back(d == dim ? index : p.iota(shape, d, i64Of(p)));
  return p.gather(input, indices, llvm::to_vector(llvm::seq<int64_t>(0, rank)), BoundsKind::Error,
                  outOfRange(p, "index"));
}

Value indexSelect(IndexSelectOp op, IndexSelectOp::Adaptor x, Primitives &p) {
  int64_t rank = p.rankOf(x.getInput()), dim = *wrapDim(op.getLoc(), "dim", op.getDim(), rank);
  Value input = x.getInput(), index = p.convert(x.getIndex(), i64Of(p));
  Dim one = dimOf(p.context(), 1);
  if (p.rankOf(index) == 0)
    index = p.reshape(index, {one});
  if (rank == 0)
    input = p.reshape(input, {one});
  Value picked = p.pick(input, dim, index, BoundsKind::Error, outOfRange(p, "index"));
  return rank == 0 ? p.reshape(picked, {}) : picked;
}

/// Elements that are not zero are counted; each writes its place in the flat input to its place in the result.
Value nonzero(NonzeroOp op, NonzeroOp::Adaptor x, Primitives &p) {
  Type i64 = i64Of(p);
  Shape shape = shapeOf(x.getInput()), result = shapeOf(op.getOutput());
  Dim count = result[0], one = dimOf(p.context(), 1);
  Shape flat{productOf(p.context(), shape)};
  Value input = p.reshape(x.getInput(), flat);
  Value isCounted = p.ne(input, 0), counted = p.convert(isCounted, i64);
  p.defineSize(count, p.sum(counted, {0}));
  if (shape.empty())
    return p.full(result, 0, i64);
  Value place = p.select(isCounted, p.sub(p.cumulate(ReduceKind::Add, counted, 0), 1), -1);
  Value position = p.scatter(ScatterKind::Set, p.full({count}, 0, i64), {place}, p.iota(flat, 0, i64), {0},
                             BoundsKind::Fill); // -1 is no place
  SmallVector<Value> coordinates(shape.size());
  for (int64_t d = shape.size() - 1; d >= 0; --d) {
    Value size = p.size(shape[d], i64);
    coordinates[d] = p.reshape(d == 0 ? position : p.rem(position, size), {one, count});
    if (d > 0)
      position = p.div(position, size);
  }
  return p.transpose(p.concat(coordinates, 0), {1, 0});
}

/// Both operands in the type and shape they are compared in.
template <typename Op> std::pair<Value, Value> joined(Op op, typename Op::Adaptor x, Primitives &p) {
  Type element = promoteTypes({op.getX1(), op.getX2()});
  if (isHalf(element))
    element = Float32Type::get(p.context());
  Shape shape = *broadcastAll(op.getLoc(), {"x1", "x2"}, {op.getX1(), op.getX2()});
  return {p.broadcastTo(p.convert(x.getX1(), element), shape), p.broadcastTo(p.convert(x.getX2(), element), shape)};
}

Value pairwiseDistance(PairwiseDistanceOp op, PairwiseDistanceOp::Adaptor x, Primitives &p) {
  auto [a, b] = joined(op, x, p);
  Value difference = p.add(p.sub(a, b), op.getEps());
  if (p.rankOf(difference) == 0)
    difference = p.unsqueeze(difference, 0);
  Value distance = norm(p, difference, op.getP(), {p.rankOf(difference) - 1});
  return p.reshape(distance, shapeOf(op.getOutput()));
}

Value cosineSimilarity(CosineSimilarityOp op, CosineSimilarityOp::Adaptor x, Primitives &p) {
  auto [a, b] = joined(op, x, p);
  IntList dims; // of a scalar none
  if (p.rankOf(a) > 0)
    dims.push_back(*wrapDim(op.getLoc(), "dim", op.getDim(), p.rankOf(a)));
  double eps = op.getEps();
  auto length = [&](Value v) {
    Value n = norm(p, v, 2, dims);
    return p.select(p.lt(n, eps), eps, n);
  };
  Value lengthA = length(a), lengthB = length(b);
  // Each is divided before they are multiplied: products of large vectors would overflow.
  Value unitA = p.div(a, p.broadcastOver(lengthA, shapeOf(a), dims));
  Value unitB = p.div(b, p.broadcastOver(lengthB, shapeOf(b), dims));
  return p.sum(p.mul(unitA, unitB), dims);
}

/// Pair k of all rows i < j is found from the end: with m rows, the pairs of the last r rows number r*(r-1)/2.
Value pdist(PdistOp op, PdistOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  Shape pairs = shapeOf(op.getOutput());
  Type f64 = Float64Type::get(p.context()), i64 = i64Of(p);
  Dim rows = shapeOf(x)[0];
  Value k = p.iota(pairs, 0, i64);
  Value fromEnd = p.sub(p.broadcastTo(p.sub(p.size(pairs[0], i64), 1), pairs), k);
  // r rows are left when r*(r-1)/2 <= fromEnd; the root is exact in float64 up to 2^26 rows, then put right.
  Value root = p.sqrt(p.add(p.mul(8, p.convert(fromEnd, f64)), 1));
  Value r = p.convert(p.floor(p.div(p.add(root, 1), 2)), i64);
  Value below = p.div(p.mul(r, p.sub(r, 1)), 2);
  Value i = p.sub(p.broadcastTo(p.sub(p.size(rows, i64), 1), pairs), r);
  Value j = p.sub(p.broadcastTo(p.sub(p.size(rows, i64), 1), pairs), p.sub(fromEnd, below));
  Value a = p.gather(x, {i}, {0}, BoundsKind::Clamp), b = p.gather(x, {j}, {0}, BoundsKind::Clamp);
  Value difference = p.sub(a, b);
  if (op.getP() == 0) // unlike a norm of power 0, a NaN is no entry that differs
    return p.sum(p.select(p.isNan(difference), difference, p.convert(p.ne(difference, 0), p.elementOf(x))), {1});
  return norm(p, difference, op.getP(), {1});
}

} // namespace

void addIndexing(Decompositions &table) {
  table.addMove<GatherOp>(gather);
  table.addMove<IndexSelectOp>(indexSelect);
  table.addMove<NonzeroOp>(nonzero);
  table.add<PairwiseDistanceOp>(pairwiseDistance);
  table.add<CosineSimilarityOp>(cosineSimilarity);
  table.add<PdistOp>(pdist);
}

} // namespace nnf
