// ctc_loss as primitives: the forward variables of all states of all sequences, one step of time after the other.
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Losses.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/ClassLoss.h.inc"

using namespace mlir;
namespace nnf {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// log(sum of exp); -inf where all are -inf.
Value logAddExp(Primitives &p, ArrayRef<Value> terms) {
  Value largest = terms[0];
  for (Value term : terms.drop_front())
    largest = p.max(largest, term);
  Value shift = p.select(p.eq(largest, -infinity), 0, largest);
  Value sum;
  for (Value term : terms) {
    Value each = p.exp(p.sub(term, shift));
    sum = sum ? p.add(sum, each) : each;
  }
  return p.add(p.log(sum), shift);
}

/// The sequences of one call. A call without a batch is one of one sequence.
struct Sequences {
  Value logProbs;                    // [T, N, C]
  Value targets;                     // [N, S], or [sum of lengths]
  Value inputLengths, targetLengths; // [N] int64
  Dim time, batch, classes, labels;
};

/// labels[n, j] at `j` ([N, *] int64, kept inside), wherever they are stored.
Value labelAt(Primitives &p, const Sequences &s, Value j) {
  Type i64 = p.elementOf(j);
  Shape shape = shapeOf(j);
  if (p.rankOf(s.targets) == 2)
    return p.gather(s.targets, {p.iota(shape, 0, i64), j}, {0, 1}, BoundsKind::Clamp);
  Value start = p.sub(p.cumulate(ReduceKind::Add, s.targetLengths, 0), s.targetLengths);
  return p.gather(s.targets, {p.add(j, p.broadcastAlong(start, shape, 0))}, {0}, BoundsKind::Clamp);
}

void checkLengths(Primitives &p, const Sequences &s) {
  auto within = [&](Value lengths, Dim most, StringRef argument) {
    Value bound = p.size(most, p.elementOf(lengths));
    p.check(p.bitAnd(p.ge(lengths, 0), p.le(lengths, bound)), lengths,
            p.message(argument, "{value}, expected 0 <= length <= " + toString(most)) + " [NNFC-E0505]");
  };
  within(s.inputLengths, s.time, "input_lengths");
  within(s.targetLengths, s.labels, "target_lengths");
  if (p.rankOf(s.targets) == 2)
    return;
  Value sum = p.sum(s.targetLengths, {0});
  p.check(p.eq(sum, p.size(s.labels, p.elementOf(sum))), sum,
          p.message("target_lengths",
                    "{value} in all, expected " + toString(s.labels) + ", the size of 'targets' [NNFC-E0505]"));
}

/// A state for each label and each gap between: 2*j + 1 is label j, the others are blanks.
Value forwardLoss(Primitives &p, const Sequences &s, int64_t blank) {
  Type i64 = IntegerType::get(p.context(), 64), element = p.elementOf(s.logProbs);
  Shape states{s.batch, simplify(s.labels * 2 + 1)};
  auto perSequence = [&](Value v) { return p.broadcastAlong(v, states, 0); };
  Value state = p.iota(states, 1, i64), j = p.div(state, 2);
  Value isLabel = p.bitAnd(p.ne(p.rem(state, 2), 0), p.lt(j, perSequence(s.targetLengths)));
  Value label = labelAt(p, s, j), before = labelAt(p, s, p.max(p.sub(j, 1), 0));
  p.check(p.bitOr(p.logicalNot(isLabel), p.bitAnd(p.ge(label, 0), p.lt(label, p.size(s.classes, i64)))), label,
          p.message("targets", "label {value}, expected 0 <= label < " + toString(s.classes)) + " [NNFC-E0501]");
  Value symbol = p.select(isLabel, label, static_cast<double>(blank));
  // A blank may be left out between different labels only.
  Value skips = p.bitAnd(isLabel, p.bitAnd(p.ge(j, 1), p.ne(label, before)));

  // Before the first step all is in state 0, from where one may step to 0 or 1.
  Value start = p.select(p.eq(state, 0), 0, p.full(states, -infinity, element));
  Value log = p.loop(s.time, /*rows=*/1, {start}, {s.logProbs, symbol, skips, s.inputLengths},
                     [&](Primitives &p, Value t, ValueRange carried, ValueRange captured) -> SmallVector<Value> {
                       Value alpha = carried[0], time = p.broadcastTo(t, states);
                       auto shifted = [&](int64_t by) { return p.pad(alpha, -infinity, {0, by}, {0, -by}); };
                       Value skipped = p.select(captured[2], shifted(2), -infinity);
                       Value emitted = p.gather(captured[0], {time, p.iota(states, 0, i64), captured[1]}, {0, 1, 2},
                                                BoundsKind::Clamp);
                       Value next = p.add(logAddExp(p, {alpha, shifted(1), skipped}), emitted);
                       return {p.select(p.lt(time, perSequence(captured[3])), next, alpha)};
                     })[0];

  // It may end on the last label or on the blank after it.
  Shape each{s.batch};
  auto endingAt = [&](Value position) {
    return p.gather(log, {p.iota(each, 0, i64), position}, {0, 1}, BoundsKind::Clamp);
  };
  Value onBlank = p.mul(s.targetLengths, 2);
  Value onLabel = p.select(p.gt(onBlank, 0), endingAt(p.max(p.sub(onBlank, 1), 0)), -infinity);
  return p.neg(logAddExp(p, {endingAt(onBlank), onLabel}));
}

Value ctcLoss(CtcLossOp op, CtcLossOp::Adaptor x, Primitives &p) {
  Type i64 = IntegerType::get(p.context(), 64);
  Value logProbs = x.getLogProbs();
  bool isBatched = p.rankOf(logProbs) == 3;
  if (!isBatched)
    logProbs = p.unsqueeze(logProbs, 1);
  Shape shape = shapeOf(logProbs);
  auto lengths = [&](Value given) { return p.reshape(p.convert(given, i64), {shape[1]}); };
  Value targets = p.convert(x.getTargets(), i64);
  Dim labels = shapeOf(targets).back();
  // Indices are clamped to what is there: something must be.
  if (constantOf(labels).value_or(0) == 0) {
    SmallVector<int64_t> none(p.rankOf(targets), 0), one(none);
    one.back() = 1;
    targets = p.pad(targets, 0, none, one);
  }
  Sequences s{logProbs, targets, lengths(x.getInputLengths()), lengths(x.getTargetLengths()), shape[0], shape[1],
              shape[2], labels};
  checkLengths(p, s);
  Value loss = forwardLoss(p, s, op.getBlank());
  if (op.getZeroInfinity())
    loss = p.select(p.eq(loss, infinity), 0, loss);
  LossReduction reduction = *lossReductionOf(op.getLoc(), op);
  if (reduction == LossReduction::Mean)
    loss = p.div(loss, p.convert(p.max(s.targetLengths, 1), p.elementOf(loss)));
  if (!isBatched)
    loss = p.reshape(loss, {});
  return reduceLoss(p, loss, reduction);
}

} // namespace

void addCtc(Decompositions &table) { table.add<CtcLossOp>(ctcLoss); }

} // namespace nnf
