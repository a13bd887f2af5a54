// A contraction in the one form that the contract family emits, and how it is cut into tiles and tasks.
#ifndef NNF_PASSES_KERNELS_CONTRACTION_H
#define NNF_PASSES_KERNELS_CONTRACTION_H

#include "dialects/nnf/Nnf.h"
#include "passes/TargetInfo.h"
#include "passes/Tuning.h"
#include "passes/kernels/RegisterTile.h"
#include "passes/kernels/StoredPanels.h"
#include "passes/kernels/StridedView.h"

namespace nnf {

/// A spatial dimension of a convolution, as the rows see it.
struct SpatialDim {
  unsigned row;       // which row dimension runs over its output positions
  Dim extent, kernel; // input size, taps
  int64_t stride, dilation, low;
  bool padded;     // some tap may lie outside
  Dim inputStride; // elements between neighbours in A
};

/// The contraction a kernel is built around, in one form for products of matrices and convolutions:
/// result[batch, row, column] = sum over taps and k of A[batch, row, tap, k] * B[batch, tap, k, column].
struct Contraction {
  mlir::Value result;
  mlir::Type element; // of the sums
  OperandTypes types;
  StridedView a, b;
  /// Where A is no view of a buffer: the tensor whose elements are computed, a tile of rows at a time.
  mlir::Value computedA;
  llvm::SmallVector<int64_t> rowSteps; // its position along a row dimension, of one position of the result
  Shape batch, aBatchStrides, bBatchStrides;
  Shape rows, aRowStrides;               // A offset of a row at its first tap
  llvm::SmallVector<SpatialDim> spatial; // empty: one tap
  Dim k, aStride;                        // contracted run within a tap, distance of its elements in A
  Dim columns;
  bool batchIsGroup = false; // the batch is a convolution's groups: columns go on from one to the next
  Dim rowStride;             // elements between any row and the next; null: it varies
  bool packed = false;       // B is in panels
  int64_t panelWidth = 0;    // columns of a tile: of a panel, or of a strip of one
  StoredPanels stored;       // B's, where it is packed
  Dim bKStride, bTapStride, bPanelStride;
  mlir::Value fill; // rank 0: what A holds in the padding; null: 0

  void findRowStride();
  /// Where the number of images is symbolic, and each has `fewestRows` rows at least, of fixed number: a batch of
  /// images, whose tiles are those of one. Rows of all of them would end with single ones where the run has one image.
  void takeImagesAsBatch(int64_t fewestRows);
  static std::optional<Contraction> of(PrimConvOp op, const TargetInfo &target);
  static std::optional<Contraction> of(PrimDotOp op, const TargetInfo &target);
  /// Of a kernel in which everything else is elementwise on its result or on operands of that shape.
  static std::optional<Contraction> of(KernelOp kernel, const TargetInfo &target);
};

/// A kernel of one tap, without padding: a product of matrices.
bool isPointwise(PrimConvOp op);

/// Fewer channels of a tap are a short run: padding is better in memory, where a row's taps join to one.
constexpr int64_t fewestOfRun = 16;
/// Padding in front of a convolution on panels that has none of its own, along its spatial dimensions only: taps that
/// fall into it read a run of its value, so that it is not stored. Null: there is none.
PrimPadOp paddingBefore(PrimConvOp op);
/// The tensor whose elements a convolution on panels reads.
mlir::Value inputOf(PrimConvOp op);

/// How the result is cut into tiles, and tiles into tasks; from sizes and the target alone, or as a tuning file says.
struct Tiling {
  int64_t lanes, vectors, maxRows;
  bool staticRows;
  int64_t baseRows, longerTiles; // static: `longerTiles` tiles of baseRows + 1 rows, then tiles of baseRows
  int64_t restRows;              // not static: what is left of tiles of maxRows is cut into tiles of so many
  Dim rowCount, tiles, panels;
  int64_t tilesPerTask, panelsPerTask;
  bool panelsInner;
  /// Few rows leave registers for several panels, which are read side by side: one stream of weights alone does not
  /// take what the third-level cache gives.
  int64_t panelsAtOnce = 1;
  /// A panel that is too deep for the nearest cache is run down in chunks, each for all rows of the task, with partial
  /// sums in scratch memory: `outerTaps` spatial dimensions are stepped through tap by tap, the contracted run in
  /// chunks of `chunk` elements (0: whole). The order of additions is the same.
  unsigned outerTaps = 0;
  int64_t chunk = 0;
  bool isChunked() const { return outerTaps || chunk; }
  int64_t chunkBytes = 0; // of a panel, as it is stored
  /// So many tiles read a chunk of B that it is copied into scratch memory first: widened, where it is stored narrower
  /// than it is multiplied, and the rows of a panel side by side, where it is not in panels. With fewer tiles, each
  /// step reads B where it lies. (Where the number of rows is symbolic, the run chooses.)
  bool copiesChunks = false;
  int64_t fewestTilesToCopy = 0;
  /// Bytes of the next chunk that each step of a tile fetches ahead; 0: none. Not static: where a task has all tiles
  /// that it may have; of fewer, each fetches more.
  int64_t aheadStep = 0;
  /// Not static: panels that are read side by side where the run has one row.
  int64_t panelsOfOneRow = 1;

  Tiling(const Contraction &c, const TargetInfo &target, const KernelChoice &choice);

private:
  void chooseChunks(const Contraction &c, const TargetInfo &target, int64_t bytes);
  void takeChunks(const Contraction &c, const KernelChoice &choice, int64_t bytes);
};

} // namespace nnf
#endif
