// The row family: reductions over some dimensions (a "row") with everything elementwise around them, one row after
// the other: softmax, norms, means, losses; or the position of a row's extreme. A row stays in cache between its
// passes.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Cost.h"
#include "passes/CostModel.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RowPlan.h"

using namespace mlir;
namespace nnf {
namespace {

/// Simple instructions that one element of the values takes, from operands and rows' results.
int64_t weightBehind(ArrayRef<Value> values) {
  int64_t weight = 0;
  llvm::SmallPtrSet<Operation *, 16> seen;
  SmallVector<Value> work(values);
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    if (!op || isa<PrimReduceOp, PrimArgReduceOp>(op) || !seen.insert(op).second)
      continue;
    weight += weightOf(op);
    llvm::append_range(work, op->getOperands());
  }
  return weight;
}

class RowEmitter {
public:
  RowEmitter(KernelEmitter &emitter, RowPlan &plan);

  void emit();

private:
  /// The rows that are worked on at once: one where lanes lie in the row, else a vector of rows each.
  using Rows = ArrayRef<Indices>;
  /// One chain's turn: at an element (or a vector of them), the chain's values before it to those after it.
  using Turn = llvm::function_ref<SmallVector<Value>(const Indices &at, ValueRange carried)>;

  void emitWithin(ArrayRef<Dim> keptShape, int64_t rowElements);
  void emitAcross(ArrayRef<Dim> keptShape, int64_t rowElements);
  void emitRows(Rows rows);
  /// Chains of partial results that do not wait for each other: one for each vector of rows; in a row as many as hide
  /// the time an addition takes, or two where the elements take longer (bce_with_logits: half the time of one).
  int64_t chainsOf(Rows rows, int64_t weight) const {
    return !lanesInRow ? static_cast<int64_t>(rows.size()) : lanes == 1 ? 1 : weight > 8 ? 2 : 4;
  }
  /// Runs over the elements of the rows, carrying `carried` values for each chain.
  SmallVector<Value> overRows(Rows rows, int64_t chains, ValueRange carried, Turn turn);
  void reduceStage(MutableArrayRef<PrimReduceOp> stage, Rows rows, ArrayRef<Value> keeps);
  /// What is costly to compute of an element, and needed by several passes over a row, is kept for the later ones.
  void chooseKept();
  /// Where the elements of the `number`-th of them are, and an element's place there.
  Value keptAddress(unsigned number) const;
  Index keptPlace(const Indices &at);
  void bindKept(const Indices &at);
  /// Where arithmetic is the bound: asks for what the row's results will be written to, and for the next row.
  void fetchAhead(const Indices &at);
  void findPosition(Rows rows);
  /// The bounds of a row's dimension.
  std::pair<Value, Value> boundsOf(unsigned level, const Indices &kept);

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  RowPlan &plan;
  SmallVector<unsigned> fullResults, keptResults;
  int64_t laneDim; // along which lanes lie
  bool lanesInRow;
  int64_t lanes;
  /// By the pass that computes them first, the number of a stage.
  SmallVector<SmallVector<Value>> keptBy;
  SmallVector<Value> kept; // those of passes that are done
  int64_t keptBytes = 0;   // of one value's elements
};

RowEmitter::RowEmitter(KernelEmitter &emitter, RowPlan &plan)
    : emitter(emitter), k(emitter.k), e(emitter.e), plan(plan), laneDim(plan.innermost()),
      lanesInRow(llvm::is_contained(plan.reduced, laneDim)),
      lanes(isConstant(plan.full[laneDim], 1) ? 1 : emitter.preferredLanes()) {
  for (unsigned i = 0; i < emitter.numResults(); ++i) {
    bool isFull = plan.extentOf(emitter.yielded(i)) == RowPlan::Extent::Elements;
    (isFull ? fullResults : keptResults).push_back(i);
  }
}

std::pair<Value, Value> RowEmitter::boundsOf(unsigned level, const Indices &kept) {
  Dim size = plan.full[plan.reduced[level]];
  if (!plan.block || level > 0)
    return {k.constant(0), k.size(size)};
  auto dim = llvm::find(plan.kept, plan.reduced[0]);
  Value first = k.mul(kept[dim - plan.kept.begin()].base, k.constant(plan.block));
  Value end = k.add(first, k.constant(plan.block));
  auto known = constantOf(size);
  bool isEven = known && *known % plan.block == 0;
  return {first, isEven ? end : k.min(end, k.size(size))};
}

SmallVector<Value> RowEmitter::overRows(Rows rows, int64_t chains, ValueRange carried, Turn turn) {
  Indices reduced(plan.reduced.size(), k.zero());
  unsigned perChain = carried.size() / chains;
  // Dimensions of one element, and the one with lanes, which comes last: nothing but ones is behind it.
  SmallVector<unsigned> levels;
  for (auto [i, dim] : llvm::enumerate(plan.reduced))
    if (dim < laneDim || !isConstant(plan.full[dim], 1))
      levels.push_back(i);
  std::function<SmallVector<Value>(unsigned, ValueRange)> nest = [&](unsigned depth, ValueRange carried) {
    if (depth == levels.size()) {
      SmallVector<Value> next;
      for (auto [i, kept] : llvm::enumerate(rows))
        llvm::append_range(next, turn(plan.fullIndices(kept, reduced), carried.slice(i * perChain, perChain)));
      return next;
    }
    unsigned level = levels[depth];
    auto [lower, upper] = boundsOf(level, rows.front());
    if (lanesInRow && plan.reduced[level] == laneDim)
      return emitter.forLanes(
          lanes, lower, upper, carried,
          [&](Index lane, ValueRange carried) {
            reduced[level] = lane;
            return turn(plan.fullIndices(rows.front(), reduced), carried);
          },
          chains);
    return k.loop(lower, upper, 1, carried, [&](Value i, ValueRange carried) {
      ElementEmitter::Scope scope(e);
      reduced[level] = k.index(i);
      return nest(depth + 1, carried);
    });
  };
  return nest(0, carried);
}

/// The costly values behind some that have an element for each element of a row.
static llvm::SetVector<Value> costlyBehind(ArrayRef<Value> values, ArrayRef<Dim> full) {
  llvm::SetVector<Value> costly;
  DenseSet<Value> seen;
  SmallVector<Value> work(values);
  while (!work.empty()) {
    Value value = work.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || isa<PrimReduceOp, PrimArgReduceOp>(op) || !seen.insert(value).second)
      continue;
    if (isCostly(op) && op->getNumResults() == 1 && sameShape(shapeOf(value), full) && isa<FloatType>(elementOf(value)))
      costly.insert(value);
    llvm::append_range(work, op->getOperands());
  }
  return costly;
}

