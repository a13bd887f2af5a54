/* Tiles of products on compute capability 9.0 (codegen/cuda/templates/HopperProduct.cu). Plain C, as ProductTiles.h. */
#ifndef NNF_PASSES_KERNELS_GPU_HOPPERTILES_H
#define NNF_PASSES_KERNELS_GPU_HOPPERTILES_H

/* TILE(groups of four warps, 64 rows each; columns; slabs under way). A slab has (64 groups + columns) * 64 elements of
 * two bytes. */
#define NNF_HOPPER_TILES(TILE)                                                                                         \
  TILE(2, 256, 4)                                                                                                      \
  TILE(2, 128, 6)                                                                                                      \
  TILE(1, 128, 4)                                                                                                      \
  TILE(1, 64, 6)

/* Steps down of a slab: a line of 128 bytes. */
#define NNF_HOPPER_DEPTH 64
/* What slabs begin at a multiple of. */
#define NNF_HOPPER_ALIGNMENT 1024

/* Tiles of blocks that may stay, and go through several: those of two groups, which take turns. */
#define NNF_HOPPER_STAYING_TILES(TILE)                                                                                 \
  TILE(2, 256, 4)                                                                                                      \
  TILE(2, 128, 6)

/* Sums that such a block has in shared memory beside slabs: eight rows of each of four warps (NNF_PRODUCT_ROW_GAP:
 * ProductTiles.h). */
#define NNF_HOPPER_STAGED_BYTES(columns) (32 * ((columns) + NNF_PRODUCT_ROW_GAP) * 4)
/* What a thread keeps from one tile to the next. */
#define NNF_HOPPER_STATE_BYTES 12

#endif
