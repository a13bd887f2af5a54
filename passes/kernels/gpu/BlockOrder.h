// In which order blocks take the tiles of a product.
#ifndef NNF_PASSES_KERNELS_GPU_BLOCKORDER_H
#define NNF_PASSES_KERNELS_GPU_BLOCKORDER_H

#include <cstdint>

namespace nnf {

/// Blocks that run at once read what their tiles need from memory once, if the second-level cache holds it: the fewer
/// rows and columns these are together, the less. So blocks go down a band of tiles, column by column, and then through
/// the next band. `atOnce` blocks run at once. Returns the rows of tiles of a band; 1: row after row.
int64_t tilesOfBand(int64_t rowTiles, int64_t columnTiles, int64_t tileRows, int64_t tileColumns, int64_t atOnce);

} // namespace nnf
#endif
