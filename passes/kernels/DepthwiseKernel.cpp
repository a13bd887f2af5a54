// The depthwise family: convolutions of each channel by itself, channels last.
//
// Lanes lie along the channels. A tile of neighbouring positions along the last spatial dimension stays in registers
// while it goes through the taps: an element of the input is loaded once for all positions that it is a tap of, the
// weights of a run of taps once for all positions. Taps in the padding are left out: along the outer spatial dimensions
// by the bounds of the loop over taps, along the last one by what is known of a tile's place.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/kernels/MapKernel.h"
#include "passes/kernels/StridedView.h"

using namespace mlir;
namespace nnf {
namespace {

/// The convolution a kernel is built around, where the family takes it.
struct Depthwise {
  PrimConvOp op;
  StridedView input, weight;
  Shape in, out;

  static std::optional<Depthwise> of(KernelOp kernel);
};

std::optional<Depthwise> Depthwise::of(KernelOp kernel) {
  std::optional<Depthwise> found;
  for (Operation &op : kernel.getBody().front()) {
    if (isa<PrimDotOp>(op))
      return std::nullopt;
    auto conv = dyn_cast<PrimConvOp>(op);
    if (!conv)
      continue;
    if (found)
      return std::nullopt;
    if (!isDepthwise(conv))
      return std::nullopt;
    Shape in = shapeOf(conv.getInput()), out = shapeOf(conv.getOutput());
    auto input = stridedViewOf(conv.getInput()), weight = stridedViewOf(conv.getWeight());
    auto isRead = [](std::optional<StridedView> &view) {
      return view && isa<BlockArgument>(view->buffer) && isConstant(view->strides.back(), 1);
    };
    if (!isRead(input) || !isRead(weight))
      return std::nullopt;
    found = Depthwise{conv, *input, *weight, in, out};
  }
  if (!found || !KernelEmitter::yieldsShapeOf(kernel, found->op.getOutput()))
    return std::nullopt;
  return found;
}

/// Neighbouring tiles of one length. Those of a run of several lie in the interior: all their taps are inside.
struct TileRun {
  int64_t first, length, count; // first position, positions of a tile, tiles
};

class DepthwiseEmitter {
public:
  DepthwiseEmitter(KernelEmitter &emitter, const Depthwise &depthwise);
  void emit();

private:
  /// Whether a tap of a tile is inside: `column` is its place beside the tile's first tap.
  using IsInside = llvm::function_ref<bool(int64_t column)>;

