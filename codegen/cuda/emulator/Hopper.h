// What runs beside threads on compute capability 9.0: barriers in shared memory (mbarrier), copies of tiles by tensor
// maps (cp.async.bulk.tensor), products of warpgroups (wgmma). All of it happens as late as it may: a copy where nobody
// can run without it (or a seed says so), a product where its warp waits for it. What each warp knows to be done is
// kept in clocks that arrivals hand on, as detectors of races do it: who uses memory that somebody may still use is
// found whatever the order of threads.
#ifndef NNF_CODEGEN_CUDA_EMULATOR_HOPPER_H
#define NNF_CODEGEN_CUDA_EMULATOR_HOPPER_H

#include "codegen/cuda/emulator/TensorCores.h"

namespace {

constexpr uint32_t mostBarriers = 32, mostTiles = 64, mostProducts = 32;
constexpr uint32_t lineBytes = NNF_EMU_LINE, groupThreads = 4 * warpThreads;
constexpr uint32_t registersOfMultiprocessor = 65536, mostRegisters = 256;
/// What a thread waits for that is at no barrier.
constexpr uint32_t forRegisters = 0xffffffff;
/// In registers whose sums are under way.
constexpr uint32_t sumMark = 0x1a57;
/// TileProduct: the left operand is in shared memory; its sums are not known yet.
constexpr uint32_t noWord = 0xffffffff, noSet = 0xffffffff;
/// Record::writer: a copy of a tile.
constexpr uint32_t byTile = 0xfffffffd;

/// What is known to have happened: of each other warp, what it does as one (products) until this moment, and what its
/// threads do each (accesses) before they met last by then; of each barrier, copies of the phases before this one.
struct Clock {
  uint32_t warp[mostWarps], met[mostWarps], copies[mostBarriers];

