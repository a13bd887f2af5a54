/* What compiled kernels and the compiler know of the emulator (Emulator.cpp). docs/design/0004 tells how it works. */
#ifndef NNF_CODEGEN_CUDA_EMULATOR_EMULATOR_H
#define NNF_CODEGEN_CUDA_EMULATOR_EMULATOR_H

#include "codegen/cuda/emulator/Faults.h"
#include <stddef.h>
#include <stdint.h>

/* Bytes of scratch memory that a worker needs for blocks of this size. */
#define NNF_EMU_STACK_BYTES 32768
#define NNF_EMU_THREAD_BYTES 112
#define NNF_EMU_BLOCK_BYTES 384
/* Each four bytes of shared memory have a record of who wrote and read them last. */
#define NNF_EMU_RECORD_BYTES 16
#define NNF_EMU_SHARED_GRAIN 256
/* Copies to shared memory that a thread may have under way. */
#define NNF_EMU_COPIES 256
#define NNF_EMU_COPY_BYTES 24
/* Each line of shared memory has a record of products and copies of tiles; each thread has sums of products, of several
 * under way at once, and words that products read as rows. */
#define NNF_EMU_LINE 128
#define NNF_EMU_LINE_RECORD_BYTES 152
#define NNF_EMU_SUMS 128
#define NNF_EMU_SUM_SETS 3
#define NNF_EMU_ROW_WORDS 32
#define NNF_EMU_REGISTER_BYTES ((NNF_EMU_SUMS * NNF_EMU_SUM_SETS + NNF_EMU_ROW_WORDS) * 4)
#define NNF_EMU_ASYNC_BYTES 98304

/* A tensor map of 16-bit elements whose lines of at most 128 bytes are permuted: what cuTensorMapEncodeTiled makes, or,
 * of an image, cuTensorMapEncodeIm2col: box[0] channels at box[1] positions, in steps from `lower` to `upper` behind
 * the last one. */
#define NNF_EMU_MAP_MAGIC 0x6e6e665f6d617073ull
typedef struct nnf_emu_map {
  uint64_t magic;
  const uint8_t *base;
  uint64_t dims[5], strides[4];
  uint32_t box[5], rank;
  int16_t lower[3], upper[3];
  uint8_t steps[3], is_image;
} nnf_emu_map;
/* Maps for the next call of a kernel, in the place of those that it would make itself, and how many blocks its grid
 * has, in the place of what it was made for: at the start of its scratch. */
#define NNF_EMU_MOST_MAPS 4
typedef struct nnf_emu_given_maps {
  uint64_t magic;
  const nnf_emu_map *maps[NNF_EMU_MOST_MAPS];
  uint32_t blocks;
} nnf_emu_given_maps;

static inline int64_t nnf_emu_scratch_bytes(int64_t threads, int64_t shared_bytes) {
  int64_t rounded = (shared_bytes + NNF_EMU_SHARED_GRAIN - 1) / NNF_EMU_SHARED_GRAIN * NNF_EMU_SHARED_GRAIN;
  /* One stack more than threads: what the first thread may spoil before its overflow is noticed. */
  return NNF_EMU_BLOCK_BYTES + NNF_EMU_STACK_BYTES +
         threads * (NNF_EMU_THREAD_BYTES + NNF_EMU_STACK_BYTES + NNF_EMU_COPIES * NNF_EMU_COPY_BYTES +
                    (int64_t)NNF_EMU_REGISTER_BYTES) +
         2 * NNF_EMU_SHARED_GRAIN + rounded + rounded / 4 * NNF_EMU_RECORD_BYTES +
         rounded / NNF_EMU_LINE * NNF_EMU_LINE_RECORD_BYTES + NNF_EMU_ASYNC_BYTES;
}

#endif
