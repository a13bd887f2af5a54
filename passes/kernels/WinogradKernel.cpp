// The Winograd family: convolutions of 3 taps along each spatial dimension by fewer multiplications
// (passes/Winograd.h).
//
// A task is a block of tiles of outputs. Their inputs are transformed into scratch memory, a matrix of tiles by
// channels for each product; a panel of outputs then multiplies each of these matrices by its weights (the microkernel
// of the contract family), transforms the products back and stores tile by tile, with all that follows the convolution.
// A block is as large as the second-level cache lets it be, since weights are read once for each.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/MapKernel.h"
#include "passes/kernels/RegisterTile.h"
#include "passes/kernels/Tunable.h"
#include "passes/kernels/WinogradPlan.h"

using namespace mlir;
namespace nnf {
namespace {

class WinogradEmitter {
public:
  WinogradEmitter(KernelEmitter &emitter, const WinogradConv &conv);
  void emit();

private:
  /// Values of a tile at each place of a grid with `size` places along each spatial dimension, the last one fastest.
  using Grid = SmallVector<Value>;
  /// Of a panel of outputs: which vectors there are, and their masks (null: all lanes).
  struct Panel {
    Value number;
    SmallVector<Value> masks;
  };

  void emitTask(ArrayRef<Value> task);
  void transformInput(Value tile, Value slot);
  void multiply(const Panel &panel, Value count);
  void transformSums(const Panel &panel, Value tile, Value slot);
  /// The matrix applied along each spatial dimension of a grid with `from` places along each.
  Grid apply(const Winograd::Matrix &matrix, Grid grid, int64_t from);
  Value combine(ArrayRef<double> factors, ArrayRef<Value> values);
  /// Calls body(place along each spatial dimension, its number) for a grid.
  void forPlaces(int64_t size, llvm::function_ref<void(ArrayRef<int64_t>, unsigned)> body) const;
  void forPanels(Value first, Value end, llvm::function_ref<void(const Panel &)> body);
  /// First row of scratch memory of a product's matrix for the tile in a slot.
  Value rowOf(Value product, Value slot) { return k.add(k.mul(product, k.constant(plan.blockTiles)), slot); }
  void each(Value first, Value end, llvm::function_ref<void(Value)> body) {
    k.loop(first, end, 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      body(i);
      return {};
    });
  }

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  const WinogradConv &conv;
  PrimConvOp op;
  WinogradPlan plan;
  const Winograd &w;
  Type element;
  unsigned spatial;
  Shape in, out;
  Value input, weight, zeros, transformed, products;
};

WinogradEmitter::WinogradEmitter(KernelEmitter &emitter, const WinogradConv &conv)
    : emitter(emitter), k(emitter.k), e(emitter.e), conv(conv), op(conv.op),
      plan(op, k.target, choiceOf(emitter.kernel)), w(plan.w), element(elementOf(op.getInput())),
      spatial(op.spatialRank()), in(shapeOf(op.getInput())), out(shapeOf(op.getOutput())) {}

void WinogradEmitter::emit() {
  input = emitter.addressOf(conv.input.buffer);
  weight = emitter.addressOf(conv.weight.buffer);
  int64_t bytes = elementBytes(element), used = 0;
  auto reserve = [&](int64_t elements) {
    Value at = k.elementAddress(emitter.scratch, k.b.getI8Type(), k.constant(used));
    used += llvm::alignTo(elements * bytes, 64);
    return at;
  };
  zeros = reserve(plan.rowLength);
  transformed = reserve(plan.numProducts * plan.blockTiles * plan.rowLength);
  products = reserve(plan.numProducts * plan.blockTiles * plan.panelWidth);
  emitter.function->setAttr("nnf.scratch", k.b.getI64IntegerAttr(used));
  // What taps in the padding read.
  emitter.forLanes(plan.lanes, k.constant(0), k.constant(plan.channels), {},
                   [&](Index at, ValueRange) -> SmallVector<Value> {
                     k.store(e.neutral(ReduceKind::Add, element, /*vector=*/true), zeros, element, at);
                     return {};
                   });
  SmallVector<Dim> grid{plan.tileCount.ceilDiv(plan.blockTiles),
                        dimOf(op.getContext(), llvm::divideCeilSigned(plan.panels, plan.panelsOfTask))};
  emitter.forTasks(grid, [&](ArrayRef<Value> task) { emitTask(task); });
}

void WinogradEmitter::emitTask(ArrayRef<Value> task) {
  Value firstTile = k.mul(task[0], k.constant(plan.blockTiles)),
        lastTile = k.sub(k.size(plan.tileCount), k.constant(1));
  Value count = k.min(k.sub(k.size(plan.tileCount), firstTile), k.constant(plan.blockTiles));
  // Register tiles are complete: the last tile of outputs stands in for those that are not there.
  Value rowTiles = k.ceilDiv(count, plan.rows);
  each(k.constant(0), k.mul(rowTiles, k.constant(plan.rows)),
       [&](Value slot) { transformInput(k.min(k.add(firstTile, slot), lastTile), slot); });
  Value firstPanel = k.mul(task[1], k.constant(plan.panelsOfTask));
  Value endPanel = k.min(k.add(firstPanel, k.constant(plan.panelsOfTask)), k.constant(plan.panels));
  forPanels(firstPanel, endPanel, [&](const Panel &panel) {
    multiply(panel, rowTiles);
    each(k.constant(0), count, [&](Value slot) { transformSums(panel, k.add(firstTile, slot), slot); });
  });
}

void WinogradEmitter::forPlaces(int64_t size, llvm::function_ref<void(ArrayRef<int64_t>, unsigned)> body) const {
  SmallVector<int64_t> place(spatial, 0);
  for (unsigned number = 0;; ++number) {
    body(place, number);
    unsigned s = spatial;
    while (s > 0 && ++place[s - 1] == size)
      place[--s] = 0;
    if (s == 0)
      return;
  }
}

void WinogradEmitter::forPanels(Value first, Value end, llvm::function_ref<void(const Panel &)> body) {
  // Complete panels, then one that is cut short by the edge.
  int64_t complete = plan.columns / plan.panelWidth, rest = plan.columns % plan.panelWidth;
  each(first, k.min(end, k.constant(complete)),
       [&](Value number) { body({number, SmallVector<Value>(plan.vectors)}); });
  if (rest == 0)
    return;
  each(k.max(first, k.constant(complete)), end, [&](Value number) {
    KernelEmitter::LanesScope scope(k, plan.lanes);
    Panel panel{number, {}};
    for (int64_t left = rest; left > 0; left -= plan.lanes)
      panel.masks.push_back(left >= plan.lanes ? Value() : k.firstLanes(left));
    body(panel);
  });
}

Value WinogradEmitter::combine(ArrayRef<double> factors, ArrayRef<Value> values) {
  // What is taken as it is comes first: nothing has to be multiplied or negated to begin with.
  SmallVector<unsigned> order;
  for (auto [i, factor] : llvm::enumerate(factors))
    if (factor != 0)
      order.push_back(i);
  llvm::sort(order,
             [&](unsigned a, unsigned b) { return std::pair(factors[a] != 1, a) < std::pair(factors[b] != 1, b); });
  Value sum;
  for (unsigned i : order) {
    Value value = values[i];
    if (!sum && factors[i] == 1)
      sum = value;
    else if (factors[i] == 1)
      sum = arith::AddFOp::create(k.b, k.loc, sum, value);
    else if (sum && factors[i] == -1)
      sum = arith::SubFOp::create(k.b, k.loc, sum, value);
    else {
      Value factor = k.splat(k.b.getFloatAttr(element, factors[i]), /*vector=*/true);
      sum = sum ? k.multiplyAdd(element, value, factor, sum) : Value(arith::MulFOp::create(k.b, k.loc, value, factor));
    }
  }
  return sum;
}

WinogradEmitter::Grid WinogradEmitter::apply(const Winograd::Matrix &matrix, Grid grid, int64_t from) {
  int64_t to = matrix.size();
  // Along dimension s the grid has `to` places before it, `from` after it.
  for (unsigned s = 0; s < spatial; ++s) {
    int64_t outer = 1, inner = 1;
    for (unsigned i = 0; i < s; ++i)
      outer *= to;
    for (unsigned i = s + 1; i < spatial; ++i)
      inner *= from;
    Grid next(outer * to * inner);
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        SmallVector<Value> line;
        for (int64_t j = 0; j < from; ++j)
          line.push_back(grid[(o * from + j) * inner + i]);
        for (int64_t j = 0; j < to; ++j)
          next[(o * to + j) * inner + i] = combine(matrix[j], line);
      }
    grid = next;
  }
  return grid;
}