  void join(const Clock &other) {
    for (uint32_t i = 0; i < mostWarps; ++i)
      warp[i] = warp[i] > other.warp[i] ? warp[i] : other.warp[i];
    for (uint32_t i = 0; i < mostWarps; ++i)
      met[i] = met[i] > other.met[i] ? met[i] : other.met[i];
    for (uint32_t i = 0; i < mostBarriers; ++i)
      copies[i] = copies[i] > other.copies[i] ? copies[i] : other.copies[i];
  }
};

/// An mbarrier.
struct PhaseBarrier {
  uint32_t offset; // in shared memory
  uint32_t arrivals, pending, phase;
  int64_t bytes;          // of copies that this phase still waits for
  uint32_t madeAt, maker; // when, by which thread
  bool isShown;           // to copies, by a fence
  Clock arrived, known;   // of those who have arrived, and what the last phase that is over tells
};

/// A copy that is under way.
struct TileCopy {
  uint8_t *to;
  const nnf_emu_map *map;
  int32_t at[5];
  uint32_t bytes, barrier, phase; // the phase of the barrier that it is part of
  int32_t ahead[3];               // of an image: how far the tap is from the first one
};

/// One instruction of a warp that is under way.
struct TileProduct {
  uint64_t left, right;
  uint32_t columns;
  bool leftAcross, rightAcross, isBfloat;
  uint32_t firstWord = noWord; // of the left operand in registers
  uint32_t group = 0, set = noSet;
};

/// Sums of one sequence of products: registers of a warp's threads, which go on from one product to the next.
struct SumSet {
  uint32_t untaken; // how many of all threads' sums are still to be taken
  uint32_t pending; // products under way
};

struct WarpProducts {
  uint32_t count, groups;
  bool isFenced;
  TileProduct products[mostProducts];
  SumSet sets[NNF_EMU_SUM_SETS];
};

/// Who of the asynchronous ones has had a line of shared memory.
struct Line {
  uint32_t block;             // its block's first moment; of another block: nobody
  uint32_t barrier, phase;    // of the last copy to it; 0: none
  uint32_t reading;           // products under way that read it
  uint32_t lastRead;          // when the last of them was done
  uint32_t readAt[mostWarps]; // when each warp's last one was
};
static_assert(sizeof(Line) <= NNF_EMU_LINE_RECORD_BYTES);

struct Async {
  uint32_t numBarriers, numTiles;
  uint32_t atAnyBarrier;                        // threads that wait for all others, at whatever place
  uint32_t freeRegisters, registers[mostWarps]; // given away; of each warp's threads
  Clock clocks[mostWarps];
  PhaseBarrier barriers[mostBarriers];
  TileCopy tiles[mostTiles];
  WarpProducts warps[mostWarps];
};
static_assert(sizeof(Async) <= NNF_EMU_ASYNC_BYTES);

inline uint32_t warpOf(const Thread *thread) { return thread->number / warpThreads; }
inline Clock &clockOf(Thread *thread) { return thread->block->async->clocks[warpOf(thread)]; }
inline uint64_t offsetOf(Block *block, const uint8_t *at) { return static_cast<uint64_t>(at - block->shared); }

/// Chunks of 16 bytes in a pattern of eight lines of 128, by the address alone.
inline uint64_t permuted(uint64_t address) { return address ^ (address >> 7 & 7) << 4; }

/// Groups of four warps get as many as there are for each, in eights. What is left over is nobody's: warps take what
/// others have given away.
inline void shareRegisters(Block *block) {
  Async &async = *block->async;
  uint32_t groups = (block->count + groupThreads - 1) / groupThreads;
  uint32_t each = registersOfMultiprocessor / (groups * groupThreads) / 8 * 8;
  for (uint32_t &registers : async.registers)
    registers = each < mostRegisters ? each : mostRegisters - 8;
  async.freeRegisters = 0;
}

inline void startAsync(Block *block) {
  Async &async = *block->async;
  async.numBarriers = async.numTiles = async.atAnyBarrier = 0;
  shareRegisters(block);
  for (uint32_t w = 0; w < mostWarps; ++w) {
    async.warps[w].count = async.warps[w].groups = 0;
    async.warps[w].isFenced = false;
    for (SumSet &set : async.warps[w].sets)
      set = {};
    for (uint32_t &at : async.clocks[w].warp)
      at = 0;
    for (uint32_t &at : async.clocks[w].met)
      at = 0;
    for (uint32_t &at : async.clocks[w].copies)
      at = 0;
  }
}

/// All threads of the block have met: each knows what any knew, and all that any has done.
inline void meetClocks(Block *block) {
  Async &async = *block->async;
  uint32_t warps = (block->count + warpThreads - 1) / warpThreads;
  if (async.numBarriers) {
    for (uint32_t w = 1; w < warps; ++w)
      async.clocks[0].join(async.clocks[w]);
    for (uint32_t w = 0; w < warps; ++w)
      async.clocks[0].warp[w] = async.clocks[0].met[w] = block->now;
    for (uint32_t w = 1; w < warps; ++w)
      async.clocks[w] = async.clocks[0];
  }
  block->metAt = ++block->now;
}

/// Whether what a thread did at a moment is behind this one: the block has met since, or their warp, or a barrier in
/// shared memory has told.
inline bool isBehind(Thread *thread, uint32_t who, uint32_t at) {
  Block *block = thread->block;
  if (at < block->metAt || who == thread->number)
    return true;
  if (who >= block->count) // several threads, or the copy of a tile
    return false;
  uint32_t warp = who / warpThreads;
  return at < (warp == warpOf(thread) ? block->warpMetAt : clockOf(thread).met)[warp];
}

inline Line &lineAt(Block *block, uint64_t offset) {
  Line &line = block->lines[offset / lineBytes];
  if (line.block != block->firstMoment) {
    line = {};
    line.block = block->firstMoment;
  }
  return line;
}

// ---- barriers

inline uint32_t sharedOffset(Thread *thread, uint32_t address, uint32_t bytes) {
  Block *block = thread->block;
  uint64_t offset = offsetOf(block, sharedAt(thread, address));
  if (offset > block->sharedBytes || bytes > block->sharedBytes - offset)
    fail(thread, NNF_FAULT_BOUNDS, static_cast<int64_t>(offset));
  return static_cast<uint32_t>(offset);
}

/// The barrier at an address, if it is one for this thread by now.
inline PhaseBarrier &barrierAt(Thread *thread, uint32_t address) {
  Block *block = thread->block;
  uint32_t offset = sharedOffset(thread, address, 8);
  for (uint32_t i = 0; i < block->async->numBarriers; ++i) {
    PhaseBarrier &barrier = block->async->barriers[i];
    if (barrier.offset == offset && (barrier.maker == thread->number || barrier.madeAt < block->metAt))
      return barrier;
  }
  fail(thread, NNF_FAULT_NO_BARRIER, thread->number);
}

inline uint32_t numberOf(Thread *thread, const PhaseBarrier &barrier) {
  return static_cast<uint32_t>(&barrier - thread->block->async->barriers);
}

/// Ends the phase where nothing is missing, and lets those go on who wait for that.
inline void endPhase(Block *block, PhaseBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  auto number = static_cast<uint32_t>(&barrier - block->async->barriers);
  ++barrier.phase;
  barrier.pending = barrier.arrivals;
  barrier.known = barrier.arrived;
  barrier.known.copies[number] = barrier.phase;
  for (uint32_t i = 0; i < block->count; ++i)
    if (block->threads[i].state == State::AtPhase && block->threads[i].value == number)
      block->threads[i].state = State::Ready;
}

inline void arriveAt(Thread *thread, PhaseBarrier &barrier, int64_t bytes) {
  if (barrier.pending == 0)
    fail(thread, NNF_FAULT_ARRIVALS, thread->number);
  Clock &clock = clockOf(thread);
  clock.warp[warpOf(thread)] = thread->block->now++;
  clock.met[warpOf(thread)] = thread->block->warpMetAt[warpOf(thread)];
  barrier.arrived.join(clock);
  barrier.bytes += bytes;
  --barrier.pending;
  endPhase(thread->block, barrier);
}

// ---- copies of tiles

/// Whether this warp knows that nobody uses the line any more; products of its own may have it still.
inline bool isFree(Thread *thread, const Line &line) {
  const Clock &clock = clockOf(thread);
  if (line.reading || (line.barrier && clock.copies[line.barrier - 1] < line.phase))
    return false;
  for (uint32_t w = 0; w < mostWarps; ++w)
    if (w != warpOf(thread) && line.readAt[w] > clock.warp[w])
      return false;
  return true;
}

/// Whether positions of an image begin at one that its map has, and the tap is not farther than the instruction can
/// say: 16 bits are shared by all dimensions.
inline bool isInWindow(const nnf_emu_map &map, const int32_t (&at)[5], const int32_t (&ahead)[3]) {
  uint32_t spatial = map.rank - 2;
  int32_t mostAhead = spatial == 1 ? 0xffff : spatial == 2 ? 0xff : 0x1f;
  for (uint32_t d = 0; d < spatial; ++d) {
    int64_t from = int64_t(at[1 + d]) - map.lower[d];
    if (from < 0 || from % map.steps[d] || at[1 + d] >= static_cast<int64_t>(map.dims[1 + d]) + map.upper[d] ||
        ahead[d] > mostAhead)
      return false;
  }
  return true;
}

/// `ahead`: of an image; null: a box of any tensor.
inline void beginTile(Thread *thread, uint32_t to, const void *map, uint32_t barrierAddress, uint32_t rank,
                      const int32_t (&at)[5], const int32_t (*ahead)[3] = nullptr) {
  Block *block = thread->block;
  Async &async = *block->async;
  auto *encoded = static_cast<const nnf_emu_map *>(map);
  if (reinterpret_cast<uint64_t>(map) % 64 || encoded->magic != NNF_EMU_MAP_MAGIC || encoded->rank != rank ||
      to % 128 || encoded->is_image != (ahead != nullptr) || (ahead && !isInWindow(*encoded, at, *ahead)))
    fail(thread, NNF_FAULT_TILE, thread->number);
  PhaseBarrier &barrier = barrierAt(thread, barrierAddress);
  if (!barrier.isShown)
    fail(thread, NNF_FAULT_NO_BARRIER, thread->number);
  uint32_t bytes = 2;
  for (uint32_t d = 0; d < (ahead ? 2 : rank); ++d)
    bytes *= encoded->box[d];
  uint32_t offset = sharedOffset(thread, to, bytes);
  for (uint32_t i = offset / 4; i < (offset + bytes) / 4; ++i) {
    Record &record = block->records[i];
    if (record.writtenAt == inFlight)
      fail(thread, NNF_FAULT_IN_FLIGHT, i * 4);
    if ((record.writer != byTile && !isBehind(thread, record.writer, record.writtenAt)) ||
        !isBehind(thread, record.reader, record.readAt))
      fail(thread, NNF_FAULT_RACE, i * 4);
    record.writtenAt = inFlight;
    record.writer = byTile;
  }
  for (uint32_t i = offset / lineBytes * lineBytes; i < offset + bytes; i += lineBytes) {
    Line &line = lineAt(block, i);
    if (!isFree(thread, line))
      fail(thread, NNF_FAULT_NOT_FREE, i);
    line.barrier = numberOf(thread, barrier) + 1;
    line.phase = barrier.phase + 1;
  }
  if (async.numTiles == mostTiles)
    fail(thread, NNF_FAULT_COPIES, thread->number);
  TileCopy &copy = async.tiles[async.numTiles++];
  copy = {sharedAt(thread, to), encoded, {}, bytes, numberOf(thread, barrier), barrier.phase, {}};
  for (uint32_t d = 0; d < 5; ++d)
    copy.at[d] = at[d];
  for (uint32_t d = 0; ahead && d < 3; ++d)
    copy.ahead[d] = (*ahead)[d];
}

/// From one line of a tile to the next: of a box, or of the positions that a window has.
inline void nextLine(const TileCopy &copy, int32_t (&at)[5]) {
  const nnf_emu_map &map = *copy.map;
  if (!map.is_image) {
    for (uint32_t d = 1; d < map.rank; at[d] = copy.at[d], ++d)
      if (++at[d] < static_cast<int64_t>(copy.at[d]) + map.box[d])
        return;
    return;
  }
  uint32_t d = 1;
  for (; d + 1 < map.rank; at[d] = map.lower[d - 1], ++d)
    if ((at[d] += map.steps[d - 1]) < static_cast<int64_t>(map.dims[d]) + map.upper[d - 1])
      return;
  ++at[d]; // the next image
}

inline void finishTile(Block *block, uint32_t which) {
  Async &async = *block->async;
  TileCopy copy = async.tiles[which];
  async.tiles[which] = async.tiles[--async.numTiles];
  const nnf_emu_map &map = *copy.map;
  int32_t line[5];
  for (uint32_t d = 0; d < 5; ++d)
    line[d] = copy.at[d];
  for (uint32_t i = 0; i < copy.bytes / 2; nextLine(copy, line)) {
    const uint8_t *from = map.base;
    bool isInside = true;
    for (uint32_t d = 1; d < map.rank; ++d) {
      int64_t at = int64_t(line[d]) + (d < 4 ? copy.ahead[d - 1] : 0);
      isInside &= at >= 0 && at < static_cast<int64_t>(map.dims[d]);
      from += at * static_cast<int64_t>(map.strides[d - 1]);
    }
    for (uint32_t element = 0; element < map.box[0]; ++element, ++i) {
      int64_t at = int64_t(line[0]) + element;
      bool isThere = isInside && at >= 0 && at < static_cast<int64_t>(map.dims[0]);
      uint64_t to = permuted(reinterpret_cast<uint64_t>(copy.to) + i * 2);
      *reinterpret_cast<uint16_t *>(to) = isThere ? *reinterpret_cast<const uint16_t *>(from + at * 2) : 0;
    }
  }
  uint64_t offset = offsetOf(block, copy.to);
  for (uint64_t i = offset / 4; i < (offset + copy.bytes) / 4; ++i)
    block->records[i].writtenAt = block->now;
  PhaseBarrier &barrier = async.barriers[copy.barrier];
  // Those who wait for the phase have been told already: it was to have fewer bytes.
  if (barrier.phase != copy.phase && block->fault == NNF_FAULTS) {
    block->fault = NNF_FAULT_IN_FLIGHT;
    block->detail = static_cast<int64_t>(offset);
  }
  barrier.bytes -= copy.bytes;
  endPhase(block, barrier);
}

// ---- products of warpgroups

/// Before an access of a thread: products may still read what it writes.
inline void checkProducts(Thread *thread, uint64_t offset, uint32_t bytes) {
  Block *block = thread->block;
  for (uint64_t i = offset / lineBytes * lineBytes; i < offset + bytes; i += lineBytes) {
    const Line &line = lineAt(block, i);
    if (line.reading || line.lastRead >= block->metAt)
      fail(thread, NNF_FAULT_NOT_FREE, static_cast<int64_t>(i));
  }
}

} // namespace

