/* What compiled kernels and the compiler know of the emulator (Emulator.cpp). docs/design/0004 tells how it works. */
#ifndef NNF_CODEGEN_CUDA_EMULATOR_EMULATOR_H
#define NNF_CODEGEN_CUDA_EMULATOR_EMULATOR_H

#include "codegen/cuda/emulator/Faults.h"
#include <stddef.h>
#include <stdint.h>

/* Bytes of scratch memory that a worker needs for blocks of this size. */
#define NNF_EMU_STACK_BYTES 32768
#define NNF_EMU_THREAD_BYTES 96
#define NNF_EMU_BLOCK_BYTES 256
/* Each four bytes of shared memory have a record of who wrote and read them last. */
#define NNF_EMU_RECORD_BYTES 16
#define NNF_EMU_SHARED_GRAIN 256
/* Copies to shared memory that a thread may have under way. */
#define NNF_EMU_COPIES 256
#define NNF_EMU_COPY_BYTES 24
static inline int64_t nnf_emu_scratch_bytes(int64_t threads, int64_t shared_bytes) {
  int64_t rounded = (shared_bytes + NNF_EMU_SHARED_GRAIN - 1) / NNF_EMU_SHARED_GRAIN * NNF_EMU_SHARED_GRAIN;
  /* One stack more than threads: what the first thread may spoil before its overflow is noticed. */
  return NNF_EMU_BLOCK_BYTES + NNF_EMU_STACK_BYTES +
         threads * (NNF_EMU_THREAD_BYTES + NNF_EMU_STACK_BYTES + NNF_EMU_COPIES * NNF_EMU_COPY_BYTES) +
         2 * NNF_EMU_SHARED_GRAIN + rounded + rounded / 4 * NNF_EMU_RECORD_BYTES;
}

#endif
