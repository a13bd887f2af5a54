// Convolutions as primitives.
#include "dialects/nnf/infer/Windows.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Convolution.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// Adds a missing batch dimension of 1.
Value batched(Primitives &p, Value x, const Window &window) { return window.batched ? x : p.unsqueeze(x, 0); }

/// Adds the bias to an N,C,* result and takes away a batch dimension that was added.
Value finish(Primitives &p, Value y, Value bias, const Window &window) {
  if (bias)
    y = p.add(y, p.broadcastAlong(bias, shapeOf(y), 1));
  return window.batched ? y : p.squeeze(y, 0);
}

template <typename Op> Value conv(Op op, typename Op::Adaptor x, Primitives &p, int64_t spatial) {
  Window w = *convWindow(op.getLoc(), x.getInput(), x.getWeight(), x.getBias(), op.getStride(), op.getPadding(),
                         op.getDilation(), op.getGroups(), spatial);
  IntList ones(spatial, 1);
  Value y =
      p.conv(batched(p, x.getInput(), w), x.getWeight(), w.stride, w.low, w.high, ones, w.dilation, op.getGroups());
  return finish(p, y, x.getBias(), w);
}

/// Cin,Cout/groups,K* as the weight of a convolution: Cout,Cin/groups,K* with the kernel reversed.
Value transposedWeight(Primitives &p, Value weight, int64_t groups) {
  Shape shape = shapeOf(weight);
  int64_t rank = shape.size();
  Dim in = shape[0].floorDiv(groups), out = shape[1];
  ArrayRef<Dim> kernel = ArrayRef<Dim>(shape).drop_front(2);

  Shape split{dimOf(p.context(), groups), in, out};
  llvm::append_range(split, kernel);
  IntList perm{0, 2, 1};
  llvm::append_range(perm, llvm::seq<int64_t>(3, rank + 1));
  Shape joined{simplify(out * groups), in};
  llvm::append_range(joined, kernel);
  Value swapped = p.reshape(p.transpose(p.reshape(weight, split), perm), joined);
  return p.flip(swapped, llvm::to_vector(llvm::seq<int64_t>(2, rank)));
}

template <typename Op> Value convTranspose(Op op, typename Op::Adaptor x, Primitives &p, int64_t spatial) {
  Window w = *convTransposeWindow(op.getLoc(), x.getInput(), x.getWeight(), x.getBias(), op.getStride(),
                                  op.getPadding(), op.getOutputPadding(), op.getGroups(), op.getDilation(), spatial);
  IntList ones(spatial, 1);
  Value weight = transposedWeight(p, x.getWeight(), op.getGroups());
  Value y = p.conv(batched(p, x.getInput(), w), weight, ones, w.low, w.high, w.stride, w.dilation, op.getGroups());
  return finish(p, y, x.getBias(), w);
}

Value convTbc(ConvTbcOp op, ConvTbcOp::Adaptor x, Primitives &p) {
  int64_t pad = op.getPad();
  Value input = p.transpose(x.getInput(), {1, 2, 0}), weight = p.transpose(x.getWeight(), {2, 1, 0});
  Value y = p.conv(input, weight, {1}, {pad}, {pad}, {1}, {1}, 1);
  return p.transpose(p.add(y, p.broadcastAlong(x.getBias(), shapeOf(y), 1)), {2, 0, 1});
}

/// One gather: entry (i, j, oh, ow) of a channel is its element (oh*stride - padding + i*dilation, ...), 0 outside.
Value unfold(UnfoldOp op, UnfoldOp::Adaptor operands, Primitives &p) {
  Location loc = op.getLoc();
  Value x = operands.getInput();
  bool hasBatch = p.rankOf(x) == 4;
  if (!hasBatch)
    x = p.unsqueeze(x, 0);
  IntList size = *perDim(loc, "kernel_size", op.getKernelSize(), 2, 1);
  IntList dilation = *perDim(loc, "dilation", op.getDilation(), 2, 1);
  IntList padding = *perDim(loc, "padding", op.getPadding(), 2, 0);
  IntList stride = *perDim(loc, "stride", op.getStride(), 2, 1);

  Shape in = shapeOf(x), blocks{dimOf(p.context(), size[0]), dimOf(p.context(), size[1])};
  for (int i : {0, 1})
    blocks.push_back(windowCount(in[2 + i], 2 * padding[i], dilation[i], blocks[i], stride[i]));
  Type i64 = IntegerType::get(p.context(), 64);
  SmallVector<Value> indices;
  for (int i : {0, 1}) {
    Value tap = p.mul(p.iota(blocks, i, i64), static_cast<double>(dilation[i]));
    Value start =
        p.sub(p.mul(p.iota(blocks, 2 + i, i64), static_cast<double>(stride[i])), static_cast<double>(padding[i]));
    indices.push_back(p.add(start, tap));
  }
  Value taps = p.gather(x, indices, {2, 3}, BoundsKind::Fill, "", p.scalar(0, p.elementOf(x)));
  Value columns = p.transpose(taps, {4, 5, 0, 1, 2, 3});
  return p.reshape(columns, shapeOf(op.getOutput()));
}