extern "C" {

void nnf_emu_mbarrier_init_shared__cta_b64(Thread *thread, uint32_t address, uint32_t arrivals, uint32_t) {
  Block *block = thread->block;
  Async &async = *block->async;
  nnf_emu_access(thread, sharedAt(thread, address), 8, 8, 1);
  if (async.numBarriers == mostBarriers || arrivals == 0)
    fail(thread, NNF_FAULT_NO_BARRIER, thread->number);
  PhaseBarrier &barrier = async.barriers[async.numBarriers++];
  barrier = {};
  barrier.offset = sharedOffset(thread, address, 8);
  barrier.arrivals = barrier.pending = arrivals;
  barrier.madeAt = block->now;
  barrier.maker = thread->number;
}

void nnf_emu_fence_mbarrier_init_release_cluster(Thread *thread, uint32_t) {
  Async &async = *thread->block->async;
  for (uint32_t i = 0; i < async.numBarriers; ++i)
    async.barriers[i].isShown |= async.barriers[i].maker == thread->number;
}

void nnf_emu_mbarrier_arrive_shared__cta_b64(Thread *thread, uint32_t address, uint32_t) {
  arriveAt(thread, barrierAt(thread, address), 0);
}
void nnf_emu_mbarrier_arrive_expect_tx_shared__cta_b64(Thread *thread, uint32_t address, uint32_t bytes, uint32_t) {
  arriveAt(thread, barrierAt(thread, address), bytes);
}

void nnf_emu_mbarrier_try_wait_parity_shared__cta_b64(Thread *thread, uint32_t *isOver, uint32_t address,
                                                      uint32_t parity, uint32_t) {
  PhaseBarrier &barrier = barrierAt(thread, address);
  while ((barrier.phase & 1) == parity) {
    thread->value = numberOf(thread, barrier);
    thread->state = State::AtPhase;
    leave(thread);
  }
  clockOf(thread).join(barrier.known);
  *isOver = 1;
}

void nnf_emu_prefetch_tensormap(Thread *thread, const void *map, uint32_t) {
  if (static_cast<const nnf_emu_map *>(map)->magic != NNF_EMU_MAP_MAGIC)
    fail(thread, NNF_FAULT_TILE, thread->number);
}

#define NNF_EMU_TILE(rank, parameters, ...)                                                                            \
  void nnf_emu_cp_async_bulk_tensor_##rank##d_shared__cluster_global_tile_mbarrier__complete_tx__bytes(                \
      Thread *thread, uint32_t to, const void *map, uint32_t barrier, NNF_EMU_UNPACK parameters, uint32_t) {           \
    beginTile(thread, to, map, barrier, rank, {__VA_ARGS__});                                                          \
  }