/// The inputs of a tile to row `slot` of the matrices.
void WinogradEmitter::transformInput(Value tile, Value slot) {
  Indices at = e.delinear(plan.tileGrid, k.index(tile));
  Value image = k.add(k.size(conv.input.offset), k.mul(at[0].base, k.size(conv.input.strides[0])));
  SmallVector<Value> start; // of the tile's inputs
  Value offset = image, isInterior;
  bool canLeave = false;
  for (unsigned s = 0; s < spatial; ++s) {
    start.push_back(k.sub(k.mul(at[s + 1].base, k.constant(w.outputs)), k.constant(op.getLow()[s])));
    offset = k.add(offset, k.mul(start[s], k.size(conv.input.strides[s + 1])));
    auto size = constantOf(out[s + 1]);
    if (op.getLow()[s] <= 0 && op.getHigh()[s] <= 0 && size && *size % w.outputs == 0)
      continue;
    canLeave = true;
    Value last = k.add(start[s], k.constant(w.products() - 1));
    isInterior = k.both(isInterior, k.both(k.inBounds(k.index(start[s]), k.size(in[s + 1])),
                                           k.inBounds(k.index(last), k.size(in[s + 1]))));
  }
  auto transform = [&](ArrayRef<Value> addresses) {
    emitter.forLanes(plan.lanes, k.constant(0), k.constant(plan.channels), {},
                     [&](Index c, ValueRange) -> SmallVector<Value> {
                       Grid values;
                       for (Value address : addresses)
                         values.push_back(k.load(address, element, c));
                       for (auto [product, value] : llvm::enumerate(apply(w.inputs, values, w.products()))) {
                         Value row = k.mul(rowOf(k.constant(product), slot), k.constant(plan.rowLength));
                         k.store(value, k.elementAddress(transformed, element, row), element, c);
                       }
                       return {};
                     });
  };
  auto inside = [&] {
    SmallVector<Value> addresses;
    Value first = k.elementAddress(input, element, offset);
    forPlaces(w.products(), [&](ArrayRef<int64_t> place, unsigned) {
      Value distance = k.constant(0);
      for (unsigned s = 0; s < spatial; ++s)
        distance = k.add(distance, k.mul(k.constant(place[s]), k.size(conv.input.strides[s + 1])));
      addresses.push_back(k.elementAddress(first, element, distance));
    });
    transform(addresses);
  };
  auto atEdge = [&] {
    SmallVector<Value> addresses;
    forPlaces(w.products(), [&](ArrayRef<int64_t> place, unsigned) {
      Value at = image, isInside;
      for (unsigned s = 0; s < spatial; ++s) {
        Value position = k.add(start[s], k.constant(place[s]));
        isInside = k.both(isInside, k.inBounds(k.index(position), k.size(in[s + 1])));
        at = k.add(at, k.mul(position, k.size(conv.input.strides[s + 1])));
      }
      Value address = k.elementAddress(input, element, at);
      addresses.push_back(isInside ? Value(arith::SelectOp::create(k.b, k.loc, isInside, address, zeros)) : address);
    });
    transform(addresses);
  };
  if (!canLeave)
    return inside();
  emitter.when(isInterior, inside, atEdge);
}

