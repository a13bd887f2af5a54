// Lanes lie along the channels. A tile of neighbouring positions along the last spatial dimension stays in registers
// while it goes through the taps: an element of the input is loaded once for all positions that it is a tap of, the
// weights of a run of taps once for all positions. Taps in the padding are left out: along the outer spatial dimensions
// by the bounds of the loop over taps, along the last one by what is known of a tile's place.
//
// Where groups have a few channels, each output has that many inputs at a tap: a channel of its group after the other,
// a shuffle brings it to all lanes of the group (or one load does, where a group fills the vector).
#include "passes/kernels/DepthwiseRows.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <set>

using namespace mlir;
namespace nnf {

DepthwiseRows::DepthwiseRows(KernelEmitter &emitter, PrimConvOp op, const StridedView &weight)
    : emitter(emitter), k(emitter.k), e(emitter.e), op(op), weightView(weight), in(shapeOf(op.getInput())),
      out(shapeOf(op.getOutput())), element(elementOf(op.getInput())), last(op.spatialRank() - 1),
      groupSize(*constantOf(op.channelsPerGroup())), channelStep(k.size(weight.strides[last + 1])),
      taps(*constantOf(op.kernelSizes()[last])), stride(op.getStride()[last]), dilation(op.getKernelDilation()[last]),
      low(op.getLow()[last]), weight(emitter.addressOf(weight.buffer)) {
  int64_t channels = *constantOf(out.back());
  lanes = k.target.lanes(elementBytes(element));
  while (lanes > 1 && lanes / 2 >= channels)
    lanes /= 2;
  // Sums, the weights of a run and one element of the input are in registers; longer runs of taps read their weights
  // again.
  int64_t registers = k.target.vectorRegisters - taps - 2;
  if (groupSize >
      1) // LLVM keeps the columns of a tile too, for the group's next channel: length + (length - 1) * stride
    registers = (registers + stride - (taps - 1) * dilation - 1) / (1 + stride);
  maxLength = std::clamp<int64_t>(registers, figures::fewestPositions, figures::mostPositions);
}

/// The tiles of a row of known width; none where too many of them would be code of their own.
std::optional<SmallVector<DepthwiseRows::TileRun>> DepthwiseRows::planTiles() const {
  auto width = constantOf(out[last + 1]), extent = constantOf(in[last + 1]);
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

void DepthwiseRows::emit(const Indices &row, const Input &input, const Channels &channels, Store store) {
  Request request{row, input, channels, store};
  if (auto runs = planTiles())
    emitKnownWidth(*runs, request);
  else
    emitAnyWidth(request);
}

void DepthwiseRows::emitKnownWidth(ArrayRef<TileRun> runs, const Request &r) {
  int64_t extent = *constantOf(in[last + 1]);
  for (const TileRun &run : runs)
    k.loop(k.constant(0), k.constant(run.count), 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      int64_t from = run.first * stride - low;
      auto isInside = [&](int64_t column) { return run.count > 1 || (from + column >= 0 && from + column < extent); };
      tile(r, k.add(k.constant(run.first), k.mul(i, k.constant(run.length))), run.length, isInside);
      return {};
    });
}

void DepthwiseRows::emitAnyWidth(const Request &r) {
  Value width = k.size(out[last + 1]), extent = k.size(in[last + 1]), zero = k.constant(0);
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
  auto atEdge = [&](Value position) { edge(r, position); };
  auto inside = [](int64_t) { return true; };
  Value whole = k.mul(k.floorDiv(k.sub(end, first), k.constant(maxLength)), k.constant(maxLength));
  Value endOfWhole = k.add(first, whole);
  each(zero, first, 1, atEdge);
  each(first, endOfWhole, maxLength, [&](Value position) { tile(r, position, maxLength, inside); });
  each(endOfWhole, end, 1, [&](Value position) { tile(r, position, 1, inside); });
  each(end, width, 1, atEdge);
}

SmallVector<Value> DepthwiseRows::overOuterTaps(const Request &r, Value column, Value channel, ValueRange sums,
                                                RunBody body) {
  Shape kernel = op.kernelSizes();
  std::function<SmallVector<Value>(unsigned, Value, Value, ValueRange)> nest =
      [&](unsigned s, Value inputAt, Value weightAt, ValueRange carried) -> SmallVector<Value> {
    if (s == last)
      return body(k.elementAddress(r.input.address, element, inputAt), k.elementAddress(weight, element, weightAt),
                  carried);
    Value start = k.sub(k.mul(r.row[s + 1].base, k.constant(op.getStride()[s])), k.constant(op.getLow()[s]));
    int64_t step = op.getKernelDilation()[s];
    ElementEmitter::Taps range = e.taps(k.index(start), *constantOf(kernel[s]), step, k.size(in[s + 1]));
    return k.loop(range.first, range.end, 1, carried, [&](Value i, ValueRange carried) {
      ElementEmitter::Scope scope(e);
      Value position = k.add(start, k.mul(i, k.constant(step)));
      return nest(s + 1, k.add(inputAt, k.mul(position, r.input.strides[s])),
                  k.add(weightAt, k.mul(i, k.size(weightView.strides[s]))), carried);
    });
  };
  return nest(0, k.add(k.add(r.input.offset, columnOffset(r, column)), channel),
              k.add(k.add(k.size(weightView.offset), r.channels.first), channel), sums);
}

Value DepthwiseRows::inputOf(Value pixel, int64_t i) {
  if (groupSize == 1)
    return load(pixel, k.constant(0));
  if (groupSize == k.lanes)
    return k.spread(k.load(pixel, element, k.index(k.constant(i))));
  SmallVector<int64_t> places;
  for (int64_t lane = 0; lane < k.lanes; ++lane)
    places.push_back(lane / groupSize * groupSize + i);
  Value all = load(pixel, k.constant(0));
  return vector::ShuffleOp::create(k.b, k.loc, all, all, places);
}

/// Column by column of the input: each is loaded once, and added to the positions that have it as a tap.
SmallVector<Value> DepthwiseRows::runOfTaps(const Request &r, Value from, Value weights, int64_t length,
                                            IsInside isInside, ValueRange sums) {
  SmallVector<Value> next(sums.begin(), sums.end());
  std::set<int64_t> columns; // those that are a tap of some position: with a dilation they lie apart
  for (int64_t i = 0; i < length; ++i)
    for (int64_t tap = 0; tap < taps; ++tap)
      if (int64_t column = i * stride + tap * dilation; isInside(column))
        columns.insert(column);
  for (int64_t channel = 0; channel < groupSize; ++channel) {
    SmallVector<Value> ofTap(taps);
    for (int64_t column : columns) {
      Value value = inputOf(k.elementAddress(from, element, columnOffset(r, k.constant(column))), channel);
      for (int64_t i = 0; i < length; ++i) {
        int64_t distance = column - i * stride, tap = distance / dilation;
        if (distance < 0 || distance % dilation != 0 || tap >= taps)
          continue;
        if (!ofTap[tap])
          ofTap[tap] = weightOf(weights, k.constant(tap), channel);
        next[i] = k.multiplyAdd(element, value, ofTap[tap], next[i]);
      }
    }
  }
  return next;
}

void DepthwiseRows::tile(const Request &r, Value position, int64_t length, IsInside isInside) {
  Value column = k.sub(k.mul(position, k.constant(stride)), k.constant(low));
  emitter.forLanes(lanes, k.constant(0), r.channels.count, {}, [&](Index channel, ValueRange) -> SmallVector<Value> {
    SmallVector<Value> sums =
        overOuterTaps(r, column, channel.base, zeros(length), [&](Value from, Value weights, ValueRange carried) {
          return runOfTaps(r, from, weights, length, isInside, carried);
        });
    store(r, position, channel, sums);
    return {};
  });
}

void DepthwiseRows::edge(const Request &r, Value position) {
  Value start = k.sub(k.mul(position, k.constant(stride)), k.constant(low));
  ElementEmitter::Taps range = e.taps(k.index(start), taps, dilation, k.size(in[last + 1]));
  emitter.forLanes(lanes, k.constant(0), r.channels.count, {}, [&](Index channel, ValueRange) -> SmallVector<Value> {
    SmallVector<Value> sums =
        overOuterTaps(r, start, channel.base, zeros(1), [&](Value from, Value weights, ValueRange carried) {
          return k.loop(range.first, range.end, 1, carried, [&](Value i, ValueRange carried) -> SmallVector<Value> {
            Value pixel = k.elementAddress(from, element, columnOffset(r, k.mul(i, k.constant(dilation))));
            Value sum = carried[0];
            for (int64_t channel = 0; channel < groupSize; ++channel)
              sum = k.multiplyAdd(element, inputOf(pixel, channel), weightOf(weights, i, channel), sum);
            return {sum};
          });
        });
    store(r, position, channel, sums);
    return {};
  });
}

void DepthwiseRows::store(const Request &r, Value position, Index channel, ArrayRef<Value> sums) {
  for (auto [i, sum] : llvm::enumerate(sums)) {
    ElementEmitter::Scope scope(e);
    Indices at(r.row);
    at.push_back(k.index(k.add(position, k.constant(i))));
    at.push_back(k.index(k.add(r.channels.first, channel.base), channel.stride));
    r.store(at, sum);
  }
}

} // namespace nnf
