// The contract family: sums of products on register tiles.
//
// One microkernel: a tile of `rows` output rows by `vectors` vectors of output columns is kept in registers while it
// runs down the contracted dimension, each step multiplying a few scalars of A with a few vectors of B. What follows
// the contraction (bias, activation, residual) is evaluated on the tile before its only store. A is read where it
// lies: a row of A is an address, for a convolution one per tap, and taps in the padding read a row of one value. So
// there is no im2col, no halo and no packed copy of activations.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/Contraction.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RegisterTile.h"
#include "passes/kernels/Tunable.h"
#include <numeric>
#include <set>

using namespace mlir;
namespace nnf {
namespace {

/// Where along its last dimension the operands of a concatenation begin that a tensor is made of element by element,
/// and where it ends.
SmallVector<int64_t> concatenationBounds(Value tensor) {
  std::set<int64_t> bounds{0, *constantOf(shapeOf(tensor).back())};
  SmallVector<Value> work{tensor};
  DenseSet<Value> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert(value).second)
      continue;
    if (op->hasTrait<Elementwise>())
      llvm::append_range(work, op->getOperands());
    auto concat = dyn_cast<PrimConcatOp>(op);
    if (!concat || concat.getDim() + 1 != shapeOf(value).size())
      continue;
    int64_t at = 0;
    for (Value input : concat.getInputs()) {
      auto size = constantOf(shapeOf(input).back());
      if (!size)
        break;
      bounds.insert(at += *size);
    }
  }
  return SmallVector<int64_t>(bounds.begin(), bounds.end());
}

class ContractEmitter {
public:
  ContractEmitter(KernelEmitter &emitter, const Contraction &c, const TargetInfo &target)
      : emitter(emitter), k(emitter.k), e(emitter.e), c(c), t(c, target, choiceOf(emitter.kernel)) {}

  void emit();

private:
  using RowIndex = SmallVector<Value>; // one index per row dimension

  /// A row as the microkernel reads it.
  struct Row {
    RowIndex at;
    Value offset;                // in A, of its first tap
    SmallVector<Value> position; // in each spatial dimension, of its first tap
    Value isThere;               // null: it is; else it is read as the tile's first row is, and not stored
  };

  /// A panel of B, or several, and which of its columns there are: vectors past the edge are left out.
  struct Panel {
    Value number; // of the first
    int64_t count;
    SmallVector<Value> loads, stores; // masks of its vectors; null: all lanes
    int64_t vectors() const { return static_cast<int64_t>(stores.size()); }
  };

  /// Which part of the contracted dimensions is run down.
  struct Chunk {
    SmallVector<Value> taps; // of the outer spatial dimensions
    Value first, end;        // of the run within a tap; null: all of it
    Value isFirst, isLast;   // null: the chunk is everything
  };

