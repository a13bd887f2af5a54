// Reductions as primitives.
#include "dialects/nnf/infer/Reduction.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Norm.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Reduction.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// The dimensions an op reduces, counted from 0.
template <typename Op> IntList dimsOf(Op op) {
  int64_t rank = rankOf(op.getInput());
  auto dim = op.getDim();
  if constexpr (std::is_same_v<decltype(dim), std::optional<int64_t>>)
    return *wrapDims(op.getLoc(), "dim", dim ? Ints(*dim) : Ints(), rank);
  else if constexpr (std::is_same_v<decltype(dim), std::optional<Ints>>)
    return *wrapDims(op.getLoc(), "dim", dim.value_or(Ints()), rank);
  else
    return *wrapDims(op.getLoc(), "dim", dim, rank);
}

/// The input as it is reduced: converted to `dtype` (or, for sums of integers, int64), then to the type to compute in.
template <typename Op> Value asSummand(Op op, Value input, Primitives &p) {
  Value x = p.convert(input, elementOf(op.getOutput()) == elementOf(op.getInput()) ? p.elementOf(input)
                                                                                   : elementOf(op.getOutput()));
  return isHalf(p.elementOf(x)) ? p.convert(x, Float32Type::get(p.context())) : x;
}

/// Position along one dimension, or in the flattened tensor.
template <typename Op> Value position(Op op, Value x, ReduceKind kind, Primitives &p) {
  Value result;
  if (op.getDim() && p.rankOf(x) > 0)
    result = p.argReduce(kind, x, *wrapDim(op.getLoc(), "dim", *op.getDim(), p.rankOf(x)));
  else
    result = p.argReduce(kind, p.reshape(x, {productOf(p.context(), shapeOf(x))}), 0);
  return p.reshape(result, shapeOf(op.getOutput()));
}

template <typename Op> Value variance(Op op, Value x, Primitives &p) {
  IntList dims = dimsOf(op);
  Value mean = p.mean(x, dims);
  Value squares = p.square(p.sub(x, p.broadcastOver(mean, shapeOf(x), dims)));
  Shape counted;
  for (int64_t d : dims)
    counted.push_back(shapeOf(x)[d]);
  double correction = op.getCorrection() ? *op.getCorrection() : op.getUnbiased() ? 1 : 0;
  Value divisor = p.sub(p.size(productOf(p.context(), counted), p.elementOf(x)), correction);
  // A negative number of degrees of freedom counts as none.
  divisor = p.max(divisor, 0);
  return p.div(p.sum(squares, dims, op.getKeepdim()), divisor);
}

Value truth(Primitives &p, Value x) { return isBool(p.elementOf(x)) ? x : p.ne(x, 0); }

template <typename Op> Value judged(Op op, Value x, ReduceKind kind, Primitives &p) {
  return p.convert(p.reduce(kind, truth(p, x), dimsOf(op), op.getKeepdim()), elementOf(op.getOutput()));
}

Value logsumexp(LogsumexpOp op, LogsumexpOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  if (!isFloat(p.elementOf(x)))
    x = p.convert(x, elementOf(op.getOutput()));
  IntList dims = dimsOf(op);
  Value largest = p.reduce(ReduceKind::Max, x, dims);
  // inf - inf would be NaN where the answer is an infinity.
  double infinity = std::numeric_limits<double>::infinity();
  Value shift = p.select(p.eq(p.abs(largest), infinity), 0, largest);
  Value total = p.sum(p.exp(p.sub(x, p.broadcastOver(shift, shapeOf(x), dims))), dims);
  return p.reshape(p.add(p.log(total), shift), shapeOf(op.getOutput()));
}

} // namespace

void addReductions(Decompositions &table) {
  table.add<SumOp>([](auto op, auto x, auto &p) {
    Value summand = asSummand(op, x.getInput(), p);
    // A sum of bools that is a bool tells whether there is one.
    ReduceKind kind = isBool(p.elementOf(summand)) ? ReduceKind::Or : ReduceKind::Add;
    return p.reduce(kind, summand, dimsOf(op), op.getKeepdim());
  });
  table.add<MeanOp>(
      [](auto op, auto x, auto &p) { return p.mean(asSummand(op, x.getInput(), p), dimsOf(op), op.getKeepdim()); });
  table.add<ProdOp>([](auto op, auto x, auto &p) {
    return p.reduce(ReduceKind::Mul, asSummand(op, x.getInput(), p), dimsOf(op), op.getKeepdim());
  });
  table.add<AmaxOp>(
      [](auto op, auto x, auto &p) { return p.reduce(ReduceKind::Max, x.getInput(), dimsOf(op), op.getKeepdim()); });
  table.add<AminOp>(
      [](auto op, auto x, auto &p) { return p.reduce(ReduceKind::Min, x.getInput(), dimsOf(op), op.getKeepdim()); });
  table.add<ArgmaxOp>([](auto op, auto x, auto &p) { return position(op, x.getInput(), ReduceKind::Max, p); });
  table.add<ArgminOp>([](auto op, auto x, auto &p) { return position(op, x.getInput(), ReduceKind::Min, p); });
  table.add<VarOp>([](auto op, auto x, auto &p) { return variance(op, x.getInput(), p); });
  table.add<StdOp>([](auto op, auto x, auto &p) { return p.sqrt(variance(op, x.getInput(), p)); });
  table.add<AllOp>([](auto op, auto x, auto &p) { return judged(op, x.getInput(), ReduceKind::And, p); });
  table.add<AnyOp>([](auto op, auto x, auto &p) { return judged(op, x.getInput(), ReduceKind::Or, p); });
  table.add<LogsumexpOp>(logsumexp);
  table.add<NormOp>([](auto op, auto x, auto &p) {
    return p.reshape(norm(p, x.getInput(), op.getP(), dimsOf(op)), shapeOf(op.getOutput()));
  });
}

} // namespace nnf
