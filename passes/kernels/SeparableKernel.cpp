// The separable family: a depthwise convolution with the pointwise ones before and after it, image after image.
//
// A task is a block of rows of outputs; those of a call are joined where that saves work. It expands the rows that
// these are computed from, a panel of channels at a time (the microkernel of the contract family, and what is
// elementwise after it), into scratch memory, goes through the taps of the depthwise convolution there, and multiplies
// what that gives with the last weights, again from scratch memory. So the two images between are neither written nor
// read. Rows that two blocks read are expanded by both. Taps in the padding are left out, as they are where the image
// lies in memory: what would be expanded there does not exist.
#include "passes/kernels/DepthwiseRows.h"
#include "passes/kernels/MapKernel.h"
#include "passes/kernels/RegisterTile.h"
#include "passes/kernels/SeparablePlan.h"

using namespace mlir;
namespace nnf {
namespace {

std::optional<StridedView> bufferOf(Value tensor) {
  std::optional<StridedView> view = stridedViewOf(tensor);
  return view && isa<BlockArgument>(view->buffer) ? view : std::nullopt;
}

/// The convolutions a kernel is built around, where the family takes them.
std::optional<SeparableConv> separableOf(KernelOp kernel) {
  PrimConvOp depthwise;
  int64_t convs = 0;
  for (Operation &op : kernel.getBody().front()) {
    if (isa<PrimDotOp>(op))
      return std::nullopt;
    if (auto conv = dyn_cast<PrimConvOp>(op)) {
      ++convs;
      if (isDepthwise(conv))
        depthwise = conv;
    }
  }
  auto takesAll = [](Operation *) { return true; };
  std::optional<SeparableConv> found = depthwise ? SeparableConv::of(depthwise, takesAll) : std::nullopt;
  if (!found || convs != (found->expand ? 1 : 0) + 1 + (found->project ? 1 : 0) ||
      !KernelEmitter::yieldsShapeOf(kernel, found->last().getOutput()))
    return std::nullopt;
  for (PrimConvOp conv : {found->expand, found->project})
    if (conv)
      if (auto weight = bufferOf(conv.getWeight()); !weight || !isCompact(*weight, shapeOf(conv.getWeight())))
        return std::nullopt;
  auto input = bufferOf(found->input()), weight = bufferOf(depthwise.getWeight());
  bool areRead = input && found->canRead(*input) && weight && isConstant(weight->strides.back(), 1);
  return areRead ? found : std::nullopt;
}

class SeparableEmitter {
public:
  SeparableEmitter(KernelEmitter &emitter, SeparableConv conv, const SeparablePlan &plan);
  void emit();

private:
  /// A panel of channels, and the masks of its vectors (null: all lanes); vectors past the edge are left out.
  struct Panel {
    Value number;
    int64_t columns; // of it
    SmallVector<Value> masks;
  };
  /// A block of rows of outputs, [first, end), and those of the input they are computed from.
  struct Block {
    Value image, first, end, inFirst, inEnd;
  };