  void fillOutside();
  void emitTask(ArrayRef<Value> task);
  void emitTiles(RowIndex start, Value firstRow, Value firstTile, Value endTile, Value firstPanel, Value endPanel);
  RowIndex next(const RowIndex &at);
  /// Runs over tiles [first, end) of the task, whose first row is `start`, number `firstRow`; `slot` counts from there.
  void forTiles(Value first, Value end, RowIndex start, Value firstRow,
                llvm::function_ref<void(ArrayRef<Row>, Value slot)> body);
  /// `left`: how many there are of them; null: all.
  SmallVector<Row> rowsFrom(RowIndex &at, int64_t count, Value left);
  void computeRows(ArrayRef<Row> rows);
  /// `atOnce`: so many side by side, and single ones after them.
  void forPanels(Value first, Value end, int64_t atOnce, llvm::function_ref<void(const Panel &)> body);
  Panel panel(Value number, int64_t count, bool last);
  /// Where a panel begins, in elements of B.
  Value offsetOf(const Panel &panel) {
    return k.add(bOffset, c.stored.offsetOf(k, panel.number, k.size(c.bPanelStride), c.types.step));
  }
  /// Where the taps of a chunk begin, among all.
  Value firstTapOf(const Chunk &chunk);
  void copyChunk(const Panel &panel, const Chunk &chunk);
  void forChunks(llvm::function_ref<void(const Chunk &)> body);
  /// One tile: sums of a chunk, on top of those in scratch memory; after the last chunk the epilogue and the store.
  void tile(ArrayRef<Row> rows, Value slot, const Panel &panel, const Chunk &chunk);
  SmallVector<Value> startSums(size_t rows, Value slot, const Panel &panel, const Chunk &chunk);
  SmallVector<Value> accumulate(ArrayRef<Row> rows, Value panelOffset, const Panel &panel, const Chunk &chunk,
                                ValueRange sums);
  SmallVector<Value> whereInside(ArrayRef<Value> inside, ValueRange sums,
                                 llvm::function_ref<SmallVector<Value>(ValueRange)> body);
  /// `isRegular`: all rows lie at one distance.
  SmallVector<Value> innerLoop(ArrayRef<Value> rowAddresses, bool isRegular, Value panelOffset, Value tap,
                               const Panel &panel, const Chunk &chunk, ValueRange sums);
  Value aheadStepOf(Value tiles);
  Value aheadOf(Value panelOffset, Value slot, const Chunk &chunk);
  void finish(ArrayRef<Row> rows, const Panel &panel, ArrayRef<Value> sums);
  /// Where partial sums of vector v of a row are kept.
  Index partialAt(Value slot, int64_t row, int64_t v) {
    Value at = k.add(k.mul(slot, k.constant(c.panelWidth)), k.constant(row * c.panelWidth + v * t.lanes));
    return k.index(at, 1);
  }
  Value addressInA(Value base, Value offset) { return k.elementAddress(base, c.types.a, offset); }

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  const Contraction &c;
  Tiling t;
  Value a, b, outside, partials, copied;
  bool isCopied = false;  // tiles read the chunk there
  Value ahead, aheadStep; // what this tile fetches ahead of the next chunk; null: nothing
  Value aOffset, bOffset; // of this task's batch entry
  Indices batchAt;
};

void ContractEmitter::emit() {
  b = emitter.addressOf(c.b.buffer);
  int64_t scratchBytes = 0;
  if (c.computedA) {
    a = emitter.scratch;
    scratchBytes = llvm::alignTo(t.maxRows * *constantOf(c.k) * elementBytes(c.types.a), 64);
  } else {
    a = emitter.addressOf(c.a.buffer);
  }
  if (llvm::any_of(c.spatial, [](const SpatialDim &dim) { return dim.padded; })) {
    outside = emitter.scratch;
    fillOutside();
    scratchBytes = llvm::alignTo(*constantOf(c.k) * elementBytes(c.types.a), 64);
  }
  if (t.isChunked()) {
    partials = k.elementAddress(emitter.scratch, k.b.getI8Type(), k.constant(scratchBytes));
    scratchBytes += t.tilesPerTask * t.maxRows * c.panelWidth * elementBytes(c.element);
  }
  if (t.copiesChunks) {
    scratchBytes = llvm::alignTo(scratchBytes, 64);
    copied = k.elementAddress(emitter.scratch, k.b.getI8Type(), k.constant(scratchBytes));
    scratchBytes += t.chunkBytes / elementBytes(c.types.b) * elementBytes(c.element);
  }
  emitter.function->setAttr("nnf.scratch", k.b.getI64IntegerAttr(scratchBytes));
  SmallVector<Dim> grid(c.batch);
  grid.push_back(t.tiles.ceilDiv(t.tilesPerTask));
  grid.push_back(t.panels.ceilDiv(t.panelsPerTask));
  emitter.forTasks(grid, [&](ArrayRef<Value> task) { emitTask(task); });
}

/// What taps in the padding read: a run of one value in scratch memory.
void ContractEmitter::fillOutside() {
  Value fill = c.fill ? e.at(c.fill, {}) : Value();
  emitter.forLanes(t.lanes, k.constant(0), k.size(c.k), {}, [&](Index at, ValueRange) -> SmallVector<Value> {
    k.store(fill ? k.spread(fill) : e.neutral(ReduceKind::Add, c.types.a, /*vector=*/true), outside, c.types.a, at);
    return {};
  });
}

