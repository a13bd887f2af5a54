// The attention family: softmax(Q K^T) V with a tile's scores in cache.
//
// A task is a block of queries of one batch entry. It packs keys and values into panels in scratch memory, then goes
// from tile to tile of queries: scores by the microkernel of contractions, the softmax of each row with all that is
// elementwise before it, and the mix of values by the microkernel again, of which the store is the epilogue. Many keys
// come in blocks; then a row's largest score, its total and its mix are those of the blocks so far, and are scaled when
// a larger score comes. One or two queries read keys and values where they lie: to pack them would take longer.
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Cost.h"
#include "passes/kernels/AttentionEmitter.h"
#include "passes/math/Functions.h"

using namespace mlir;
namespace nnf {

Value AttentionEmitter::reserve(int64_t elements) {
  int64_t bytes = elementBytes(t.element);
  Value start = k.elementAddress(emitter.scratch, k.b.getI8Type(), k.constant(scratchElements * bytes));
  scratchElements += llvm::alignTo(elements, 64 / bytes);
  return start;
}

void AttentionEmitter::reserveScratch() {
  // A block that is transposed in registers may be stored beyond the last step of its panel.
  int64_t overhang = t.lanes * t.panelWidth;
  queries = reserve(t.mostRows() * t.depth + t.lanes);
  keyPanels = reserve(t.blockKeys * t.depth + overhang);
  valuePanels = reserve(t.panels * t.panelWidth * t.blockKeys + overhang);
  scores = reserve(t.mostRows() * t.scoreStride());
  factors = reserve(t.mostRows());
  if (!t.isOneBlock()) {
    int64_t rows = t.rowsPerTask() + t.tailRows;
    largest = reserve(rows);
    totals = reserve(rows);
    mix = reserve(rows * t.panels * t.panelWidth);
  }
  emitter.function->setAttr("nnf.scratch", k.b.getI64IntegerAttr(scratchElements * elementBytes(t.element)));
}

/// Simple instructions that a logit takes when its score is there.
int64_t AttentionEmitter::weightOfLogits() {
  int64_t weight = 0;
  SmallVector<Value> work{a.logits};
  DenseSet<Operation *> seen;
  while (!work.empty())
    if (Operation *op = work.pop_back_val().getDefiningOp(); op && op != a.scores && seen.insert(op).second) {
      weight += weightOf(op);
      llvm::append_range(work, op->getOperands());
    }
  return weight;
}

void AttentionEmitter::emit(ArrayRef<StoredMix> results) {
  stored = results;
  reserveScratch();
  keepsLogits = weightOfLogits() > 2;
  Shape grid = batchGrid();
  grid.push_back(t.tasks);
  emitter.forTasks(grid, [&](ArrayRef<Value> task) { emitTask(task); });
}

void AttentionEmitter::emitTask(ArrayRef<Value> task) {
  batch.clear();
  for (Value position : task.drop_back())
    batch.push_back(k.index(position));
  Value perTask = k.constant(t.tilesPerTask);
  if (!t.hasFixedQueries) { // evenly
    Value tasks = k.size(t.tasks), tiles = k.ceilDiv(k.size(t.queries), t.tileRows);
    perTask = k.floorDiv(k.add(tiles, k.sub(tasks, k.constant(1))), tasks);
  }
  Value first = k.mul(task.back(), perTask), end = k.add(first, perTask);
  std::optional<int64_t> fixed = constantOf(t.queries);
  bool mayBeFew = fixed ? *fixed <= AttentionPlan::fewQueries : !sameDim(t.queries, t.keys);
  if (!mayBeFew || !canReadInPlace())
    return emitQueries(first, end, /*inPlace=*/false);
  if (fixed)
    return emitQueries(first, end, /*inPlace=*/true);
  Value areFew = k.less(k.size(t.queries), k.constant(AttentionPlan::fewQueries + 1));
  auto branch = scf::IfOp::create(k.b, k.loc, TypeRange{}, areFew, /*withElseRegion=*/true);
  for (bool inPlace : {true, false}) {
    OpBuilder::InsertionGuard restore(k.b);
    k.b.setInsertionPoint((inPlace ? branch.thenBlock() : branch.elseBlock())->getTerminator());
    ElementEmitter::Scope scope(e);
    emitQueries(first, end, inPlace);
  }
}

void AttentionEmitter::emitQueries(Value first, Value end, bool inPlace) {
  auto forEach = [&](llvm::function_ref<void(const Tile &)> body) {
    inPlace ? forQueries(body) : forTiles(first, end, body);
  };
  Span depth{k.constant(0), k.constant(t.depth)}, columns{k.constant(0), k.constant(t.columns)};
  if (!t.isOneBlock())
    clearMix();
  forBlocks([&](const Span &keys) {
    if (!inPlace) {
      pack(a.scores, a.scoresBatch(), keys, depth, keyPanels, t.depth * t.panelWidth);
      pack(a.mix, a.mixBatch(), columns, keys, valuePanels, t.blockKeys * t.panelWidth);
    }
    forEach([&](const Tile &tile) {
      Span seen = keysOf(tile, keys);
      if (!inPlace)
        packQueries(tile);
      inPlace ? computeScoresInPlace(tile, seen) : computeScores(tile, seen);
      softmax(tile, seen);
      mixKeys(tile, seen, inPlace);
    });
  });
  if (t.isOneBlock())
    return;
  forEach([&](const Tile &tile) {
    k.loop(k.constant(0), k.constant(tile.rows), 1, {}, [&](Value row, ValueRange) -> SmallVector<Value> {
      Value total = k.load(totals, t.element, k.index(k.add(tile.slot, row)));
      k.store(mixFactor(k, a, total), factors, t.element, k.index(row));
      return {};
    });
    forColumns(2, [&](Value column, ArrayRef<Value> masks) {
      KernelEmitter::LanesScope lanes(k, t.lanes);
      SmallVector<Value> sums;
      for (int64_t r = 0; r < tile.rows; ++r)
        for (size_t v = 0; v < masks.size(); ++v)
          sums.push_back(k.load(mix, t.element, mixSlot(tile, r, column, v)));
      finish(tile, column, masks, sums);
    });
  });
}

/// Adds what the tile takes of these keys' values: to the mix so far, or as the result where there are no other keys.
void AttentionEmitter::mixKeys(const Tile &tile, const Span &keys, bool inPlace) {
  forColumns(inPlace ? 4 : 2, [&](Value column, ArrayRef<Value> masks) {
    KernelEmitter::LanesScope lanes(k, t.lanes);
    SmallVector<Value> sums;
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value factor = t.isOneBlock() ? Value() : k.spread(k.load(factors, t.element, k.index(k.constant(r))));
      for (size_t v = 0; v < masks.size(); ++v)
        sums.push_back(t.isOneBlock() ? number(0) : times(k.load(mix, t.element, mixSlot(tile, r, column, v)), factor));
    }
    sums = inPlace ? mixInPlace(keys, column, masks, sums) : mixTile(tile, keys, column, masks.size(), sums);
    if (t.isOneBlock())
      return finish(tile, column, masks, sums);
    for (auto [i, sum] : llvm::enumerate(sums))
      k.store(sum, mix, t.element, mixSlot(tile, i / masks.size(), column, i % masks.size()));
  });
}

