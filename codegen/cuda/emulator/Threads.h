// The threads of a block in the emulator, what they share, and how one lets others run.
#ifndef NNF_CODEGEN_CUDA_EMULATOR_THREADS_H
#define NNF_CODEGEN_CUDA_EMULATOR_THREADS_H

#include "codegen/cuda/emulator/Emulator.h"

namespace {

constexpr uint32_t warpThreads = 32, mostWarps = 32, wholeWarp = 0xffffffff;
constexpr uint32_t nobody = 0xffffffff, many = 0xfffffffe;
constexpr uint64_t stackMark = 0x6d6172206b617473;

enum class State : uint32_t { Ready, AtBarrier, AtShuffle, AtPhase, Done };

struct Block;
struct Async;
struct Line;

/// Registers of a thread that products under way have.
struct ProductRegisters {
  float sums[NNF_EMU_SUM_SETS][NNF_EMU_SUMS]; // what registers will have once they are waited for
  uint32_t rows[NNF_EMU_ROW_WORDS];           // of a left operand
};
static_assert(sizeof(ProductRegisters) == NNF_EMU_REGISTER_BYTES);

struct Thread {
  void *stack; // where it stands while another runs
  Block *block;
  uint64_t *stackEnd;
  uint32_t number;
  State state;
  // What it offers to a shuffle, and gets.
  uint32_t members, value, partner, site, result;
  // What it brings to another instruction of its whole warp, and where it wants the result.
  const void *operands;
  void *results;
  // Copies that are under way, and how many groups of them it has closed.
  uint32_t copies, groups;
  ProductRegisters *products;
};
static_assert(sizeof(Thread) <= NNF_EMU_THREAD_BYTES);

/// Who touched four bytes of shared memory last, and when.
struct Record {
  uint32_t writtenAt, writer, readAt, reader;
};
/// writtenAt: a copy to it is under way.
constexpr uint32_t inFlight = 0xffffffff;
static_assert(sizeof(Record) == NNF_EMU_RECORD_BYTES);

/// A copy from global to shared memory: `bytes` of `size`, then zeros.
struct Copy {
  uint8_t *to;
  const uint8_t *from;
  uint16_t size, bytes;
  uint32_t group;
};
static_assert(sizeof(Copy) == NNF_EMU_COPY_BYTES);

using Entry = void (*)(Thread *, const void *const *);

struct Block {
  void *scheduler; // its stack while a thread runs
  Entry entry;
  const void *const *slots;
  Thread *threads;
  uint8_t *shared;
  Record *records;
  Copy *copies; // NNF_EMU_COPIES of each thread
  Async *async;
  Line *lines;
  uint64_t sharedBytes;
  int64_t number;
  uint64_t random;
  uint32_t count, atBarrier, barrierSite;
  uint32_t blocks; // of the grid; 0: nobody knows
  // Moments are counted: one more wherever threads meet, or arrive at a barrier in shared memory.
  uint32_t now, firstMoment, metAt; // the block's first; where its threads last met
  uint32_t warpMetAt[mostWarps];    // where those of a warp did
  uint32_t fault;                   // NNF_FAULTS: none
  int64_t detail;
};
static_assert(sizeof(Block) <= NNF_EMU_BLOCK_BYTES);

/// Leaves the present stack, noting in *from where, for another.
__attribute__((naked, noinline)) void switchStack(void **, void *) {
  asm("pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
      "movq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n\t"
      "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\tret");
}

void leave(Thread *thread) { switchStack(&thread->stack, thread->block->scheduler); }

/// A new stack's first return address: the scheduler left the thread in rbx and what to call in r12.
__attribute__((naked, noinline)) void begin() { asm("movq %rbx, %rdi\n\tcallq *%r12\n\tud2"); }

/// Ends the block: the thread never runs on. The first fault counts.
[[noreturn]] void fail(Thread *thread, uint32_t fault, int64_t detail) {
  Block *block = thread->block;
  if (block->fault == NNF_FAULTS) {
    block->fault = fault;
    block->detail = detail;
  }
  leave(thread);
  __builtin_unreachable();
}

} // namespace

extern "C" void nnf_emu_access(Thread *thread, const uint8_t *address, uint32_t bytes, uint32_t alignment,
                               uint32_t isWrite);

#endif