void ContractEmitter::emitTask(ArrayRef<Value> task) {
  unsigned numBatch = c.batch.size();
  aOffset = k.size(c.a.offset);
  bOffset = k.size(c.b.offset);
  batchAt.clear();
  for (unsigned i = 0; i < numBatch; ++i) {
    aOffset = k.add(aOffset, k.mul(task[i], k.size(c.aBatchStrides[i])));
    bOffset = k.add(bOffset, k.mul(task[i], k.size(c.bBatchStrides[i])));
    batchAt.push_back(k.index(task[i]));
  }
  Value firstTile = k.mul(task[numBatch], k.constant(t.tilesPerTask));
  Value endTile = k.min(k.add(firstTile, k.constant(t.tilesPerTask)), k.size(t.tiles));
  Value firstPanel = k.mul(task[numBatch + 1], k.constant(t.panelsPerTask));
  Value endPanel = k.min(k.add(firstPanel, k.constant(t.panelsPerTask)), k.size(t.panels));
  Value firstRow = t.staticRows
                       ? k.add(k.mul(firstTile, k.constant(t.baseRows)), k.min(firstTile, k.constant(t.longerTiles)))
                       : k.mul(firstTile, k.constant(t.maxRows));
  RowIndex start;
  for (Index &index : e.delinear(c.rows, k.index(firstRow)))
    start.push_back(index.base);
  if (t.panelsOfOneRow > 1) {
    emitter.when(
        k.less(k.size(t.rowCount), k.constant(2)),
        [&] {
          RowIndex at(start);
          SmallVector<Row> row = rowsFrom(at, 1, {});
          forPanels(firstPanel, endPanel, t.panelsOfOneRow,
                    [&](const Panel &panel) { tile(row, k.constant(0), panel, {}); });
        },
        [&] { emitTiles(start, firstRow, firstTile, endTile, firstPanel, endPanel); });
    return;
  }
  emitTiles(start, firstRow, firstTile, endTile, firstPanel, endPanel);
}

void ContractEmitter::emitTiles(RowIndex start, Value firstRow, Value firstTile, Value endTile, Value firstPanel,
                                Value endPanel) {
  if (t.panelsInner) {
    forTiles(firstTile, endTile, start, firstRow, [&](ArrayRef<Row> rows, Value slot) {
      if (c.computedA)
        computeRows(rows);
      forPanels(firstPanel, endPanel, t.panelsAtOnce, [&](const Panel &panel) { tile(rows, slot, panel, {}); });
    });
    return;
  }
  if (t.aheadStep)
    aheadStep = t.staticRows ? k.constant(t.aheadStep) : aheadStepOf(k.sub(endTile, firstTile));
  auto run = [&](bool copying) {
    isCopied = copying;
    forPanels(firstPanel, endPanel, t.panelsAtOnce, [&](const Panel &panel) {
      forChunks([&](const Chunk &chunk) {
        if (isCopied)
          copyChunk(panel, chunk);
        forTiles(firstTile, endTile, start, firstRow,
                 [&](ArrayRef<Row> rows, Value slot) { tile(rows, slot, panel, chunk); });
      });
    });
  };
  if (!t.copiesChunks || t.staticRows)
    return run(t.copiesChunks);
  Value areMany = k.less(k.add(firstTile, k.constant(t.fewestTilesToCopy - 1)), endTile);
  emitter.when(areMany, [&] { run(true); }, [&] { run(false); });
}

Value ContractEmitter::firstTapOf(const Chunk &chunk) {
  Value tap = k.constant(0);
  for (auto [i, outer] : llvm::enumerate(chunk.taps))
    tap = k.add(k.mul(tap, k.size(c.spatial[i].kernel)), outer);
  for (const SpatialDim &dim : ArrayRef(c.spatial).drop_front(chunk.taps.size()))
    tap = k.mul(tap, k.size(dim.kernel));
  return tap;
}

