// Ordered primitives as reductions over pairs of positions.
#include "passes/Passes.h"
#include "passes/decompose/Primitives.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_EXPANDORDERED
#include "passes/Passes.h.inc"
namespace {

using IntList = SmallVector<int64_t>;

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }

// ---- pairs of positions along one dimension: the second one is a new last dimension

struct Pairs {
  Shape shape;
  int64_t dim;
  int64_t last() const { return static_cast<int64_t>(shape.size()) - 1; }
};

/// x at the first position of every pair.
Value atFirst(Primitives &p, Value x, const Pairs &pairs) { return p.broadcastOver(x, pairs.shape, {pairs.last()}); }

/// x at the second position of every pair.
Value atSecond(Primitives &p, Value x, const Pairs &pairs) {
  IntList perm;
  for (int64_t d = 0, rank = p.rankOf(x); d < rank; ++d)
    if (d != pairs.dim)
      perm.push_back(d);
  perm.push_back(pairs.dim);
  return p.broadcastOver(p.transpose(x, perm), pairs.shape, {pairs.dim});
}

Pairs pairsOf(Value x, int64_t dim) {
  Pairs pairs{shapeOf(x), dim};
  pairs.shape.push_back(pairs.shape[dim]);
  return pairs;
}

// ---- sort

/// a < b, where NaN is the largest.
Value less(Primitives &p, Value a, Value b) {
  Value isLess = p.lt(a, b);
  if (!isa<FloatType>(p.elementOf(a)))
    return isLess;
  return p.bitOr(isLess, p.bitAnd(p.isNan(b), p.logicalNot(p.isNan(a))));
}

/// The positions of the first `count` elements in order along `dim`; equal ones keep their order.
Value order(Primitives &p, Value x, int64_t dim, bool descending, Dim count) {
  Pairs pairs = pairsOf(x, dim);
  Type i64 = i64Of(p);
  Value mine = atFirst(p, x, pairs), other = atSecond(p, x, pairs);
  if (descending)
    std::swap(mine, other);
  Value isEarlier = p.lt(p.iota(pairs.shape, pairs.last(), i64), p.iota(pairs.shape, dim, i64));
  Value before = p.bitOr(less(p, other, mine), p.bitAnd(isEarlier, p.logicalNot(less(p, mine, other))));
  Value rank = p.sum(p.convert(before, i64), {pairs.last()});
  // The element of rank k is at position k: the inverse of the permutation.
  pairs.shape[dim] = count;
  Value isHere = p.eq(atSecond(p, rank, pairs), p.iota(pairs.shape, dim, i64));
  Value position = p.select(isHere, p.iota(pairs.shape, pairs.last(), i64), 0);
  return p.reduce(ReduceKind::Max, position, {pairs.last()});
}

void expand(PrimSortOp op) {
  OpBuilder builder(op);
  Primitives p(builder, op.getLoc());
  Value x = op.getInput();
  int64_t dim = op.getDim();
  Shape first = shapeOf(op.getValues());
  Value positions = order(p, x, dim, op.getDescending(), first[dim]);
  SmallVector<Value> indices;
  IntList all;
  for (int64_t d = 0, rank = p.rankOf(x); d < rank; ++d) {
    indices.push_back(d == dim ? positions : p.iota(first, d, i64Of(p)));
    all.push_back(d);
  }
  op.getValues().replaceAllUsesWith(p.gather(x, indices, all, BoundsKind::Clamp));
  op.getIndices().replaceAllUsesWith(positions);
  op.erase();
}

// ---- running sums

/// What leaves the other operand of a reduction as it is, in the place of x.
Value neutral(Primitives &p, ReduceKind kind, Value x) {
  Type element = p.elementOf(x);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (kind == ReduceKind::Add || kind == ReduceKind::Mul)
    return p.scalar(kind == ReduceKind::Mul, element);
  // A reduction over nothing is the neutral element: also of integers.
  if (!isa<FloatType>(element)) {
    Value none = p.broadcast(p.scalar(0, element), {dimOf(p.context(), 0)}, {});
    return p.reduce(kind, none, {0});
  }
  return p.scalar(kind == ReduceKind::Max ? -infinity : infinity, element);
}

