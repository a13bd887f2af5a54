// How an attention is cut into tiles, blocks of keys and tasks.
#ifndef NNF_PASSES_KERNELS_ATTENTIONPLAN_H
#define NNF_PASSES_KERNELS_ATTENTIONPLAN_H

#include "passes/TargetInfo.h"
#include "passes/groups/Attention.h"

namespace nnf {

/// From sizes and the target alone. Lengths are elements.
struct AttentionPlan {
  mlir::Type element;
  int64_t lanes, panelWidth; // a panel is two vectors of keys, or of the values' columns, for each step of a product
  int64_t depth, columns;    // of a query or key, and of a value
  int64_t panels;            // of the values' columns
  Dim queries, keys;

  /// Keys whose scores are in scratch at one time, a multiple of panelWidth. All keys at once where they fit; else
  /// block after block, with the largest score, the total and the mix so far of each query.
  int64_t blockKeys;
  Dim blocks;
  bool isOneBlock() const { return isConstant(blocks, 1); }

  /// Queries go through the two products in tiles. Where their number is fixed they are split evenly: `longerTiles`
  /// tiles of tileRows + 1, then tiles of tileRows. Else tiles of tileRows, and what is left in tiles of tailRows, the
  /// last of which computes its last query again and again.
  bool hasFixedQueries;
  int64_t fixedTiles = 0; // tiles of fixed queries
  int64_t tileRows, longerTiles, tailRows;
  int64_t mostRows() const { return tileRows + (longerTiles > 0); }
  int64_t tilesPerTask; // at most, where only the run knows how many there are
  Dim tasks;            // of one batch entry
  int64_t rowsPerTask() const { return tilesPerTask * mostRows(); }

  /// From one row of scores in scratch to the next: no power of two, whose rows would share a few sets of the cache.
  int64_t scoreStride() const { return blockKeys + lanes; }

  /// So few read keys and values where they lie.
  static constexpr int64_t fewQueries = 2;

  AttentionPlan(Attention &attention, const TargetInfo &target);

private:
  void chooseBlocks(const TargetInfo &target);
  void chooseTiles(const TargetInfo &target);
  void chooseTasks(Attention &attention, const TargetInfo &target);
};

} // namespace nnf
#endif
