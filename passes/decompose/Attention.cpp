// Attention as primitives.
#include "dialects/nnf/infer/Attention.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/MatrixProducts.h"
#include "passes/decompose/Random.h"
#include "passes/decompose/Softmax.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Attention.h.inc"

using namespace mlir;
namespace nnf {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// x / sqrt(width).
Value scaledByWidth(Primitives &p, Value x, Dim width) {
  if (std::optional<int64_t> known = constantOf(width))
    return p.mul(x, 1 / std::sqrt(static_cast<double>(*known)));
  return p.mul(x, p.div(1, p.sqrt(p.size(width, p.elementOf(x)))));
}

/// Repeats the heads at dimension -3 so often as to give `heads`, each one's copies side by side.
Value repeatHeads(Primitives &p, Value x, Dim heads) {
  Shape shape = shapeOf(x);
  int64_t dim = shape.size() - 3;
  if (sameDim(shape[dim], heads))
    return x;
  Shape wide(shape);
  wide.insert(wide.begin() + dim + 1, exactQuotient({heads}, {shape[dim]}, p.context()));
  IntList kept;
  for (int64_t d = 0, rank = wide.size(); d < rank; ++d)
    if (d != dim + 1)
      kept.push_back(d);
  shape[dim] = heads;
  return p.reshape(p.broadcast(x, wide, kept), shape);
}

Value attention(ScaledDotProductAttentionOp op, ScaledDotProductAttentionOp::Adaptor x, Primitives &p) {
  Value q = x.getQuery(), k = x.getKey(), v = x.getValue(), mask = x.getAttnMask();
  if (op.getEnableGqa()) {
    Dim heads = shapeOf(q)[p.rankOf(q) - 3];
    k = repeatHeads(p, k, heads);
    v = repeatHeads(p, v, heads);
  }
  Shape out = shapeOf(op.getOutput());
  ArrayRef<Dim> batch = ArrayRef<Dim>(out).drop_back(2);
  q = withBatch(p, q, batch);
  k = withBatch(p, k, batch);
  v = withBatch(p, v, batch);

  // The product is scaled, not the queries: an epilogue in place of a kernel.
  Value scores = batchedProduct(p, q, k, /*transposed=*/true);
  scores = op.getScale() ? p.mul(scores, *op.getScale()) : scaledByWidth(p, scores, shapeOf(q).back());
  Shape shape = shapeOf(scores);
  int64_t last = shape.size() - 1;
  Value kept;
  if (op.getIsCausal()) {
    Type i64 = IntegerType::get(p.context(), 64);
    kept = p.ge(p.iota(shape, last - 1, i64), p.iota(shape, last, i64));
  } else if (mask && isBool(p.elementOf(mask))) {
    kept = p.broadcastTo(mask, shape);
  } else if (mask) {
    scores = p.add(scores, p.broadcastTo(mask, shape));
  }
  if (kept)
    scores = p.select(kept, scores, -infinity);
  Value weights = softmax(p, scores, last);
  // A row that is masked as a whole is all -inf, and its softmax 0/0. The first entry of a causal row is kept.
  if (mask) {
    Value largest = p.reduce(ReduceKind::Max, scores, {last});
    weights = p.select(p.broadcastOver(p.eq(largest, -infinity), shape, {last}), 0, weights);
  }
  if (op.getDropoutP() != 0)
    weights = dropped(p, op, weights, op.getDropoutP());
  return batchedProduct(p, weights, v);
}

// ---- with several heads

/// x * transpose(weight) + bias over the last dimension.
Value project(Primitives &p, Value x, Value weight, Value bias) {
  Value y = p.dot(x, weight, {}, {}, {p.rankOf(x) - 1}, {1});
  return bias ? p.add(y, p.broadcastTo(bias, shapeOf(y))) : y;
}

/// Rows [part * width, (part + 1) * width) of in_proj_weight or in_proj_bias.
Value third(Primitives &p, Value stacked, int64_t part, Dim width) {
  return stacked ? p.sliceDim(stacked, 0, simplify(width * part), width) : Value();
}

/// [S, N, E] to [N*heads, S, E/heads].
Value splitHeads(Primitives &p, Value x, Dim rows, Dim headWidth) {
  return p.transpose(p.reshape(x, {shapeOf(x)[0], rows, headWidth}), {1, 0, 2});
}

/// scores where the mask, over the leading keys of a row, leaves out or adds; keys beyond it stay as they are.
Value masked(Primitives &p, Value scores, Value mask, Ints dims) {
  Shape shape = shapeOf(scores);
  int64_t last = shape.size() - 1, rank = p.rankOf(mask);
  bool leavesOut = isBool(p.elementOf(mask));
  SmallVector<int64_t> low(rank, 0), high(rank, 0);
  // bias_k and add_zero_attn add a key each.
  if (std::optional<int64_t> extra = constantOf(simplify(shape[last] - shapeOf(mask).back())))
    high.back() = *extra;
  Value whole = p.broadcast(p.pad(mask, 0, low, high), shape, dims);
  return leavesOut ? p.select(whole, -infinity, scores) : p.add(scores, whole);
}

Decompositions::Values multiHead(MultiHeadAttentionForwardOp op, MultiHeadAttentionForwardOp::Adaptor x,
                                 Primitives &p) {
  int64_t heads = op.getNumHeads();
  AttentionSizes sizes = *attentionSizes(op.getLoc(), op.getQuery(), op.getKey(), op.getStaticK(),
                                         static_cast<bool>(op.getBiasK()), op.getAddZeroAttn(), heads);
  auto withN = [&](Value v) { return sizes.isBatched ? v : p.unsqueeze(v, 1); };
  Dim rows = simplify(sizes.batch * heads), headDim = dimOf(p.context(), heads);
  auto weightOf = [&](Value separate, int64_t part) {
    return op.getUseSeparateProjWeight() ? separate : third(p, x.getInProjWeight(), part, sizes.width);
  };
  auto projected = [&](Value v, Value separate, int64_t part) {
    return project(p, withN(v), weightOf(separate, part), third(p, x.getInProjBias(), part, sizes.width));
  };
  Value q = splitHeads(p, projected(x.getQuery(), x.getQProjWeight(), 0), rows, sizes.headWidth);
  auto keysOrValues = [&](Value given, Value separate, int64_t part, Value bias, Value fixed) {
    Value v = fixed;
    if (!fixed) {
      v = projected(given, separate, part);
      if (bias)
        v = p.concat({v, p.broadcastTo(bias, {dimOf(p.context(), 1), sizes.batch, sizes.width})}, 0);
      v = splitHeads(p, v, rows, sizes.headWidth);
    }
    return op.getAddZeroAttn() ? p.pad(v, 0, {0, 0, 0}, {0, 1, 0}) : v;
  };
  Value k = keysOrValues(x.getKey(), x.getKProjWeight(), 1, x.getBiasK(), x.getStaticK());
  Value v = keysOrValues(x.getValue(), x.getVProjWeight(), 2, x.getBiasV(), x.getStaticV());

  Value scores = scaledByWidth(p, batchedProduct(p, q, k, /*transposed=*/true), sizes.headWidth);
  if (Value mask = x.getAttnMask())
    scores = masked(p, scores, mask, p.rankOf(mask) == 3 ? IntList{0, 1, 2} : IntList{1, 2});
  Shape perHead{sizes.batch, headDim, sizes.queries, shapeOf(scores).back()};
  if (Value mask = x.getKeyPaddingMask()) {
    Value split = masked(p, p.reshape(scores, perHead), mask, sizes.isBatched ? IntList{0, 3} : IntList{3});
    scores = p.reshape(split, shapeOf(scores));
  }
  Value weights = softmax(p, scores, 2);
  if (op.getTraining() && op.getDropoutP() != 0)
    weights = dropped(p, op, weights, op.getDropoutP());
  Value joined = p.transpose(batchedProduct(p, weights, v), {1, 0, 2});
  Value flat = p.reshape(joined, {sizes.queries, sizes.batch, sizes.width});
  Value output = project(p, flat, x.getOutProjWeight(), x.getOutProjBias());
  Decompositions::Values results{p.reshape(output, shapeOf(op.getOutput()))};
  if (op.getNeedWeights()) {
    Value each = p.reshape(weights, perHead);
    results.push_back(p.reshape(op.getAverageAttnWeights() ? p.mean(each, {1}) : each, shapeOf(op.getWeights())));
  }
  return results;
}

} // namespace

void addAttention(Decompositions &table) {
  table.add<ScaledDotProductAttentionOp>(attention);
  table.add<MultiHeadAttentionForwardOp>(multiHead);
}

} // namespace nnf
