// Rows of outputs of a depthwise convolution, or one of narrow groups, channels last: what the families that hold one
// share.
#ifndef NNF_PASSES_KERNELS_DEPTHWISEROWS_H
#define NNF_PASSES_KERNELS_DEPTHWISEROWS_H

#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/StridedView.h"

namespace nnf {

/// Emits the sums; where they go is the caller's.
class DepthwiseRows {
public:
  using Value = mlir::Value;

  /// Where the input lies. Element (position along each spatial dimension, channel), channels counted from the first
  /// of those asked for, is at offset + sum(position * stride) + channel. The offset may be negative: parts of the
  /// input that are in scratch memory begin at a row of their own.
  struct Input {
    Value address, offset;
    llvm::SmallVector<Value> strides;
  };
  /// Channels first + [0, count), the same for input, weights and outputs.
  struct Channels {
    Value first, count;
  };
  /// Gets each sum at its index in the output; lanes and mask are set.
  using Store = llvm::function_ref<void(const Indices &at, Value sum)>;

  DepthwiseRows(KernelEmitter &emitter, PrimConvOp op, const StridedView &weight);

  /// The outputs at `row`, indices of the batch and of all spatial dimensions but the last.
  void emit(const Indices &row, const Input &input, const Channels &channels, Store store);

  int64_t lanes; // along the channels

private:
  /// Neighbouring tiles of one length. Those of a run of several lie in the interior: all their taps are inside.
  struct TileRun {
    int64_t first, length, count; // first position, positions of a tile, tiles
  };
  /// Whether a tap of a tile is inside: `column` is its place beside the tile's first tap.
  using IsInside = llvm::function_ref<bool(int64_t column)>;
  /// What one call of `emit` is for.
  struct Request {
    const Indices &row;
    const Input &input;
    const Channels &channels;
    Store store;
  };

  std::optional<llvm::SmallVector<TileRun>> planTiles() const;
  void emitKnownWidth(llvm::ArrayRef<TileRun> runs, const Request &r);
  void emitAnyWidth(const Request &r);
  void tile(const Request &r, Value position, int64_t length, IsInside isInside);
  /// One position whose taps along the last dimension may lie outside on both sides.
  void edge(const Request &r, Value position);
  /// Runs down the outer taps: body(address of the input there, address of the weights, sums).
  using RunBody = llvm::function_ref<llvm::SmallVector<Value>(Value, Value, mlir::ValueRange)>;
  llvm::SmallVector<Value> overOuterTaps(const Request &r, Value column, Value channel, mlir::ValueRange sums,
                                         RunBody body);
  llvm::SmallVector<Value> runOfTaps(const Request &r, Value from, Value weights, int64_t length, IsInside isInside,
                                     mlir::ValueRange sums);
  /// Channel `i` of each lane's group; `pixel` is the address of the vector's first channel.
  Value inputOf(Value pixel, int64_t i);
  Value weightOf(Value weights, Value tap, int64_t i) {
    return load(weights, k.add(k.mul(tap, k.size(weightView.strides[last])), k.mul(k.constant(i), channelStep)));
  }
  Value load(Value address, Value offset) { return k.load(address, element, k.index(offset, 1)); }
  /// Offset in the input of a column, which may be negative.
  Value columnOffset(const Request &r, Value column) { return k.mul(column, r.input.strides[last]); }
  void store(const Request &r, Value position, Index channel, llvm::ArrayRef<Value> sums);
  llvm::SmallVector<Value> zeros(int64_t count) {
    return llvm::SmallVector<Value>(count, e.neutral(ReduceKind::Add, element, /*vector=*/true));
  }

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  PrimConvOp op;
  StridedView weightView;
  Shape in, out;
  mlir::Type element;
  unsigned last;     // of the spatial dimensions
  int64_t groupSize; // channels
  Value channelStep; // from one of a group's channels to the next in the weight
  int64_t taps, stride, dilation, low;
  int64_t maxLength; // of a tile
  Value weight;
};

} // namespace nnf
#endif
