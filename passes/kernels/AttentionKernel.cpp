// The attention family: softmax(Q K^T) V with a tile's scores in cache.
//
// A task is a block of queries of one batch entry. It packs keys and values into panels in scratch memory, then goes
// from tile to tile of queries: scores by the microkernel of contractions, the softmax of each row with all that is
// elementwise before it, and the mix of values by the microkernel again, of which the store is the epilogue. Many keys
// come in blocks; then a row's largest score, its total and its mix are those of the blocks so far, and are scaled when
// a larger score comes. One or two queries read keys and values where they lie: to pack them would take longer.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Cost.h"
#include "passes/kernels/AttentionPlan.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RegisterTile.h"
#include "passes/kernels/RegisterTranspose.h"
#include "passes/math/Functions.h"

using namespace mlir;
namespace nnf {
namespace {

/// What is stored of the mix: something elementwise on it, and where its elements go.
struct StoredMix {
  Value value;                     // of the mix's shape
  SmallVector<Operation *> moves; // reshapes of the batch, transposes; first to last
  Value result;
};

class AttentionEmitter {
public:
  AttentionEmitter(KernelEmitter &emitter, Attention &attention, const TargetInfo &target)
      : emitter(emitter), k(emitter.k), e(emitter.e), a(attention), t(attention, target) {}

  void emit(ArrayRef<StoredMix> stored);

private:
  /// Positions [first, first + count) of a dimension.
  struct Span {
    Value first, count;
  };
  /// Queries that go through the products together. Those past the last query stand for it and are not stored.
  struct Tile {
    Value start;
    int64_t rows;
    Value slot;    // of the first query, in the task
    bool isRagged; // some queries may be past the last
  };

  void reserveScratch();
  Value reserve(int64_t elements);
  void emitTask(ArrayRef<Value> task);
  /// `inPlace`: keys and values are read where they lie, query by query.
  void emitQueries(Value first, Value end, bool inPlace);
  bool canReadInPlace();
  void mixKeys(const Tile &tile, const Span &keys, bool inPlace);
  Span keysOf(const Tile &tile, const Span &keys);
  void forTiles(Value first, Value end, llvm::function_ref<void(const Tile &)> body);
  void forQueries(llvm::function_ref<void(const Tile &)> body);
  void forBlocks(llvm::function_ref<void(const Span &keys)> body);

  Indices batchAt(const Shape &batch);
  Indices at(const Shape &batch, Index row, Index column);
  Indices operandAt(Value operand, ArrayRef<int64_t> batchDims, int64_t contractedDim, const Shape &batch, Index free,
                    Index contracted);
  Value rowAt(const Tile &tile, Value row);

  void packQueries(const Tile &tile);
  void pack(PrimDotOp dot, const Shape &batch, Span columns, Span contracted, Value to, int64_t panelElements);
  bool liesAlongContracted(PrimDotOp dot, const Shape &batch);

  void clearMix();
  void computeScores(const Tile &tile, const Span &keys);
  void computeScoresInPlace(const Tile &tile, const Span &keys);
  void softmax(const Tile &tile, const Span &keys);
  int64_t weightOfLogits();
  Value logit(Index query, const Span &keys, Index lane, Value score);
  Value exponential(Value x);
  Value larger(Value x, Value y);
  Value acrossLanes(Value vector, llvm::function_ref<Value(Value, Value)> combine);
  Value factorOf(Value total);
  /// Runs over `vectors` vectors of the values' columns at a time, with a mask for each that has columns: null where
  /// it has all.
  using ColumnsBody = llvm::function_ref<void(Value column, ArrayRef<Value> masks)>;
  void forColumns(int64_t vectors, ColumnsBody body);
  SmallVector<Value> mixTile(const Tile &tile, const Span &keys, Value column, size_t vectors, ValueRange sums);
  SmallVector<Value> mixInPlace(const Span &keys, Value column, ArrayRef<Value> masks, ValueRange sums);
  Index mixSlot(const Tile &tile, int64_t row, Value column, int64_t vector);
  void finish(const Tile &tile, Value column, ArrayRef<Value> masks, ArrayRef<Value> sums);
  Indices moved(Operation *move, const Indices &from);

