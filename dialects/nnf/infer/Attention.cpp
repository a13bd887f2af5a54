// Result types of attention.
#include "dialects/nnf/infer/Attention.h"
#include "dialects/nnf/infer/Promotion.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Attention.h.inc"

using namespace mlir;
namespace nnf {

NNF_INFER(ScaledDotProductAttentionOp) {
  Value q = op.getQuery(), k = op.getKey(), v = op.getValue(), mask = op.getAttnMask();
  if (failed(expectFloat(loc, "query", q)) || failed(expectElement(loc, "key", k, elementOf(q), "query")) ||
      failed(expectElement(loc, "value", v, elementOf(q), "query")))
    return failure();
  for (auto [name, x] : {std::pair<StringRef, Value>{"query", q}, {"key", k}, {"value", v}})
    if (rankOf(x) < 2)
      return argumentError(loc, name) << "rank " << rankOf(x) << ", expected at least 2 [NNFC-E0207]";
  if (failed(expectProbability(loc, "dropout_p", op.getDropoutP())))
    return failure();
  if (mask && op.getIsCausal())
    return argumentError(loc, "attn_mask") << "given, expected none when is_causal is true [NNFC-E0215]";
  Shape qs = shapeOf(q), ks = shapeOf(k), vs = shapeOf(v);
  if (failed(expectSize(loc, "key", k, ks.size() - 1, qs.back(), "the last dimension of 'query'")) ||
      failed(expectSize(loc, "value", v, vs.size() - 2, ks[ks.size() - 2], "dimension -2 of 'key'")))
    return failure();
  Shape qb(ArrayRef<Dim>(qs).drop_back(2)), kb(ArrayRef<Dim>(ks).drop_back(2)), vb(ArrayRef<Dim>(vs).drop_back(2));
  if (op.getEnableGqa()) {
    for (auto [name, heads] : {std::pair<StringRef, Shape *>{"key", &kb}, {"value", &vb}}) {
      if (heads->empty() || qb.empty())
        return argumentError(loc, name)
               << "rank 2, expected heads at dimension -3 when enable_gqa is true [NNFC-E0207]";
      if (!exactQuotient({qb.back()}, {heads->back()}, loc.getContext()))
        return argumentError(loc, name) << toString(heads->back()) << " heads, expected a divisor of the "
                                        << toString(qb.back()) << " of 'query' [NNFC-E0216]";
      heads->back() = qb.back();
    }
  }
  FailureOr<Shape> batch = broadcastShapes(loc, "key", qb, kb);
  if (succeeded(batch))
    batch = broadcastShapes(loc, "value", *batch, vb);
  if (failed(batch))
    return failure();
  if (mask) {
    if (!isBool(elementOf(mask)) && failed(expectElement(loc, "attn_mask", mask, elementOf(q), "query")))
      return failure();
    Shape scores(*batch);
    scores.append({qs[qs.size() - 2], ks[ks.size() - 2]});
    if (failed(expectBroadcastsTo(loc, "attn_mask", mask, scores)))
      return failure();
  }
  batch->append({qs[qs.size() - 2], vs.back()});
  types.push_back(tensorOf(*batch, elementOf(q)));
  return success();
}

FailureOr<AttentionSizes> attentionSizes(Location loc, Value query, Value key, Value staticKey, bool hasBiasKey,
                                         bool addZero, int64_t heads) {
  MLIRContext *context = loc.getContext();
  Shape q = shapeOf(query), k = shapeOf(key);
  bool isBatched = q.size() == 3;
  if (heads < 1)
    return argumentError(loc, "num_heads") << heads << ", expected at least 1 [NNFC-E0213]";
  Dim width = exactQuotient({q.back()}, {dimOf(context, heads)}, context);
  if (!width)
    return argumentError(loc, "num_heads")
           << heads << ", expected a divisor of the " << toString(q.back()) << " of 'query' [NNFC-E0216]";
  Dim one = dimOf(context, 1);
  Dim length = staticKey ? shapeOf(staticKey)[1] : simplify(k[0] + (hasBiasKey ? 1 : 0));
  return AttentionSizes{isBatched, isBatched ? q[1] : one, q[0], k[0], simplify(length + (addZero ? 1 : 0)), q.back(),
                        width};
}

/// A key or value beside those given: [1, 1, E], whose ones may be left out, as PyTorch repeats them.
static LogicalResult expectAdded(Location loc, StringRef name, Value added, Dim width) {
  Dim one = dimOf(loc.getContext(), 1);
  Shape expected(added && rankOf(added) > 0 && rankOf(added) < 3 ? rankOf(added) : 3, one);
  expected.back() = width;
  if (added && sameShape(shapeOf(added), expected))
    return success();
  return expectShape(loc, name, added, {one, one, width}, "[1, 1, E]");
}

NNF_INFER(MultiHeadAttentionForwardOp) {
  Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
  MLIRContext *context = loc.getContext();
  if (failed(expectFloat(loc, "query", query)) ||
      failed(expectRank(loc, "query", query, {3, 2}, "[L, N, E] or [L, E]")) ||
      failed(expectRank(loc, "key", key, {rankOf(query)}, "as 'query' has")) ||
      failed(expectRank(loc, "value", value, {rankOf(query)}, "as 'query' has")))
    return failure();
  Type element = elementOf(query);
  std::pair<StringRef, Value> floats[] = {{"key", key},
                                          {"value", value},
                                          {"in_proj_weight", op.getInProjWeight()},
                                          {"in_proj_bias", op.getInProjBias()},
                                          {"bias_k", op.getBiasK()},
                                          {"bias_v", op.getBiasV()},
                                          {"out_proj_weight", op.getOutProjWeight()},
                                          {"out_proj_bias", op.getOutProjBias()},
                                          {"q_proj_weight", op.getQProjWeight()},
                                          {"k_proj_weight", op.getKProjWeight()},
                                          {"v_proj_weight", op.getVProjWeight()},
                                          {"static_k", op.getStaticK()},
                                          {"static_v", op.getStaticV()}};
  for (auto [name, tensor] : floats)
    if (failed(expectElement(loc, name, tensor, element, "query")))
      return failure();
  if (failed(expectProbability(loc, "dropout_p", op.getDropoutP())))
    return failure();
  if (static_cast<bool>(op.getBiasK()) != static_cast<bool>(op.getBiasV()))
    return argumentError(loc, op.getBiasK() ? "bias_v" : "bias_k")
           << "missing, expected bias_k and bias_v or neither [NNFC-E0204]";
  if (op.getBiasK() && (op.getStaticK() || op.getStaticV()))
    return argumentError(loc, "bias_k") << "given, expected none with static_k or static_v [NNFC-E0215]";

  int64_t heads = op.getNumHeads();
  FailureOr<AttentionSizes> sizes =
      attentionSizes(loc, query, key, op.getStaticK(), static_cast<bool>(op.getBiasK()), op.getAddZeroAttn(), heads);
  if (failed(sizes))
    return failure();
  Dim width = sizes->width;
  if (!agrees(loc, "query", width, dimOf(context, op.getEmbedDimToCheck()), rankOf(query) - 1))
    return argumentError(loc, "query") << "last size " << toString(width) << ", expected embed_dim_to_check, "
                                       << static_cast<int64_t>(op.getEmbedDimToCheck()) << " [NNFC-E0208]";
  Shape k = shapeOf(key), v = shapeOf(value);
  if (sizes->isBatched && failed(expectSize(loc, "key", key, 1, sizes->batch, "'query'")))
    return failure();
  Shape expectedValue(k);
  expectedValue.back() = v.back();
  if (failed(expectShape(loc, "value", value, expectedValue, "the leading sizes of 'key'")))
    return failure();
  Dim triple = simplify(width * 3);
  if (op.getUseSeparateProjWeight()) {
    std::tuple<StringRef, Value, Dim> parts[] = {{"q_proj_weight", op.getQProjWeight(), width},
                                                 {"k_proj_weight", op.getKProjWeight(), k.back()},
                                                 {"v_proj_weight", op.getVProjWeight(), v.back()}};
    for (auto [name, weight, in] : parts) {
      if (!weight)
        return argumentError(loc, name)
               << "missing, expected a tensor when use_separate_proj_weight is true [NNFC-E0204]";
      if (failed(expectShape(loc, name, weight, {width, in}, "[E, in]")))
        return failure();
    }
  } else {
    if (!op.getInProjWeight())
      return argumentError(loc, "in_proj_weight") << "missing, expected a tensor [3*E, E] [NNFC-E0204]";
    if (failed(expectShape(loc, "in_proj_weight", op.getInProjWeight(), {triple, width}, "[3*E, E]")))
      return failure();
    for (auto [name, tensor] : {std::pair<StringRef, Value>{"key", key}, {"value", value}})
      if (failed(expectSize(loc, name, tensor, rankOf(tensor) - 1, width, "'query'")))
        return failure();
  }
  Dim rows = simplify(sizes->batch * heads);
  Shape fixed{rows, op.getStaticK() ? shapeOf(op.getStaticK())[1] : k[0], sizes->headWidth};
  if (failed(expectShape(loc, "in_proj_bias", op.getInProjBias(), {triple}, "[3*E]")) ||
      failed(expectAdded(loc, "bias_k", op.getBiasK(), width)) ||
      failed(expectAdded(loc, "bias_v", op.getBiasV(), width)) ||
      failed(expectShape(loc, "out_proj_weight", op.getOutProjWeight(), {width, width}, "[E, E]")) ||
      failed(expectShape(loc, "out_proj_bias", op.getOutProjBias(), {width}, "[E]")) ||
      failed(expectShape(loc, "static_k", op.getStaticK(), fixed, "[N*heads, S, E/heads]")) ||
      failed(expectShape(loc, "static_v", op.getStaticV(), fixed, "[N*heads, S, E/heads]")))
    return failure();

  // Masks are of the given keys: those added are never masked.
  Dim source = op.getStaticK() ? fixed[1] : k[0];
  if (Value mask = op.getKeyPaddingMask()) {
    if (!isBool(elementOf(mask)) && failed(expectElement(loc, "key_padding_mask", mask, element, "query")))
      return failure();
    Shape expected{sizes->batch, source};
    if (!sizes->isBatched)
      expected.erase(expected.begin());
    if (failed(expectShape(loc, "key_padding_mask", mask, expected, sizes->isBatched ? "[N, S]" : "[S]")))
      return failure();
  }
  if (Value mask = op.getAttnMask()) {
    if (!isBool(elementOf(mask)) && failed(expectElement(loc, "attn_mask", mask, element, "query")))
      return failure();
    if (failed(expectRank(loc, "attn_mask", mask, {2, 3}, "[L, S] or [N*heads, L, S]")))
      return failure();
    Shape expected{sizes->queries, source};
    if (rankOf(mask) == 3)
      expected.insert(expected.begin(), rows);
    if (failed(expectShape(loc, "attn_mask", mask, expected, rankOf(mask) == 3 ? "[N*heads, L, S]" : "[L, S]")))
      return failure();
  }
  types.push_back(query.getType());
  if (op.getNeedWeights()) {
    Shape weights{sizes->batch, sizes->queries, sizes->keys};
    if (!op.getAverageAttnWeights())
      weights.insert(weights.begin() + 1, dimOf(context, heads));
    if (!sizes->isBatched)
      weights.erase(weights.begin());
    types.push_back(tensorOf(weights, element));
  }
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Attention.cpp.inc"

void nnf::addAttentionOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Attention.cpp.inc"
      >();
}
