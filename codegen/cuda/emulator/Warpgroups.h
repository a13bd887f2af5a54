// What groups of four warps do on compute capability 9.0: products (wgmma), whose operands and sums may be in
// registers, and registers that they give each other (setmaxnreg).
#ifndef NNF_CODEGEN_CUDA_EMULATOR_WARPGROUPS_H
#define NNF_CODEGEN_CUDA_EMULATOR_WARPGROUPS_H

#include "codegen/cuda/emulator/Hopper.h"

namespace {

// ---- registers that warps give each other

/// All lanes of a warp ask for `count` registers each.
inline void changeRegisters(Thread *thread, uint32_t count, bool isMore, uint32_t site) {
  Block *block = thread->block;
  Async &async = *block->async;
  uint32_t &mine = async.registers[warpOf(thread)];
  if (count % 8 || count < 24 || count > mostRegisters || block->count % groupThreads)
    fail(thread, NNF_FAULT_REGISTERS, thread->number);
  if (!meetWarp(thread, site, nullptr, nullptr))
    return;
  if (isMore ? count < mine : count > mine)
    fail(thread, NNF_FAULT_REGISTERS, thread->number);
  while (isMore && async.freeRegisters < (count - mine) * warpThreads) {
    thread->value = forRegisters;
    thread->state = State::AtPhase;
    leave(thread);
  }
  async.freeRegisters += mine * warpThreads;
  async.freeRegisters -= count * warpThreads;
  mine = count;
  for (uint32_t i = 0; i < block->count; ++i)
    if (block->threads[i].state == State::AtPhase && block->threads[i].value == forRegisters)
      block->threads[i].state = State::Ready;
  releaseWarp(thread);
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
  if (product.firstWord == noWord)
    forLines(thread->block, Matrix(product.left, product.leftAcross), warpOf(thread) % 4 * 16, 16, use);
  forLines(thread->block, Matrix(product.right, product.rightAcross), 0, product.columns, use);
}

inline WarpProducts &productsOf(Thread *thread) { return thread->block->async->warps[warpOf(thread)]; }

/// What registers of sums have while products are under way: no number, which says where the sum will come from.
inline uint32_t underWay(uint32_t set, uint32_t index) { return 0x7fc00000 | sumMark << 9 | set << 7 | index; }
static_assert(NNF_EMU_SUM_SETS <= 4 && NNF_EMU_SUMS <= 1 << 7);

/// The set that a register's sum is of; noSet: it has a number.
inline uint32_t setOf(float value) {
  auto bits = __builtin_bit_cast(uint32_t, value);
  uint32_t set = bits >> 7 & 3;
  return (bits | 0x1ff) == (underWay(0, 0) | 0x1ff) && set < NNF_EMU_SUM_SETS ? set : noSet;
}

/// The set that the registers of a warp's threads belong to as a whole; noSet: all have numbers.
inline uint32_t setOfWarp(Thread *thread, uint32_t count) {
  Thread *warp = thread - thread->number % warpThreads;
  uint32_t set = setOf(*static_cast<const float *>(warp->results));
  for (uint32_t lane = 0; lane < warpThreads; ++lane)
    for (uint32_t i = 0; i < count; ++i) {
      float value = static_cast<const float *>(warp[lane].results)[i];
      bool isOfSet = set == noSet ? setOf(value) == noSet : __builtin_bit_cast(uint32_t, value) == underWay(set, i);
      if (!isOfSet)
        fail(thread, NNF_FAULT_SUMS, thread->number);
    }
  if (set != noSet && productsOf(thread).sets[set].untaken != count * warpThreads)
    fail(thread, NNF_FAULT_SUMS, thread->number);
  return set;
}

/// A new set, with what the registers have, or zeros.
inline uint32_t openSet(Thread *thread, uint32_t count, bool adds) {
  Thread *warp = thread - thread->number % warpThreads;
  WarpProducts &all = productsOf(thread);
  uint32_t set = 0;
  while (set < NNF_EMU_SUM_SETS && all.sets[set].untaken)
    ++set;
  if (set == NNF_EMU_SUM_SETS)
    fail(thread, NNF_FAULT_PRODUCT, thread->number);
  all.sets[set] = {count * warpThreads, 0};
  for (uint32_t lane = 0; lane < warpThreads; ++lane)
    for (uint32_t i = 0; i < count; ++i)
      warp[lane].products->sums[set][i] = adds ? static_cast<const float *>(warp[lane].results)[i] : 0;
  return set;
}

struct TileOperands {
  uint64_t left, right;
  uint32_t words[4]; // of the left one, where it is in registers
};

/// All lanes bring the same descriptors; words are those that the thread has set.
inline bool areOperands(Thread *thread, const TileProduct &product) {
  const Thread *warp = thread - thread->number % warpThreads;
  bool hasWords = product.firstWord != noWord;
  for (uint32_t lane = 0; lane < warpThreads; ++lane) {
    auto &operands = *static_cast<const TileOperands *>(warp[lane].operands);
    if (operands.left != product.left || operands.right != product.right)
      return false;
    for (uint32_t i = 0; hasWords && i < 4; ++i)
      if (operands.words[i] != warp[lane].products->rows[product.firstWord + i])
        return false;
  }
  return (hasWords || Matrix::isValid(product.left)) && Matrix::isValid(product.right);
}

/// `product` has no set yet; it begins one, or adds to what its registers have.
inline void beginProduct(Thread *thread, float *results, const TileOperands &mine, TileProduct product, bool adds,
                         uint32_t site) {
  if (!meetWarp(thread, site, &mine, results))
    return;
  Block *block = thread->block;
  Thread *warp = thread - thread->number % warpThreads;
  WarpProducts &all = productsOf(thread);
  if (!all.isFenced || all.count == mostProducts || !areOperands(thread, product))
    fail(thread, NNF_FAULT_PRODUCT, thread->number);
  uint32_t sums = product.columns / 2;
  product.group = all.groups;
  product.set = adds ? setOfWarp(thread, sums) : noSet;
  if (product.set == noSet)
    product.set = openSet(thread, sums, adds);
  ++all.sets[product.set].pending;
  forLines(thread, product, [&](uint64_t offset) {
    if (offset + lineBytes > block->sharedBytes)
      fail(thread, NNF_FAULT_BOUNDS, static_cast<int64_t>(offset));
    const Record &record = block->records[offset / 4];
    Line &line = lineAt(block, offset);
    if (record.writtenAt == inFlight)
      fail(thread, NNF_FAULT_IN_FLIGHT, static_cast<int64_t>(offset));
    if (record.writtenAt < block->firstMoment)
      fail(thread, NNF_FAULT_UNWRITTEN, static_cast<int64_t>(offset));
    if (record.writer != byTile || (line.barrier && clockOf(thread).copies[line.barrier - 1] < line.phase))
      fail(thread, NNF_FAULT_NOT_FREE, static_cast<int64_t>(offset));
    ++line.reading;
  });
  all.products[all.count++] = product;
  // What registers have from now on until the end is not to be read.
  for (uint32_t lane = 0; lane < warpThreads; ++lane)
    for (uint32_t i = 0; i < sums; ++i)
      static_cast<float *>(warp[lane].results)[i] = __builtin_bit_cast(float, underWay(product.set, i));
  releaseWarp(thread);
}

/// Of a left operand in registers: four words of each thread, two steps in each.
inline float elementOfRows(const Thread *warp, const TileProduct &product, uint32_t row, uint32_t step) {
  uint32_t lane = row % 8 * 4 + step % 8 / 2, word = product.firstWord + row / 8 + step / 8 * 2;
  uint32_t bits = warp[lane].products->rows[word] >> step % 2 * 16 & 0xffff;
  return product.isBfloat ? widenBfloat(bits) : widenHalf(bits);
}

inline void finishProduct(Thread *thread, const TileProduct &product) {
  Block *block = thread->block;
  Thread *warp = thread - thread->number % warpThreads;
  Matrix left(product.left, product.leftAcross), right(product.right, product.rightAcross);
  uint32_t firstRow = warpOf(thread) % 4 * 16;
  float a[16][16], b[16][8];
  for (uint32_t row = 0; row < 16; ++row)
    for (uint32_t k = 0; k < 16; ++k)
      a[row][k] = product.firstWord == noWord ? elementOf(block, left, product.isBfloat, firstRow + row, k)
                                              : elementOfRows(warp, product, row, k);
  for (uint32_t eight = 0; eight < product.columns / 8; ++eight) {
    for (uint32_t k = 0; k < 16; ++k)
      for (uint32_t column = 0; column < 8; ++column)
        b[k][column] = elementOf(block, right, product.isBfloat, eight * 8 + column, k);
    for (uint32_t lane = 0; lane < warpThreads; ++lane)
      for (uint32_t r = 0; r < 4; ++r) {
        float &sum = warp[lane].products->sums[product.set][eight * 4 + r];
        for (uint32_t k = 0; k < 16; ++k)
          sum += a[lane / 4 + r / 2 * 8][k] * b[k][lane % 4 * 2 + r % 2];
      }
  }
  forLines(thread, product, [&](uint64_t offset) {
    Line &line = lineAt(block, offset);
    --line.reading;
    line.lastRead = line.readAt[warpOf(thread)] = block->now;
  });
  --productsOf(thread).sets[product.set].pending;
}

} // namespace