void RowEmitter::chooseKept() {
  keptBy.resize(plan.stages.size());
  int64_t elements = 1;
  for (Dim size : plan.rowShape())
    elements *= constantOf(size).value_or(0);
  if (!lanesInRow || plan.block || plan.position || elements == 0)
    return;
  keptBytes = llvm::alignTo(elements * 8, 64);
  SmallVector<llvm::SetVector<Value>> passes;
  for (auto &stage : plan.stages) {
    SmallVector<Value> inputs;
    for (PrimReduceOp reduce : stage)
      inputs.push_back(reduce.getInput());
    passes.push_back(costlyBehind(inputs, plan.full));
  }
  SmallVector<Value> results;
  for (unsigned i : fullResults)
    results.push_back(emitter.yielded(i));
  passes.push_back(costlyBehind(results, plan.full));
  DenseSet<Value> taken;
  int64_t count = 0;
  for (size_t pass = 0; pass + 1 < passes.size(); ++pass)
    for (Value value : passes[pass]) {
      bool isNeededAgain = llvm::any_of(ArrayRef(passes).drop_front(pass + 1),
                                        [&](const llvm::SetVector<Value> &later) { return later.contains(value); });
      if (!isNeededAgain || (count + 1) * keptBytes > figures::keptBytesOfRow || !taken.insert(value).second)
        continue;
      keptBy[pass].push_back(value);
      ++count;
    }
  if (count)
    emitter.function->setAttr("nnf.scratch", emitter.builder.getI64IntegerAttr(count * keptBytes));
}

