// How a depthwise convolution with pointwise ones around it is cut into tasks, and whether one kernel of them pays.
#ifndef NNF_PASSES_KERNELS_SEPARABLEPLAN_H
#define NNF_PASSES_KERNELS_SEPARABLEPLAN_H

#include "passes/TargetInfo.h"
#include "passes/groups/SeparableConv.h"
#include "passes/kernels/StoredPanels.h"

namespace nnf {

/// From sizes and the target alone. A task is a block of rows of an image's outputs and, where nothing is projected, of
/// panels of channels: panel by panel it expands the rows that its depthwise convolution reads, into scratch memory.
/// Tasks that come in one call are joined, as many rows as the cache holds: then fewer rows are expanded twice.
struct SeparablePlan {
  StoredPanels stored;           // of the weights
  int64_t lanes, vectors;        // a panel, or strip of one, is `vectors` vectors of channels
  int64_t panelWidth, panels;    // of the depthwise convolution's channels
  int64_t rowsOfTask, rowBlocks; // rows of outputs; blocks of an image
  int64_t mostRows;              // of tasks that are joined
  int64_t panelsOfTask;
  int64_t expandTile = 0, projectTile = 0; // pixels of a register tile
  /// Elements from one pixel to the next of what is projected: no power of two, whose pixels would share a few sets of
  /// the cache.
  int64_t pixelLength = 0;
  int64_t expandedBytes = 0, projectedBytes = 0; // of scratch memory: a panel of expanded rows, and what is projected

  SeparablePlan(SeparableConv conv, const TargetInfo &target);

  /// The rows of the image, [first, end), that outputs [firstRow, firstRow + rows) are computed from.
  struct Range {
    int64_t first, end;
    int64_t size() const { return end - first; }
  };
  Range rowsRead(int64_t firstRow, int64_t rows) const;
  /// Each task has pixels to read (none lies in the padding as a whole), and what it has in hand fits the cache.
  bool isPossible = true;

  /// What one kernel saves less what it costs: the traffic of images that would leave the second-level cache against
  /// rows that neighbouring blocks both expand, and weights that every task reads. In bytes of the third-level cache.
  double gain() const { return saved - spent; }

private:
  void chooseRows(const TargetInfo &target);
  void chooseTiles(const TargetInfo &target);
  void weigh(const TargetInfo &target);

  SeparableConv conv;
  int64_t bytes; // of an element
  int64_t images, fewestImages, inRows, inWidth, outRows, outWidth, inChannels, channels, outChannels;
  int64_t kernel, stride, dilation, low; // along the rows
  double saved = 0, spent = 0;
};

/// The best of a depthwise convolution with both, the one before, or the one after it; none where separate kernels are
/// faster.
std::optional<SeparableConv> bestSeparable(PrimConvOp depthwise, llvm::function_ref<bool(mlir::Operation *)> mayTake,
                                           const TargetInfo &target);

} // namespace nnf
#endif