/// A chunk of B into scratch memory, as it is multiplied: widened, and the rows of a panel side by side.
void ContractEmitter::copyChunk(const Panel &panel, const Chunk &chunk) {
  KernelEmitter::LanesScope lanes(k, t.lanes);
  Value from = k.add(offsetOf(panel), k.mul(firstTapOf(chunk), k.size(c.bTapStride)));
  Value steps = k.size(c.k);
  if (chunk.first) {
    from = k.add(from, k.mul(chunk.first, k.size(c.bKStride)));
    steps = k.sub(chunk.end, chunk.first);
  } else {
    for (const SpatialDim &dim : ArrayRef(c.spatial).drop_front(chunk.taps.size()))
      steps = k.mul(steps, k.size(dim.kernel));
  }
  Type wide = k.vectorOf(c.element);
  k.loop(k.constant(0), steps, 1, {}, [&](Value step, ValueRange) {
    Value row = k.add(from, k.mul(step, k.size(c.bKStride))), to = k.mul(step, k.constant(c.panelWidth));
    for (int64_t v = 0; v < panel.vectors(); ++v) {
      k.laneMask = panel.loads[v];
      Value value = k.load(b, c.types.b, k.index(k.add(row, k.constant(v * t.lanes)), 1));
      k.laneMask = {};
      if (c.types.b != c.element)
        value = arith::ExtFOp::create(k.b, k.loc, wide, value);
      k.store(value, copied, c.element, k.index(k.add(to, k.constant(v * t.lanes)), 1));
    }
    return SmallVector<Value>();
  });
}

/// The rows of A that a tile reads, into scratch memory: operand by operand where they are concatenated.
void ContractEmitter::computeRows(ArrayRef<Row> rows) {
  SmallVector<int64_t> bounds = concatenationBounds(c.computedA);
  Value count = k.constant(0);
  for (const Row &row : rows)
    count = k.add(count, row.isThere ? Value(arith::ExtUIOp::create(k.b, k.loc, k.b.getI64Type(), row.isThere))
                                     : k.constant(1));
  k.loop(k.constant(0), count, 1, rows.front().at, [&](Value r, ValueRange carried) {
    ElementEmitter::Scope scope(e);
    RowIndex row(carried.begin(), carried.end());
    Indices at(batchAt);
    for (auto [index, step] : llvm::zip(row, c.rowSteps))
      at.push_back(k.index(k.mul(index, k.constant(step))));
    Value to = addressInA(a, k.mul(r, k.size(c.k)));
    for (size_t piece = 0; piece + 1 < bounds.size(); ++piece) {
      int64_t first = bounds[piece], end = bounds[piece + 1];
      emitter.forLanes(t.lanes, k.constant(first), k.constant(end), {}, [&](Index channel, ValueRange) {
        channel.range = {first, end};
        Indices element(at);
        element.push_back(channel);
        Value value = e.at(c.computedA, element);
        k.store(k.lanes > 1 ? k.spread(value) : value, to, c.types.a, channel);
        return SmallVector<Value>();
      });
    }
    return next(row);
  });
}

void ContractEmitter::forPanels(Value first, Value end, int64_t atOnce, llvm::function_ref<void(const Panel &)> body) {
  // Complete panels, then one that is cut short by the edge.
  Value complete = k.size(c.columns.floorDiv(c.panelWidth));
  auto run = [&](Value from, Value to, int64_t count, bool last) {
    k.loop(from, to, count, {}, [&](Value number, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      body(panel(number, count, last));
      return {};
    });
  };
  Value endComplete = k.min(end, complete), next = first;
  if (atOnce > 1) {
    Value many = k.constant(atOnce);
    next = k.add(first, k.mul(k.floorDiv(k.max(k.sub(endComplete, first), k.constant(0)), many), many));
    run(first, next, atOnce, /*last=*/false);
  }
  run(next, endComplete, 1, /*last=*/false);
  auto columns = constantOf(c.columns);
  if (!columns || *columns % c.panelWidth != 0)
    run(k.max(first, complete), end, 1, /*last=*/true);
}

ContractEmitter::Panel ContractEmitter::panel(Value number, int64_t count, bool last) {
  int64_t vectors = count * t.vectors;
  Panel panel{number, count, SmallVector<Value>(vectors), SmallVector<Value>(vectors)};
  if (!last)
    return panel;
  auto type = VectorType::get({t.lanes}, k.b.getI32Type());
  Value left = k.sub(k.size(c.columns), k.mul(number, k.constant(c.panelWidth)));
  std::optional<int64_t> fixed;
  if (auto columns = constantOf(c.columns)) {
    fixed = *columns % c.panelWidth;
    panel.stores.resize(llvm::divideCeilSigned(*fixed, t.lanes));
    panel.loads.resize(panel.vectors());
  }
  for (int64_t v = 0; v < panel.vectors(); ++v) {
    int64_t first = v * t.lanes;
    if (fixed && *fixed >= first + t.lanes)
      continue;
    auto numbers = llvm::to_vector(
        llvm::map_range(llvm::seq<int64_t>(first, first + t.lanes), [](int64_t i) { return static_cast<int32_t>(i); }));
    Value lane = arith::ConstantOp::create(k.b, k.loc, DenseIntElementsAttr::get(type, numbers));
    Value limit = fixed ? Value(arith::ConstantIntOp::create(k.b, k.loc, *fixed, 32))
                        : Value(arith::TruncIOp::create(k.b, k.loc, k.b.getI32Type(), left));
    limit = vector::BroadcastOp::create(k.b, k.loc, type, limit);
    panel.stores[v] = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, lane, limit);
    if (fixed && *fixed == first + 1)
      k.singleLaneMasks.insert(panel.stores[v]);
  }
  if (!c.packed) // packed panels are filled up with zeros
    panel.loads = panel.stores;
  return panel;
}

