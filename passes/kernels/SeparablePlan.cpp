#include "passes/kernels/SeparablePlan.h"
#include "passes/LikelySizes.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RegisterTile.h"

using namespace mlir;
namespace nnf {

/// Of a number of pixels, the tile that leaves the fewest places empty; each tile costs about one row to begin and end.
static int64_t tileFor(int64_t pixels, int64_t mostRows) {
  int64_t best = std::numeric_limits<int64_t>::max(), rows = 1;
  for (int64_t r = std::min(mostRows, pixels); 2 * r >= std::min(mostRows, pixels); --r)
    if (int64_t cost = llvm::divideCeilSigned(pixels, r) * (r + 1); cost < best)
      best = cost, rows = r;
  return rows;
}

SeparablePlan::SeparablePlan(SeparableConv conv, const TargetInfo &target)
    : stored((conv.expand ? conv.expand : conv.project).getPacked(),
             target.lanes(elementBytes(elementOf(conv.depthwise.getOutput())))),
      conv(conv) {
  PrimConvOp depthwise = conv.depthwise;
  bytes = elementBytes(elementOf(depthwise.getOutput()));
  Shape in = shapeOf(depthwise.getInput()), out = shapeOf(depthwise.getOutput());
  images = std::max<int64_t>(1, LikelySizes::within(in[0], figures::guessedSize).value_or(1));
  fewestImages = constantOf(in[0]).value_or(1); // one image, too, is to keep threads busy
  inRows = *constantOf(in[1]), inWidth = *constantOf(in[2]), channels = *constantOf(in[3]);
  outRows = *constantOf(out[1]), outWidth = *constantOf(out[2]);
  inChannels = conv.expand ? *constantOf(conv.expand.channelsPerGroup()) : channels;
  outChannels = conv.project ? *constantOf(shapeOf(conv.project.getOutput()).back()) : channels;
  kernel = *constantOf(depthwise.kernelSizes()[0]);
  stride = depthwise.getStride()[0], dilation = depthwise.getKernelDilation()[0], low = depthwise.getLow()[0];
  panelWidth = stored.width;
  lanes = std::min(target.lanes(bytes), panelWidth);
  vectors = std::max<int64_t>(1, panelWidth / lanes);
  panels = llvm::divideCeilSigned(channels, panelWidth);
  pixelLength = llvm::alignTo(channels, lanes) + lanes;
  chooseRows(target);
  chooseTiles(target);
  weigh(target);
}

SeparablePlan::Range SeparablePlan::rowsRead(int64_t firstRow, int64_t rows) const {
  int64_t first = firstRow * stride - low, end = (firstRow + rows - 1) * stride - low + (kernel - 1) * dilation + 1;
  return {std::clamp<int64_t>(first, 0, inRows), std::clamp<int64_t>(end, 0, inRows)};
}

void SeparablePlan::chooseRows(const TargetInfo &target) {
  // What a task has in hand: rows it reads, a panel of expanded ones, and what is projected.
  auto bytesOf = [&](int64_t rows) {
    int64_t read = std::min(inRows, (rows - 1) * stride + (kernel - 1) * dilation + 1);
    expandedBytes = conv.expand ? llvm::alignTo(read * inWidth * panelWidth * bytes, 64) : 0;
    projectedBytes = 0;
    if (conv.project)
      projectedBytes =
          llvm::alignTo((rows * outWidth + RegisterTile::mostRows(target, vectors)) * pixelLength * bytes, 64);
    return expandedBytes + projectedBytes + (conv.expand ? read * inWidth * inChannels * bytes : 0);
  };
  // So many tasks keep a few threads busy; of expanded rows, more of them would compute more twice.
  int64_t wanted = 16;
  if (!conv.expand)
    wanted = std::max(wanted, KernelEmitter::tasksFor(double(fewestImages) * double(outRows * outWidth * channels) *
                                                      double(outChannels)));
  rowBlocks = 1;
  auto rowsOf = [&](int64_t blocks) { return llvm::divideCeilSigned(outRows, blocks); };
  while (rowBlocks < outRows && bytesOf(rowsOf(rowBlocks)) > figures::bytesOfL2(target, figures::shareOfL2))
    ++rowBlocks;
  // Blocks of panels repeat nothing; an image that is projected needs all its channels in one place.
  panelsOfTask = panels;
  if (!conv.project)
    panelsOfTask = llvm::divideCeilSigned(
        panels, std::clamp<int64_t>(llvm::divideCeilSigned(wanted, fewestImages * rowBlocks), 1, panels));
  int64_t panelBlocks = llvm::divideCeilSigned(panels, panelsOfTask);
  rowBlocks = std::clamp(llvm::divideCeilSigned(wanted, fewestImages * panelBlocks), rowBlocks, outRows);
  rowsOfTask = rowsOf(rowBlocks);
  rowBlocks = llvm::divideCeilSigned(outRows, rowsOfTask);
  mostRows = rowsOfTask;
  if (conv.expand)
    while (mostRows < outRows && bytesOf(mostRows + 1) <= figures::bytesOfL2(target, figures::shareOfL2))
      ++mostRows;
  isPossible = bytesOf(mostRows) <= target.l2Bytes;
}

void SeparablePlan::chooseTiles(const TargetInfo &target) {
  int64_t rowsOfTile = RegisterTile::mostRows(target, vectors);
  // The padding takes most from the first row and from the last.
  int64_t most = rowsRead(0, mostRows).size() * inWidth;
  int64_t fewest = std::min(rowsRead(0, 1).size(), rowsRead(outRows - 1, 1).size()) * inWidth;
  isPossible &= fewest > 0;
  // The last tile of a block overlaps the one before.
  if (isPossible && conv.expand)
    expandTile = std::min(tileFor(most, rowsOfTile), fewest);
  if (conv.project)
    projectTile = tileFor(mostRows * outWidth, rowsOfTile);
}

void SeparablePlan::weigh(const TargetInfo &target) {
  // Reading and writing an image that does not stay in the second-level cache.
  auto traffic = [&](int64_t pixels) {
    double size = double(images) * double(pixels) * double(channels) * double(bytes);
    return size <= figures::shareOfL2 * double(target.l2Bytes) ? 0 : 2 * size;
  };
  // As many multiply-adds as take the time of reading a byte: measured on Sapphire Rapids, 512-bit vectors.
  double perByte = 4.0 * double(target.vectorBytes) / 64 * 4 / double(bytes);
  int64_t tasks = images * rowBlocks * llvm::divideCeilSigned(panels, panelsOfTask), weights = 0;
  if (conv.expand) {
    saved += traffic(inRows * inWidth);
    int64_t read = 0;
    for (int64_t first = 0; first < outRows; first += rowsOfTask)
      read += rowsRead(first, std::min(rowsOfTask, outRows - first)).size();
    spent += double(images) * double(std::max<int64_t>(0, read - inRows)) * double(inWidth) * double(inChannels) *
             double(channels) / perByte;
    weights += inChannels * channels * bytes;
  }
  if (conv.project) {
    saved += traffic(outRows * outWidth);
    weights += channels * outChannels * bytes;
  }
  // Weights that push each other out come from afar for every task.
  if (weights > figures::bytesOfL2(target, figures::shareOfL2BesideOutput))
    spent += double(tasks) * double(weights);
}

std::optional<SeparableConv> bestSeparable(PrimConvOp depthwise, llvm::function_ref<bool(Operation *)> mayTake,
                                           const TargetInfo &target) {
  std::optional<SeparableConv> whole = SeparableConv::of(depthwise, mayTake), best;
  if (!whole)
    return std::nullopt;
  double mostGain = 0;
  for (const std::optional<SeparableConv> &form : {whole, whole->withoutExpand(), whole->withoutProject()}) {
    if (!form)
      continue;
    SeparablePlan plan(*form, target);
    if (plan.isPossible && plan.gain() > mostGain)
      best = form, mostGain = plan.gain();
  }
  return best;
}

} // namespace nnf