/// Keys that some query of the tile looks at.
AttentionEmitter::Span AttentionEmitter::keysOf(const Tile &tile, const Span &keys) {
  if (!a.isCausal)
    return keys;
  Value end = k.add(rowAt(tile, k.constant(tile.rows - 1)), k.constant(1));
  return {keys.first, k.min(keys.count, k.max(k.sub(end, keys.first), k.constant(0)))};
}

// ---- tiles and blocks

void AttentionEmitter::forTiles(Value first, Value end, llvm::function_ref<void(const Tile &)> body) {
  // Tile i of these starts at query i * rows + origin.
  Value taskStart = t.hasFixedQueries
                        ? k.add(k.mul(first, k.constant(t.tileRows)), k.min(first, k.constant(t.longerTiles)))
                        : k.mul(first, k.constant(t.tileRows));
  auto run = [&](Value from, Value to, int64_t rows, Value origin, bool isRagged) {
    k.loop(from, to, 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      Value start = k.add(k.mul(i, k.constant(rows)), origin);
      body({start, rows, k.sub(start, taskStart), isRagged});
      return {};
    });
  };
  if (t.hasFixedQueries) {
    Value split = k.constant(t.longerTiles);
    if (t.longerTiles)
      run(first, k.min(end, split), t.tileRows + 1, k.constant(0), false);
    run(k.max(first, split), k.min(end, k.constant(t.fixedTiles)), t.tileRows, split, false);
    return;
  }
  Value count = k.size(t.queries), whole = k.floorDiv(count, k.constant(t.tileRows));
  run(first, k.min(end, whole), t.tileRows, k.constant(0), false);
  // What is left comes after the last whole tile.
  Value rest = k.mul(whole, k.constant(t.tileRows));
  Value tails = k.ceilDiv(k.sub(count, rest), t.tailRows);
  Value isHere = k.both(k.less(whole, end), k.less(first, k.add(whole, k.constant(1))));
  tails = select(isHere, tails, k.constant(0));
  run(k.constant(0), tails, t.tailRows, rest, true);
}

