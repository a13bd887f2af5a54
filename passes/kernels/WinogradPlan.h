// A convolution by Winograd's algorithm, and how it is cut into blocks of tiles and panels.
#ifndef NNF_PASSES_KERNELS_WINOGRADPLAN_H
#define NNF_PASSES_KERNELS_WINOGRADPLAN_H

#include "passes/Tuning.h"
#include "passes/Winograd.h"
#include "passes/kernels/StoredPanels.h"
#include "passes/kernels/StridedView.h"

namespace nnf {

/// The convolution a kernel is built around.
struct WinogradConv {
  PrimConvOp op;
  StridedView input, weight;

  static std::optional<WinogradConv> of(KernelOp kernel);
};

/// From sizes and the target alone, or as a tuning file says.
struct WinogradPlan {
  Winograd w;
  Shape tileGrid; // batch, then tiles along each spatial dimension
  Dim tileCount;
  int64_t channels, columns;
  StoredPanels stored;
  int64_t panelWidth, lanes, vectors, panels; // panels are strips of stored ones
  int64_t numProducts;                        // of a tile
  int64_t rows, blockTiles, panelsOfTask;     // of a register tile; of a task
  int64_t rowLength;                          // elements from one tile to the next in a matrix of transformed inputs
  int64_t aheadStep = 0;                      // bytes of the next weights that each step of a register tile fetches

  WinogradPlan(PrimConvOp op, const TargetInfo &target, const KernelChoice &choice);
  /// As a number to choose by, where only the run knows it.
  int64_t tilesGuess() const;

private:
  void chooseBlocks(int64_t elementSize, const TargetInfo &target, const KernelChoice &choice);
};

} // namespace nnf
#endif
