#include "passes/kernels/WinogradPlan.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RegisterTile.h"

using namespace mlir;
namespace nnf {

std::optional<WinogradConv> WinogradConv::of(KernelOp kernel) {
  auto convs = kernel.getBody().getOps<PrimConvOp>();
  if (!llvm::hasSingleElement(convs) || !(*convs.begin()).getWinograd())
    return std::nullopt;
  PrimConvOp op = *convs.begin();
  auto input = stridedViewOf(op.getInput()), weight = stridedViewOf(op.getWeight());
  if (!input || !weight || !isa<BlockArgument>(input->buffer) || !isa<BlockArgument>(weight->buffer) ||
      !isConstant(input->strides.back(), 1) || !isCompact(*weight, shapeOf(op.getWeight())) ||
      !KernelEmitter::yieldsShapeOf(kernel, op.getOutput()))
    return std::nullopt;
  return WinogradConv{op, *input, *weight};
}

WinogradPlan::WinogradPlan(PrimConvOp op, const TargetInfo &target, const KernelChoice &choice)
    : w(Winograd::of(op.getWinograd())), channels(*constantOf(op.channelsPerGroup())),
      columns(*constantOf(shapeOf(op.getOutput()).back())),
      stored(op.getPacked(), target.lanes(elementBytes(elementOf(op.getInput())))), panelWidth(stored.width) {
  int64_t bytes = elementBytes(elementOf(op.getInput()));
  Shape out = shapeOf(op.getOutput());
  lanes = std::min(target.lanes(bytes), panelWidth);
  vectors = panelWidth / lanes;
  panels = llvm::divideCeilSigned(columns, panelWidth);
  numProducts = 1;
  tileGrid.push_back(out[0]);
  for (unsigned s = 0; s < op.spatialRank(); ++s) {
    tileGrid.push_back(simplify(out[s + 1].ceilDiv(w.outputs)));
    numProducts *= w.products();
  }
  tileCount = productOf(op.getContext(), tileGrid);
  // Rows at a distance of a power of two would share a few sets of the first-level cache.
  rowLength = llvm::alignTo(channels, lanes) + lanes;
  chooseBlocks(bytes, target, choice);
}

int64_t WinogradPlan::tilesGuess() const {
  int64_t ofImage = std::max<int64_t>(1, KernelEmitter::guess(ArrayRef(tileGrid).drop_front()));
  return KernelEmitter::guessBatch(tileGrid.front()) * ofImage;
}

void WinogradPlan::chooseBlocks(int64_t bytes, const TargetInfo &target, const KernelChoice &choice) {
  int64_t mostRows = RegisterTile::mostRows(target, vectors), count = tilesGuess();
  int64_t bytesOfTile = numProducts * (rowLength + panelWidth) * bytes;
  int64_t weightBytes = numProducts * channels * panels * panelWidth * bytes;
  int64_t cacheBytes = figures::bytesOfL2(target, figures::shareOfL2);
  int64_t fitting = std::max<int64_t>(mostRows, cacheBytes / bytesOfTile);
  int64_t blocks = llvm::divideCeilSigned(count, fitting);
  int64_t tasks = KernelEmitter::tasksFor(double(count) * double(numProducts) * double(channels) * double(columns));
  // Weights in cache may be read for each of many blocks; else panels are shared out, and inputs transformed again.
  if (weightBytes <= cacheBytes)
    blocks = std::max(blocks, std::min(tasks, llvm::divideCeilSigned(count, 2 * mostRows)));
  panelsOfTask = llvm::divideCeilSigned(panels, std::min(panels, llvm::divideCeilSigned(tasks, blocks)));
  if (choice.panels)
    panelsOfTask = std::min(*choice.panels, panels);
  int64_t wanted = llvm::divideCeilSigned(count, blocks);
  if (choice.tiles)
    wanted = std::min(*choice.tiles, count);
  // A register tile that leaves the fewest rows empty; each costs about one row to begin and to end.
  int64_t best = std::numeric_limits<int64_t>::max();
  for (int64_t r = mostRows; 2 * r >= mostRows; --r) {
    int64_t cost = llvm::divideCeilSigned(wanted, r) * (r + 1);
    if (cost < best)
      best = cost, rows = r;
  }
  if (choice.rows)
    rows = std::min(*choice.rows, mostRows);
  blockTiles = llvm::alignTo(wanted, rows);
  if (weightBytes >= RegisterTile::fetchedFrom(target))
    aheadStep = llvm::divideCeilSigned(stored.stored * bytes * rows, blockTiles);
}

} // namespace nnf