  /// Tasks [first, end) of those that an image, or its panels, are cut into by rows; `outer` counts images and blocks
  /// of panels.
  void emitTasks(Value outer, Value first, Value end);
  void emitBlock(Block block, Value panelBlock);
  void forPanels(Value first, Value end, int64_t columns, llvm::function_ref<void(const Panel &)> body);
  void expand(const Block &block, const Panel &panel);
  void convolve(const Block &block, const DepthwiseRows::Input &input, const DepthwiseRows::Channels &channels);
  void project(const Block &block, const Panel &panel);
  /// Pixels [0, tile) beside `first`, with a panel of a pointwise convolution: what they sum up to.
  SmallVector<Value> multiply(PrimConvOp conv, const Panel &panel, Value first, Value pixelStride, int64_t pixels);
  /// A pixel's place: its row and its column, which cost nothing where they are put together again.
  Indices pixelAt(const Block &block, Value firstRow, Value pixel, PrimConvOp conv);
  void each(Value first, Value end, llvm::function_ref<void(Value)> body) {
    k.loop(first, end, 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      body(i);
      return {};
    });
  }
  Value address(Value base, Value offset) { return k.elementAddress(base, element, offset); }

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  SeparableConv conv;
  const SeparablePlan &plan;
  DepthwiseRows depthwise;
  StridedView view; // of the input
  Type element;
  Shape in, out; // of the depthwise convolution
  int64_t channels, panelBlocks;
  Value input, expanded, projected;
};

SeparableEmitter::SeparableEmitter(KernelEmitter &emitter, SeparableConv conv, const SeparablePlan &plan)
    : emitter(emitter), k(emitter.k), e(emitter.e), conv(conv), plan(plan),
      depthwise(emitter, conv.depthwise, *bufferOf(conv.depthwise.getWeight())), view(*bufferOf(conv.input())),
      element(elementOf(conv.input())), in(shapeOf(conv.depthwise.getInput())),
      out(shapeOf(conv.depthwise.getOutput())), channels(*constantOf(in.back())),
      panelBlocks(llvm::divideCeilSigned(plan.panels, plan.panelsOfTask)) {}

void SeparableEmitter::emit() {
  input = emitter.addressOf(view.buffer);
  expanded = emitter.scratch;
  projected = k.elementAddress(emitter.scratch, k.b.getI8Type(), k.constant(plan.expandedBytes));
  emitter.function->setAttr("nnf.scratch", k.b.getI64IntegerAttr(plan.expandedBytes + plan.projectedBytes));
  MLIRContext *context = emitter.kernel.getContext();
  emitter.setGrid({in[0], dimOf(context, panelBlocks), dimOf(context, plan.rowBlocks)});
  Value blocks = k.constant(plan.rowBlocks), zero = k.constant(0);
  each(k.floorDiv(emitter.taskFirst, blocks), k.ceilDiv(emitter.taskEnd, plan.rowBlocks), [&](Value outer) {
    Value before = k.mul(outer, blocks);
    emitTasks(outer, k.max(k.sub(emitter.taskFirst, before), zero), k.min(k.sub(emitter.taskEnd, before), blocks));
  });
}

void SeparableEmitter::emitTasks(Value outer, Value first, Value end) {
  Value panelBlock = k.mod(outer, k.constant(panelBlocks)), image = k.floorDiv(outer, k.constant(panelBlocks));
  Value rowsOfTask = k.constant(plan.rowsOfTask);
  Value firstRow = k.mul(first, rowsOfTask), endRow = k.min(k.mul(end, rowsOfTask), k.size(out[1]));
  // As few blocks as hold them, of equal sizes.
  Value rows = k.sub(endRow, firstRow), count = k.ceilDiv(rows, plan.mostRows);
  Value step = k.floorDiv(k.sub(k.add(rows, count), k.constant(1)), count);
  each(k.constant(0), count, [&](Value i) {
    Value from = k.add(firstRow, k.mul(i, step));
    emitBlock({image, from, k.min(k.add(from, step), endRow), {}, {}}, panelBlock);
  });
}

void SeparableEmitter::emitBlock(Block block, Value panelBlock) {
  PrimConvOp op = conv.depthwise;
  Value stride = k.constant(op.getStride()[0]), low = k.constant(op.getLow()[0]), zero = k.constant(0);
  int64_t reach = (*constantOf(op.kernelSizes()[0]) - 1) * op.getKernelDilation()[0] + 1;
  Value last = k.sub(k.mul(k.sub(block.end, k.constant(1)), stride), low);
  block.inFirst = k.max(k.sub(k.mul(block.first, stride), low), zero);
  block.inEnd = k.min(k.add(last, k.constant(reach)), k.size(in[1]));
  if (conv.expand) {
    Value firstPanel = k.mul(panelBlock, k.constant(plan.panelsOfTask));
    Value endPanel = k.min(k.add(firstPanel, k.constant(plan.panelsOfTask)), k.constant(plan.panels));
    forPanels(firstPanel, endPanel, channels, [&](const Panel &panel) {
      expand(block, panel);
      Value width = k.constant(plan.panelWidth), rowLength = k.mul(k.size(in[2]), width);
      Value offset = k.sub(zero, k.mul(block.inFirst, rowLength));
      convolve(block, {expanded, offset, {rowLength, width}}, {k.mul(panel.number, width), k.constant(panel.columns)});
    });
  } else {
    Value image = k.add(k.size(view.offset), k.mul(block.image, k.size(view.strides[0])));
    convolve(block, {input, image, {k.size(view.strides[1]), k.size(view.strides[2])}}, {zero, k.constant(channels)});
  }
  if (!conv.project)
    return;
  int64_t columns = *constantOf(shapeOf(conv.project.getOutput()).back());
  forPanels(zero, k.constant(llvm::divideCeilSigned(columns, plan.panelWidth)), columns,
            [&](const Panel &panel) { project(block, panel); });
}

void SeparableEmitter::forPanels(Value first, Value end, int64_t columns,
                                 llvm::function_ref<void(const Panel &)> body) {
  // Complete panels, then one that is cut short by the edge.
  int64_t complete = columns / plan.panelWidth, rest = columns % plan.panelWidth;
  each(first, k.min(end, k.constant(complete)),
       [&](Value number) { body({number, plan.panelWidth, SmallVector<Value>(plan.vectors)}); });
  if (rest == 0)
    return;
  each(k.max(first, k.constant(complete)), end, [&](Value number) {
    KernelEmitter::LanesScope scope(k, plan.lanes);
    Panel panel{number, rest, {}};
    for (int64_t left = rest; left > 0; left -= plan.lanes)
      panel.masks.push_back(left >= plan.lanes ? Value() : k.firstLanes(left));
    body(panel);
  });
}

SmallVector<Value> SeparableEmitter::multiply(PrimConvOp op, const Panel &panel, Value first, Value pixelStride,
                                              int64_t pixels) {
  int64_t depth = *constantOf(op.channelsPerGroup()), vectors = static_cast<int64_t>(panel.masks.size());
  SmallVector<Value> rows;
  for (int64_t i = 0; i < pixels; ++i)
    rows.push_back(address(first, k.mul(k.constant(i), pixelStride)));
  RegisterTile tile;
  tile.element = element;
  tile.rows = rows;
  tile.rowStep = k.constant(1);
  tile.rowDistance = pixelStride;
  tile.stepsMultipleOf = depth % 2 == 0 ? 2 : 1;
  tile.columns = address(emitter.addressOf(bufferOf(op.getWeight())->buffer),
                         plan.stored.offsetOf(k, panel.number, k.constant(depth * plan.stored.stored)));
  tile.columnStep = k.constant(plan.stored.stored);
  tile.vectors = vectors;
  SmallVector<Value> sums(pixels * vectors, e.neutral(ReduceKind::Add, element, /*vector=*/true));
  return tile.multiply(k, k.constant(0), k.constant(depth), sums);
}

Indices SeparableEmitter::pixelAt(const Block &block, Value firstRow, Value pixel, PrimConvOp op) {
  Shape shape = shapeOf(op.getOutput()), image(shape.begin() + 1, shape.end() - 1);
  Indices at = e.split(image, k.index(k.add(k.mul(firstRow, k.size(image[1])), pixel)));
  at.insert(at.begin(), k.index(block.image));
  return at;
}

/// A panel of the rows that the block reads.
void SeparableEmitter::expand(const Block &block, const Panel &panel) {
  KernelEmitter::LanesScope scope(k, plan.lanes);
  Value pixels = k.mul(k.sub(block.inEnd, block.inFirst), k.size(in[2])), tile = k.constant(plan.expandTile);
  Value start = k.add(k.add(k.size(view.offset), k.mul(block.image, k.size(view.strides[0]))),
                      k.mul(block.inFirst, k.size(view.strides[1])));
  each(k.constant(0), k.ceilDiv(pixels, plan.expandTile), [&](Value number) {
    // The last tile ends with the block: what it shares with the one before comes out the same.
    Value first = k.min(k.mul(number, tile), k.sub(pixels, tile)), step = k.size(view.strides[2]);
    SmallVector<Value> sums =
        multiply(conv.expand, panel, address(input, k.add(start, k.mul(first, step))), step, plan.expandTile);
    Value to = address(expanded, k.mul(first, k.constant(plan.panelWidth)));
    for (auto [i, sum] : llvm::enumerate(sums)) {
      ElementEmitter::Scope scope(e);
      int64_t vectors = panel.masks.size(), pixel = i / vectors, lane = i % vectors * plan.lanes;
      k.laneMask = panel.masks[i % vectors];
      Indices at = pixelAt(block, block.inFirst, k.add(first, k.constant(pixel)), conv.expand);
      at.push_back(k.index(k.add(k.mul(panel.number, k.constant(plan.panelWidth)), k.constant(lane)), 1));
      e.bind(conv.expand.getOutput(), at, sum);
      k.store(k.spread(e.at(conv.depthwise.getInput(), at)), to, element,
              k.index(k.constant(pixel * plan.panelWidth + lane), 1));
      k.laneMask = {};
    }
  });
}

void SeparableEmitter::convolve(const Block &block, const DepthwiseRows::Input &from,
                                const DepthwiseRows::Channels &channels) {
  each(block.first, block.end, [&](Value row) {
    Value to = k.mul(k.mul(k.sub(row, block.first), k.size(out[2])), k.constant(plan.pixelLength));
    depthwise.emit({k.index(block.image), k.index(row)}, from, channels, [&](const Indices &at, Value sum) {
      e.bind(conv.depthwise.getOutput(), at, sum);
      if (!conv.project)
        return storeResults(emitter, at);
      Value offset = k.add(to, k.add(k.mul(at[2].base, k.constant(plan.pixelLength)), at[3].base));
      Value value = e.at(conv.project.getInput(), at);
      k.store(k.lanes > 1 ? k.spread(value) : value, projected, element, k.index(offset, at[3].stride));
    });
  });
}

/// A panel of the block's outputs.
void SeparableEmitter::project(const Block &block, const Panel &panel) {
  KernelEmitter::LanesScope scope(k, plan.lanes);
  Value pixels = k.mul(k.sub(block.end, block.first), k.size(out[2])), length = k.constant(plan.pixelLength);
  auto tile = [&](Value number, bool isCut) {
    Value first = k.mul(number, k.constant(plan.projectTile));
    SmallVector<Value> sums =
        multiply(conv.project, panel, address(projected, k.mul(first, length)), length, plan.projectTile);
    for (int64_t i = 0; i < plan.projectTile; ++i) {
      Value pixel = k.add(first, k.constant(i));
      emitter.when(isCut ? k.less(pixel, pixels) : Value(), [&] {
        for (auto [v, mask] : llvm::enumerate(panel.masks)) {
          ElementEmitter::Scope scope(e);
          k.laneMask = mask;
          Indices at = pixelAt(block, block.first, pixel, conv.project);
          int64_t lane = static_cast<int64_t>(v) * plan.lanes;
          at.push_back(k.index(k.add(k.mul(panel.number, k.constant(plan.panelWidth)), k.constant(lane)), 1));
          e.bind(conv.project.getOutput(), at, sums[i * panel.masks.size() + v]);
          storeResults(emitter, at);
          k.laneMask = {};
        }
      });
    }
  };
  // Complete tiles, then one of which some pixels are the next block's, or not there.
  Value complete = k.floorDiv(pixels, k.constant(plan.projectTile));
  each(k.constant(0), complete, [&](Value number) { tile(number, /*isCut=*/false); });
  if (*constantOf(out[2]) % plan.projectTile != 0)
    each(complete, k.ceilDiv(pixels, plan.projectTile), [&](Value number) { tile(number, /*isCut=*/true); });
}

} // namespace

bool emitSeparableKernel(KernelOp kernel, const TargetInfo &target) {
  std::optional<SeparableConv> conv = separableOf(kernel);
  if (!conv)
    return false;
  KernelEmitter emitter(kernel, target);
  SeparablePlan plan(*conv, target);
  SeparableEmitter(emitter, *conv, plan).emit();
  return true;
}

} // namespace nnf
