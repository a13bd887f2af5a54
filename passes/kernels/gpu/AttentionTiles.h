/* Tiles of attentions, as the templates are compiled for them (codegen/cuda/templates)
 * and as kernels choose among them (GpuAttention.cpp). Plain C: both read it. */
#ifndef NNF_PASSES_KERNELS_GPU_ATTENTIONTILES_H
#define NNF_PASSES_KERNELS_GPU_ATTENTIONTILES_H

/* TILE(queries, keys of a block, width, warps): a warp has queries / warps whole rows of scores. Queries, keys and
 * values have up to `width` elements. In shared memory are the queries and a block of keys and of values. */
#define NNF_ATTENTION_TILES(TILE)                                                                                      \
  TILE(64, 64, 32, 4)                                                                                                  \
  TILE(64, 64, 64, 4)                                                                                                  \
  TILE(128, 32, 64, 4)                                                                                                 \
  TILE(64, 64, 128, 4)                                                                                                 \
  TILE(64, 32, 256, 4)

/* Bytes that a thread keeps from one block of keys to the next: a mix, two numbers of each row, queries. */
#define NNF_ATTENTION_STATE_BYTES(queries, width, warps) ((queries) / (warps) / 16 * ((width) / 8 * 16 + 16 + (width)))

/* The same of float32 as tf32, whose elements take twice the place. */
#define NNF_TF32_ATTENTION_TILES(TILE)                                                                                 \
  TILE(64, 32, 32, 4)                                                                                                  \
  TILE(64, 32, 64, 4)                                                                                                  \
  TILE(128, 32, 64, 4)                                                                                                 \
  TILE(64, 32, 128, 4)

#define NNF_TF32_ATTENTION_STATE_BYTES(queries, width, warps) ((queries) / (warps) / 16 * ((width) / 8 * 32 + 16))

/* Of float32 without tensor cores: TILE(queries, keys of a block, width). Eight threads share four rows. */
#define NNF_FLOAT_ATTENTION_TILES(TILE)                                                                                \
  TILE(64, 32, 32)                                                                                                     \
  TILE(64, 32, 64)                                                                                                     \
  TILE(64, 32, 128)

#define NNF_FLOAT_ATTENTION_STATE_BYTES(width) (4 * ((width) / 8 * 4 + 8))

/* Of 16-bit floats on compute capability 9.0: TILE(groups of four warps, 64 queries each; keys of a slab; width; slabs
 * under way, of keys or of values). */
#define NNF_HOPPER_ATTENTION_TILES(TILE)                                                                               \
  TILE(1, 128, 64, 6)                                                                                                  \
  TILE(2, 128, 64, 6)                                                                                                  \
  TILE(1, 128, 128, 5)                                                                                                 \
  TILE(2, 128, 128, 5)                                                                                                 \
  TILE(1, 64, 256, 4)                                                                                                  \
  TILE(2, 64, 256, 4)

/* Threads that copy, behind those that multiply. Registers of a multiprocessor are shared out to groups of four warps:
 * with two groups that multiply, a third one has too many for them unless it gives its own away. */
#define NNF_HOPPER_ATTENTION_COPYING(groups) ((groups) == 1 ? 32 : 128)

/* A mix, two numbers of each row, powers, and where it is among the slabs. */
#define NNF_HOPPER_ATTENTION_STATE_BYTES(keys, width) ((width) * 2 + 16 + (keys) + 12)

/* Floats by which rows in shared memory are longer than a tile: threads that access a column then meet in no bank. The
 * first of them is the row's total, the second its largest logit. */
#define NNF_ATTENTION_ROW_GAP 8
/* The same of the powers of a float32 tile, whose rows are read in vectors of four. */
#define NNF_ATTENTION_POWER_GAP 4

#endif
