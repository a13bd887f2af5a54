// Runs the threads of a GPU block on one CPU thread, each on a stack of its own. Compiled to LLVM bitcode when nnfc is
// built, and linked into every library of --target=cuda-emu: it may use nothing, not even libc. All its state is in the
// scratch memory that the runtime gives each worker, so blocks run in parallel and nothing is left behind.
//
// A thread runs until it meets others (a barrier, a shuffle) or ends. Between meetings its order among the others is
// free; `seed` picks one. What a GPU would answer with wrong numbers or a hang is found and reported as a failed check
// of the run: races for shared memory (whatever the order), reads of what nobody wrote, unequal barriers, shuffles
// without their partners.
#include "codegen/cuda/emulator/Arithmetic.h"
#include "codegen/cuda/emulator/Copies.h"
#include "codegen/cuda/emulator/Hopper.h"
#include "codegen/cuda/emulator/TensorCores.h"
#include "codegen/cuda/emulator/Threads.h"
#include "codegen/cuda/emulator/Warpgroups.h"
#include "runtime/abi.h"

namespace {

void runThread(Thread *thread) {
  thread->block->entry(thread, thread->block->slots);
  if (thread->copies)
    fail(thread, NNF_FAULT_UNWAITED, thread->number);
  if (productsOf(thread).count)
    fail(thread, NNF_FAULT_SUMS, thread->number);
  thread->state = State::Done;
  leave(thread);
}

void release(Block *block, State waiting) {
  for (uint32_t i = 0; i < block->count; ++i)
    if (block->threads[i].state == waiting)
      block->threads[i].state = State::Ready;
}

uint32_t random(Block *block) {
  block->random = block->random * 6364136223846793005u + 1442695040888963407u;
  return static_cast<uint32_t>(block->random >> 33);
}

/// The next thread to run: in order, or any that can. nobody: none can.
uint32_t pick(Block *block, uint32_t previous) {
  uint32_t first = block->random ? random(block) % block->count : previous;
  for (uint32_t i = 0; i < block->count; ++i) {
    uint32_t candidate = (first + i) % block->count;
    if (block->threads[candidate].state == State::Ready)
      return candidate;
  }
  return nobody;
}

void start(Block *block, uint8_t *stacks) {
  for (uint32_t i = 0; i < block->count; ++i) {
    Thread &thread = block->threads[i];
    thread.block = block;
    thread.number = i;
    thread.state = State::Ready;
    thread.copies = thread.groups = 0;
    uint8_t *low = stacks + uint64_t(i) * NNF_EMU_STACK_BYTES;
    thread.stackEnd = reinterpret_cast<uint64_t *>(low);
    *thread.stackEnd = stackMark;
    // As switchStack leaves it: six registers, then where to return to; aligned as after a call.
    auto *top = reinterpret_cast<uint64_t *>(low + NNF_EMU_STACK_BYTES) - 2;
    *--top = reinterpret_cast<uint64_t>(&begin);
    for (int r = 0; r < 6; ++r)
      *--top = 0;
    top[3] = reinterpret_cast<uint64_t>(&runThread); // r12
    top[4] = reinterpret_cast<uint64_t>(&thread);    // rbx
    thread.stack = top;
  }
  for (uint64_t i = 0; i < block->sharedBytes; ++i)
    block->shared[i] = 0xcd;
  block->atBarrier = 0;
  block->firstMoment = block->metAt = ++block->now;
  for (uint32_t &at : block->warpMetAt)
    at = 0;
  startAsync(block);
}

void run(Block *block) {
  uint32_t next = 0;
  while (block->fault == NNF_FAULTS) {
    uint32_t tiles = block->async->numTiles;
    // A tile may come at any time; without a seed it does when nobody can go on.
    if (tiles && block->random && random(block) % 4 == 0)
      finishTile(block, random(block) % tiles);
    next = pick(block, next);
    if (next == nobody && block->async->numTiles) {
      finishTile(block, block->random ? random(block) % block->async->numTiles : 0);
      continue;
    }
    if (next == nobody)
      break;
    Thread *thread = &block->threads[next];
    switchStack(&block->scheduler, thread->stack);
    if (*thread->stackEnd != stackMark && block->fault == NNF_FAULTS) {
      block->fault = NNF_FAULT_STACK;
      block->detail = next;
    }
  }
  uint32_t waiting = 0;
  for (uint32_t i = 0; i < block->count; ++i)
    waiting += block->threads[i].state != State::Done;
  if (waiting && block->fault == NNF_FAULTS) {
    block->fault = NNF_FAULT_DEADLOCK;
    block->detail = waiting;
  }
}

/// As a failed check of a kernel does it (passes/kernels/ElementEmitter.cpp).
void report(const Block &block, nnf_check_state *check, int64_t firstFault) {
  uint64_t order = static_cast<uint64_t>(firstFault + block.fault) << 32;
  uint64_t before = __atomic_load_n(&check->order, __ATOMIC_RELAXED);
  while (order < before)
    if (__atomic_compare_exchange_n(&check->order, &before, order, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
      check->value = block.number;
      check->bound = block.detail;
      return;
    }
}

uint8_t *alignUp(uint8_t *address) {
  auto value = reinterpret_cast<uint64_t>(address);
  return reinterpret_cast<uint8_t *>((value + NNF_EMU_SHARED_GRAIN - 1) / NNF_EMU_SHARED_GRAIN * NNF_EMU_SHARED_GRAIN);
}

} // namespace

extern "C" {

/// Runs blocks [first, last) of a kernel.
void nnf_emu_run(Entry entry, const void **slots, int64_t first, int64_t last, uint8_t *scratch, uint32_t threads,
                 uint64_t sharedBytes, uint64_t seed, nnf_check_state *check, int64_t firstFault, uint32_t firstMap,
                 uint32_t numMaps, uint32_t blocks) {
  auto *given = reinterpret_cast<nnf_emu_given_maps *>(scratch);
  bool isGiven = numMaps && given->magic == NNF_EMU_MAP_MAGIC;
  for (uint32_t i = 0; i < numMaps && isGiven; ++i)
    slots[firstMap + i] = given->maps[i];
  blocks = isGiven ? given->blocks : blocks;
  auto *block = reinterpret_cast<Block *>(scratch);
  uint8_t *stacks = alignUp(scratch + sizeof(Block)) + NNF_EMU_STACK_BYTES;
  block->entry = entry;
  block->slots = slots;
  block->count = threads;
  block->blocks = blocks;
  block->threads = reinterpret_cast<Thread *>(stacks + uint64_t(threads) * NNF_EMU_STACK_BYTES);
  block->shared = alignUp(reinterpret_cast<uint8_t *>(block->threads + threads));
  block->records = reinterpret_cast<Record *>(block->shared + (sharedBytes + NNF_EMU_SHARED_GRAIN - 1) /
                                                                  NNF_EMU_SHARED_GRAIN * NNF_EMU_SHARED_GRAIN);
  block->copies = reinterpret_cast<Copy *>(block->records + (sharedBytes + NNF_EMU_SHARED_GRAIN - 1) /
                                                                NNF_EMU_SHARED_GRAIN * (NNF_EMU_SHARED_GRAIN / 4));
  uint8_t *after = reinterpret_cast<uint8_t *>(block->copies + uint64_t(threads) * NNF_EMU_COPIES);
  auto *registers = reinterpret_cast<ProductRegisters *>(after);
  after += uint64_t(threads) * sizeof(ProductRegisters);
  for (uint32_t i = 0; i < threads; ++i)
    block->threads[i].products = registers + i;
  block->async = reinterpret_cast<Async *>(after);
  block->lines = reinterpret_cast<Line *>(after + NNF_EMU_ASYNC_BYTES);
  for (uint64_t i = 0; i < (sharedBytes + NNF_EMU_LINE - 1) / NNF_EMU_LINE; ++i)
    block->lines[i].block = 0;
  block->sharedBytes = sharedBytes;
  block->fault = NNF_FAULTS;
  block->now = 0;
  for (uint64_t i = 0; i < (sharedBytes + 3) / 4; ++i)
    block->records[i] = {0, nobody, 0, nobody};
  for (int64_t number = first; number < last; ++number) {
    block->number = number;
    // Each block has its own order, the same however blocks are spread over workers.
    block->random = seed ? seed * 0x9e3779b97f4a7c15u + static_cast<uint64_t>(number) + 1 : 0;
    start(block, stacks);
    run(block);
    if (block->fault != NNF_FAULTS)
      return report(*block, check, firstFault);
  }
}

// ---- what kernels call: the intrinsics of NVVM by their names, with the thread before and the call's number after

uint32_t nnf_emu_read_ptx_sreg_tid_x(Thread *thread, uint32_t) { return thread->number; }
uint32_t nnf_emu_read_ptx_sreg_ntid_x(Thread *thread, uint32_t) { return thread->block->count; }
uint32_t nnf_emu_read_ptx_sreg_laneid(Thread *thread, uint32_t) { return thread->number % warpThreads; }
uint32_t nnf_emu_read_ptx_sreg_ctaid_x(Thread *thread, uint32_t) {
  return static_cast<uint32_t>(thread->block->number);
}
uint32_t nnf_emu_read_ptx_sreg_nctaid_x(Thread *thread, uint32_t) {
  if (thread->block->blocks == 0)
    fail(thread, NNF_FAULT_GRID, thread->number);
  return thread->block->blocks;
}

void nnf_emu_barrier_cta_sync_aligned_all(Thread *thread, uint32_t, uint32_t site) {
  Block *block = thread->block;
  if (block->atBarrier == 0)
    block->barrierSite = site;
  else if (block->barrierSite != site)
    fail(thread, NNF_FAULT_BARRIER, thread->number);
  if (++block->atBarrier < block->count) {
    thread->state = State::AtBarrier;
    return leave(thread);
  }
  block->atBarrier = 0;
  meetClocks(block);
  release(block, State::AtBarrier);
}

void nnf_emu_bar_warp_sync(Thread *thread, uint32_t members, uint32_t site) {
  if (members != wholeWarp || thread->block->count % warpThreads)
    fail(thread, NNF_FAULT_SHUFFLE, thread->number);
  if (!meetWarp(thread, site, nullptr, nullptr))
    return;
  thread->block->warpMetAt[warpOf(thread)] = ++thread->block->now;
  releaseWarp(thread);
}

uint32_t nnf_emu_shfl_sync_bfly_i32(Thread *thread, uint32_t members, uint32_t value, uint32_t distance, uint32_t clamp,
                                    uint32_t site) {
  uint32_t lane = thread->number % warpThreads;
  Thread *warp = thread - lane;
  // Segments smaller than a warp are not used; then the partner is lane ^ distance.
  if (!(members >> lane & 1) || clamp != warpThreads - 1 || distance >= warpThreads ||
      !(members >> (lane ^ distance) & 1))
    fail(thread, NNF_FAULT_SHUFFLE, thread->number);
  thread->members = members;
  thread->value = value;
  thread->partner = lane ^ distance;
  thread->site = site;
  thread->state = State::AtShuffle;
  for (uint32_t i = 0; i < warpThreads; ++i) {
    if (!(members >> i & 1))
      continue;
    if (warp[i].state != State::AtShuffle) {
      leave(thread); // until the last one comes
      return thread->result;
    }
    if (warp[i].site != site || warp[i].members != members)
      fail(thread, NNF_FAULT_SHUFFLE, thread->number);
  }
  for (uint32_t i = 0; i < warpThreads; ++i)
    if (members >> i & 1) {
      warp[i].result = warp[warp[i].partner].value;
      warp[i].state = State::Ready;
    }
  return thread->result;
}

/// Where the block's shared memory is.
uint8_t *nnf_emu_shared(Thread *thread) { return thread->block->shared; }

/// Before each access to shared memory. Two threads may touch the same bytes with nothing between that makes the second
/// wait for the first (of the block, of their warp, or a barrier in shared memory) only to read. Not inlined: an
/// unrolled kernel calls it a hundred times.
__attribute__((noinline)) void nnf_emu_access(Thread *thread, const uint8_t *address, uint32_t bytes,
                                              uint32_t alignment, uint32_t isWrite) {
  Block *block = thread->block;
  uint64_t offset = static_cast<uint64_t>(address - block->shared);
  if (offset > block->sharedBytes || bytes > block->sharedBytes - offset)
    fail(thread, NNF_FAULT_BOUNDS, static_cast<int64_t>(offset));
  if (offset % alignment)
    fail(thread, NNF_FAULT_ALIGNMENT, static_cast<int64_t>(offset));
  if (isWrite && block->async->numBarriers)
    checkProducts(thread, offset, bytes);
  for (uint64_t i = offset / 4; i <= (offset + bytes - 1) / 4; ++i) {
    Record &record = block->records[i];
    if (record.writtenAt == inFlight)
      fail(thread, NNF_FAULT_IN_FLIGHT, static_cast<int64_t>(i * 4));
    bool otherWrote = !isBehind(thread, record.writer, record.writtenAt);
    bool otherRead = !isBehind(thread, record.reader, record.readAt);
    if (otherWrote || (isWrite && otherRead))
      fail(thread, NNF_FAULT_RACE, static_cast<int64_t>(i * 4));
    if (isWrite) {
      record.writtenAt = block->now;
      record.writer = thread->number;
    } else {
      if (record.writtenAt < block->firstMoment)
        fail(thread, NNF_FAULT_UNWRITTEN, static_cast<int64_t>(i * 4));
      record.reader = otherRead ? many : thread->number;
      record.readAt = block->now;
    }
  }
}
}
