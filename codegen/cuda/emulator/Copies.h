// Copies from global to shared memory that run beside their thread (cp.async). They are done when the thread waits for
// them, not before: what reads too early, or writes there, is found whatever the order of threads.
#ifndef NNF_CODEGEN_CUDA_EMULATOR_COPIES_H
#define NNF_CODEGEN_CUDA_EMULATOR_COPIES_H

#include "codegen/cuda/emulator/Threads.h"

namespace {

/// Shared memory's own addresses have 32 bits: the low ones of where it is here.
inline uint8_t *sharedAt(Thread *thread, uint32_t address) {
  uint8_t *shared = thread->block->shared;
  return shared + static_cast<uint32_t>(address - static_cast<uint32_t>(reinterpret_cast<uint64_t>(shared)));
}

inline void mark(Thread *thread, const uint8_t *at, uint32_t bytes, uint32_t phase) {
  Block *block = thread->block;
  for (uint32_t i = 0; i < bytes; i += 4) {
    Record &record = block->records[static_cast<uint64_t>(at + i - block->shared) / 4];
    record.writtenAt = phase;
    record.writer = thread->number;
  }
}

inline void beginCopy(Thread *thread, uint32_t to, const uint8_t *from, uint32_t size, uint32_t bytes) {
  uint8_t *address = sharedAt(thread, to);
  nnf_emu_access(thread, address, size, size, 1);
  if (reinterpret_cast<uint64_t>(from) % size || bytes > size)
    fail(thread, NNF_FAULT_SOURCE, thread->number);
  if (thread->copies == NNF_EMU_COPIES)
    fail(thread, NNF_FAULT_COPIES, thread->number);
  mark(thread, address, size, inFlight);
  thread->block->copies[thread->number * NNF_EMU_COPIES + thread->copies++] = {
      address, from, static_cast<uint16_t>(size), static_cast<uint16_t>(bytes), thread->groups};
}

inline void finishCopy(Thread *thread, const Copy &copy) {
  for (uint32_t i = 0; i < copy.size; ++i)
    copy.to[i] = i < copy.bytes ? copy.from[i] : 0;
  mark(thread, copy.to, copy.size, thread->block->now);
}

} // namespace

extern "C" {

void nnf_emu_cp_async_cg_shared_global(Thread *thread, uint32_t to, const uint8_t *from, uint32_t size, uint32_t bytes,
                                       uint32_t) {
  beginCopy(thread, to, from, size, bytes);
}
void nnf_emu_cp_async_ca_shared_global(Thread *thread, uint32_t to, const uint8_t *from, uint32_t size, uint32_t bytes,
                                       uint32_t) {
  beginCopy(thread, to, from, size, bytes);
}

void nnf_emu_cp_async_commit_group(Thread *thread, uint32_t) { ++thread->groups; }

void nnf_emu_cp_async_wait_group(Thread *thread, uint32_t pending, uint32_t) {
  Copy *copies = thread->block->copies + thread->number * NNF_EMU_COPIES;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < thread->copies; ++i)
    if (copies[i].group + pending < thread->groups)
      finishCopy(thread, copies[i]);
    else
      copies[kept++] = copies[i];
  thread->copies = kept;
}
}

#endif