  std::optional<SmallVector<TileRun>> planTiles() const;
  void emitRow(const Indices &row, Value firstChannel, Value endChannel);
  void emitKnownWidth(ArrayRef<TileRun> runs, const Indices &row, Value firstChannel, Value endChannel);
  void emitAnyWidth(const Indices &row, Value firstChannel, Value endChannel);
  void tile(const Indices &row, Value position, int64_t length, IsInside isInside, Value firstChannel,
            Value endChannel);
  /// One position whose taps along the last dimension may lie outside on both sides.
  void edge(const Indices &row, Value position, Value firstChannel, Value endChannel);
  /// Runs down the outer taps: body(address of the input there, address of the weights, sums).
  using RunBody = llvm::function_ref<SmallVector<Value>(Value, Value, ValueRange)>;
  SmallVector<Value> overOuterTaps(const Indices &row, Value inputOffset, Value channel, ValueRange sums, RunBody body);
  SmallVector<Value> runOfTaps(Value from, Value weights, int64_t length, IsInside isInside, ValueRange sums);
  Value load(Value address, Value offset) { return k.load(address, element, k.index(offset, 1)); }
  /// Offset in the input of a column, which may be negative.
  Value columnOffset(Value column) { return k.mul(column, k.size(d.input.strides[last + 1])); }
  void store(const Indices &row, Value position, Index channel, ArrayRef<Value> sums);
  SmallVector<Value> zeros(int64_t count) {
    return SmallVector<Value>(count, e.neutral(ReduceKind::Add, element, /*vector=*/true));
  }

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  const Depthwise &d;
  PrimConvOp op;
  Type element;
  unsigned last; // of the spatial dimensions
  int64_t lanes, taps, stride, dilation, low;
  int64_t maxLength; // of a tile
  Value input, weight;
};

DepthwiseEmitter::DepthwiseEmitter(KernelEmitter &emitter, const Depthwise &depthwise)
    : emitter(emitter), k(emitter.k), e(emitter.e), d(depthwise), op(d.op), element(elementOf(op.getInput())),
      last(op.spatialRank() - 1), taps(*constantOf(op.kernelSizes()[last])), stride(op.getStride()[last]),
      dilation(op.getKernelDilation()[last]), low(op.getLow()[last]) {
  auto groups = static_cast<int64_t>(op.getGroups());
  lanes = k.target.lanes(elementBytes(element));
  while (lanes > 1 && lanes / 2 >= groups)
    lanes /= 2;
  // Sums, the weights of a run and one element of the input are in registers. Fewer than four sums would wait for each
  // other: longer runs of taps read their weights again.
  constexpr int64_t fewest = 4, most = 14;
  maxLength = std::clamp<int64_t>(k.target.vectorRegisters - taps - 2, fewest, most);
}

/// The tiles of a row of known width; none where too many of them would be code of their own.
std::optional<SmallVector<TileRun>> DepthwiseEmitter::planTiles() const {
  auto width = constantOf(d.out[last + 1]), extent = constantOf(d.in[last + 1]);
  if (!width || !extent || *width == 0)
    return std::nullopt;
  constexpr size_t maxRuns = 6;
  int64_t count = llvm::divideCeilSigned(*width, maxLength), base = *width / count, longer = *width % count;
  SmallVector<TileRun> runs;
  bool lastIsInterior = false;
  for (int64_t i = 0, at = 0; i < count; ++i) {
    int64_t length = base + (i < longer), from = at * stride - low;
    bool isInterior = from >= 0 && from + (length - 1) * stride + (taps - 1) * dilation < *extent;
    if (isInterior && lastIsInterior && runs.back().length == length)
      ++runs.back().count;
    else
      runs.push_back({at, length, 1});
    if (runs.size() > maxRuns)
      return std::nullopt;
    lastIsInterior = isInterior;
    at += length;
  }
  return runs;
}

void DepthwiseEmitter::emit() {
  input = emitter.addressOf(d.input.buffer);
  weight = emitter.addressOf(d.weight.buffer);
  const Shape &out = d.out;
  Shape rows(out.begin(), out.end() - 2); // batch and outer spatial dimensions
  Dim rowCount = productOf(op.getContext(), rows);
  int64_t channels = *constantOf(out.back());
  // Blocks of rows, and of channels where there are few rows.
  // Loads and what follows each sum weigh as much as the multiplications.
  double work = 4 * double(KernelEmitter::guess(out)) * double(KernelEmitter::guess(op.kernelSizes()));
  int64_t tasks = KernelEmitter::tasksFor(work);
  int64_t numRows = std::max<int64_t>(1, KernelEmitter::guess(rowCount));
  int64_t rowBlocks = std::min(tasks, numRows), channelBlocks = llvm::divideCeilSigned(tasks, rowBlocks);
  int64_t rowsOfTask = llvm::divideCeilSigned(numRows, rowBlocks);
  int64_t channelsOfTask = llvm::alignTo(llvm::divideCeilSigned(channels, channelBlocks), lanes);
  SmallVector<Dim> grid{rowCount.ceilDiv(rowsOfTask),
                        dimOf(op.getContext(), llvm::divideCeilSigned(channels, channelsOfTask))};
  emitter.forTasks(grid, [&](ArrayRef<Value> task) {
    Value firstRow = k.mul(task[0], k.constant(rowsOfTask));
    Value endRow = k.min(k.add(firstRow, k.constant(rowsOfTask)), k.size(rowCount));
    Value firstChannel = k.mul(task[1], k.constant(channelsOfTask));
    Value endChannel = k.min(k.add(firstChannel, k.constant(channelsOfTask)), k.constant(channels));
    emitter.forRows(rows, firstRow, endRow, [&](const Indices &row) { emitRow(row, firstChannel, endChannel); });
  });
}

void DepthwiseEmitter::emitRow(const Indices &row, Value firstChannel, Value endChannel) {
  if (auto runs = planTiles())
    emitKnownWidth(*runs, row, firstChannel, endChannel);
  else
    emitAnyWidth(row, firstChannel, endChannel);
}

void DepthwiseEmitter::emitKnownWidth(ArrayRef<TileRun> runs, const Indices &row, Value firstChannel,
                                      Value endChannel) {
  int64_t extent = *constantOf(d.in[last + 1]);
  for (const TileRun &run : runs)
    k.loop(k.constant(0), k.constant(run.count), 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      int64_t from = run.first * stride - low;
      auto isInside = [&](int64_t column) { return run.count > 1 || (from + column >= 0 && from + column < extent); };
      Value position = k.add(k.constant(run.first), k.mul(i, k.constant(run.length)));
      tile(row, position, run.length, isInside, firstChannel, endChannel);
      return {};
    });
}

void DepthwiseEmitter::emitAnyWidth(const Indices &row, Value firstChannel, Value endChannel) {
  Value width = k.size(d.out[last + 1]), extent = k.size(d.in[last + 1]), zero = k.constant(0);
  // Positions [first, end) have all their taps inside.
  Value first = k.min(k.constant(std::max<int64_t>(0, llvm::divideCeilSigned(low, stride))), width);
  Value room = k.sub(k.add(extent, k.constant(low)), k.constant((taps - 1) * dilation));
  Value end = k.max(k.min(k.ceilDiv(k.max(room, zero), stride), width), first);
  auto each = [&](Value from, Value to, int64_t step, llvm::function_ref<void(Value)> body) {
    k.loop(from, to, step, {}, [&](Value position, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      body(position);
      return {};
    });
  };
  auto atEdge = [&](Value position) { edge(row, position, firstChannel, endChannel); };
  auto inside = [](int64_t) { return true; };
  Value whole = k.mul(k.floorDiv(k.sub(end, first), k.constant(maxLength)), k.constant(maxLength));
  Value endOfWhole = k.add(first, whole);
  each(zero, first, 1, atEdge);
  each(first, endOfWhole, maxLength,
       [&](Value position) { tile(row, position, maxLength, inside, firstChannel, endChannel); });
  each(endOfWhole, end, 1, [&](Value position) { tile(row, position, 1, inside, firstChannel, endChannel); });
  each(end, width, 1, atEdge);
}

SmallVector<Value> DepthwiseEmitter::overOuterTaps(const Indices &row, Value inputOffset, Value channel,
                                                   ValueRange sums, RunBody body) {
  Shape kernel = op.kernelSizes();
  std::function<SmallVector<Value>(unsigned, Value, Value, ValueRange)> nest =
      [&](unsigned s, Value inputAt, Value weightAt, ValueRange carried) -> SmallVector<Value> {
    if (s == last)
      return body(k.elementAddress(input, element, inputAt), k.elementAddress(weight, element, weightAt), carried);
    Value start = k.sub(k.mul(row[s + 1].base, k.constant(op.getStride()[s])), k.constant(op.getLow()[s]));
    int64_t step = op.getKernelDilation()[s];
    ElementEmitter::Taps range = e.taps(k.index(start), *constantOf(kernel[s]), step, k.size(d.in[s + 1]));
    return k.loop(range.first, range.end, 1, carried, [&](Value i, ValueRange carried) {
      ElementEmitter::Scope scope(e);
      Value position = k.add(start, k.mul(i, k.constant(step)));
      return nest(s + 1, k.add(inputAt, k.mul(position, k.size(d.input.strides[s + 1]))),
                  k.add(weightAt, k.mul(i, k.size(d.weight.strides[s]))), carried);
    });
  };
  Value image = k.add(k.size(d.input.offset), k.mul(row[0].base, k.size(d.input.strides[0])));
  return nest(0, k.add(k.add(image, inputOffset), channel), k.add(k.size(d.weight.offset), channel), sums);
}

/// Column by column of the input: each is loaded once, and added to the positions that have it as a tap.
SmallVector<Value> DepthwiseEmitter::runOfTaps(Value from, Value weights, int64_t length, IsInside isInside,
                                               ValueRange sums) {
  SmallVector<Value> next(sums.begin(), sums.end()), ofTap(taps);
  for (int64_t column = 0, end = (length - 1) * stride + (taps - 1) * dilation; column <= end; ++column) {
    Value value;
    for (int64_t i = 0; i < length; ++i) {
      int64_t distance = column - i * stride, tap = distance / dilation;
      if (distance < 0 || distance % dilation != 0 || tap >= taps || !isInside(column))
        continue;
      if (!value)
        value = load(from, columnOffset(k.constant(column)));
      if (!ofTap[tap])
        ofTap[tap] = load(weights, k.mul(k.constant(tap), k.size(d.weight.strides[last])));
      next[i] = k.multiplyAdd(element, value, ofTap[tap], next[i]);
    }
  }
  return next;
}

void DepthwiseEmitter::tile(const Indices &row, Value position, int64_t length, IsInside isInside, Value firstChannel,
                            Value endChannel) {
  Value from = columnOffset(k.sub(k.mul(position, k.constant(stride)), k.constant(low)));
  emitter.forLanes(lanes, firstChannel, endChannel, {}, [&](Index channel, ValueRange) -> SmallVector<Value> {
    SmallVector<Value> sums =
        overOuterTaps(row, from, channel.base, zeros(length), [&](Value from, Value weights, ValueRange carried) {
          return runOfTaps(from, weights, length, isInside, carried);
        });
    store(row, position, channel, sums);
    return {};
  });
}

void DepthwiseEmitter::edge(const Indices &row, Value position, Value firstChannel, Value endChannel) {
  Value start = k.sub(k.mul(position, k.constant(stride)), k.constant(low));
  ElementEmitter::Taps range = e.taps(k.index(start), taps, dilation, k.size(d.in[last + 1]));
  emitter.forLanes(lanes, firstChannel, endChannel, {}, [&](Index channel, ValueRange) -> SmallVector<Value> {
    SmallVector<Value> sums = overOuterTaps(
        row, columnOffset(start), channel.base, zeros(1), [&](Value from, Value weights, ValueRange carried) {
          return k.loop(range.first, range.end, 1, carried, [&](Value i, ValueRange carried) -> SmallVector<Value> {
            Value value = load(from, columnOffset(k.mul(i, k.constant(dilation))));
            Value factor = load(weights, k.mul(i, k.size(d.weight.strides[last])));
            return {k.multiplyAdd(element, value, factor, carried[0])};
          });
        });
    store(row, position, channel, sums);
    return {};
  });
}

void DepthwiseEmitter::store(const Indices &row, Value position, Index channel, ArrayRef<Value> sums) {
  for (auto [i, sum] : llvm::enumerate(sums)) {
    ElementEmitter::Scope scope(e);
    Indices at(row);
    at.push_back(k.index(k.add(position, k.constant(i))));
    at.push_back(channel);
    e.bind(op.getOutput(), at, sum);
    storeResults(emitter, at);
  }
}

} // namespace

bool isDepthwise(PrimConvOp conv) {
  if (conv.getLayout() != 1 || conv.getPacked() || conv.spatialRank() == 0)
    return false;
  auto groups = static_cast<int64_t>(conv.getGroups());
  auto isOne = [](int64_t d) { return d == 1; };
  // Of fewer channels lanes would lie idle: those of a map lie along positions.
  constexpr int64_t fewestChannels = 4;
  return groups >= fewestChannels && isConstant(shapeOf(conv.getInput()).back(), groups) &&
         isConstant(shapeOf(conv.getOutput()).back(), groups) && constantsOf(conv.kernelSizes()) &&
         llvm::all_of(conv.getInputDilation(), isOne) && isa<FloatType>(elementOf(conv.getOutput()));
}

bool emitDepthwiseKernel(KernelOp kernel, const TargetInfo &target) {
  std::optional<Depthwise> depthwise = Depthwise::of(kernel);
  if (!depthwise)
    return false;
  KernelEmitter emitter(kernel, target);
  DepthwiseEmitter(emitter, *depthwise).emit();
  return true;
}

} // namespace nnf
