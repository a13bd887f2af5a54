// The contract family: sums of products on register tiles.
//
// One microkernel: a tile of `rows` output rows by `vectors` vectors of output columns is kept in registers while it
// runs down the contracted dimension, each step multiplying a few scalars of A with a few vectors of B. What follows
// the contraction (bias, activation, residual) is evaluated on the tile before its only store. A is read where it
// lies: a row of A is an address, for a convolution one per tap, and taps in the padding read a row of zeros. So
// there is no im2col, no halo and no packed copy of activations.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/StridedView.h"

using namespace mlir;
namespace nnf {
namespace {

/// A spatial dimension of a convolution, as the rows see it.
struct SpatialDim {
  unsigned row;       // which row dimension runs over its output positions
  Dim extent, kernel; // input size, taps
  int64_t stride, dilation, low;
  bool padded;     // some tap may lie outside
  Dim inputStride; // elements between neighbours in A
};

/// The contraction a kernel is built around, in one form for products of matrices and convolutions:
/// result[batch, row, column] = sum over taps and k of A[batch, row, tap, k] * B[batch, tap, k, column].
struct Contraction {
  Value result;
  Type element;
  StridedView a, b;
  Shape batch, aBatchStrides, bBatchStrides;
  Shape rows, aRowStrides;         // A offset of a row at its first tap
  SmallVector<SpatialDim> spatial; // empty: one tap
  Dim k, aStride;                  // contracted run within a tap, distance of its elements in A
  Dim columns;
  bool batchIsGroup = false; // the batch is a convolution's groups: columns go on from one to the next
  bool packed = false;       // B is in panels of panelWidth columns
  int64_t panelWidth = 0;
  Dim bKStride, bTapStride, bPanelStride;

