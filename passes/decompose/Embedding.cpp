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
  Type i1 = IntegerType::get(p.context(), 1);
  Value isNamed =
      p.scatter(ScatterKind::Set, p.full(rows, 0, i1), {flat}, p.full(shapeOf(flat), 1, i1), {0}, BoundsKind::Fill);
  Value length = norm(p, table, normType, {1});
  Value factor = p.div(maxNorm, p.add(length, 1e-7));
  Value applies = p.bitAnd(isNamed, p.gt(length, maxNorm));
  return p.mul(table, p.broadcastAlong(p.select(applies, factor, 1), shape, 0));
}

/// The rows that `indices` name, and the changed table where max_norm is given.
template <typename Op> Decompositions::Values rowsOf(Op op, Value table, Value indices, Primitives &p) {
  std::string message = p.message("input", "index {value}, expected 0 <= index < {bound} [NNFC-E0501]");
  if (!op.getMaxNorm())
    return {p.gather(table, {indices}, {0}, BoundsKind::Error, message)};
  // All indices are checked before the table changes.
  Value rows = p.size(shapeOf(table)[0], i64Of(p));
  p.check(p.bitAnd(p.ge(indices, 0), p.lt(indices, rows)), indices,
          p.message("input", "index {value}, expected 0 <= index < " + toString(shapeOf(table)[0])) + " [NNFC-E0501]");
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

/// The number of the bag that each entry of a vector lies in: as many offsets as are not behind it, less one. Entries
/// after the last bag get the number of bags.
Value bagNumbers(Primitives &p, Value offsets, Dim length) {
  Type i64 = i64Of(p);
  Value starts = p.convert(offsets, i64);
  Dim count = shapeOf(starts)[0];
  Value size = p.size(length, i64);
  Value previous = p.pad(starts, 0, {1}, {-1});
  Value isInOrder = p.bitAnd(p.ge(starts, previous), p.le(starts, size));
  Value isFirst = p.bitOr(p.ne(p.iota({count}, 0, i64), 0), p.eq(starts, 0));
  p.check(p.bitAnd(isInOrder, isFirst), starts,
          p.message("offsets",
                    "{value}, expected 0 first, then none smaller than the one before or above " + toString(length)) +
              " [NNFC-E0505]");
  Value none = p.full({length}, 0, i64);
  Value beginning = p.scatter(ScatterKind::Add, none, {starts}, p.full({count}, 1, i64), {0}, BoundsKind::Fill);
  return p.sub(p.cumulate(ReduceKind::Add, beginning, 0), 1);
}

/// Reductions of the rows of each bag.
struct Bags {
  std::function<Value(ReduceKind, Value)> reduce; // of rows or of one number an entry
  Value isCounted;                                // entries that are not padding
};

Bags bagsOf(EmbeddingBagOp op, EmbeddingBagOp::Adaptor x, Value indices, Primitives &p) {
  Dim bags = shapeOf(op.getOutput())[0];
  Bags result;
  if (std::optional<int64_t> padding = op.getPaddingIdx()) {
    Value row = p.scalar(static_cast<double>(*padding), i64Of(p));
    if (*padding < 0)
      row = p.add(row, p.size(shapeOf(x.getWeight())[0], i64Of(p)));
    result.isCounted = p.ne(indices, row);
  }
  Value isCounted = result.isCounted;
  auto neutral = [](ReduceKind kind) {
    return kind == ReduceKind::Max ? -std::numeric_limits<double>::infinity() : 0.0;
  };
  if (p.rankOf(indices) == 2) {
    result.reduce = [=, &p](ReduceKind kind, Value entries) {
      if (isCounted) {
        Value repeated = p.broadcast(isCounted, shapeOf(entries), {0, 1});
        entries = p.select(repeated, entries, neutral(kind));
      }
      return p.reduce(kind, entries, {1});
    };
    return result;
  }
  Value number = bagNumbers(p, x.getOffsets(), shapeOf(indices)[0]);
  if (isCounted)
    number = p.select(isCounted, number, -1); // a place that is not there
  result.reduce = [=, &p](ReduceKind kind, Value entries) {
    Shape shape = shapeOf(entries);
    shape[0] = bags;
    Value start = p.full(shape, neutral(kind), p.elementOf(entries));
    ScatterKind scatter = kind == ReduceKind::Max ? ScatterKind::Max : ScatterKind::Add;
    return p.scatter(scatter, start, {number}, entries, {0}, BoundsKind::Fill);
  };
  return result;
}

Decompositions::Values embeddingBag(EmbeddingBagOp op, EmbeddingBagOp::Adaptor x, Primitives &p) {
  Value indices = p.convert(x.getInput(), i64Of(p));
  Decompositions::Values results = rowsOf(op, x.getWeight(), indices, p);
  Value rows = results[0];
  Shape shape = shapeOf(op.getOutput());
  if (Value scales = x.getPerSampleWeights())
    rows = p.mul(rows, p.broadcastOver(scales, shapeOf(rows), {p.rankOf(rows) - 1}));
  Bags bags = bagsOf(op, x, indices, p);
  auto number = [&] { return bags.reduce(ReduceKind::Add, p.full(shapeOf(indices), 1, p.elementOf(rows))); };
  if (op.getMode() == "max") {
    Value isEmpty = p.eq(number(), 0);
    results[0] = p.select(p.broadcastAlong(isEmpty, shape, 0), 0, bags.reduce(ReduceKind::Max, rows));
    return results;
  }
  results[0] = bags.reduce(ReduceKind::Add, rows);
  // The mean over nothing is 0, not NaN.
  if (op.getMode() == "mean")
    results[0] = p.div(results[0], p.broadcastAlong(p.max(number(), 1), shape, 0));
  return results;
}

Value oneHot(OneHotOp op, OneHotOp::Adaptor x, Primitives &p) {
  Value classes = x.getTensor();
  Shape shape = shapeOf(op.getOutput());
  int64_t count = op.getNumClasses(), last = shape.size() - 1;
  Value isClass = p.ge(classes, 0);
  std::string bound;
  if (count == -1) {
    // A largest class of -1 is one that the check refuses first.
    p.defineSize(shape[last], p.add(p.reduce(ReduceKind::Max, classes, llvm::to_vector(llvm::seq(last))), 1));
  } else {
    isClass = p.bitAnd(isClass, p.lt(classes, static_cast<double>(count)));
    bound = " < " + std::to_string(count);
  }
  p.check(isClass, classes, p.message("tensor", "class {value}, expected 0 <= class" + bound) + " [NNFC-E0501]");
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