/// The products of a panel, register tile by register tile.
void WinogradEmitter::multiply(const Panel &panel, Value rowTiles) {
  KernelEmitter::LanesScope scope(k, plan.lanes);
  each(k.constant(0), k.constant(plan.numProducts), [&](Value product) {
    int64_t matrixElements = plan.channels * plan.stored.stored;
    Value panelAt = plan.stored.offsetOf(k, panel.number, k.constant(plan.numProducts * matrixElements));
    Value columnsAt = k.elementAddress(weight, element, k.add(panelAt, k.mul(product, k.constant(matrixElements))));
    each(k.constant(0), rowTiles, [&](Value rowTile) {
      Value firstRow = rowOf(product, k.mul(rowTile, k.constant(plan.rows)));
      SmallVector<Value> addresses;
      Value first = k.elementAddress(transformed, element, k.mul(firstRow, k.constant(plan.rowLength)));
      for (int64_t r = 0; r < plan.rows; ++r)
        addresses.push_back(k.elementAddress(first, element, k.constant(r * plan.rowLength)));
      RegisterTile tile;
      tile.element = element;
      tile.rows = addresses;
      tile.rowStep = k.constant(1);
      tile.rowDistance = k.constant(plan.rowLength);
      tile.stepsMultipleOf = plan.channels % 2 == 0 ? 2 : 1;
      tile.columns = columnsAt;
      tile.columnStep = k.constant(plan.stored.stored);
      tile.vectors = plan.vectors;
      if (plan.aheadStep) { // what follows in the panel, or the next one, is needed next
        Value part = k.mul(rowTile, k.constant(plan.channels * plan.aheadStep));
        Value bytesOn = k.add(part, k.constant(matrixElements * elementBytes(element)));
        tile.ahead = k.elementAddress(columnsAt, k.b.getI8Type(), bytesOn);
        tile.aheadStep = k.constant(plan.aheadStep);
      }
      SmallVector<Value> sums(plan.rows * plan.vectors, e.neutral(ReduceKind::Add, element, /*vector=*/true));
      sums = tile.multiply(k, k.constant(0), k.constant(plan.channels), sums);
      Value to = k.elementAddress(products, element, k.mul(firstRow, k.constant(plan.panelWidth)));
      for (auto [i, sum] : llvm::enumerate(sums))
        k.store(sum, to, element, k.index(k.constant(static_cast<int64_t>(i) * plan.lanes), 1));
    });
  });
}