Value RowEmitter::keptAddress(unsigned number) const {
  return k.elementAddress(emitter.scratch, k.b.getI8Type(), k.constant(number * keptBytes));
}

Index RowEmitter::keptPlace(const Indices &at) {
  Indices reduced;
  for (int64_t dim : plan.reduced)
    reduced.push_back(at[dim]);
  return e.linear(plan.rowShape(), reduced);
}

void RowEmitter::bindKept(const Indices &at) {
  for (auto [number, value] : llvm::enumerate(kept))
    e.bind(value, at, k.load(keptAddress(number), elementOf(value), keptPlace(at)));
}

// The last pass over a row stores more than it computes, and would wait for each line; so does the first pass, which
// reads (512 rows of 1,024 in a quiet minute: 0.7 of the time).
void RowEmitter::fetchAhead(const Indices &at) {
  if (k.lanes == 1 || k.laneMask)
    return;
  auto fetch = [&](Value address, Type element, const Index &place, bool toWrite) {
    Value line = k.elementAddress(address, element, place.base);
    LLVM::Prefetch::create(k.b, k.loc, line, /*rw=*/toWrite, /*hint=*/3, /*cache=*/1);
  };
  for (unsigned i : fullResults)
    if (!emitter.goesPastCaches(i))
      fetch(emitter.resultAddress(i), elementOf(emitter.yielded(i)), emitter.resultOffset(i, at), /*toWrite=*/true);
  for (Value argument : emitter.kernel.getBody().getArguments())
    if (sameShape(shapeOf(argument), plan.full)) {
      Index place = e.linear(plan.full, at);
      place.base = k.add(place.base, k.size(productOf(emitter.kernel.getContext(), plan.rowShape())));
      fetch(emitter.addressOf(argument), elementOf(argument), place, /*toWrite=*/false);
    }
}

void RowEmitter::reduceStage(MutableArrayRef<PrimReduceOp> stage, Rows rows, ArrayRef<Value> keeps) {
  // In a row each lane of each chain has its own partial result; they are combined in a tree at the end.
  SmallVector<Value> inputs;
  for (PrimReduceOp reduce : stage)
    inputs.push_back(reduce.getInput());
  int64_t chains = chainsOf(rows, weightBehind(inputs));
  SmallVector<Value> init;
  {
    KernelEmitter::LanesScope scope(k, lanes);
    for (int64_t chain = 0; chain < chains; ++chain)
      for (PrimReduceOp reduce : stage)
        init.push_back(e.neutral(reduce.getKind(), elementOf(reduce.getInput()), /*vector=*/lanes > 1));
  }
  SmallVector<Value> partial = overRows(rows, chains, init, [&](const Indices &at, ValueRange carried) {
    SmallVector<Value> next;
    bindKept(at);
    if (!keeps.empty())
      fetchAhead(at);
    for (auto [number, value] : llvm::enumerate(keeps)) {
      Value computed = e.at(value, at);
      k.store(k.lanes > 1 ? k.spread(computed) : computed, keptAddress(kept.size() + number), elementOf(value),
              keptPlace(at));
    }
    for (auto [reduce, accumulated] : llvm::zip(stage, carried)) {
      Type element = elementOf(reduce.getInput());
      Value value = e.at(reduce.getInput(), at);
      if (k.lanes > 1)
        value = k.spread(value);
      if (lanesInRow && k.laneMask)
        value = arith::SelectOp::create(k.b, k.loc, k.laneMask, value,
                                        e.neutral(reduce.getKind(), element, /*vector=*/true));
      next.push_back(e.combine(reduce, accumulated, value));
    }
    return next;
  });
  for (auto [i, reduce] : llvm::enumerate(stage)) {
    auto resultOf = [&](int64_t chain) { return partial[chain * stage.size() + i]; };
    if (!lanesInRow) {
      for (auto [row, kept] : llvm::enumerate(rows))
        e.bind(reduce.getOutput(), kept, resultOf(row));
      continue;
    }
    for (int64_t step = chains / 2; step > 0; step /= 2)
      for (int64_t chain = 0; chain < step; ++chain)
        partial[chain * stage.size() + i] = e.combine(reduce, resultOf(chain), resultOf(chain + step));
    e.bind(reduce.getOutput(), rows.front(), e.combineLanes(reduce, resultOf(0)));
  }
}