void ContractEmitter::forChunks(llvm::function_ref<void(const Chunk &)> body) {
  if (!t.isChunked())
    return body({});
  Shape counts;
  for (unsigned s = 0; s < t.outerTaps; ++s)
    counts.push_back(c.spatial[s].kernel);
  if (t.chunk)
    counts.push_back(simplify(c.k.ceilDiv(t.chunk)));
  Value total = k.size(productOf(c.result.getContext(), counts)), zero = k.constant(0);
  if (!constantOf(c.k)) // a sum of nothing is stored, too
    total = k.max(total, k.constant(1));
  k.loop(zero, total, 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    Indices at = e.delinear(counts, k.index(i));
    Chunk chunk;
    for (unsigned s = 0; s < t.outerTaps; ++s)
      chunk.taps.push_back(at[s].base);
    if (t.chunk) {
      chunk.first = k.mul(at.back().base, k.constant(t.chunk));
      chunk.end = k.min(k.add(chunk.first, k.constant(t.chunk)), k.size(c.k));
    }
    auto isEqual = [&](Value x, Value y) -> Value {
      return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, x, y);
    };
    chunk.isFirst = isEqual(i, zero);
    chunk.isLast = isEqual(i, k.sub(total, k.constant(1)));
    body(chunk);
    return {};
  });
}

ContractEmitter::RowIndex ContractEmitter::next(const RowIndex &at) {
  RowIndex after(at);
  Value carry; // i1; null: yes
  int64_t first = 0;
  while (first < static_cast<int64_t>(at.size()) && isConstant(c.rows[first], 1))
    ++first;
  for (int64_t i = static_cast<int64_t>(at.size()) - 1; i >= first; --i) {
    if (isConstant(c.rows[i], 1))
      continue;
    Value step = carry ? Value(arith::ExtUIOp::create(k.b, k.loc, k.b.getI64Type(), carry)) : k.constant(1);
    after[i] = k.add(at[i], step);
    if (i == first)
      break;
    Value wraps = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, after[i], k.size(c.rows[i]));
    after[i] = arith::SelectOp::create(k.b, k.loc, wraps, k.constant(0), after[i]);
    carry = wraps;
  }
  return after;
}

SmallVector<ContractEmitter::Row> ContractEmitter::rowsFrom(RowIndex &at, int64_t count, Value left) {
  SmallVector<Row> rows;
  for (int64_t i = 0; i < count; ++i) {
    Row row;
    row.at = at;
    if (left && i > 0) {
      row.isThere = k.less(k.constant(i), left);
      for (auto [index, first] : llvm::zip(row.at, rows.front().at))
        index = arith::SelectOp::create(k.b, k.loc, row.isThere, index, first);
    }
    row.offset = aOffset;
    for (auto [index, stride] : llvm::zip(row.at, c.aRowStrides))
      row.offset = k.add(row.offset, k.mul(index, k.size(stride)));
    for (const SpatialDim &dim : c.spatial)
      row.position.push_back(dim.padded ? k.sub(k.mul(row.at[dim.row], k.constant(dim.stride)), k.constant(dim.low))
                                        : Value());
    rows.push_back(row);
    at = next(at);
  }
  return rows;
}