/// The products in row `slot` to outputs of a tile.
void WinogradEmitter::transformSums(const Panel &panel, Value tile, Value slot) {
  KernelEmitter::LanesScope scope(k, plan.lanes);
  Indices at = e.delinear(plan.tileGrid, k.index(tile));
  Value firstColumn = k.mul(panel.number, k.constant(plan.panelWidth));
  for (auto [v, mask] : llvm::enumerate(panel.masks)) {
    int64_t lane = static_cast<int64_t>(v) * plan.lanes;
    Grid values;
    forPlaces(w.products(), [&](ArrayRef<int64_t>, unsigned product) {
      Value from =
          k.elementAddress(products, element, k.mul(rowOf(k.constant(product), slot), k.constant(plan.panelWidth)));
      values.push_back(k.load(from, element, k.index(k.constant(lane), 1)));
    });
    Grid sums = apply(w.sums, values, w.products());
    forPlaces(w.outputs, [&](ArrayRef<int64_t> place, unsigned number) {
      Indices output{at[0]};
      Value isInside;
      for (unsigned s = 0; s < spatial; ++s) {
        Value position = k.add(k.mul(at[s + 1].base, k.constant(w.outputs)), k.constant(place[s]));
        auto size = constantOf(out[s + 1]);
        if (place[s] > 0 && !(size && *size % w.outputs == 0))
          isInside = k.both(isInside, k.less(position, k.size(out[s + 1])));
        output.push_back(k.index(position));
      }
      output.push_back(k.index(k.add(firstColumn, k.constant(lane)), 1));
      emitter.when(isInside, [&] {
        ElementEmitter::Scope scope(e);
        k.laneMask = mask;
        e.bind(op.getOutput(), output, sums[number]);
        storeResults(emitter, output);
        k.laneMask = {};
      });
    });
  }
}

} // namespace

bool emitWinogradKernel(KernelOp kernel, const TargetInfo &target) {
  std::optional<WinogradConv> conv = WinogradConv::of(kernel);
  if (!conv)
    return false;
  KernelEmitter emitter(kernel, target);
  WinogradEmitter(emitter, *conv).emit();
  return true;
}

} // namespace nnf
