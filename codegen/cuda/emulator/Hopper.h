// What runs beside threads on compute capability 9.0: barriers in shared memory (mbarrier), copies of tiles by tensor
// maps (cp.async.bulk.tensor), products of warpgroups (wgmma). All of it happens as late as it may: a copy where nobody
// can run without it (or a seed says so), a product where its warp waits for it. What each warp knows to be done is
// kept in clocks that arrivals hand on, as detectors of races do it: who uses memory that somebody may still use is
// found whatever the order of threads.
#ifndef NNF_CODEGEN_CUDA_EMULATOR_HOPPER_H
#define NNF_CODEGEN_CUDA_EMULATOR_HOPPER_H

#include "codegen/cuda/emulator/TensorCores.h"

namespace {

constexpr uint32_t mostWarps = 32, mostBarriers = 32, mostTiles = 64, mostProducts = 32;
constexpr uint32_t lineBytes = NNF_EMU_LINE;
/// Record::writer: a copy of a tile.
constexpr uint32_t byTile = 0xfffffffd;

/// What is known to have happened: of each warp, all before this arrival of its; of each barrier, copies of the phases
/// before this one.
struct Clock {
  uint32_t warp[mostWarps], copies[mostBarriers];

  void join(const Clock &other) {
    for (uint32_t i = 0; i < mostWarps; ++i)
      warp[i] = warp[i] > other.warp[i] ? warp[i] : other.warp[i];
    for (uint32_t i = 0; i < mostBarriers; ++i)
      copies[i] = copies[i] > other.copies[i] ? copies[i] : other.copies[i];
  }
};

/// An mbarrier.
struct PhaseBarrier {
  uint32_t offset; // in shared memory
  uint32_t arrivals, pending, phase;
  int64_t bytes;          // of copies that this phase still waits for
  uint32_t madeIn, maker; // between which barriers of the block, by which thread
  bool isShown;           // to copies, by a fence
  Clock arrived, known;   // of those who have arrived, and what the last phase that is over tells
};

/// A copy that is under way.
struct TileCopy {
  uint8_t *to;
  const nnf_emu_map *map;
  int32_t at[5];
  uint32_t bytes, barrier;
  int32_t ahead[3]; // of an image: how far the tap is from the first one
};

/// One instruction of a warp that is under way.
struct TileProduct {
  uint64_t left, right;
  uint32_t columns, group;
  bool leftAcross, rightAcross, isBfloat;
};

struct WarpProducts {
  uint32_t count, groups;
  bool isFenced;
  TileProduct products[mostProducts];
};

/// Who of the asynchronous ones has had a line of shared memory.
struct Line {
  uint32_t block;             // number of the block's first phase; of another block: nobody
  uint32_t barrier, phase;    // of the last copy to it; 0: none
  uint32_t reading;           // products under way that read it
  uint32_t readIn;            // between which barriers the last of them was done
  uint32_t readAt[mostWarps]; // the warp's own clock when its last one was done
};
static_assert(sizeof(Line) <= NNF_EMU_LINE_RECORD_BYTES);

struct Async {
  uint32_t numBarriers, numTiles;
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

inline void startAsync(Block *block) {
  Async &async = *block->async;
  async.numBarriers = async.numTiles = 0;
  for (uint32_t w = 0; w < mostWarps; ++w) {
    async.warps[w].count = async.warps[w].groups = 0;
    async.warps[w].isFenced = false;
    for (uint32_t &at : async.clocks[w].warp)
      at = 0;
    for (uint32_t &at : async.clocks[w].copies)
      at = 0;
    async.clocks[w].warp[w] = 1;
  }
}

/// All threads of the block have met: each knows what any knew.
inline void meetClocks(Block *block) {
  Async &async = *block->async;
  uint32_t warps = (block->count + warpThreads - 1) / warpThreads;
  if (async.numBarriers == 0)
    return;
  for (uint32_t w = 1; w < warps; ++w)
    async.clocks[0].join(async.clocks[w]);
  for (uint32_t w = 0; w < warps; ++w) {
    async.clocks[w] = async.clocks[0];
    ++async.clocks[w].warp[w];
  }
}

inline Line &lineAt(Block *block, uint64_t offset) {
  Line &line = block->lines[offset / lineBytes];
  if (line.block != block->firstPhase) {
    line = {};
    line.block = block->firstPhase;
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
    if (barrier.offset == offset && (barrier.maker == thread->number || barrier.madeIn != block->phase))
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
  barrier.arrived.join(clock);
  ++clock.warp[warpOf(thread)];
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
    if (line.readAt[w] > clock.warp[w])
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
    if ((record.writtenAt == block->phase && record.writer != byTile && record.writer != thread->number) ||
        (record.readAt == block->phase && record.reader != thread->number))
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
  copy = {sharedAt(thread, to), encoded, {}, bytes, numberOf(thread, barrier), {}};
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
    block->records[i].writtenAt = block->phase;
  PhaseBarrier &barrier = async.barriers[copy.barrier];
  barrier.bytes -= copy.bytes;
  endPhase(block, barrier);
}

// ---- products of warpgroups

/// An operand as a descriptor has it: lines of 128 bytes in patterns of eight.
struct Matrix {
  uint32_t start;
  uint64_t blockBytes, patternBytes;
  bool across;

  Matrix(uint64_t descriptor, bool across)
      : start(descriptor << 4 & 0x3fff0), blockBytes(descriptor >> 12 & 0x3fff0),
        patternBytes(descriptor >> 28 & 0x3fff0), across(across) {}
  /// A pattern begins at a multiple of its bytes, and steps down stay in its first line or go on to the next pattern.
  static bool isValid(uint64_t descriptor) {
    return descriptor >> 62 == 1 && (descriptor >> 49 & 7) == 0 && (descriptor << 4 & 0x380) == 0;
  }
  /// Where an element is, as the low bits of shared memory's addresses.
  uint64_t at(uint32_t place, uint32_t step) const {
    return across ? start + place / 64 * blockBytes + step / 8 * patternBytes + step % 8 * 128 + place % 64 * 2
                  : start + place / 8 * patternBytes + place % 8 * 128 + step * 2;
  }
};

/// Descriptors have the low 18 bits of addresses.
inline uint64_t offsetOfMatrix(Block *block, uint64_t low) {
  return (low - reinterpret_cast<uint64_t>(block->shared)) & 0x3ffff;
}

inline float elementOf(Block *block, const Matrix &matrix, bool isBfloat, uint32_t place, uint32_t step) {
  uint64_t address = reinterpret_cast<uint64_t>(block->shared) + offsetOfMatrix(block, matrix.at(place, step));
  uint32_t bits = *reinterpret_cast<const uint16_t *>(permuted(address));
  return isBfloat ? widenBfloat(bits) : widenHalf(bits);
}

/// Calls use(line) for each line that a warp reads of an operand: 16 steps of places [first, first + count).
template <typename Use>
inline void forLines(Block *block, const Matrix &matrix, uint32_t first, uint32_t count, Use use) {
  if (matrix.across)
    for (uint32_t place = first / 64 * 64; place < first + count; place += 64)
      for (uint32_t step = 0; step < 16; ++step)
        use(offsetOfMatrix(block, matrix.at(place, step)) / lineBytes * lineBytes);
  else
    for (uint32_t place = first; place < first + count; ++place)
      use(offsetOfMatrix(block, matrix.at(place, 0)) / lineBytes * lineBytes);
}

template <typename Use> inline void forLines(Thread *thread, const TileProduct &product, Use use) {
  forLines(thread->block, Matrix(product.left, product.leftAcross), warpOf(thread) % 4 * 16, 16, use);
  forLines(thread->block, Matrix(product.right, product.rightAcross), 0, product.columns, use);
}

inline WarpProducts &productsOf(Thread *thread) { return thread->block->async->warps[warpOf(thread)]; }

struct Descriptors {
  uint64_t left, right;
};

inline void beginProduct(Thread *thread, float *results, const Descriptors &mine, uint32_t columns, bool leftAcross,
                         bool rightAcross, bool isBfloat, uint32_t site) {
  if (!meetWarp(thread, site, &mine, results))
    return;
  Block *block = thread->block;
  Thread *warp = thread - thread->number % warpThreads;
  WarpProducts &all = productsOf(thread);
  TileProduct product{mine.left, mine.right, columns, all.groups, leftAcross, rightAcross, isBfloat};
  if (!all.isFenced || all.count == mostProducts || !Matrix::isValid(mine.left) || !Matrix::isValid(mine.right))
    fail(thread, NNF_FAULT_PRODUCT, thread->number);
  for (uint32_t lane = 0; lane < warpThreads; ++lane) {
    auto &other = *static_cast<const Descriptors *>(warp[lane].operands);
    if (other.left != mine.left || other.right != mine.right)
      fail(thread, NNF_FAULT_PRODUCT, thread->number);
  }
  forLines(thread, product, [&](uint64_t offset) {
    if (offset + lineBytes > block->sharedBytes)
      fail(thread, NNF_FAULT_BOUNDS, static_cast<int64_t>(offset));
    const Record &record = block->records[offset / 4];
    Line &line = lineAt(block, offset);
    if (record.writtenAt == inFlight)
      fail(thread, NNF_FAULT_IN_FLIGHT, static_cast<int64_t>(offset));
    if (record.writtenAt < block->firstPhase)
      fail(thread, NNF_FAULT_UNWRITTEN, static_cast<int64_t>(offset));
    if (record.writer != byTile || (line.barrier && clockOf(thread).copies[line.barrier - 1] < line.phase))
      fail(thread, NNF_FAULT_NOT_FREE, static_cast<int64_t>(offset));
    ++line.reading;
  });
  all.products[all.count++] = product;
  // What registers have from now on until the end is not to be read.
  for (uint32_t lane = 0; lane < warpThreads; ++lane) {
    auto *sums = static_cast<float *>(warp[lane].results);
    for (uint32_t i = 0; i < columns / 2; ++i) {
      if (!warp[lane].holdsSums)
        warp[lane].sums[i] = sums[i];
      sums[i] = __builtin_nanf("");
    }
    warp[lane].holdsSums = true;
  }
  releaseWarp(thread);
}

inline void finishProduct(Thread *thread, const TileProduct &product) {
  Block *block = thread->block;
  Thread *warp = thread - thread->number % warpThreads;
  Matrix left(product.left, product.leftAcross), right(product.right, product.rightAcross);
  uint32_t firstRow = warpOf(thread) % 4 * 16;
  float a[16][16], b[16][8];
  for (uint32_t row = 0; row < 16; ++row)
    for (uint32_t k = 0; k < 16; ++k)
      a[row][k] = elementOf(block, left, product.isBfloat, firstRow + row, k);
  for (uint32_t eight = 0; eight < product.columns / 8; ++eight) {
    for (uint32_t k = 0; k < 16; ++k)
      for (uint32_t column = 0; column < 8; ++column)
        b[k][column] = elementOf(block, right, product.isBfloat, eight * 8 + column, k);
    for (uint32_t lane = 0; lane < warpThreads; ++lane)
      for (uint32_t r = 0; r < 4; ++r) {
        float &sum = warp[lane].sums[eight * 4 + r];
        for (uint32_t k = 0; k < 16; ++k)
          sum += a[lane / 4 + r / 2 * 8][k] * b[k][lane % 4 * 2 + r % 2];
      }
  }
  forLines(thread, product, [&](uint64_t offset) {
    Line &line = lineAt(block, offset);
    --line.reading;
    line.readIn = block->phase;
    line.readAt[warpOf(thread)] = clockOf(thread).warp[warpOf(thread)];
  });
}

/// Before an access of a thread: products may still read what it writes.
inline void checkProducts(Thread *thread, uint64_t offset, uint32_t bytes) {
  Block *block = thread->block;
  for (uint64_t i = offset / lineBytes * lineBytes; i < offset + bytes; i += lineBytes) {
    const Line &line = lineAt(block, i);
    if (line.reading || line.readIn == block->phase)
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
  barrier.madeIn = block->phase;
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

void nnf_emu_wgmma_fence_sync_aligned(Thread *thread, uint32_t site) {
  if (!meetWarp(thread, site, nullptr, nullptr))
    return;
  Thread *warp = thread - thread->number % warpThreads;
  productsOf(thread).isFenced = true;
  // Sums that have been taken are the kernel's again.
  for (uint32_t lane = 0; lane < warpThreads; ++lane)
    if (warp[lane].tookSums)
      warp[lane].holdsSums = warp[lane].tookSums = false;
  releaseWarp(thread);
}

void nnf_emu_wgmma_commit_group_sync_aligned(Thread *thread, uint32_t site) {
  if (!meetWarp(thread, site, nullptr, nullptr))
    return;
  ++productsOf(thread).groups;
  releaseWarp(thread);
}

void nnf_emu_wgmma_wait_group_sync_aligned(Thread *thread, uint32_t pending, uint32_t site) {
  if (!meetWarp(thread, site, nullptr, nullptr))
    return;
  WarpProducts &all = productsOf(thread);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < all.count; ++i)
    if (all.products[i].group + pending < all.groups)
      finishProduct(thread, all.products[i]);
    else
      all.products[kept++] = all.products[i];
  all.count = kept;
  all.isFenced = false;
  releaseWarp(thread);
}

/// Where a kernel says that it has waited for its sums: it gets them.
void nnf_emu___wgmma_sum(Thread *thread, float *result, uint32_t index, uint32_t) {
  if (productsOf(thread).count)
    fail(thread, NNF_FAULT_SUMS, thread->number);
  if (thread->holdsSums)
    *result = thread->sums[index];
  thread->tookSums = true;
}

#define NNF_EMU_PRODUCT(columns, type, isBfloat)                                                                       \
  void nnf_emu_wgmma_mma_async_sync_aligned_m64n##columns##k16_f32_##type##_##type(                                    \
      Thread *thread, float *results, uint64_t left, uint64_t right, uint32_t leftAcross, uint32_t rightAcross,        \
      uint32_t site) {                                                                                                 \
    beginProduct(thread, results, {left, right}, columns, leftAcross, rightAcross, isBfloat, site);                    \
  }
NNF_EMU_PRODUCT(64, bf16, true)
NNF_EMU_PRODUCT(64, f16, false)
NNF_EMU_PRODUCT(128, bf16, true)
NNF_EMU_PRODUCT(128, f16, false)
NNF_EMU_PRODUCT(256, bf16, true)
NNF_EMU_PRODUCT(256, f16, false)
}

#endif
