// The depthwise family: convolutions of each channel by itself, or of groups of a few channels, channels last.
#include "passes/kernels/DepthwiseRows.h"
#include "passes/kernels/MapKernel.h"

using namespace mlir;
namespace nnf {
namespace {

/// The convolution a kernel is built around, where the family takes it.
struct Depthwise {
  PrimConvOp op;
  StridedView input, weight;
  Shape out;

  static std::optional<Depthwise> of(KernelOp kernel, const TargetInfo &target);
};

std::optional<Depthwise> Depthwise::of(KernelOp kernel, const TargetInfo &target) {
  std::optional<Depthwise> found;
  for (Operation &op : kernel.getBody().front()) {
    if (isa<PrimDotOp>(op))
      return std::nullopt;
    auto conv = dyn_cast<PrimConvOp>(op);
    if (!conv)
      continue;
    if (found)
      return std::nullopt;
    if (!isDepthwise(conv) && !hasNarrowGroups(conv, target.lanes(elementBytes(elementOf(conv.getInput())))))
      return std::nullopt;
    auto input = stridedViewOf(conv.getInput()), weight = stridedViewOf(conv.getWeight());
    auto isRead = [](std::optional<StridedView> &view) {
      return view && isa<BlockArgument>(view->buffer) && isConstant(view->strides.back(), 1);
    };
    if (!isRead(input) || !isRead(weight))
      return std::nullopt;
    found = Depthwise{conv, *input, *weight, shapeOf(conv.getOutput())};
  }
  if (!found || !KernelEmitter::yieldsShapeOf(kernel, found->op.getOutput()))
    return std::nullopt;
  return found;
}

void emit(KernelEmitter &emitter, const Depthwise &d) {
  KernelBuilder &k = emitter.k;
  PrimConvOp op = d.op;
  DepthwiseRows depthwise(emitter, op, d.weight);
  const Shape &out = d.out;
  Shape rows(out.begin(), out.end() - 2); // batch and outer spatial dimensions
  Dim rowCount = productOf(op.getContext(), rows);
  int64_t channels = *constantOf(out.back());
  // Blocks of rows, and of channels where there are few rows.
  int64_t images = KernelEmitter::guessBatch(rows.front());
  double work = figures::depthwiseWork * double(images) * double(KernelEmitter::guess(ArrayRef(out).drop_front())) *
                double(KernelEmitter::guess(op.kernelSizes()));
  int64_t tasks = KernelEmitter::tasksFor(work);
  int64_t numRows = std::max<int64_t>(1, images * KernelEmitter::guess(ArrayRef(rows).drop_front()));
  int64_t rowBlocks = std::min(tasks, numRows), channelBlocks = llvm::divideCeilSigned(tasks, rowBlocks);
  int64_t rowsOfTask = llvm::divideCeilSigned(numRows, rowBlocks);
  int64_t channelsOfTask = llvm::alignTo(llvm::divideCeilSigned(channels, channelBlocks), depthwise.lanes);
  SmallVector<Dim> grid{rowCount.ceilDiv(rowsOfTask),
                        dimOf(op.getContext(), llvm::divideCeilSigned(channels, channelsOfTask))};
  DepthwiseRows::Input input{emitter.addressOf(d.input.buffer), {}, {}};
  for (unsigned s = 0; s < op.spatialRank(); ++s)
    input.strides.push_back(k.size(d.input.strides[s + 1]));
  emitter.forTasks(grid, [&](ArrayRef<Value> task) {
    Value firstRow = k.mul(task[0], k.constant(rowsOfTask));
    Value endRow = k.min(k.add(firstRow, k.constant(rowsOfTask)), k.size(rowCount));
    Value first = k.mul(task[1], k.constant(channelsOfTask));
    Value end = k.min(k.add(first, k.constant(channelsOfTask)), k.constant(channels));
    emitter.forRows(rows, firstRow, endRow, [&](const Indices &row) {
      Value image = k.mul(row[0].base, k.size(d.input.strides[0]));
      input.offset = k.add(k.add(k.size(d.input.offset), image), first);
      depthwise.emit(row, input, {first, k.sub(end, first)}, [&](const Indices &at, Value sum) {
        emitter.e.bind(op.getOutput(), at, sum);
        storeResults(emitter, at);
      });
    });
  });
}

} // namespace

/// As many outputs as inputs in each group, in the channels-last layout, unpacked, with a kernel of known size.
static bool isGroupwise(PrimConvOp conv) {
  if (conv.getLayout() != 1 || conv.getPacked() || conv.spatialRank() == 0)
    return false;
  auto isOne = [](int64_t d) { return d == 1; };
  Dim in = shapeOf(conv.getInput()).back(), out = shapeOf(conv.getOutput()).back();
  return constantOf(in) && sameDim(in, out) && constantsOf(conv.kernelSizes()) &&
         llvm::all_of(conv.getInputDilation(), isOne) && isa<FloatType>(elementOf(conv.getOutput()));
}

bool isDepthwise(PrimConvOp conv) {
  // Of fewer channels lanes would lie idle: those of a map lie along positions.
  constexpr uint64_t fewestChannels = 4;
  return isGroupwise(conv) && conv.getGroups() >= fewestChannels && isConstant(conv.channelsPerGroup(), 1);
}

bool hasNarrowGroups(PrimConvOp conv, int64_t lanes) {
  constexpr int64_t widest = 8;    // wider ones fill register tiles
  constexpr int64_t mostTaps = 16; // of a run, which is emitted tap by tap for each channel
  if (!isGroupwise(conv) || conv.getGroups() < 2)
    return false;
  if (constantsOf(conv.kernelSizes())->back() > mostTaps)
    return false;
  int64_t size = *constantOf(conv.channelsPerGroup());
  return size > 1 && size <= std::min(widest, lanes) && llvm::isPowerOf2_64(size);
}

bool emitDepthwiseKernel(KernelOp kernel, const TargetInfo &target) {
  std::optional<Depthwise> depthwise = Depthwise::of(kernel, target);
  if (!depthwise)
    return false;
  KernelEmitter emitter(kernel, target);
  emit(emitter, *depthwise);
  return true;
}

} // namespace nnf