/// Each lane keeps the best it has met and where that was. A lane that has met nothing stands at the place it would
/// have begun at, with what nothing is beyond.
void RowEmitter::findPosition(Rows rows) {
  PrimArgReduceOp op = plan.position;
  Type element = elementOf(op.getInput());
  int64_t dim = plan.reduced[0];
  ReduceKind kind = op.getKind();
  Value start = boundsOf(0, rows.front()).first;
  // Positions count from the start of the row or block; most fit into lanes as narrow as the values.
  std::optional<int64_t> longest = plan.block ? plan.block : constantOf(plan.full[dim]);
  Type i64 = k.b.getI64Type(), type = longest && *longest < INT32_MAX ? Type(k.b.getI32Type()) : i64;
  auto positionAt = [&](Index index) {
    Value position = k.sub(index.base, start);
    if (type != i64)
      position = arith::TruncIOp::create(k.b, k.loc, type, position);
    if (k.lanes == 1)
      return position;
    position = k.spread(position);
    if (index.uniform())
      return position;
    SmallVector<Attribute> numbers;
    for (int64_t lane = 0; lane < k.lanes; ++lane)
      numbers.push_back(k.b.getIntegerAttr(type, lane));
    Value lane = arith::ConstantOp::create(k.b, k.loc, DenseElementsAttr::get(k.vectorOf(type), numbers));
    return Value(arith::AddIOp::create(k.b, k.loc, position, lane));
  };
  int64_t chains = chainsOf(rows, weightBehind(op.getInput()));
  SmallVector<Value> init;
  {
    KernelEmitter::LanesScope scope(k, lanes);
    for (int64_t chain = 0; chain < chains; ++chain) {
      init.push_back(e.neutral(kind, element, /*vector=*/lanes > 1));
      Value first = k.add(start, k.constant(lanesInRow ? chain * lanes : 0));
      init.push_back(positionAt(k.index(first, lanesInRow && lanes > 1 ? 1 : 0)));
    }
  }
  SmallVector<Value> best = overRows(rows, chains, init, [&](const Indices &at, ValueRange carried) {
    Value value = e.at(op.getInput(), at);
    if (k.lanes > 1)
      value = k.spread(value);
    if (lanesInRow && k.laneMask)
      value = arith::SelectOp::create(k.b, k.loc, k.laneMask, value, e.neutral(kind, element, /*vector=*/true));
    Value wins = e.beats(kind, element, value, carried[0]);
    return SmallVector<Value>{arith::SelectOp::create(k.b, k.loc, wins, value, carried[0]),
                              arith::SelectOp::create(k.b, k.loc, wins, positionAt(at[dim]), carried[1])};
  });
  auto inTensor = [&](Value position) {
    if (auto vector = dyn_cast<VectorType>(position.getType()); vector && type != i64)
      position = arith::ExtUIOp::create(k.b, k.loc, VectorType::get(vector.getShape(), i64), position);
    else if (type != i64)
      position = arith::ExtUIOp::create(k.b, k.loc, i64, position);
    return arith::AddIOp::create(k.b, k.loc, position, k.spread(start));
  };
  if (!lanesInRow) {
    for (auto [row, kept] : llvm::enumerate(rows))
      e.bind(op.getOutput(), kept, inTensor(best[2 * row + 1]));
    return;
  }
  // Of equals, and of NaNs, the first in the row.
  auto better = [&](std::pair<Value, Value> x, std::pair<Value, Value> y) -> std::pair<Value, Value> {
    Value isBeaten = e.beats(kind, element, x.first, y.first), wins = e.beats(kind, element, y.first, x.first);
    Value isEarlier = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ult, y.second, x.second);
    Value isEqual = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, isBeaten, wins);
    wins = arith::SelectOp::create(k.b, k.loc, isEqual, isEarlier, wins);
    return {arith::SelectOp::create(k.b, k.loc, wins, y.first, x.first),
            arith::SelectOp::create(k.b, k.loc, wins, y.second, x.second)};
  };
  std::pair<Value, Value> found{best[0], best[1]};
  for (int64_t chain = 1; chain < chains; ++chain)
    found = better(found, {best[2 * chain], best[2 * chain + 1]});
  for (int64_t count = lanes; count > 1; count /= 2) {
    auto part = [&](int64_t from) -> std::pair<Value, Value> {
      auto numbers = llvm::to_vector(llvm::seq<int64_t>(from, from + count / 2));
      return {vector::ShuffleOp::create(k.b, k.loc, found.first, found.first, numbers),
              vector::ShuffleOp::create(k.b, k.loc, found.second, found.second, numbers)};
    };
    found = better(part(0), part(count / 2));
  }
  Value position = found.second;
  if (lanes > 1)
    position = vector::ExtractOp::create(k.b, k.loc, position, 0);
  e.bind(op.getOutput(), rows.front(), inTensor(position));
}

