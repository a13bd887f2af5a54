// The figures by which kernels are cut and methods chosen: what they stand for, and where they come from.
//
// The machine itself (registers, caches) is TargetInfo. What is here is the same for all machines: shares of a cache,
// sizes of tasks, what one thing costs beside another. Measured on Zen 3 (32 K and 512 K of cache) and Sapphire Rapids
// (48 K and 2 M) unless it says otherwise. A tuning file (passes/Tuning.h) overrides what follows from them, kernel by
// kernel; what is a limit of code size, rather than of a machine, stays where it is used.
#ifndef NNF_PASSES_COSTMODEL_H
#define NNF_PASSES_COSTMODEL_H

#include "passes/TargetInfo.h"

#include <algorithm>

namespace nnf::figures {

// ---- caches and memory

/// What caches move at a time, in bytes.
constexpr int64_t lineBytes = 64;
/// Pages whose lines are used at one time: first-level translation buffers hold about as many. 32 MB transposed as
/// 4096 x 2048 took 9 ms, 12 to 15 ms with 256.
constexpr int64_t pagesRead = 64, pageBytes = 4096;
/// First-level caches as far as sets go: 64 sets of at least 8 ways on every x86-64 since 2006.
constexpr int64_t l1Sets = 64, l1Ways = 8;
/// What is used again soon may fill so much of the second-level cache: the rest is for what passes through.
constexpr double shareOfL2 = 0.5;
/// Weights that all tasks read, and that are to stay while complete rows of output are written.
constexpr double shareOfL2BesideOutput = 0.25;
/// Partial results of a task, beside what it reads.
constexpr double shareOfL2ForSums = 0.125;
/// Fetching ahead pays from so many bytes of B on, as a share of the second-level cache: less is there soon anyway.
constexpr double shareOfL2FetchedAhead = 0.0625;
inline int64_t bytesOfL2(const TargetInfo &target, double share) {
  return static_cast<int64_t>(share * double(target.l2Bytes));
}
/// Results from so many bytes on are stored past the caches: whoever reads them would find little of them there, and
/// the lines need not be read to be written. Sapphire Rapids, one thread, beside stores through them: relu of 64 MB in
/// 0.63 of the time, a transpose 0.54, gelu 0.83, softmax 0.74, of 32 MB 0.78. From 4 MB on, relu and transposes alone
/// would gain, too (0.82, 0.92); softmax of 16 MB takes 1.19, and models lose what their next kernel does not find
/// (Swin and DenseNet, batch 8: 1.01).
inline int64_t storedPastCaches(const TargetInfo &target) { return std::max<int64_t>(32 << 20, 16 * target.l2Bytes); }
/// A row's exponentials that are kept for a later pass: what the nearest caches hold together with the row.
constexpr int64_t keptBytesOfRow = 64 << 10;

/// A panel deeper than `most` is run down in chunks of about `wanted` bytes. Reading a panel from the second level
/// costs little until it is so much larger than the first.
struct ChunkBytes {
  int64_t most, wanted;
};
constexpr ChunkBytes chunkBytes(const TargetInfo &target) { return {target.l1Bytes * 9 / 4, target.l1Bytes * 4 / 3}; }

// ---- tasks: large enough to be worth handing out, enough of them for a few threads to share evenly

/// Multiply-adds that are worth a task: some ten microseconds.
constexpr double worthATask = 5e5;
constexpr double mostTasks = 32;
/// Reductions: this many tasks are enough for any number of threads.
constexpr int64_t enoughTasks = 16;
/// Elements that a task of rows reads at least, where rows are shorter; of a block that a long row is cut into.
constexpr int64_t taskElements = 16384;
/// Weighted instructions of a task of a map.
constexpr int64_t taskOfMap = 32768;
/// Elements of a reduction below which one thread is as fast as two.
constexpr int64_t smallestSplit = 65536;
/// Where lanes lie across rows, a block is this many elements and at least this many rows: its results, as many as the
/// columns, are stored and read again.
constexpr int64_t blockAcross = 65536, fewestRowsAcross = 32;
/// Columns of a task across rows.
constexpr int64_t taskColumns = 512;
/// Tiles of a task where panels come from cache again: fewer would reload each panel for too few rows.
constexpr int64_t fewestTiles = 8;

/// Rows of a tile of those that are left where only the run knows how many there are: with so many no sum waits for
/// another, and they cost no more than one row.
constexpr int64_t mostRowsOfRest = 4;
/// Tiles that an image has at least where a symbolic number of them is a batch, rather than rows of one product.
constexpr int64_t fewestTilesOfImage = 3;

/// Tiles that multiply by a chunk of B for which it is copied first: to widen it; to have the rows of a panel, which
/// lie a row of B apart, side by side.
constexpr int64_t fewestTilesToWiden = 2, fewestTilesToPack = 4;

/// Panels of weights that a product with few rows reads side by side: one stream of them alone does not take what the
/// third-level cache gives.
constexpr int64_t mostPanelsAtOnce = 4;

// ---- sizes that only the run knows, when a number is needed to choose by

constexpr int64_t guessedSize = 64;
constexpr int64_t guessedRow = 256;      // elements of what is reduced
constexpr int64_t guessedPositions = 56; // of an image, along one dimension

// ---- Winograd's algorithm against all multiplications, in multiply-adds

/// Fewer channels or outputs would leave lanes idle, and make less use of each transformed input.
constexpr double fewestWinogradChannels = 16;
/// A product of transformed numbers beside one of a direct sum: its operands come from scratch memory.
constexpr double winogradProduct = 1.1;
/// Vectors that transforms load, add up and store, for each input channel and each output of a tile.
constexpr double transformOfInput = 2 * 3, transformOfOutput = 2 * 2;
/// What a byte of weights costs that comes from afar, in multiply-adds: a core reads some 15 GB/s beside 90 (AVX2) to
/// 180 (AVX-512) GF/s, and the lanes stand for the latter.
constexpr double perByteFromAfar(double lanes) { return lanes / 2; }
/// The estimate has to be better by so much.
constexpr double winogradMargin = 0.9;

// ---- attention

/// Keys whose scores are in scratch at one time: all of them up to `mostKeys`, else blocks of about `usualKeys`.
constexpr int64_t mostKeys = 512, usualKeys = 256;
/// A task packs the keys and values of its batch entry anew: for this many queries that is a small part of its work.
constexpr int64_t fewestQueries = 64, mostQueries = 256;
/// With so many batch entries, each is one task; with fewer they are cut into up to so many tasks of so much work, in
/// operations (about 100 us).
constexpr int64_t enoughEntries = 8, attentionTasks = 16;
constexpr double attentionTaskWork = 4e6;

// ---- depthwise convolutions

/// Positions of a tile: fewer than four sums would wait for each other; more than 14 are no faster.
constexpr int64_t fewestPositions = 4, mostPositions = 14;
/// A multiplication's share of the work of one: loads, and what follows each sum, weigh as much.
constexpr double depthwiseWork = 4;

} // namespace nnf::figures
#endif