  static std::optional<Contraction> of(PrimConvOp op);
  static std::optional<Contraction> of(PrimDotOp op, const TargetInfo &target);
};

/// The operand lies in memory: fusion left no computation in front of it.
bool isBuffer(const StridedView &view) { return isa<BlockArgument>(view.buffer); }

bool isPadded(PrimConvOp op) {
  auto positive = [](int64_t n) { return n > 0; };
  return llvm::any_of(op.getLow(), positive) || llvm::any_of(op.getHigh(), positive);
}

std::optional<Contraction> Contraction::of(PrimConvOp op) {
  MLIRContext *context = op.getContext();
  auto view = stridedViewOf(op.getInput()), weight = stridedViewOf(op.getWeight());
  if (!op.getPacked() || !view || !weight || !isBuffer(*view) || !isBuffer(*weight))
    return std::nullopt;
  // Panels lie as they were packed, and the row of zeros that taps in the padding read is contiguous.
  if (!isCompact(*weight, shapeOf(op.getWeight())) || (isPadded(op) && !isConstant(view->strides.back(), 1)))
    return std::nullopt;
  Shape in = shapeOf(op.getInput()), out = shapeOf(op.getOutput()), kernel = op.kernelSizes();
  Contraction c;
  c.result = op.getOutput();
  c.element = elementOf(op.getInput());
  c.a = *view;
  c.b = *weight;
  c.packed = true;
  c.panelWidth = op.getPacked();
  c.k = op.channelsPerGroup();
  c.aStride = view->strides.back();
  int64_t groups = op.getGroups();
  c.columns = simplify(out.back().floorDiv(groups));
  Dim taps = productOf(context, kernel);
  c.bKStride = dimOf(context, c.panelWidth);
  c.bTapStride = simplify(c.k * c.panelWidth);
  c.bPanelStride = simplify(taps * c.bTapStride);
  if (groups > 1) {
    c.batch = {dimOf(context, groups)};
    c.batchIsGroup = true;
    c.aBatchStrides = {simplify(c.k * c.aStride)};
    c.bBatchStrides = {simplify(c.bPanelStride * c.columns.ceilDiv(c.panelWidth))};
  }
  c.rows = Shape(out.begin(), out.end() - 1);
  c.aRowStrides.push_back(view->strides[0]);
  for (unsigned s = 0; s < op.spatialRank(); ++s) {
    SpatialDim dim;
    dim.row = s + 1;
    dim.extent = in[s + 1];
    dim.kernel = kernel[s];
    dim.stride = op.getStride()[s];
    dim.dilation = op.getKernelDilation()[s];
    dim.low = op.getLow()[s];
    dim.padded = op.getLow()[s] > 0 || op.getHigh()[s] > 0;
    dim.inputStride = view->strides[s + 1];
    c.aRowStrides.push_back(simplify(dim.inputStride * dim.stride));
    if (dim.padded || !isConstant(dim.kernel, 1))
      c.spatial.push_back(dim);
    if (dim.low != 0)
      c.a.offset = simplify(c.a.offset - dim.inputStride * dim.low);
  }
  // A last dimension without padding whose taps are neighbours joins the contracted run.
  if (!c.spatial.empty() && groups == 1) {
    SpatialDim &last = c.spatial.back();
    if (!last.padded && last.dilation == 1 && last.row == op.spatialRank() &&
        sameDim(last.inputStride, c.k * c.aStride)) {
      c.k = simplify(c.k * last.kernel);
      c.bTapStride = simplify(c.bTapStride * last.kernel);
      c.spatial.pop_back();
    }
  }
  return c;
}

std::optional<Contraction> Contraction::of(PrimDotOp op, const TargetInfo &target) {
  auto lhs = stridedViewOf(op.getLhs()), rhs = stridedViewOf(op.getRhs());
  Shape left = shapeOf(op.getLhs()), right = shapeOf(op.getRhs());
  if (!lhs || !rhs || !isBuffer(*lhs) || !isBuffer(*rhs) || op.getLhsContract().size() != 1)
    return std::nullopt;
  Contraction c;
  c.result = op.getOutput();
  c.element = elementOf(op.getLhs());
  c.a = *lhs;
  c.b = *rhs;
  int64_t l = op.getLhsContract()[0], r = op.getRhsContract()[0];
  c.k = left[l];
  c.aStride = lhs->strides[l];
  c.bKStride = rhs->strides[r];
  for (auto [lb, rb] : llvm::zip(op.getLhsBatch(), op.getRhsBatch())) {
    c.batch.push_back(left[lb]);
    c.aBatchStrides.push_back(lhs->strides[lb]);
    c.bBatchStrides.push_back(rhs->strides[rb]);
  }
  for (int64_t i = 0, e = left.size(); i < e; ++i)
    if (i != l && !llvm::is_contained(op.getLhsBatch(), i)) {
      c.rows.push_back(left[i]);
      c.aRowStrides.push_back(lhs->strides[i]);
    }
  SmallVector<int64_t> free;
  for (int64_t i = 0, e = right.size(); i < e; ++i)
    if (i != r && !llvm::is_contained(op.getRhsBatch(), i))
      free.push_back(i);
  if (free.size() != 1 || !isConstant(rhs->strides[free[0]], 1))
    return std::nullopt;
  c.columns = right[free[0]];
  c.panelWidth = 2 * target.lanes(elementBytes(c.element));
  c.bPanelStride = dimOf(op.getContext(), c.panelWidth);
  c.bTapStride = dimOf(op.getContext(), 0);
  return c;
}

/// How the result is cut into tiles, and tiles into tasks; from sizes and the target alone.
struct Tiling {
  int64_t lanes, vectors, maxRows;
  bool staticRows;
  int64_t baseRows, longerTiles; // static: `longerTiles` tiles of baseRows + 1 rows, then tiles of baseRows
  Dim rowCount, tiles, panels;
  int64_t tilesPerTask, panelsPerTask;
  bool panelsInner;