void expand(PrimCumulateOp op) {
  OpBuilder builder(op);
  Primitives p(builder, op.getLoc());
  Value x = op.getInput();
  Type element = p.elementOf(x), i64 = i64Of(p);
  bool isSum = op.getKind() == ReduceKind::Add || op.getKind() == ReduceKind::Mul;
  if (isSum && element.isF32())
    x = p.convert(x, Float64Type::get(p.context()));
  Pairs pairs = pairsOf(x, op.getDim());
  Value here = p.iota(pairs.shape, pairs.dim, i64), there = p.iota(pairs.shape, pairs.last(), i64);
  Value counts = op.getReverse() ? p.ge(there, here) : p.le(there, here);
  Value terms = p.select(counts, atSecond(p, x, pairs), neutral(p, op.getKind(), x));
  op.replaceAllUsesWith(p.convert(p.reduce(op.getKind(), terms, {pairs.last()}), element));
  op.erase();
}

// ---- scatter

/// Every element of the result meets every place beside it: the pairs are the result's dimensions and, last, the one
/// dimension of the places that does not stand beside one of the result's.
class ScatterExpansion {
public:
  explicit ScatterExpansion(PrimScatterOp op)
      : op(op), builder(op), p(builder, op.getLoc()), shape(shapeOf(op.getInput())),
        places(shapeOf(op.getIndices()[0])), beside(places.size(), -1) {
    for (auto [dim, index] : llvm::zip(op.getScatterDims(), op.getIndices()))
      if (auto iota = index.getDefiningOp<PrimIotaOp>(); iota && beside[iota.getDim()] < 0)
        beside[iota.getDim()] = dim;
  }

  bool applies() const { return llvm::count(beside, -1) == 1; }

  void expand() {
    int64_t rank = shape.size(), sequential = llvm::find(beside, -1) - beside.begin();
    pairs = shape;
    pairs.push_back(places[sequential]);
    Value hit;
    for (auto [dim, index] : llvm::zip(op.getScatterDims(), op.getIndices())) {
      if (llvm::is_contained(beside, dim))
        continue;
      if (op.getBounds() == BoundsKind::Error) {
        Value bound = p.size(shape[dim], i64Of(p));
        p.check(p.bitAnd(p.ge(index, 0), p.lt(index, bound)), index, op.getMessage());
      }
      Value here = p.eq(inPairs(index, -1), p.iota(pairs, dim, i64Of(p)));
      hit = hit ? p.bitAnd(hit, here) : here;
    }
    Value input = op.getInput();
    if (op.getKind() == ScatterKind::Set) {
      Value number = p.iota(pairs, rank, i64Of(p));
      Value winner = p.reduce(ReduceKind::Max, p.select(hit, number, -1), {rank});
      op.replaceAllUsesWith(p.select(p.ge(winner, 0), updateAt(winner, sequential), input));
    } else {
      ReduceKind kind = reduceKind();
      Value terms = p.select(hit, inPairs(op.getUpdates(), 0), neutral(p, kind, input));
      op.replaceAllUsesWith(combine(kind, input, p.reduce(kind, terms, {rank})));
    }
    op.erase();
  }

private:
  PrimScatterOp op;
  OpBuilder builder;
  Primitives p;
  Shape shape, places, pairs;
  IntList beside; // for each dimension of the places: the result's beside it, or -1

  ReduceKind reduceKind() {
    return op.getKind() == ScatterKind::Add   ? ReduceKind::Add
           : op.getKind() == ScatterKind::Mul ? ReduceKind::Mul
           : op.getKind() == ScatterKind::Max ? ReduceKind::Max
                                              : ReduceKind::Min;
  }
  Value combine(ReduceKind kind, Value x, Value y) {
    switch (kind) {
    case ReduceKind::Mul: return p.mul(x, y);
    case ReduceKind::Max: return p.max(x, y);
    case ReduceKind::Min: return p.min(x, y);
    default: return p.add(x, y);
    }
  }

