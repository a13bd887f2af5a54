// Matrix products as primitives.
#include "dialects/nnf/infer/Promotion.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Softmax.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Linear.h.inc"

using namespace mlir;
namespace nnf {
namespace {

Value linear(LinearOp, LinearOp::Adaptor x, Primitives &p) {
  int64_t last = p.rankOf(x.getInput()) - 1;
  Value y = p.dot(x.getInput(), x.getWeight(), {}, {}, {last}, {p.rankOf(x.getWeight()) - 1});
  return x.getBias() ? p.add(y, p.broadcastTo(x.getBias(), shapeOf(y))) : y;
}

/// Two contractions: t[..., o, j] = sum over i of x1[..., i] W[o, i, j], then each t[..., o, :] with x2[..., :].
Value bilinear(BilinearOp, BilinearOp::Adaptor x, Primitives &p) {
  int64_t leading = p.rankOf(x.getInput1()) - 1;
  IntList batch = llvm::to_vector(llvm::seq<int64_t>(0, leading));
  Value t = p.dot(x.getInput1(), x.getWeight(), {}, {}, {leading}, {1});
  Value y = p.dot(t, x.getInput2(), batch, batch, {leading + 1}, {leading});
  return x.getBias() ? p.add(y, p.broadcastTo(x.getBias(), shapeOf(y))) : y;
}

/// x with its leading dimensions broadcast to `batch`; the last two stay.
Value withBatch(Primitives &p, Value x, ArrayRef<Dim> batch) {
  Shape shape(batch);
  llvm::append_range(shape, ArrayRef<Dim>(shapeOf(x)).take_back(2));
  return p.broadcastTo(x, shape);
}

/// [batch..., n, k] by [batch..., k, m], or by [batch..., m, k] where `transposed`.
Value batchedProduct(Primitives &p, Value a, Value b, bool transposed = false) {
  int64_t leading = p.rankOf(a) - 2;
  IntList batch = llvm::to_vector(llvm::seq<int64_t>(0, leading));
  return p.dot(a, b, batch, batch, {leading + 1}, {leading + (transposed ? 1 : 0)});
}

Value matmul(MatmulOp op, MatmulOp::Adaptor x, Primitives &p) {
  Value a = x.getInput(), b = x.getOther();
  int64_t left = p.rankOf(a), right = p.rankOf(b);
  // One matrix or vector on the right: the rows of all batches are the rows of one product.
  if (right <= 2)
    return p.dot(a, b, {}, {}, {left - 1}, {0});
  if (left == 1)
    a = p.unsqueeze(a, 0);
  Shape batch = *broadcastShapes(op.getLoc(), "other", ArrayRef<Dim>(shapeOf(a)).drop_back(2),
                                 ArrayRef<Dim>(shapeOf(b)).drop_back(2));
  Value y = batchedProduct(p, withBatch(p, a, batch), withBatch(p, b, batch));
  return p.reshape(y, shapeOf(op.getOutput()));
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
  Type element = p.elementOf(q);
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

  Dim width = shapeOf(q).back();
  if (op.getScale())
    q = p.mul(q, *op.getScale());
  else if (std::optional<int64_t> known = constantOf(width))
    q = p.mul(q, 1 / std::sqrt(static_cast<double>(*known)));
  else
    q = p.mul(q, p.div(1, p.sqrt(p.size(width, element))));
  Value scores = batchedProduct(p, q, k, /*transposed=*/true);
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
  double infinity = std::numeric_limits<double>::infinity();
  if (kept)
    scores = p.select(kept, scores, -infinity);
  Value weights = softmax(p, scores, last);
  // A row that is masked as a whole is all -inf, and its softmax 0/0. The first entry of a causal row is kept.
  if (mask) {
    Value largest = p.reduce(ReduceKind::Max, scores, {last});
    weights = p.select(p.broadcastOver(p.eq(largest, -infinity), shape, {last}), 0, weights);
  }
  return batchedProduct(p, weights, v);
}

} // namespace

void addLinear(Decompositions &table) {
  table.add<LinearOp>(linear);
  table.add<BilinearOp>(bilinear);
  table.add<MatmulOp>(matmul);
  table.add<BmmOp>([](auto, auto x, auto &p) { return batchedProduct(p, x.getInput(), x.getMat2()); });
  table.add<ScaledDotProductAttentionOp>(attention);
}

} // namespace nnf
