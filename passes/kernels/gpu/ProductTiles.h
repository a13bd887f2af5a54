/* Tiles of products, as the templates are compiled for them (codegen/cuda/templates) and as
 * kernels choose among them (TensorProduct.cpp). Plain C: both read it. */
#ifndef NNF_PASSES_KERNELS_GPU_PRODUCTTILES_H
#define NNF_PASSES_KERNELS_GPU_PRODUCTTILES_H

/* TILE(rows, columns, depth of a slab, warps along the rows, warps along the columns, slabs under way). A slab has
 * (rows + columns) * depth elements of two bytes. Those of most tiles fit the 48 KB that a kernel may have without
 * asking; the last ones, for products with few tiles, keep more slabs under way and ask for it at the launch. */
#define NNF_PRODUCT_TILES(TILE)                                                                                        \
  TILE(128, 128, 32, 2, 2, 3)                                                                                          \
  TILE(128, 64, 32, 2, 2, 4)                                                                                           \
  TILE(64, 128, 32, 2, 2, 4)                                                                                           \
  TILE(64, 64, 32, 2, 2, 4)                                                                                            \
  TILE(32, 64, 32, 1, 4, 4)                                                                                            \
  TILE(16, 128, 64, 1, 4, 2)                                                                                           \
  TILE(64, 64, 64, 2, 2, 5)                                                                                            \
  TILE(32, 64, 64, 1, 4, 6)

/* The same of float32 as tf32, with slabs of as many bytes. */
#define NNF_TF32_TILES(TILE)                                                                                           \
  TILE(128, 128, 16, 2, 2, 3)                                                                                          \
  TILE(128, 64, 16, 2, 2, 4)                                                                                           \
  TILE(64, 128, 16, 2, 2, 4)                                                                                           \
  TILE(64, 64, 16, 2, 2, 4)                                                                                            \
  TILE(32, 64, 16, 1, 4, 4)                                                                                            \
  TILE(16, 128, 32, 1, 4, 2)                                                                                           \
  TILE(64, 64, 32, 2, 2, 5)                                                                                            \
  TILE(32, 64, 32, 1, 4, 6)

/* Tiles of float32 products without tensor cores: TILE(rows, columns, depth of a slab, slabs under way). Each thread
 * has 8 x 8 sums. */
#define NNF_FLOAT_TILES(TILE)                                                                                          \
  TILE(128, 128, 16, 3)                                                                                                \
  TILE(128, 64, 16, 4)                                                                                                 \
  TILE(64, 64, 16, 4)

/* Floats by which rows of sums in shared memory are longer than a tile: eight threads that write a column, two floats
 * each, then meet in no bank. */
#define NNF_PRODUCT_ROW_GAP 8

#endif