void RowEmitter::emitRows(Rows rows) {
  // Once a row, in front of the loops over its elements.
  auto evaluate = [&](ArrayRef<Value> ofRows) {
    for (Value value : ofRows)
      for (const Indices &kept : rows)
        e.at(value, plan.rowIndices(value, kept, k.zero()));
  };
  evaluate(plan.ofRows.front());
  kept.clear();
  for (auto [i, stage] : llvm::enumerate(plan.stages)) {
    reduceStage(stage, rows, keptBy[i]);
    llvm::append_range(kept, keptBy[i]);
    evaluate(plan.ofRows[i + 1]);
  }
  if (plan.position)
    findPosition(rows);
  for (unsigned i : keptResults)
    for (const Indices &kept : rows) {
      Value result = emitter.yielded(i);
      Indices at = plan.rowIndices(result, kept, k.zero());
      k.store(e.at(result, at), emitter.resultAddress(i), elementOf(result), emitter.resultOffset(i, at));
    }
  if (fullResults.empty())
    return;
  overRows(rows, /*chains=*/1, {}, [&](const Indices &at, ValueRange) -> SmallVector<Value> {
    SmallVector<Value> values;
    bindKept(at);
    for (unsigned i : fullResults)
      values.push_back(e.at(emitter.yielded(i), at));
    for (auto [i, value] : llvm::zip(fullResults, values))
      k.store(value, emitter.resultAddress(i), elementOf(emitter.yielded(i)), emitter.resultOffset(i, at),
              emitter.goesPastCaches(i));
    return {};
  });
}

/// Lanes lie in the row: a task is a block of rows.
void RowEmitter::emitWithin(ArrayRef<Dim> keptShape, int64_t rowElements) {
  int64_t blockRows = std::max<int64_t>(1, figures::taskElements / rowElements);
  Dim rows = productOf(emitter.kernel.getContext(), keptShape);
  emitter.forTasks({rows.ceilDiv(blockRows)}, [&](ArrayRef<Value> task) {
    Value first = k.mul(task[0], k.constant(blockRows));
    Value end = k.min(k.add(first, k.constant(blockRows)), k.size(rows));
    emitter.forRows(keptShape, first, end, [&](const Indices &kept) { emitRows(kept); });
  });
}

