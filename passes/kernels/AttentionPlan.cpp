#include "passes/kernels/AttentionPlan.h"
#include "passes/CostModel.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RegisterTile.h"

using namespace mlir;
namespace nnf {

AttentionPlan::AttentionPlan(Attention &attention, const TargetInfo &target)
    : element(elementOf(attention.mix.getOutput())), lanes(target.lanes(elementBytes(element))), panelWidth(2 * lanes),
      depth(attention.depth()), columns(attention.columns()), panels(llvm::divideCeilSigned(columns, panelWidth)),
      queries(attention.queries()), keys(attention.keys()) {
  chooseBlocks(target);
  chooseTiles(target);
  chooseTasks(attention, target);
}

void AttentionPlan::chooseBlocks(const TargetInfo &target) {
  // Panels of keys and values are read once for each tile: they stay in the second-level cache. A tile's scores stay in
  // the first.
  int64_t bytesOfKey = (depth + panels * panelWidth) * elementBytes(element);
  auto atMost = [&](int64_t wanted) {
    return std::max(panelWidth, std::min(wanted, figures::bytesOfL2(target, figures::shareOfL2) / bytesOfKey) /
                                    panelWidth * panelWidth);
  };
  std::optional<int64_t> fixed = constantOf(keys);
  if (fixed && *fixed <= atMost(figures::mostKeys)) {
    blockKeys = llvm::alignTo(*fixed, panelWidth);
  } else if (fixed) {
    int64_t count = llvm::divideCeilSigned(*fixed, atMost(figures::usualKeys));
    blockKeys = llvm::alignTo(llvm::divideCeilSigned(*fixed, count), panelWidth);
  } else {
    blockKeys = atMost(figures::usualKeys);
  }
  blocks = simplify(keys.ceilDiv(blockKeys));
}

void AttentionPlan::chooseTiles(const TargetInfo &target) {
  int64_t most = RegisterTile::mostRows(target, 2);
  std::optional<int64_t> fixed = constantOf(queries);
  hasFixedQueries = fixed.has_value();
  tileRows = most, longerTiles = 0;
  tailRows = llvm::divideCeilSigned(most, 3);
  if (hasFixedQueries) {
    fixedTiles = llvm::divideCeilSigned(*fixed, most);
    tileRows = *fixed / fixedTiles;
    longerTiles = *fixed % fixedTiles;
  }
}

void AttentionPlan::chooseTasks(Attention &attention, const TargetInfo &target) {
  int64_t entries = 1;
  for (Dim dim : attention.mixBatch())
    entries *= constantOf(dim).value_or(1); // most runs are of one
  int64_t rows = KernelEmitter::guess(queries), perEntry = 1;
  if (entries < figures::enoughEntries) {
    double work = 2.0 * double(rows) * double(KernelEmitter::guess(keys)) * double(depth + columns);
    perEntry = std::min(llvm::divideCeilSigned(figures::attentionTasks, std::max<int64_t>(1, entries)),
                        rows / figures::fewestQueries);
    perEntry = std::clamp<int64_t>(std::min(perEntry, static_cast<int64_t>(work / figures::attentionTaskWork)), 1,
                                   figures::attentionTasks);
  }
  // The mix of a task's queries is in scratch where keys come in blocks.
  int64_t bytesOfRow = panels * panelWidth * elementBytes(element);
  int64_t most =
      isOneBlock() ? figures::mostQueries
                   : std::min(figures::mostQueries, figures::bytesOfL2(target, figures::shareOfL2ForSums) / bytesOfRow);
  int64_t wanted = hasFixedQueries ? std::min(most, llvm::divideCeilSigned(rows, perEntry)) : most;
  if (!hasFixedQueries) {
    tilesPerTask = std::max<int64_t>(1, wanted / tileRows);
    tasks = simplify(queries.ceilDiv(tilesPerTask * tileRows));
    return;
  }
  int64_t count = llvm::divideCeilSigned(rows, std::max<int64_t>(1, wanted));
  tilesPerTask = llvm::divideCeilSigned(fixedTiles, std::min(count, fixedTiles));
  tasks = dimOf(element.getContext(), llvm::divideCeilSigned(fixedTiles, tilesPerTask));
}

} // namespace nnf