  Tiling(const Contraction &c, const TargetInfo &target);
};

Tiling::Tiling(const Contraction &c, const TargetInfo &target) {
  MLIRContext *context = c.result.getContext();
  int64_t bytes = elementBytes(c.element);
  lanes = target.lanes(bytes);
  vectors = std::max<int64_t>(1, c.panelWidth / lanes);
  // Accumulators leave room for the vectors of B and one of A.
  maxRows =
      std::clamp<int64_t>((target.vectorRegisters - vectors - 2) / vectors, 1, target.vectorRegisters > 16 ? 12 : 6);
  rowCount = productOf(context, c.rows);
  panels = simplify(c.columns.ceilDiv(c.panelWidth));
  baseRows = maxRows, longerTiles = 0;
  auto fixed = constantOf(rowCount);
  staticRows = fixed && *fixed > 0;
  if (staticRows) {
    int64_t count = llvm::divideCeilSigned(*fixed, maxRows);
    tiles = dimOf(context, count);
    baseRows = *fixed / count;
    longerTiles = *fixed % count;
  } else {
    tiles = simplify(rowCount.ceilDiv(maxRows));
  }

  auto guess = [](Dim dim) { return KernelEmitter::guess(dim); };
  int64_t taps = 1, stride = 1;
  for (const SpatialDim &dim : c.spatial) {
    taps *= guess(dim.kernel);
    stride *= dim.stride;
  }
  int64_t depth = taps * guess(c.k), numTiles = std::max<int64_t>(1, guess(tiles)),
          numPanels = std::max<int64_t>(1, guess(panels));
  int64_t batches = KernelEmitter::guess(c.batch);
  double weightBytes = double(depth) * double(numPanels) * c.panelWidth * bytes;
  double tileBytes = double(maxRows) * double(guess(c.k)) * stride * bytes;
  int64_t cached = std::max<int64_t>(1, static_cast<int64_t>(0.5 * target.l2Bytes / tileBytes));
  constexpr int64_t wantedTasks = 16;
  double work = 2.0 * maxRows * c.panelWidth * double(depth) * numTiles * numPanels; // of one batch entry
  // Tasks of less than ~100 us of work are not worth handing out.
  int64_t tasks = std::clamp<int64_t>(static_cast<int64_t>(work * batches / 4e6), 1, wantedTasks);
  tasks = llvm::divideCeilSigned(tasks, batches);
  panelsInner = false;
  tilesPerTask = std::min(numTiles, cached);
  panelsPerTask = numPanels;
  if (weightBytes <= 0.5 * target.l2Bytes) {
    // The weights stay in cache: any block of rows will do, and complete rows of output are written at once.
    tilesPerTask = std::max<int64_t>(1, std::min(tilesPerTask, llvm::divideCeilSigned(numTiles, tasks)));
    panelsInner = guess(c.columns) > depth;
  } else {
    // The weights stream through the cache once for each block of rows: large blocks, and columns cut for the rest.
    int64_t rowBlocks = llvm::divideCeilSigned(numTiles, tilesPerTask);
    int64_t columnBlocks = std::min(numPanels, llvm::divideCeilSigned(tasks, rowBlocks));
    panelsPerTask = llvm::divideCeilSigned(numPanels, columnBlocks);
  }
}

class ContractEmitter {
public:
  ContractEmitter(KernelEmitter &emitter, const Contraction &c, const TargetInfo &target)
      : emitter(emitter), k(emitter.k), e(emitter.e), c(c), t(c, target) {}

  void emit();

private:
  using RowIndex = SmallVector<Value>; // one index per row dimension

  /// A row as the microkernel reads it.
  struct Row {
    RowIndex at;
    Value offset;                // in A, of its first tap
    SmallVector<Value> position; // in each spatial dimension, of its first tap
  };