/// Lanes lie along a kept dimension: each lane reduces a row of its own, and a task is a block of columns.
void RowEmitter::emitAcross(ArrayRef<Dim> keptShape, int64_t rowElements) {
  unsigned lanePosition = llvm::find(plan.kept, laneDim) - plan.kept.begin();
  Shape outer(keptShape);
  outer.erase(outer.begin() + lanePosition);
  Dim width = plan.full[laneDim], outerCount = productOf(emitter.kernel.getContext(), outer);
  int64_t widthGuess = std::max<int64_t>(1, emitter.guess(width));
  int64_t outerGuess = std::max<int64_t>(1, emitter.guess(outer));

  // Several vectors of columns at once read longer runs of each row: as many as fit the registers, and leave tasks.
  SmallVector<Value> values;
  int64_t results = plan.position ? 2 : 0;
  for (auto &stage : plan.stages)
    for (PrimReduceOp reduce : stage) {
      values.push_back(reduce.getInput());
      ++results;
    }
  if (plan.position)
    values.push_back(plan.position.getInput());
  for (unsigned i : fullResults)
    values.push_back(emitter.yielded(i));
  int64_t atOnce = llvm::bit_floor<uint64_t>(std::clamp<int64_t>(24 / (weightBehind(values) + 2 * results), 1, 8));
  while (atOnce > 1 &&
         (lanes == 1 || outerGuess * widthGuess < figures::enoughTasks * atOnce * lanes || widthGuess < atOnce * lanes))
    atOnce /= 2;
  int64_t vectors = atOnce * lanes;
  int64_t block = llvm::alignTo(
      std::max<int64_t>(vectors, std::min<int64_t>(512, 2 * figures::taskElements / rowElements)), vectors);
  int64_t blockRows = std::max<int64_t>(1, figures::taskElements / (rowElements * std::min(block, widthGuess)));

  emitter.forTasks({outerCount.ceilDiv(blockRows), width.ceilDiv(block)}, [&](ArrayRef<Value> task) {
    Value first = k.mul(task[0], k.constant(blockRows));
    Value end = k.min(k.add(first, k.constant(blockRows)), k.size(outerCount));
    Value left = k.mul(task[1], k.constant(block));
    Value right = k.min(k.add(left, k.constant(block)), k.size(width));
    emitter.forRows(outer, first, end, [&](const Indices &row) {
      auto columnsAt = [&](Index lane) {
        Indices kept(row);
        kept.insert(kept.begin() + lanePosition, lane);
        return kept;
      };
      Value rest = left;
      if (atOnce > 1) {
        Value count = k.floorDiv(k.sub(right, left), k.constant(vectors));
        rest = k.add(left, k.mul(count, k.constant(vectors)));
        KernelEmitter::LanesScope full(k, lanes);
        k.loop(left, rest, vectors, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
          ElementEmitter::Scope scope(e);
          SmallVector<Indices, 8> rows;
          for (int64_t vector = 0; vector < atOnce; ++vector)
            rows.push_back(columnsAt(k.index(k.add(i, k.constant(vector * lanes)), 1)));
          emitRows(rows);
          return {};
        });
      }
      emitter.forLanes(lanes, rest, right, {}, [&](Index lane, ValueRange) -> SmallVector<Value> {
        emitRows(columnsAt(lane));
        return {};
      });
    });
  });
}

void RowEmitter::emit() {
  Shape keptShape = plan.keptShape();
  int64_t rowElements = std::max<int64_t>(1, emitter.guess(plan.rowShape()));
  chooseKept();
  if (lanesInRow)
    emitWithin(keptShape, rowElements);
  else
    emitAcross(keptShape, rowElements);
}

} // namespace

bool emitRowKernel(KernelOp kernel, const TargetInfo &target) {
  std::optional<RowPlan> plan = RowPlan::of(kernel);
  if (!plan)
    return false;
  KernelEmitter emitter(kernel, target);
  RowEmitter(emitter, *plan).emit();
  return true;
}

} // namespace nnf