#define NNF_EMU_UNPACK(...) __VA_ARGS__
NNF_EMU_TILE(2, (int32_t x, int32_t y), x, y)
NNF_EMU_TILE(3, (int32_t x, int32_t y, int32_t z), x, y, z)
NNF_EMU_TILE(4, (int32_t x, int32_t y, int32_t z, int32_t u), x, y, z, u)
NNF_EMU_TILE(5, (int32_t x, int32_t y, int32_t z, int32_t u, int32_t v), x, y, z, u, v)

#define NNF_EMU_IMAGE(rank, parameters, at, ...)                                                                       \
  void nnf_emu_cp_async_bulk_tensor_##rank##d_shared__cluster_global_im2col_mbarrier__complete_tx__bytes(              \
      Thread *thread, uint32_t to, const void *map, uint32_t barrier, NNF_EMU_UNPACK parameters, uint32_t) {           \
    const int32_t ahead[3] = {__VA_ARGS__};                                                                            \
    beginTile(thread, to, map, barrier, rank, {NNF_EMU_UNPACK at}, &ahead);                                            \
  }
NNF_EMU_IMAGE(3, (int32_t c, int32_t x, int32_t n, uint16_t u), (c, x, n), u)
NNF_EMU_IMAGE(4, (int32_t c, int32_t x, int32_t y, int32_t n, uint16_t u, uint16_t v), (c, x, y, n), u, v)
NNF_EMU_IMAGE(5, (int32_t c, int32_t x, int32_t y, int32_t z, int32_t n, uint16_t u, uint16_t v, uint16_t w),
              (c, x, y, z, n), u, v, w)
}

#endif