void AttentionEmitter::forBlocks(llvm::function_ref<void(const Span &keys)> body) {
  Value count = k.size(t.keys);
  k.loop(k.constant(0), k.size(t.blocks), 1, {}, [&](Value block, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    Value first = k.mul(block, k.constant(t.blockKeys));
    std::optional<int64_t> fixed = constantOf(t.keys);
    bool isEven = fixed && *fixed % t.blockKeys == 0;
    body({first, isEven ? k.constant(t.blockKeys) : k.min(k.sub(count, first), k.constant(t.blockKeys))});
    return {};
  });
}

void AttentionEmitter::forColumns(int64_t vectors, ColumnsBody body) {
  int64_t width = vectors * t.lanes, whole = t.columns / width * width, rest = t.columns % width;
  k.loop(k.constant(0), k.constant(whole), width, {}, [&](Value column, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    body(column, SmallVector<Value>(vectors));
    return {};
  });
  if (!rest)
    return;
  ElementEmitter::Scope scope(e);
  SmallVector<Value> masks(llvm::divideCeil(rest, t.lanes));
  if (int64_t last = rest % t.lanes) {
    SmallVector<bool> inside;
    for (int64_t lane = 0; lane < t.lanes; ++lane)
      inside.push_back(lane < last);
    auto type = VectorType::get({t.lanes}, k.b.getI1Type());
    masks.back() = arith::ConstantOp::create(k.b, k.loc, DenseElementsAttr::get(type, inside));
    if (last == 1)
      k.singleLaneMasks.insert(masks.back());
  }
  body(k.constant(whole), masks);
}

/// Each query by itself.
void AttentionEmitter::forQueries(llvm::function_ref<void(const Tile &)> body) {
  k.loop(k.constant(0), k.size(t.queries), 1, {}, [&](Value query, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    body({query, 1, query, false});
    return {};
  });
}

// ---- positions

/// The query in row `row` of a tile.
Value AttentionEmitter::rowAt(const Tile &tile, Value row) {
  Value query = k.add(tile.start, row);
  return tile.isRagged ? k.min(query, k.sub(k.size(t.queries), k.constant(1))) : query;
}

// ---- the softmax

Value AttentionEmitter::larger(Value x, Value y) { return select(compare(arith::CmpFPredicate::OGT, x, y), x, y); }

Value AttentionEmitter::acrossLanes(Value vector, llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t count = t.lanes; count > 1; count /= 2) {
    auto part = [&](int64_t from) -> Value {
      auto numbers = llvm::to_vector(llvm::seq<int64_t>(from, from + count / 2));
      return vector::ShuffleOp::create(k.b, k.loc, vector, vector, numbers);
    };
    vector = combine(part(0), part(count / 2));
  }
  return vector::ExtractOp::create(k.b, k.loc, vector, 0);
}

/// exp(x) for x <= 0.
Value AttentionEmitter::exponential(Value x) {
  ExpansionSite site{k.b, k.loc, {k.target.hasFma, k.target.hasF16c}};
  return exponentialOfNegative(Term(site, x));
}

/// The logit of a score of this block; lanes lie along the keys.
Value AttentionEmitter::logit(Index query, const Span &keys, Index lane, Value score) {
  Index key = k.index(k.add(keys.first, lane.base), 1);
  e.bind(a.scores.getOutput(), at(a.scoresBatch(), query, key), score);
  return e.at(a.logits, at(a.logitsBatch(), query, key));
}