extern "C" {

/// As the barrier of the whole block, from wherever each thread is.
void nnf_emu_bar_sync(Thread *thread, uint32_t) {
  Block *block = thread->block;
  if (++block->async->atAnyBarrier < block->count) {
    thread->state = State::AtBarrier;
    return leave(thread);
  }
  block->async->atAnyBarrier = 0;
  meetClocks(block);
  for (uint32_t i = 0; i < block->count; ++i)
    if (block->threads[i].state == State::AtBarrier)
      block->threads[i].state = State::Ready;
}

void nnf_emu_setmaxnreg_dec_sync_aligned_u32(Thread *thread, uint32_t count, uint32_t site) {
  changeRegisters(thread, count, false, site);
}
void nnf_emu_setmaxnreg_inc_sync_aligned_u32(Thread *thread, uint32_t count, uint32_t site) {
  changeRegisters(thread, count, true, site);
}

void nnf_emu_wgmma_fence_sync_aligned(Thread *thread, uint32_t site) {
  if (!meetWarp(thread, site, nullptr, nullptr))
    return;
  productsOf(thread).isFenced = true;
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
  uint32_t set = setOf(*result);
  if (set == noSet)
    return;
  SumSet &sums = productsOf(thread).sets[set];
  if (sums.pending || __builtin_bit_cast(uint32_t, *result) != underWay(set, index))
    fail(thread, NNF_FAULT_SUMS, thread->number);
  *result = thread->products->sums[set][index];
  --sums.untaken;
}

/// Where a kernel says that words in registers are a left operand from now on.
void nnf_emu___wgmma_rows(Thread *thread, uint32_t *result, uint32_t index, uint32_t) {
  WarpProducts &all = productsOf(thread);
  for (uint32_t i = 0; i < all.count; ++i)
    if (index - all.products[i].firstWord < 4)
      fail(thread, NNF_FAULT_ROWS, thread->number);
  thread->products->rows[index] = *result;
  all.isFenced = false;
}

/// Operands both from shared memory, added to sums; sums that begin; the left operand from registers.
#define NNF_EMU_PRODUCT(columns, type, isBfloat)                                                                       \
  void nnf_emu_wgmma_mma_async_sync_aligned_m64n##columns##k16_f32_##type##_##type(                                    \
      Thread *thread, float *results, uint64_t left, uint64_t right, uint32_t leftAcross, uint32_t rightAcross,        \
      uint32_t site) {                                                                                                 \
    beginProduct(thread, results, {left, right, {}},                                                                   \
                 {left, right, columns, leftAcross != 0, rightAcross != 0, isBfloat}, true, site);                     \
  }                                                                                                                    \
  void nnf_emu_wgmma_mma_async_sync_aligned_m64n##columns##k16_f32_##type##_##type##_of_5(                             \
      Thread *thread, float *results, uint64_t left, uint64_t right, uint32_t adds, uint32_t leftAcross,               \
      uint32_t rightAcross, uint32_t site) {                                                                           \
    beginProduct(thread, results, {left, right, {}},                                                                   \
                 {left, right, columns, leftAcross != 0, rightAcross != 0, isBfloat}, adds != 0, site);                \
  }                                                                                                                    \
  void nnf_emu_wgmma_mma_async_sync_aligned_m64n##columns##k16_f32_##type##_##type##_of_7(                             \
      Thread *thread, float *results, uint32_t word0, uint32_t word1, uint32_t word2, uint32_t word3, uint64_t right,  \
      uint32_t rightAcross, uint32_t firstWord, uint32_t site) {                                                       \
    beginProduct(thread, results, {0, right, {word0, word1, word2, word3}},                                            \
                 {0, right, columns, false, rightAcross != 0, isBfloat, firstWord}, true, site);                       \
  }
NNF_EMU_PRODUCT(64, bf16, true)
NNF_EMU_PRODUCT(64, f16, false)
NNF_EMU_PRODUCT(128, bf16, true)
NNF_EMU_PRODUCT(128, f16, false)
NNF_EMU_PRODUCT(256, bf16, true)
NNF_EMU_PRODUCT(256, f16, false)
}

#endif
