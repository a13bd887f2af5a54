#include "passes/kernels/gpu/BlockOrder.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

namespace nnf {

/// Rows and columns of the operands that the first blocks read, in elements.
static int64_t extentRead(int64_t band, int64_t rowTiles, int64_t columnTiles, int64_t tileRows, int64_t tileColumns,
                          int64_t atOnce) {
  int64_t columns = llvm::divideCeil(atOnce, band);
  if (columns <= columnTiles)
    return band * tileRows + columns * tileColumns;
  int64_t bands = llvm::divideCeil(columns, columnTiles);
  return std::min(bands * band, rowTiles) * tileRows + columnTiles * tileColumns;
}

int64_t tilesOfBand(int64_t rowTiles, int64_t columnTiles, int64_t tileRows, int64_t tileColumns, int64_t atOnce) {
  if (rowTiles * columnTiles <= atOnce)
    return 1; // all run at once, in whatever order
  int64_t best = 1;
  auto extent = [&](int64_t band) { return extentRead(band, rowTiles, columnTiles, tileRows, tileColumns, atOnce); };
  for (int64_t band = 2; band <= std::min(rowTiles, atOnce); ++band)
    if (extent(band) < extent(best))
      best = band;
  return best;
}

} // namespace nnf