void ContractEmitter::forTiles(Value first, Value end, RowIndex start, Value firstRow,
                               llvm::function_ref<void(ArrayRef<Row>, Value)> body) {
  // Tile i of these starts at row i * rows + origin of the whole.
  auto run = [&](Value from, Value to, int64_t rows, Value origin, RowIndex at, Value left = {}) -> RowIndex {
    return k.loop(from, to, 1, at, [&](Value i, ValueRange carried) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      RowIndex here(carried.begin(), carried.end());
      Value leftHere = left ? k.sub(left, k.mul(i, k.constant(rows))) : Value();
      SmallVector<Row> tileRows = rowsFrom(here, rows, leftHere);
      body(tileRows, k.add(k.mul(i, k.constant(rows)), k.sub(origin, firstRow)));
      return here;
    });
  };
  if (t.staticRows) {
    Value split = k.constant(t.longerTiles);
    RowIndex at = start;
    if (t.longerTiles)
      at = run(first, k.min(end, split), t.baseRows + 1, k.constant(0), at);
    run(k.max(first, split), end, t.baseRows, split, at);
    return;
  }
  // Whole tiles, then what is left, by a few rows each.
  Value whole = k.floorDiv(k.size(t.rowCount), k.constant(t.maxRows));
  RowIndex at = run(first, k.min(end, whole), t.maxRows, k.constant(0), start);
  Value wholeRows = k.mul(whole, k.constant(t.maxRows));
  Value left = k.sub(k.size(t.rowCount), wholeRows);
  Value isLast = k.less(whole, end);
  Value count = arith::SelectOp::create(k.b, k.loc, isLast, left, k.constant(0));
  run(k.constant(0), k.ceilDiv(count, t.restRows), t.restRows, wholeRows, at, count);
}

SmallVector<Value> ContractEmitter::innerLoop(ArrayRef<Value> rowAddresses, bool isRegular, Value panelOffset,
                                              Value tap, const Panel &panel, const Chunk &chunk, ValueRange sums) {
  RegisterTile tile;
  tile.element = c.element;
  tile.types = c.types;
  tile.rows = rowAddresses;
  tile.rowStep = k.size(c.aStride);
  bool isPadded = llvm::any_of(c.spatial, [](const SpatialDim &dim) { return dim.padded; });
  if (isRegular && !isPadded)
    tile.rowDistance = k.size(c.rowStride);
  Value first = chunk.first ? chunk.first : k.constant(0), end = chunk.end ? chunk.end : k.size(c.k);
  if (isCopied) { // addresses are those of the chunk's first step
    tile.types = OperandTypes::of(c.element);
    Value offset = k.mul(k.mul(k.sub(tap, firstTapOf(chunk)), k.size(c.k)), k.constant(c.panelWidth));
    tile.columns = k.elementAddress(copied, c.element, offset);
  } else {
    tile.columns = k.elementAddress(b, c.types.b, k.add(panelOffset, k.mul(tap, k.size(c.bTapStride))));
  }
  tile.columnStep = isCopied ? k.constant(c.panelWidth) : k.size(c.bKStride);
  // What is widened on the way takes registers of its own.
  auto run = constantOf(c.k);
  if (run && tile.types.step == 1 && tile.types.b == c.element)
    tile.stepsMultipleOf = std::gcd(std::gcd(*run, t.chunk), int64_t(4));
  tile.vectors = panel.vectors();
  if (panel.count > c.stored.strips()) {
    tile.panelVectors = t.vectors * c.stored.strips();
    tile.panelStep = k.size(c.bPanelStride);
  }
  if (!isCopied) // a copy has all lanes
    tile.masks = panel.loads;
  if (aheadStep) {
    Value passed = k.mul(tap, k.size(c.k));
    if (isCopied)
      passed = k.add(passed, first);
    passed = k.mul(passed, aheadStep);
    tile.ahead = k.elementAddress(ahead, k.b.getI8Type(), passed);
    tile.aheadStep = aheadStep;
  }
  if (isCopied)
    return tile.multiply(k, k.constant(0), k.sub(end, first), sums);
  return tile.multiply(k, first, end, sums);
}

