// Tables of vectors as primitives.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Norm.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Embedding.h.inc"

using namespace mlir;
namespace nnf {
namespace {

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }

/// The table after every row that `indices` name and that is longer than max_norm was scaled down to it, once.
Value limitedRows(Primitives &p, Value table, Value indices, double maxNorm, double normType) {
  Shape shape = shapeOf(table), rows{shape[0]};
  Value flat = p.reshape(indices, {productOf(p.context(), shapeOf(indices))});
  Shape pairs{shape[0], shapeOf(flat)[0]};
  Value names = p.eq(p.broadcast(flat, pairs, {1}), p.iota(pairs, 0, i64Of(p)));
  Value isNamed = p.reduce(ReduceKind::Or, names, {1});
  Value length = norm(p, table, normType, {1});
  Value factor = p.div(maxNorm, p.add(length, 1e-7));
  Value applies = p.bitAnd(isNamed, p.gt(length, maxNorm));
  return p.mul(table, p.broadcastAlong(p.select(applies, factor, 1), shape, 0));
}

/// The rows that `indices` name, and the changed table where max_norm is given.
template <typename Op> Decompositions::Values rowsOf(Op op, Value table, Value indices, Primitives &p) {
  std::string message = p.message("input", "index {value}, expected 0 <= index < {bound}");
  if (!op.getMaxNorm())
    return {p.gather(table, {indices}, {0}, BoundsKind::Error, message)};
  // All indices are checked before the table changes.
  Value rows = p.size(shapeOf(table)[0], i64Of(p));
  p.check(p.bitAnd(p.ge(indices, 0), p.lt(indices, rows)), indices,
          p.message("input", "index {value}, expected 0 <= index < " + toString(shapeOf(table)[0])));
  Value limited = limitedRows(p, table, indices, *op.getMaxNorm(), op.getNormType());
  return {p.gather(limited, {indices}, {0}, BoundsKind::Clamp), limited};
}

Decompositions::Values embedding(EmbeddingOp op, EmbeddingOp::Adaptor x, Primitives &p) {
  Value table = x.getWeight();
  // Moving rows keeps a 16-bit type; scaling them computes in float32.
  if (op.getMaxNorm() && isHalf(p.elementOf(table)))
    table = p.convert(table, Float32Type::get(p.context()));
  return rowsOf(op, table, p.convert(x.getInput(), i64Of(p)), p);
}

/// Which entries of a vector lie in which bag: [B, L].
Value inBag(Primitives &p, EmbeddingBagOp op, Value offsets, Dim length) {
  Type i64 = i64Of(p);
  Value starts = p.convert(offsets, i64);
  Dim count = shapeOf(starts)[0], bags = shapeOf(op.getOutput())[0];
  Value size = p.size(length, i64);
  Value position = p.iota({count}, 0, i64);
  Value previous = p.pad(starts, 0, {1}, {-1});
  Value isInOrder = p.bitAnd(p.ge(starts, previous), p.le(starts, size));
  Value isFirst = p.bitOr(p.ne(position, 0), p.eq(starts, 0));
  p.check(p.bitAnd(isInOrder, isFirst), starts,
          p.message("offsets",
                    "{value}, expected 0 first, then none smaller than the one before or above " + toString(length)));
  Value ends = p.concat(
      {p.sliceDim(starts, 0, dimOf(p.context(), 1), simplify(count - 1)), p.reshape(size, {dimOf(p.context(), 1)})}, 0);
  Dim none = dimOf(p.context(), 0);
  starts = p.sliceDim(starts, 0, none, bags);
  ends = p.sliceDim(ends, 0, none, bags);
  Shape pairs{bags, length};
  Value entry = p.iota(pairs, 1, i64);
  return p.bitAnd(p.ge(entry, p.broadcastAlong(starts, pairs, 0)), p.lt(entry, p.broadcastAlong(ends, pairs, 0)));
}

Decompositions::Values embeddingBag(EmbeddingBagOp op, EmbeddingBagOp::Adaptor x, Primitives &p) {
  Value indices = p.convert(x.getInput(), i64Of(p));
  Decompositions::Values results = rowsOf(op, x.getWeight(), indices, p);
  Value rows = results[0];
  Type element = p.elementOf(rows);
  Dim bags = shapeOf(op.getOutput())[0], width = shapeOf(op.getOutput())[1], length = shapeOf(indices).back();
  Shape members{bags, length}, all{bags, length, width};
  bool isVector = p.rankOf(indices) == 1;

  Value counts = isVector ? inBag(p, op, x.getOffsets(), length) : p.full(members, 1, IntegerType::get(p.context(), 1));
  if (std::optional<int64_t> padding = op.getPaddingIdx()) {
    Value row = p.scalar(static_cast<double>(*padding), i64Of(p));
    if (*padding < 0)
      row = p.add(row, p.size(shapeOf(x.getWeight())[0], i64Of(p)));
    counts = p.bitAnd(counts, p.broadcastTo(p.ne(indices, row), members));
  }
  if (Value scales = x.getPerSampleWeights())
    rows = p.mul(rows, p.broadcastOver(scales, shapeOf(rows), {p.rankOf(rows) - 1}));
  rows = isVector ? p.broadcast(rows, all, {1, 2}) : rows;
  Value isMember = p.broadcast(counts, all, {0, 1});
  Value number = p.sum(p.convert(counts, element), {1});
  if (op.getMode() == "max") {
    double infinity = std::numeric_limits<double>::infinity();
    Value largest = p.reduce(ReduceKind::Max, p.select(isMember, rows, -infinity), {1});
    results[0] = p.select(p.broadcastAlong(p.eq(number, 0), {bags, width}, 0), 0, largest);
    return results;
  }
  results[0] = p.sum(p.select(isMember, rows, 0), {1});
  // The mean over nothing is 0, not NaN.
  if (op.getMode() == "mean")
    results[0] = p.div(results[0], p.broadcastAlong(p.select(p.eq(number, 0), 1, number), {bags, width}, 0));
  return results;
}

Value oneHot(OneHotOp op, OneHotOp::Adaptor x, Primitives &p) {
  Value classes = x.getTensor();
  Shape shape = shapeOf(op.getOutput());
  int64_t count = op.getNumClasses(), last = shape.size() - 1;
  Value inside = p.bitAnd(p.ge(classes, 0), p.lt(classes, static_cast<double>(count)));
  p.check(inside, classes, p.message("tensor", "class {value}, expected 0 <= class < " + std::to_string(count)));
  Value repeated = p.broadcastOver(classes, shape, {last});
  return p.convert(p.eq(repeated, p.iota(shape, last, i64Of(p))), i64Of(p));
}

} // namespace

void addEmbeddings(Decompositions &table) {
  table.addMove<EmbeddingOp>(embedding);
  table.add<EmbeddingBagOp>(embeddingBag);
  table.addMove<OneHotOp>(oneHot);
}

} // namespace nnf