/// Scores become powers, to be divided by their row's total.
void AttentionEmitter::softmax(const Tile &tile, const Span &keys) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto vectorOf = [&](double value) {
    KernelEmitter::LanesScope lanes(k, t.lanes);
    return number(value);
  };
  auto add = [&](Value x, Value y) -> Value { return arith::AddFOp::create(k.b, k.loc, x, y); };
  auto subtract = [&](Value x, Value y) -> Value { return arith::SubFOp::create(k.b, k.loc, x, y); };
  // Of a row in scratch whole vectors can be read and written: there is room for them.
  auto read = [&](Value line, Index lane) {
    KernelEmitter::LanesScope all(k, t.lanes);
    return k.load(line, t.element, lane);
  };
  auto write = [&](Value x, Value line, Index lane) {
    KernelEmitter::LanesScope all(k, t.lanes);
    k.store(x, line, t.element, lane);
  };
  auto activeOr = [&](Value x, double other) { return k.laneMask ? select(k.laneMask, x, number(other)) : x; };
  k.loop(k.constant(0), k.constant(tile.rows), 1, {}, [&](Value row, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    Index query = k.index(rowAt(tile, row));
    Value line = address(scores, k.mul(row, k.constant(t.scoreStride())));
    Value best =
        emitter.forLanes(t.lanes, k.constant(0), keys.count, vectorOf(-infinity), [&](Index lane, ValueRange carried) {
          Value x = logit(query, keys, lane, read(line, lane));
          if (keepsLogits)
            write(x, line, lane);
          return SmallVector<Value>{larger(activeOr(x, -infinity), carried[0])};
        })[0];
    Value most = acrossLanes(best, [&](Value x, Value y) { return larger(x, y); });
    Value slot = k.add(tile.slot, row), before;
    if (!t.isOneBlock()) {
      before = k.load(largest, t.element, k.index(slot));
      most = larger(most, before);
      k.store(most, largest, t.element, k.index(slot));
    }
    // -inf - -inf is no number, which would stay in the totals of blocks to come.
    most = select(compare(arith::CmpFPredicate::OEQ, most, number(-infinity)), number(0), most);
    Value sum = emitter.forLanes(t.lanes, k.constant(0), keys.count, vectorOf(0), [&](Index lane, ValueRange carried) {
      Value x = read(line, lane);
      if (!keepsLogits)
        x = logit(query, keys, lane, x);
      Value power = activeOr(exponential(subtract(x, k.spread(most))), 0);
      write(power, line, lane);
      return SmallVector<Value>{add(carried[0], power)};
    })[0];
    Value total = acrossLanes(sum, add);
    Value factor;
    if (t.isOneBlock()) {
      factor = mixFactor(k, a, total);
    } else {
      factor = exponential(subtract(before, most));
      total = add(total, times(factor, k.load(totals, t.element, k.index(slot))));
      k.store(total, totals, t.element, k.index(slot));
    }
    k.store(factor, factors, t.element, k.index(row));
    return {};
  });
}

// ---- the mix of values

void AttentionEmitter::clearMix() {
  int64_t rows = t.rowsPerTask() + t.tailRows;
  auto fill = [&](Value memory, int64_t count, double value) {
    emitter.forLanes(t.lanes, k.constant(0), k.constant(count), {}, [&](Index lane, ValueRange) {
      k.store(number(value), memory, t.element, lane);
      return SmallVector<Value>();
    });
  };
  fill(largest, rows, -std::numeric_limits<double>::infinity());
  fill(totals, rows, 0);
  fill(mix, rows * t.panels * t.panelWidth, 0);
}

Index AttentionEmitter::mixSlot(const Tile &tile, int64_t row, Value column, int64_t vector) {
  Value line = k.mul(k.add(tile.slot, k.constant(row)), k.constant(t.panels * t.panelWidth));
  return k.index(k.add(line, k.add(column, k.constant(vector * t.lanes))), 1);
}

void AttentionEmitter::finish(const Tile &tile, Value column, ArrayRef<Value> masks, ArrayRef<Value> sums) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value row = k.constant(r);
    Index query = k.index(rowAt(tile, row));
    Value isThere = tile.isRagged ? k.less(k.add(tile.start, row), k.size(t.queries)) : Value();
    Value factor = k.spread(k.load(factors, t.element, k.index(row)));
    for (auto [v, mask] : llvm::enumerate(masks)) {
      ElementEmitter::Scope scope(e);
      Value value = finishedMix(k, a, sums[r * masks.size() + v], factor);
      k.laneMask = k.both(mask, isThere);
      if (k.laneMask)
        k.laneMask = k.spread(k.laneMask);
      Index columns = k.index(k.add(column, k.constant(static_cast<int64_t>(v) * t.lanes)), 1);
      Indices position = at(a.mixBatch(), query, columns);
      e.bind(a.mix.getOutput(), position, value);
      for (auto [i, result] : llvm::enumerate(stored)) {
        k.store(e.at(result.value, position), emitter.resultAddress(i), elementOf(result.result),
                result.placeOf(e, position));
      }
      k.laneMask = {};
    }
  }
}

bool emitAttentionKernel(KernelOp kernel, const TargetInfo &target) {
  for (PrimDotOp dot : kernel.getBody().getOps<PrimDotOp>()) {
    std::optional<Attention> attention = Attention::of(dot);
    if (!attention)
      continue;
    auto isRead = [](Value operand) { return isa<BlockArgument>(beforeViews(operand)); };
    if (!isRead(attention->scores.getLhs()) || !isRead(attention->scores.getRhs()) || !isRead(dot.getRhs()))
      return false;
    std::optional<SmallVector<StoredMix>> stored = storedMixes(kernel, dot);
    if (!stored)
      return false;
    KernelEmitter emitter(kernel, target);
    AttentionEmitter(emitter, *attention, target).emit(*stored);
    return true;
  }
  return false;
}

} // namespace nnf