/// body(sums) where a row of the tile has the tap at all; tested where padding is wide enough that often none has.
/// Padding of another value than 0 counts, too.
SmallVector<Value> ContractEmitter::whereInside(ArrayRef<Value> inside, ValueRange sums,
                                                llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  auto isWide = [](const SpatialDim &dim) { return dim.padded && (dim.low > 1 || dim.dilation > 1); };
  if (c.fill || !llvm::any_of(c.spatial, isWide) || llvm::is_contained(inside, Value()))
    return body(sums);
  Value any = inside.front();
  for (Value valid : inside.drop_front())
    any = arith::OrIOp::create(k.b, k.loc, any, valid);
  auto branch = scf::IfOp::create(k.b, k.loc, sums.getTypes(), any, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  {
    ElementEmitter::Scope scope(e);
    scf::YieldOp::create(k.b, k.loc, body(sums));
  }
  k.b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(k.b, k.loc, sums);
  return llvm::to_vector_of<Value>(branch.getResults());
}

SmallVector<Value> ContractEmitter::accumulate(ArrayRef<Row> rows, Value panelOffset, const Panel &panel,
                                               const Chunk &chunk, ValueRange sums) {
  // Taps from the outside in: each adds its offset to A and B and, in the padding, sends rows to the zeros.
  SmallVector<Value> inside(rows.size());
  std::function<SmallVector<Value>(unsigned, Value, Value, ValueRange)> nest =
      [&](unsigned level, Value aTap, Value bTap, ValueRange carried) -> SmallVector<Value> {
    if (level == c.spatial.size()) {
      SmallVector<Value> addresses;
      // Computed rows lie side by side in scratch memory, those that are not there, too.
      bool isRegular = c.rowStride && (c.computedA || !rows.back().isThere);
      for (auto [row, valid] : llvm::zip(rows, inside)) {
        // From the first row's address where that is a constant away: one register then serves them all.
        Value from = c.computedA ? k.constant(0) : k.add(row.offset, aTap);
        if (isCopied && chunk.first)
          from = k.add(from, k.mul(chunk.first, k.size(c.aStride)));
        Value at = isRegular && !addresses.empty()
                       ? addressInA(addresses.front(), k.mul(k.constant(addresses.size()), k.size(c.rowStride)))
                       : addressInA(a, from);
        if (valid)
          at = arith::SelectOp::create(k.b, k.loc, valid, at, outside);
        addresses.push_back(at);
      }
      return whereInside(inside, carried, [&](ValueRange carried) {
        return innerLoop(addresses, isRegular, panelOffset, bTap, panel, chunk, carried);
      });
    }
    const SpatialDim &dim = c.spatial[level];
    auto atTap = [&](Value tap, ValueRange carried) {
      SmallVector<Value> saved(inside);
      Value step = k.mul(tap, k.constant(dim.dilation));
      if (dim.padded)
        for (auto [row, valid] : llvm::zip(rows, inside))
          valid = k.both(valid, k.inBounds(k.index(k.add(row.position[level], step)), k.size(dim.extent)));
      SmallVector<Value> next = nest(level + 1, k.add(aTap, k.mul(step, k.size(dim.inputStride))),
                                     k.add(k.mul(bTap, k.size(dim.kernel)), tap), carried);
      inside = saved;
      return next;
    };
    if (level < chunk.taps.size())
      return atTap(chunk.taps[level], carried);
    return k.loop(k.constant(0), k.size(dim.kernel), 1, carried, atTap);
  };
  return nest(0, k.constant(0), k.constant(0), sums);
}

SmallVector<Value> ContractEmitter::startSums(size_t rows, Value slot, const Panel &panel, const Chunk &chunk) {
  SmallVector<Value> zeroSums(rows * panel.vectors(), e.neutral(ReduceKind::Add, c.element, /*vector=*/true));
  if (!chunk.isFirst)
    return zeroSums;
  SmallVector<Type> types(zeroSums.size(), zeroSums.front().getType());
  auto start = scf::IfOp::create(k.b, k.loc, types, chunk.isFirst, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(start.thenBlock());
  scf::YieldOp::create(k.b, k.loc, zeroSums);
  k.b.setInsertionPointToStart(start.elseBlock());
  SmallVector<Value> stored;
  for (size_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < panel.vectors(); ++v)
      stored.push_back(k.load(partials, c.element, partialAt(slot, r, v)));
  scf::YieldOp::create(k.b, k.loc, stored);
  return llvm::to_vector_of<Value>(start.getResults());
}

/// What each step fetches where a task has so many tiles: its part of the next chunk's step, no more than a line for
/// the two steps of a turn, which fetches one.
Value ContractEmitter::aheadStepOf(Value tiles) {
  Value bytes = k.constant(c.stored.strips() * c.panelWidth * elementBytes(c.types.b));
  return k.min(k.floorDiv(k.sub(k.add(bytes, tiles), k.constant(1)), tiles), k.constant(figures::lineBytes / 2));
}

/// Chunks of a panel and panels lie one after the other: what follows is needed next, and each tile fetches its part.
/// The address that step p of the panel fetches, less p * aheadStep.
Value ContractEmitter::aheadOf(Value panelOffset, Value slot, const Chunk &chunk) {
  Value firstStep = k.mul(firstTapOf(chunk), k.size(c.k));
  if (chunk.first)
    firstStep = k.add(firstStep, chunk.first);
  // Of strips, all of the panel that they are in: the others read it next.
  int64_t bytes = elementBytes(c.types.b), stepBytes = c.stored.strips() * c.panelWidth * bytes;
  int64_t chunkBytes = c.stored.strips() * t.chunkBytes;
  Value tileBytes = k.mul(k.constant(chunkBytes / stepBytes), aheadStep);
  Value notFetched = k.mul(firstStep, k.sub(k.constant(stepBytes), aheadStep));
  Value offset = k.add(k.mul(panelOffset, k.constant(bytes)), notFetched);
  Value tile = k.floorDiv(slot, k.constant(std::max<int64_t>(1, t.baseRows)));
  offset = k.add(offset, k.add(k.mul(tile, tileBytes), k.constant(chunkBytes)));
  return k.elementAddress(b, k.b.getI8Type(), offset);
}

void ContractEmitter::tile(ArrayRef<Row> rows, Value slot, const Panel &panel, const Chunk &chunk) {
  KernelEmitter::LanesScope lanes(k, t.lanes);
  Value panelOffset = offsetOf(panel);
  if (aheadStep)
    ahead = aheadOf(panelOffset, slot, chunk);
  SmallVector<Value> sums = accumulate(rows, panelOffset, panel, chunk, startSums(rows.size(), slot, panel, chunk));
  if (!chunk.isLast)
    return finish(rows, panel, sums);
  auto end = scf::IfOp::create(k.b, k.loc, TypeRange{}, chunk.isLast, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPoint(end.thenBlock()->getTerminator());
  {
    ElementEmitter::Scope scope(e);
    finish(rows, panel, sums);
  }
  k.b.setInsertionPoint(end.elseBlock()->getTerminator());
  for (auto [i, sum] : llvm::enumerate(sums))
    k.store(sum, partials, c.element, partialAt(slot, i / panel.vectors(), i % panel.vectors()));
}

void ContractEmitter::finish(ArrayRef<Row> rows, const Panel &panel, ArrayRef<Value> sums) {
  Value firstColumn = k.mul(panel.number, k.constant(c.panelWidth));
  if (c.batchIsGroup)
    firstColumn = k.add(firstColumn, k.mul(batchAt[0].base, k.size(c.columns)));
  for (auto [r, row] : llvm::enumerate(rows))
    emitter.when(row.isThere, [&] {
      for (int64_t v = 0; v < panel.vectors(); ++v) {
        ElementEmitter::Scope scope(e);
        k.laneMask = panel.stores[v];
        Indices at;
        if (!c.batchIsGroup)
          at = batchAt;
        for (Value index : row.at)
          at.push_back(k.index(index));
        at.push_back(k.index(k.add(firstColumn, k.constant(v * t.lanes)), 1));
        e.bind(c.result, at, sums[r * panel.vectors() + v]);
        for (unsigned i = 0; i < emitter.numResults(); ++i) {
          Value result = emitter.yielded(i);
          k.store(e.at(result, at), emitter.resultAddress(i), elementOf(result), emitter.resultOffset(i, at));
        }
        k.laneMask = {};
      }
    });
}

} // namespace

bool emitContractKernel(KernelOp kernel, const TargetInfo &target) {
  std::optional<Contraction> contraction = Contraction::of(kernel, target);
  if (!contraction)
    return false;
  int64_t vectors = std::max<int64_t>(1, contraction->panelWidth / target.lanes(elementBytes(contraction->element)));
  contraction->takeImagesAsBatch(figures::fewestTilesOfImage * RegisterTile::mostRows(target, vectors));
  KernelEmitter emitter(kernel, target);
  ContractEmitter(emitter, *contraction, target).emit();
  return true;
}

} // namespace nnf