  /// Which dimension of the pairs each dimension of an index, or of the updates, is.
  IntList pairDims(int64_t rank) {
    IntList dims;
    for (int64_t dim : beside)
      dims.push_back(dim >= 0 ? dim : static_cast<int64_t>(shape.size()));
    for (int64_t dim = 0, end = shape.size(); dim < end && static_cast<int64_t>(dims.size()) < rank; ++dim)
      if (!llvm::is_contained(op.getScatterDims(), dim))
        dims.push_back(dim);
    return dims;
  }

  /// x, an index or the updates, for every pair; `outside` where the result is larger than the places beside it.
  Value inPairs(Value x, double outside) {
    IntList dims = pairDims(p.rankOf(x)), low(dims.size(), 0), high(dims.size(), 0), perm, sorted;
    for (auto [d, size] : llvm::enumerate(shapeOf(x)))
      if (!sameDim(size, pairs[dims[d]]))
        high[d] = *constantOf(pairs[dims[d]]) - *constantOf(size);
    x = p.pad(x, outside, low, high);
    for (int64_t d = 0, end = pairs.size(); d < end; ++d)
      if (auto found = llvm::find(dims, d); found != dims.end()) {
        perm.push_back(found - dims.begin());
        sorted.push_back(d);
      }
    return p.broadcast(p.transpose(x, perm), pairs, sorted);
  }

  /// The update of place `number` of the sequential dimension, for every element of the result.
  Value updateAt(Value number, int64_t sequential) {
    IntList dims = pairDims(p.rankOf(op.getUpdates())), all;
    SmallVector<Value> indices;
    for (auto [d, dim] : llvm::enumerate(dims)) {
      bool isSequential = static_cast<int64_t>(d) == sequential;
      indices.push_back(isSequential ? number : p.iota(shape, dim, i64Of(p)));
      all.push_back(d);
    }
    return p.gather(op.getUpdates(), indices, all, BoundsKind::Clamp);
  }
};

/// The same scatter with its places in one dimension, in their order.
PrimScatterOp withPlacesInLine(PrimScatterOp op) {
  OpBuilder builder(op);
  Primitives p(builder, op.getLoc());
  Shape places = shapeOf(op.getIndices()[0]), updates = shapeOf(op.getUpdates());
  Dim count = productOf(p.context(), places);
  SmallVector<Value> indices;
  for (Value index : op.getIndices())
    indices.push_back(p.reshape(index, {count}));
  updates.erase(updates.begin(), updates.begin() + places.size());
  updates.insert(updates.begin(), count);
  Value made = p.scatter(op.getKind(), op.getInput(), indices, p.reshape(op.getUpdates(), updates), op.getScatterDims(),
                         op.getBounds(), op.getMessage());
  op.replaceAllUsesWith(made);
  op.erase();
  return made.getDefiningOp<PrimScatterOp>();
}

struct ExpandOrdered : impl::ExpandOrderedBase<ExpandOrdered> {
  using ExpandOrderedBase::ExpandOrderedBase;
  void runOnOperation() override {
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<PrimSortOp, PrimCumulateOp, PrimScatterOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work) {
      if (auto sort = dyn_cast<PrimSortOp>(op)) {
        Dim length = shapeOf(sort.getInput())[sort.getDim()], count = shapeOf(sort.getValues())[sort.getDim()];
        std::optional<int64_t> size = constantOf(length);
        if (all || (size && *size <= longest && !isSelection(length, count)))
          expand(sort);
        continue;
      }
      if (!all)
        continue;
      if (auto cumulate = dyn_cast<PrimCumulateOp>(op)) {
        expand(cumulate);
        continue;
      }
      auto scatter = cast<PrimScatterOp>(op);
      if (!ScatterExpansion(scatter).applies())
        scatter = withPlacesInLine(scatter);
      ScatterExpansion(scatter).expand();
    }
  }
};

} // namespace
} // namespace nnf