  void fillZeros();
  void emitTask(ArrayRef<Value> task);
  RowIndex next(const RowIndex &at);
  /// Runs over tiles [first, end), carrying the index of the next row.
  void forTiles(Value first, Value end, RowIndex start, llvm::function_ref<void(ArrayRef<Row>)> body);
  SmallVector<Row> rowsFrom(RowIndex &at, int64_t count);
  void forPanels(Value first, Value end, llvm::function_ref<void(Value panel, bool last)> body);
  void tile(ArrayRef<Row> rows, Value panel, bool lastPanel);
  SmallVector<Value> accumulate(ArrayRef<Row> rows, Value panel, ArrayRef<Value> masks);
  SmallVector<Value> innerLoop(ArrayRef<Value> rowAddresses, Value panelOffset, ArrayRef<Value> masks, ValueRange sums);
  Value address(Value base, Value offset) { return k.elementAddress(base, c.element, offset); }

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  const Contraction &c;
  Tiling t;
  Value a, b, zeros;
  Value aOffset, bOffset; // of this task's batch entry
  Indices batchAt;
};

void ContractEmitter::emit() {
  a = emitter.addressOf(c.a.buffer);
  b = emitter.addressOf(c.b.buffer);
  if (llvm::any_of(c.spatial, [](const SpatialDim &dim) { return dim.padded; }))
    fillZeros();
  SmallVector<Dim> grid(c.batch);
  grid.push_back(t.tiles.ceilDiv(t.tilesPerTask));
  grid.push_back(t.panels.ceilDiv(t.panelsPerTask));
  emitter.forTasks(grid, [&](ArrayRef<Value> task) { emitTask(task); });
}

/// What taps in the padding read: a run of zeros in scratch memory.
void ContractEmitter::fillZeros() {
  zeros = emitter.scratch;
  int64_t run = *constantOf(c.k);
  emitter.function->setAttr("nnf.scratch", k.b.getI64IntegerAttr(run * elementBytes(c.element)));
  emitter.forLanes(t.lanes, k.constant(0), k.constant(run), {}, [&](Index at, ValueRange) -> SmallVector<Value> {
    k.store(e.neutral(ReduceKind::Add, c.element, /*vector=*/true), zeros, c.element, at);
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
  if (t.panelsInner) {
    forTiles(firstTile, endTile, start, [&](ArrayRef<Row> rows) {
      forPanels(firstPanel, endPanel, [&](Value panel, bool last) { tile(rows, panel, last); });
    });
    return;
  }
  forPanels(firstPanel, endPanel, [&](Value panel, bool last) {
    forTiles(firstTile, endTile, start, [&](ArrayRef<Row> rows) { tile(rows, panel, last); });
  });
}

void ContractEmitter::forPanels(Value first, Value end, llvm::function_ref<void(Value, bool)> body) {
  // Complete panels, then one that is cut short by the edge.
  Value complete = k.size(c.columns.floorDiv(c.panelWidth));
  k.loop(first, k.min(end, complete), 1, {}, [&](Value panel, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    body(panel, /*last=*/false);
    return {};
  });
  if (auto columns = constantOf(c.columns); columns && *columns % c.panelWidth == 0)
    return;
  k.loop(k.max(first, complete), end, 1, {}, [&](Value panel, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    body(panel, /*last=*/true);
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

SmallVector<ContractEmitter::Row> ContractEmitter::rowsFrom(RowIndex &at, int64_t count) {
  SmallVector<Row> rows;
  for (int64_t i = 0; i < count; ++i) {
    Row row;
    row.at = at;
    row.offset = aOffset;
    for (auto [index, stride] : llvm::zip(at, c.aRowStrides))
      row.offset = k.add(row.offset, k.mul(index, k.size(stride)));
    for (const SpatialDim &dim : c.spatial)
      row.position.push_back(dim.padded ? k.sub(k.mul(at[dim.row], k.constant(dim.stride)), k.constant(dim.low))
                                        : Value());
    rows.push_back(row);
    at = next(at);
  }
  return rows;
}

void ContractEmitter::forTiles(Value first, Value end, RowIndex start, llvm::function_ref<void(ArrayRef<Row>)> body) {
  auto run = [&](Value from, Value to, int64_t rows, RowIndex at) -> RowIndex {
    return k.loop(from, to, 1, at, [&](Value, ValueRange carried) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      RowIndex here(carried.begin(), carried.end());
      SmallVector<Row> tileRows = rowsFrom(here, rows);
      body(tileRows);
      return here;
    });
  };
  if (t.staticRows) {
    Value split = k.constant(t.longerTiles);
    RowIndex at = start;
    if (t.longerTiles)
      at = run(first, k.min(end, split), t.baseRows + 1, at);
    run(k.max(first, split), end, t.baseRows, at);
    return;
  }
  // Whole tiles, then what is left row by row.
  Value whole = k.floorDiv(k.size(t.rowCount), k.constant(t.maxRows));
  RowIndex at = run(first, k.min(end, whole), t.maxRows, start);
  Value left = k.sub(k.size(t.rowCount), k.mul(whole, k.constant(t.maxRows)));
  Value isLast = k.less(whole, end);
  Value count = arith::SelectOp::create(k.b, k.loc, isLast, left, k.constant(0));
  run(k.constant(0), count, 1, at);
}

SmallVector<Value> ContractEmitter::innerLoop(ArrayRef<Value> rowAddresses, Value panelOffset, ArrayRef<Value> masks,
                                              ValueRange sums) {
  Value panel = address(b, panelOffset);
  return k.loop(k.constant(0), k.size(c.k), 1, sums, [&](Value i, ValueRange carried) {
    SmallVector<Value> columns, next;
    Value offset = k.mul(i, k.size(c.bKStride));
    for (int64_t v = 0; v < t.vectors; ++v) {
      k.laneMask = masks[v];
      columns.push_back(k.load(panel, c.element, k.index(k.add(offset, k.constant(v * t.lanes)), 1)));
    }
    k.laneMask = {};
    Value along = k.mul(i, k.size(c.aStride));
    for (auto [r, row] : llvm::enumerate(rowAddresses)) {
      Value scalar = k.load(row, c.element, k.index(along));
      Value spread = k.spread(scalar);
      for (int64_t v = 0; v < t.vectors; ++v) {
        Value sum = carried[r * t.vectors + v];
        if (k.target.hasFma) {
          next.push_back(vector::FMAOp::create(k.b, k.loc, spread, columns[v], sum));
        } else {
          Value product = arith::MulFOp::create(k.b, k.loc, spread, columns[v]);
          next.push_back(arith::AddFOp::create(k.b, k.loc, sum, product));
        }
      }
    }
    return next;
  });
}

SmallVector<Value> ContractEmitter::accumulate(ArrayRef<Row> rows, Value panel, ArrayRef<Value> masks) {
  Value panelOffset = k.add(bOffset, k.mul(panel, k.size(c.bPanelStride)));
  SmallVector<Value> sums(rows.size() * t.vectors, e.neutral(ReduceKind::Add, c.element, /*vector=*/true));
  // Taps from the outside in: each adds its offset to A and B and, in the padding, sends rows to the zeros.
  SmallVector<Value> inside(rows.size());
  std::function<SmallVector<Value>(unsigned, Value, Value, ValueRange)> nest =
      [&](unsigned level, Value aTap, Value bTap, ValueRange carried) -> SmallVector<Value> {
    if (level == c.spatial.size()) {
      SmallVector<Value> addresses;
      for (auto [row, valid] : llvm::zip(rows, inside)) {
        Value at = address(a, k.add(row.offset, aTap));
        if (valid)
          at = arith::SelectOp::create(k.b, k.loc, valid, at, zeros);
        addresses.push_back(at);
      }
      return innerLoop(addresses, k.add(panelOffset, k.mul(bTap, k.size(c.bTapStride))), masks, carried);
    }
    const SpatialDim &dim = c.spatial[level];
    return k.loop(k.constant(0), k.size(dim.kernel), 1, carried, [&](Value tap, ValueRange carried) {
      SmallVector<Value> saved(inside);
      Value step = k.mul(tap, k.constant(dim.dilation));
      if (dim.padded)
        for (auto [row, valid] : llvm::zip(rows, inside))
          valid = k.both(valid, k.inBounds(k.index(k.add(row.position[level], step)), k.size(dim.extent)));
      SmallVector<Value> next = nest(level + 1, k.add(aTap, k.mul(step, k.size(dim.inputStride))),
                                     k.add(k.mul(bTap, k.size(dim.kernel)), tap), carried);
      inside = saved;
      return next;
    });
  };
  return nest(0, k.constant(0), k.constant(0), sums);
}

void ContractEmitter::tile(ArrayRef<Row> rows, Value panel, bool lastPanel) {
  KernelEmitter::LanesScope lanes(k, t.lanes);
  Value column = k.mul(panel, k.constant(c.panelWidth));
  SmallVector<Value> masks(t.vectors), stores(t.vectors);
  SmallVector<bool> empty(t.vectors, false);
  if (lastPanel) {
    auto type = VectorType::get({t.lanes}, k.b.getI32Type());
    Value left = k.sub(k.size(c.columns), column);
    std::optional<int64_t> fixed;
    if (auto columns = constantOf(c.columns))
      fixed = *columns % c.panelWidth;
    for (int64_t v = 0; v < t.vectors; ++v) {
      int64_t first = v * t.lanes;
      empty[v] = fixed && *fixed <= first;
      if (fixed && *fixed >= first + t.lanes)
        continue;
      auto numbers = llvm::to_vector(llvm::map_range(llvm::seq<int64_t>(first, first + t.lanes),
                                                     [](int64_t i) { return static_cast<int32_t>(i); }));
      Value lane = arith::ConstantOp::create(k.b, k.loc, DenseIntElementsAttr::get(type, numbers));
      Value limit = fixed ? Value(arith::ConstantIntOp::create(k.b, k.loc, *fixed, 32))
                          : Value(arith::TruncIOp::create(k.b, k.loc, k.b.getI32Type(), left));
      limit = vector::BroadcastOp::create(k.b, k.loc, type, limit);
      stores[v] = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, lane, limit);
    }
    if (!c.packed)
      masks = stores;
  }
  SmallVector<Value> sums = accumulate(rows, panel, masks);
  Value firstColumn = column;
  if (c.batchIsGroup)
    firstColumn = k.add(column, k.mul(batchAt[0].base, k.size(c.columns)));
  for (auto [r, row] : llvm::enumerate(rows))
    for (int64_t v = 0; v < t.vectors; ++v) {
      if (empty[v])
        continue;
      ElementEmitter::Scope scope(e);
      k.laneMask = stores[v];
      Indices at;
      if (!c.batchIsGroup)
        at = batchAt;
      for (Value index : row.at)
        at.push_back(k.index(index));
      at.push_back(k.index(k.add(firstColumn, k.constant(v * t.lanes)), 1));
      e.bind(c.result, at, sums[r * t.vectors + v]);
      for (unsigned i = 0; i < emitter.numResults(); ++i) {
        Value result = emitter.yielded(i);
        k.store(e.at(result, at), emitter.resultAddress(i), elementOf(result), e.linear(shapeOf(result), at));
      }
      k.laneMask = {};
    }
}

/// The contraction of a kernel in which everything else is elementwise on its result or on operands of that shape.
std::optional<Contraction> contractionOf(KernelOp kernel, const TargetInfo &target) {
  std::optional<Contraction> found;
  for (Operation &op : kernel.getBody().front()) {
    if (!isa<PrimDotOp, PrimConvOp>(op))
      continue;
    if (found || !isa<FloatType>(elementOf(op.getResult(0))) || elementBytes(elementOf(op.getResult(0))) < 4)
      return std::nullopt;
    found = isa<PrimConvOp>(op) ? Contraction::of(cast<PrimConvOp>(op)) : Contraction::of(cast<PrimDotOp>(op), target);
    if (!found)
      return std::nullopt;
  }
  if (!found)
    return std::nullopt;
  for (Value value : kernel.yielded()) {
    while (auto reshape = value.getDefiningOp<PrimReshapeOp>())
      value = reshape.getInput();
    if (!sameShape(shapeOf(value), shapeOf(found->result)))
      return std::nullopt;
  }
  return found;
}

} // namespace

bool emitContractKernel(KernelOp kernel, const TargetInfo &target) {
  std::optional<Contraction> contraction = contractionOf(kernel, target);
  if (!contraction)
    return false;
  KernelEmitter emitter(kernel, target);
  ContractEmitter(emitter, *contraction, target).emit();
  return true;
}

} // namespace nnf
