// softmax and its kin as primitives.
#include "passes/decompose/Softmax.h"
#include "dialects/nnf/infer/Arguments.h"
#include "dialects/nnf/infer/Softmax.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Random.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Softmax.h.inc"

using namespace mlir;
namespace nnf {

static Value minusMax(Primitives &p, Value x, int64_t dim) {
  Value largest = p.reduce(ReduceKind::Max, x, {dim});
  return p.sub(x, p.broadcastOver(largest, shapeOf(x), {dim}));
}

Value softmax(Primitives &p, Value x, int64_t dim) {
  Value e = p.exp(minusMax(p, x, dim));
  return p.div(e, p.broadcastOver(p.sum(e, {dim}), shapeOf(x), {dim}));
}

LogSoftmaxParts logSoftmaxParts(Primitives &p, Value x, int64_t dim) {
  Value shifted = minusMax(p, x, dim);
  return {shifted, p.log(p.sum(p.exp(shifted), {dim}))};
}

Value logSoftmax(Primitives &p, Value x, int64_t dim) {
  LogSoftmaxParts parts = logSoftmaxParts(p, x, dim);
  return p.sub(parts.shifted, p.broadcastOver(parts.logTotal, shapeOf(x), {dim}));
}

/// Calls rule(p, x, dim) on the input in the type to compute in; a scalar is a row of one.
template <typename Op, typename Rule> static Value alongDim(Op op, Value input, Primitives &p, Rule rule) {
  Value x = input;
  // `dtype` rounds the input first; then 16-bit types are computed in float32, as everywhere.
  if (std::optional<Type> dtype = op.getDtype()) {
    x = p.convert(x, *dtype);
    if (isHalf(*dtype))
      x = p.convert(x, Float32Type::get(p.context()));
  }
  int64_t rank = p.rankOf(x), dim = *softmaxDim(op.getLoc(), op.getDim(), rank);
  if (rank == 0)
    x = p.unsqueeze(x, 0);
  return p.reshape(rule(p, x, dim), shapeOf(op.getOutput()));
}

/// y = softmax((logits - log E) / tau), E exponentially distributed; hard: 1 at the largest, 0 elsewhere.
static Value gumbelSoftmax(GumbelSoftmaxOp op, GumbelSoftmaxOp::Adaptor x, Primitives &p) {
  Value logits = x.getLogits();
  int64_t rank = p.rankOf(logits), dim = *wrapDim(op.getLoc(), "dim", op.getDim(), rank);
  if (rank == 0)
    logits = p.unsqueeze(logits, 0);
  Value draw = p.convert(openUniform(p, op, shapeOf(logits)), p.elementOf(logits));
  Value gumbel = p.neg(p.log(p.neg(p.log(draw))));
  Value y = softmax(p, p.div(p.add(logits, gumbel), op.getTau()), dim);
  if (op.getHard()) {
    Value winner = p.broadcastOver(p.argReduce(ReduceKind::Max, y, dim), shapeOf(y), {dim});
    Value isWinner = p.eq(p.iota(shapeOf(y), dim, p.elementOf(winner)), winner);
    y = p.convert(isWinner, p.elementOf(y));
  }
  return p.reshape(y, shapeOf(op.getOutput()));
}

void addSoftmaxes(Decompositions &table) {
  table.add<SoftmaxOp>([](auto op, auto x, auto &p) { return alongDim(op, x.getInput(), p, softmax); });
  table.add<SoftminOp>([](auto op, auto x, auto &p) {
    return alongDim(op, p.neg(x.getInput()), p, softmax); // before `dtype` converts: integers wrap
  });
  table.add<GumbelSoftmaxOp>(gumbelSoftmax);
  table.add<LogSoftmaxOp>([](auto op, auto x, auto &p) { return alongDim(op, x.getInput(), p, logSoftmax); });
}

} // namespace nnf