/// Sums the taps of one dimension where they overlap: block b of tap i lies at b*stride + i*dilation - padding of
/// `extent`.
Value overlapped(Primitives &p, Value x, int64_t tapDim, int64_t blockDim, int64_t extent, int64_t stride,
                 int64_t dilation, int64_t padding) {
  Shape shape = shapeOf(x);
  int64_t count = *constantOf(shape[tapDim]), covered = (*constantOf(shape[blockDim]) - 1) * stride + 1;
  IntList low(shape.size(), 0), high(low), interior(low);
  interior[blockDim] = stride - 1;
  Value total;
  for (int64_t tap = 0; tap < count; ++tap) {
    // A negative border cuts off.
    low[blockDim] = tap * dilation - padding;
    high[blockDim] = extent - covered - low[blockDim];
    Value one = p.sliceDim(x, tapDim, dimOf(p.context(), tap), dimOf(p.context(), 1));
    Value placed = p.squeeze(p.pad(one, 0, low, high, interior), tapDim);
    total = total ? p.add(total, placed) : placed;
  }
  return total;
}

/// The blocks of all taps, shifted to their places and summed, columns first. No scatter, so that the order of the sum
/// is fixed.
Value fold(FoldOp op, FoldOp::Adaptor operands, Primitives &p) {
  Location loc = op.getLoc();
  Value x = operands.getInput();
  if (p.rankOf(x) == 2)
    x = p.unsqueeze(x, 0);
  IntList image = *perDim(loc, "output_size", op.getOutputSize(), 2, 1);
  IntList size = *perDim(loc, "kernel_size", op.getKernelSize(), 2, 1);
  IntList dilation = *perDim(loc, "dilation", op.getDilation(), 2, 1);
  IntList padding = *perDim(loc, "padding", op.getPadding(), 2, 0);
  IntList stride = *perDim(loc, "stride", op.getStride(), 2, 1);

  MLIRContext *context = p.context();
  Shape in = shapeOf(x), out = shapeOf(op.getOutput());
  Shape split{in[0], out[out.size() - 3]}; // [N, C, kH, kW, Lh, Lw]
  for (int i : {0, 1})
    split.push_back(dimOf(context, size[i]));
  for (int i : {0, 1})
    split.push_back(windowCount(dimOf(context, image[i]), 2 * padding[i], dilation[i], split[2 + i], stride[i]));
  Value columns = overlapped(p, p.reshape(x, split), 3, 5, image[1], stride[1], dilation[1], padding[1]);
  Value summed = overlapped(p, columns, 2, 3, image[0], stride[0], dilation[0], padding[0]);
  return p.reshape(summed, out);
}

} // namespace

void addConvolutions(Decompositions &table) {
  table.add<Conv1dOp>([](auto op, auto x, auto &p) { return conv(op, x, p, 1); });
  table.add<Conv2dOp>([](auto op, auto x, auto &p) { return conv(op, x, p, 2); });
  table.add<Conv3dOp>([](auto op, auto x, auto &p) { return conv(op, x, p, 3); });
  table.add<ConvTranspose1dOp>([](auto op, auto x, auto &p) { return convTranspose(op, x, p, 1); });
  table.add<ConvTranspose2dOp>([](auto op, auto x, auto &p) { return convTranspose(op, x, p, 2); });
  table.add<ConvTranspose3dOp>([](auto op, auto x, auto &p) { return convTranspose(op, x, p, 3); });
  table.add<ConvTbcOp>(convTbc);
  table.addMove<UnfoldOp>(unfold);
  table.add<FoldOp>(fold);
}

} // namespace nnf