  Value number(double value) { return k.splat(FloatAttr::get(t.element, value), /*vector=*/k.lanes > 1); }
  Value address(Value base, Value offset) { return k.elementAddress(base, t.element, offset); }
  Value address(Value base, int64_t offset) { return address(base, k.constant(offset)); }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(k.b, k.loc, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) { return arith::SelectOp::create(k.b, k.loc, condition, x, y); }
  Value multiplyAdd(Value x, Value y, Value sum);
  Value times(Value x, Value y) { return arith::MulFOp::create(k.b, k.loc, x, y); }

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  Attention &a;
  AttentionPlan t;
  ArrayRef<StoredMix> stored;
  /// Logits take the place of scores in scratch: they are not computed twice, for the largest and for the powers.
  bool keepsLogits = false;
  int64_t scratchElements = 0;
  // In scratch memory; what is of each query is of those of a tile, or of a task where keys come in blocks.
  Value queries, keyPanels, valuePanels, scores, factors, largest, totals, mix;
  SmallVector<Index> batch; // of the task: one for each batch dimension, or one for all
};

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
  Shape grid = a.hasOneBatch ? a.mixBatch() : Shape{productOf(a.mix.getContext(), a.mixBatch())};
  grid.push_back(t.tasks);
  emitter.forTasks(grid, [&](ArrayRef<Value> task) { emitTask(task); });
}

void AttentionEmitter::emitTask(ArrayRef<Value> task) {
  batch.clear();
  for (Value position : task.drop_back())
    batch.push_back(k.index(position));
  Value first = k.mul(task.back(), k.constant(t.tilesPerTask));
  Value end = k.add(first, k.constant(t.tilesPerTask));
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
      k.store(factorOf(total), factors, t.element, k.index(row));
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
        sums.push_back(t.isOneBlock() ? number(0)
                                      : times(k.load(mix, t.element, mixSlot(tile, r, column, v)), factor));
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
  Value taskStart = t.hasFixedQueries ? k.add(k.mul(first, k.constant(t.tileRows)),
                                              k.min(first, k.constant(t.longerTiles)))
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
  // What is left is part of the last task.
  Value rest = k.mul(whole, k.constant(t.tileRows));
  Value tails = k.ceilDiv(k.sub(count, rest), t.tailRows);
  tails = arith::SelectOp::create(k.b, k.loc, k.less(whole, end), tails, k.constant(0));
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

Indices AttentionEmitter::batchAt(const Shape &shape) {
  return a.hasOneBatch ? Indices(batch.begin(), batch.end()) : e.split(shape, batch.front());
}

Indices AttentionEmitter::at(const Shape &shape, Index row, Index column) {
  Indices indices = batchAt(shape);
  indices.append({row, column});
  return indices;
}

Indices AttentionEmitter::operandAt(Value operand, ArrayRef<int64_t> batchDims, int64_t contractedDim,
                                    const Shape &shape, Index free, Index contracted) {
  Indices indices(shapeOf(operand).size(), free);
  indices[contractedDim] = contracted;
  for (auto [dim, index] : llvm::zip_equal(batchDims, batchAt(shape)))
    indices[dim] = index;
  return indices;
}

/// The query in row `row` of a tile.
Value AttentionEmitter::rowAt(const Tile &tile, Value row) {
  Value query = k.add(tile.start, row);
  return tile.isRagged ? k.min(query, k.sub(k.size(t.queries), k.constant(1))) : query;
}

// ---- what the products read

void AttentionEmitter::packQueries(const Tile &tile) {
  k.loop(k.constant(0), k.constant(tile.rows), 1, {}, [&](Value row, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    Index query = k.index(rowAt(tile, row));
    Value to = address(queries, k.mul(row, k.constant(t.depth)));
    emitter.forLanes(t.lanes, k.constant(0), k.constant(t.depth), {}, [&](Index lane, ValueRange) {
      Indices from = operandAt(a.scores.getLhs(), a.scores.getLhsBatch(), a.scores.getLhsContract()[0],
                               a.scoresBatch(), query, lane);
      k.store(k.spread(e.at(a.scores.getLhs(), from)), to, t.element, lane);
      return SmallVector<Value>();
    });
    return {};
  });
}

/// Neighbours in memory are neighbours along the contracted dimension rather than along the columns.
bool AttentionEmitter::liesAlongContracted(PrimDotOp dot, const Shape &shape) {
  auto slow = [&](int64_t inColumns, int64_t inContracted) {
    // What is emitted goes nowhere. Positions are arguments, so that none is known to be 0.
    Block thrownAway;
    OpBuilder::InsertionGuard restore(k.b);
    k.b.setInsertionPointToStart(&thrownAway);
    KernelEmitter::LanesScope lanes(k, t.lanes);
    ElementEmitter::Scope scope(e);
    auto position = [&](int64_t stride) {
      return k.index(thrownAway.addArgument(k.b.getI64Type(), k.loc), stride);
    };
    Index column = position(inColumns), contracted = position(inContracted);
    int64_t before = k.slowAccesses;
    e.at(dot.getRhs(), operandAt(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract()[0], shape, column, contracted));
    return std::exchange(k.slowAccesses, before) - before;
  };
  return slow(0, 1) < slow(1, 0);
}

/// The right operand of `dot` as panels: panel p holds, for each step of the contracted dimension, its columns side by
/// side. Columns past the last are copies of it or zeros.
void AttentionEmitter::pack(PrimDotOp dot, const Shape &shape, Span columns, Span contracted, Value to,
                            int64_t panelElements) {
  auto element = [&](Index column, Index step) {
    Value rhs = dot.getRhs();
    return k.spread(e.at(rhs, operandAt(rhs, dot.getRhsBatch(), dot.getRhsContract()[0], shape, column, step)));
  };
  // The vector of columns from `column` on, of a step.
  auto placeOf = [&](Value column, Value step) {
    Value panel = k.mul(k.floorDiv(column, k.constant(t.panelWidth)), k.constant(panelElements));
    Value inPanel = k.add(k.mul(step, k.constant(t.panelWidth)), k.mod(column, k.constant(t.panelWidth)));
    return k.index(k.add(panel, inPanel), 1);
  };
  if (!liesAlongContracted(dot, shape)) {
    k.loop(k.constant(0), contracted.count, 1, {}, [&](Value step, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      Index stepAt = k.index(k.add(contracted.first, step));
      emitter.forLanes(t.lanes, k.constant(0), columns.count, {}, [&](Index lane, ValueRange) {
        Value loaded = element(k.index(k.add(columns.first, lane.base), 1), stepAt);
        KernelEmitter::LanesScope all(k, t.lanes);
        k.store(loaded, to, t.element, placeOf(lane.base, step));
        return SmallVector<Value>();
      });
      return {};
    });
    return;
  }
  // Squares of lanes x lanes, transposed in registers.
  auto squares = [&](Value group, bool isRagged) {
    Value first = k.mul(group, k.constant(t.lanes)), last = k.sub(columns.count, k.constant(1));
    emitter.forLanes(t.lanes, k.constant(0), contracted.count, {}, [&](Index lane, ValueRange) {
      SmallVector<Value> rows;
      for (int64_t i = 0; i < t.lanes; ++i) {
        Value column = k.add(first, k.constant(i));
        column = k.add(columns.first, isRagged ? k.min(column, last) : column);
        rows.push_back(element(k.index(column), k.index(k.add(contracted.first, lane.base), 1)));
      }
      KernelEmitter::LanesScope all(k, t.lanes);
      for (auto [i, row] : llvm::enumerate(transposed(k, rows)))
        k.store(row, to, t.element, placeOf(first, k.add(lane.base, k.constant(i))));
      return SmallVector<Value>();
    });
  };
  auto forGroups = [&](Value from, Value end, bool isRagged) {
    k.loop(from, end, 1, {}, [&](Value group, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      squares(group, isRagged);
      return {};
    });
  };
  Value whole = k.floorDiv(columns.count, k.constant(t.lanes));
  forGroups(k.constant(0), whole, false);
  forGroups(whole, k.ceilDiv(columns.count, t.lanes), true);
}

// ---- scores and their softmax

void AttentionEmitter::computeScores(const Tile &tile, const Span &keys) {
  KernelEmitter::LanesScope lanes(k, t.lanes);
  auto panel = [&](Value panelAt, int64_t vectors) {
    RegisterTile product{t.element, {}, k.constant(1), {}, k.constant(t.panelWidth), SmallVector<Value>(vectors)};
    for (int64_t r = 0; r < tile.rows; ++r)
      product.rows.push_back(address(queries, r * t.depth));
    product.columns = address(keyPanels, k.mul(panelAt, k.constant(t.depth * t.panelWidth)));
    SmallVector<Value> sums(tile.rows * vectors, number(0));
    sums = product.accumulate(k, k.constant(0), k.constant(t.depth), sums);
    Value to = address(scores, k.mul(panelAt, k.constant(t.panelWidth)));
    for (auto [i, sum] : llvm::enumerate(sums))
      k.store(sum, to, t.element,
              k.index(k.constant(static_cast<int64_t>(i) / vectors * t.scoreStride() +
                                 static_cast<int64_t>(i) % vectors * t.lanes),
                      1));
  };
  auto panels = [&](Value first, Value end) {
    k.loop(first, end, 1, {}, [&](Value panelAt, ValueRange) -> SmallVector<Value> {
      panel(panelAt, 2);
      return {};
    });
  };
  std::optional<int64_t> fixed = k.constantValue(keys.count);
  if (!fixed)
    return panels(k.constant(0), k.ceilDiv(keys.count, t.panelWidth));
  panels(k.constant(0), k.constant(*fixed / t.panelWidth));
  if (int64_t rest = *fixed % t.panelWidth)
    panel(k.constant(*fixed / t.panelWidth), llvm::divideCeil(rest, t.lanes));
}

/// One query: a vector of keys at a time, each key's sum in a register of its own, with lanes along the depth.
void AttentionEmitter::computeScoresInPlace(const Tile &tile, const Span &keys) {
  Value left = a.scores.getLhs(), right = a.scores.getRhs();
  auto vectorOfKeys = [&](Value group, bool isRagged) {
    Value first = k.mul(group, k.constant(t.lanes)), last = k.sub(keys.count, k.constant(1));
    SmallVector<Value> sums;
    {
      KernelEmitter::LanesScope lanes(k, t.lanes);
      sums.assign(t.lanes, number(0));
    }
    sums = emitter.forLanes(t.lanes, k.constant(0), k.constant(t.depth), sums, [&](Index lane, ValueRange carried) {
      Value query = k.spread(e.at(left, operandAt(left, a.scores.getLhsBatch(), a.scores.getLhsContract()[0],
                                                  a.scoresBatch(), k.index(tile.start), lane)));
      SmallVector<Value> next;
      for (int64_t i = 0; i < t.lanes; ++i) {
        Value inBlock = k.add(first, k.constant(i));
        Index key = k.index(k.add(keys.first, isRagged ? k.min(inBlock, last) : inBlock));
        Value loaded = k.spread(e.at(right, operandAt(right, a.scores.getRhsBatch(), a.scores.getRhsContract()[0],
                                                      a.scoresBatch(), key, lane)));
        next.push_back(multiplyAdd(query, loaded, carried[i]));
      }
      return next;
    });
    KernelEmitter::LanesScope lanes(k, t.lanes);
    sums = transposed(k, sums);
    for (int64_t step = t.lanes / 2; step > 0; step /= 2)
      for (int64_t i = 0; i < step; ++i)
        sums[i] = arith::AddFOp::create(k.b, k.loc, sums[i], sums[i + step]);
    k.store(sums[0], scores, t.element, k.index(first, 1));
  };
  auto forGroups = [&](Value from, Value end, bool isRagged) {
    k.loop(from, end, 1, {}, [&](Value group, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      vectorOfKeys(group, isRagged);
      return {};
    });
  };
  Value whole = k.floorDiv(keys.count, k.constant(t.lanes));
  forGroups(k.constant(0), whole, false);
  forGroups(whole, k.ceilDiv(keys.count, t.lanes), true);
}

/// Lanes along the depth of keys, and along the columns of values, lie side by side.
bool AttentionEmitter::canReadInPlace() {
  return liesAlongContracted(a.scores, a.scoresBatch()) && !liesAlongContracted(a.mix, a.mixBatch());
}

Value AttentionEmitter::multiplyAdd(Value x, Value y, Value sum) {
  if (k.target.hasFma)
    return vector::FMAOp::create(k.b, k.loc, x, y, sum);
  return arith::AddFOp::create(k.b, k.loc, sum, times(x, y));
}

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

/// What a row's mix is multiplied with in the end.
Value AttentionEmitter::factorOf(Value total) {
  KernelEmitter::LanesScope scalar(k, 1);
  Value factor = arith::DivFOp::create(k.b, k.loc, number(1), total);
  // Logits that are all -inf have a total of 0 here, since their largest counts as 0: NaN, unless such rows are 0.
  if (a.zeroed == Attention::Zeroed::Masked)
    factor = select(compare(arith::CmpFPredicate::OEQ, total, number(0)), number(0), factor);
  if (a.zeroed == Attention::Zeroed::NotANumber)
    factor = select(compare(arith::CmpFPredicate::OGT, total, number(0)), factor, number(0));
  // Nothing summed up is 0.
  if (!constantOf(t.keys)) {
    Value isNothing = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, k.size(t.keys), k.constant(0));
    factor = select(isNothing, number(0), factor);
  }
  return factor;
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
    Value best = emitter.forLanes(
        t.lanes, k.constant(0), keys.count, vectorOf(-infinity), [&](Index lane, ValueRange carried) {
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
    Value sum =
        emitter.forLanes(t.lanes, k.constant(0), keys.count, vectorOf(0), [&](Index lane, ValueRange carried) {
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
      factor = factorOf(total);
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

SmallVector<Value> AttentionEmitter::mixTile(const Tile &tile, const Span &keys, Value column, size_t vectors,
                                             ValueRange sums) {
  RegisterTile product{t.element, {}, k.constant(1), {}, k.constant(t.panelWidth), SmallVector<Value>(vectors)};
  for (int64_t r = 0; r < tile.rows; ++r)
    product.rows.push_back(address(scores, r * t.scoreStride()));
  product.columns = address(valuePanels, k.mul(column, k.constant(t.blockKeys)));
  return product.accumulate(k, k.constant(0), keys.count, sums);
}

SmallVector<Value> AttentionEmitter::mixInPlace(const Span &keys, Value column, ArrayRef<Value> masks,
                                                ValueRange sums) {
  Value values = a.mix.getRhs();
  return k.loop(k.constant(0), keys.count, 1, sums, [&](Value i, ValueRange carried) {
    ElementEmitter::Scope scope(e);
    Value power = k.spread(k.load(scores, t.element, k.index(i)));
    Index key = k.index(k.add(keys.first, i));
    SmallVector<Value> next;
    for (auto [v, mask] : llvm::enumerate(masks)) {
      k.laneMask = mask;
      Index columns = k.index(k.add(column, k.constant(static_cast<int64_t>(v) * t.lanes)), 1);
      Value loaded = k.spread(e.at(values, operandAt(values, a.mix.getRhsBatch(), a.mix.getRhsContract()[0],
                                                     a.mixBatch(), columns, key)));
      k.laneMask = {};
      next.push_back(multiplyAdd(power, loaded, carried[v]));
    }
    return next;
  });
}

void AttentionEmitter::finish(const Tile &tile, Value column, ArrayRef<Value> masks, ArrayRef<Value> sums) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value row = k.constant(r);
    Index query = k.index(rowAt(tile, row));
    Value isThere = tile.isRagged ? k.less(k.add(tile.start, row), k.size(t.queries)) : Value();
    Value factor = k.spread(k.load(factors, t.element, k.index(row)));
    for (auto [v, mask] : llvm::enumerate(masks)) {
      ElementEmitter::Scope scope(e);
      Value value = times(sums[r * masks.size() + v], factor);
      if (a.zeroed == Attention::Zeroed::NotANumber)
        value = select(compare(arith::CmpFPredicate::OEQ, factor, number(0)), number(0), value);
      k.laneMask = k.both(mask, isThere);
      if (k.laneMask)
        k.laneMask = k.spread(k.laneMask);
      Index columns = k.index(k.add(column, k.constant(static_cast<int64_t>(v) * t.lanes)), 1);
      Indices position = at(a.mixBatch(), query, columns);
      e.bind(a.mix.getOutput(), position, value);
      for (auto [i, result] : llvm::enumerate(stored)) {
        Indices to = position;
        for (Operation *move : result.moves)
          to = moved(move, to);
        k.store(e.at(result.value, position), emitter.resultAddress(i), elementOf(result.result),
                e.linear(shapeOf(result.result), to));
      }
      k.laneMask = {};
    }
  }
}

/// Where the element at `from` of what a reshape or transpose reads comes to be.
Indices AttentionEmitter::moved(Operation *move, const Indices &from) {
  if (auto reshape = dyn_cast<PrimReshapeOp>(move))
    return e.reshaped(shapeOf(reshape.getInput()), shapeOf(reshape.getOutput()), from);
  Indices to;
  for (int64_t dim : cast<PrimTransposeOp>(move).getPerm())
    to.push_back(from[dim]);
  return to;
}

/// A result of the kernel as something elementwise on the mix that is moved; null `value`: it is something else.
StoredMix storedMix(Value result, PrimDotOp mix) {
  // What changes nothing in a compact buffer.
  while (auto reshape = result.getDefiningOp<PrimReshapeOp>())
    result = reshape.getInput();
  StoredMix stored{result, {}, result};
  while (Operation *op = stored.value.getDefiningOp()) {
    if (!isa<PrimReshapeOp, PrimTransposeOp>(op))
      break;
    stored.moves.insert(stored.moves.begin(), op);
    stored.value = op->getOperand(0);
  }
  if (!sameShape(shapeOf(stored.value), shapeOf(mix.getOutput())))
    stored.value = {};
  return stored;
}

} // namespace

bool emitAttentionKernel(KernelOp kernel, const TargetInfo &target) {
  for (PrimDotOp dot : kernel.getBody().getOps<PrimDotOp>()) {
    std::optional<Attention> attention = Attention::of(dot);
    if (!attention)
      continue;
    auto isRead = [](Value operand) { return isa<BlockArgument>(beforeViews(operand)); };
    if (!isRead(attention->scores.getLhs()) || !isRead(attention->scores.getRhs()) || !isRead(dot.getRhs()))
      return false;
    SmallVector<StoredMix> stored;
    for (Value result : kernel.yielded()) {
      stored.push_back(storedMix(result, dot));
      if (!stored.back().value)
        return false;
    }
    KernelEmitter emitter(kernel, target);
    AttentionEmitter(emitter, *attention, target).emit(stored);
    return true;
  }
  return false;
}

} // namespace nnf
