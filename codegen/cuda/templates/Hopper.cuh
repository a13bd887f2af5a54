// What compute capability 9.0 has beside Device.cuh: copies of whole tiles by tensor maps, barriers in shared memory
// that count their bytes, and products that a group of four warps starts and goes on without. Each instruction has its
// twin in codegen/cuda/emulator/Hopper.h.
#pragma once

#include "codegen/cuda/templates/Device.cuh"

constexpr int groupThreads = 4 * warpThreads;

/// Threads of a warp meet, and what they have written to shared memory is there for all of them.
NNF_DEVICE inline void meetWarp() { asm volatile("bar.warp.sync %0;" ::"n"(0xffffffff) : "memory"); }

// ---- barriers in shared memory (mbarrier): a phase is over when all have arrived and all bytes are there

NNF_DEVICE inline void initBarrier(u32 barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
/// Before copies may use barriers that this thread has initialised.
NNF_DEVICE inline void showBarriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
NNF_DEVICE inline void arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/// Arrives, and the phase takes this many bytes of copies more.
NNF_DEVICE inline void arriveAndExpect(u32 barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
/// Waits for the end of the phase of this parity. The phase before the first is over.
NNF_DEVICE inline void waitFor(u32 barrier, u32 parity) {
  u32 isOver;
  do
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.b32 %0, 1, 0, p; }"
                 : "=r"(isOver)
                 : "r"(barrier), "r"(parity)
                 : "memory");
  while (!isOver);
}

// ---- copies of tiles (TMA): one thread asks, the barrier's phase gets the bytes

/// Where a tile begins in the dimensions of its map.
struct TilePlace {
  int at[5];
};
/// Of a map whose dimension `lines` are lines, the others those of a batch in their order.
NNF_DEVICE inline TilePlace placeOfTile(int element, int line, int lines, const int (&batch)[3]) {
  return {{element, lines == 1 ? line : batch[0],
           lines == 1   ? batch[0]
           : lines == 2 ? line
                        : batch[1],
           lines <= 2   ? batch[1]
           : lines == 3 ? line
                        : batch[2],
           lines == 4 ? line : batch[2]}};
}

NNF_DEVICE inline void prefetchMap(const char *map) { asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory"); }

#define NNF_COPY_TILE(dimensions, place, ...)                                                                          \
  asm volatile("cp.async.bulk.tensor." dimensions                                                                      \
               "d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {" place "}], [%2];" ::"r"(to),  \
               "l"(map), "r"(barrier), __VA_ARGS__                                                                     \
               : "memory")

/// The box of the map at this place; zeros where the tensor has nothing. `rank` is known when a model is compiled.
NNF_DEVICE inline void copyTile(u32 to, const char *map, int rank, const TilePlace &place, u32 barrier) {
  const int *at = place.at;
  if (rank == 2)
    NNF_COPY_TILE("2", "%3, %4", "r"(at[0]), "r"(at[1]));
  else if (rank == 3)
    NNF_COPY_TILE("3", "%3, %4, %5", "r"(at[0]), "r"(at[1]), "r"(at[2]));
  else if (rank == 4)
    NNF_COPY_TILE("4", "%3, %4, %5, %6", "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]));
  else
    NNF_COPY_TILE("5", "%3, %4, %5, %6, %7", "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(at[4]));
}
#undef NNF_COPY_TILE

/// Where positions of an image begin in the dimensions of its map, and how far ahead of them a tap reads.
struct TapPlace {
  int channel, at[3], image, ahead[3];
};

#define NNF_COPY_TAP(dimensions, place, ahead, ...)                                                                    \
  asm volatile("cp.async.bulk.tensor." dimensions                                                                      \
               "d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, {" place "}], [%2], {" ahead   \
               "};" ::"r"(to),                                                                                         \
               "l"(map), "r"(barrier), __VA_ARGS__                                                                     \
               : "memory")

/// What a tap reads at the positions of the map that follow this one; zeros where the image has nothing. `spatial`
/// dimensions are known when a model is compiled.
NNF_DEVICE inline void copyTap(u32 to, const char *map, int spatial, const TapPlace &place, u32 barrier) {
  const int *at = place.at;
  u16 ahead[3] = {u16(place.ahead[0]), u16(place.ahead[1]), u16(place.ahead[2])};
  if (spatial == 1)
    NNF_COPY_TAP("3", "%3, %4, %5", "%6", "r"(place.channel), "r"(at[0]), "r"(place.image), "h"(ahead[0]));
  else if (spatial == 2)
    NNF_COPY_TAP("4", "%3, %4, %5, %6", "%7, %8", "r"(place.channel), "r"(at[0]), "r"(at[1]), "r"(place.image),
                 "h"(ahead[0]), "h"(ahead[1]));
  else
    NNF_COPY_TAP("5", "%3, %4, %5, %6, %7", "%8, %9, %10", "r"(place.channel), "r"(at[0]), "r"(at[1]), "r"(at[2]),
                 "r"(place.image), "h"(ahead[0]), "h"(ahead[1]), "h"(ahead[2]));
}
#undef NNF_COPY_TAP

// ---- products of a warpgroup (wgmma): both operands from shared memory, sums in registers

/// What descriptors count in.
constexpr int describedBytes = 16;

/// What begins at `address` in lines of 128 bytes, whose chunks of 16 are permuted as tensor maps do it, eight lines a
/// pattern. Where lines run along the contracted dimension, patterns lie one after the other along rows (columns). Else
/// patterns follow down the contracted dimension, and after `blockBytes` come the next 64 rows (columns).
NNF_DEVICE inline u64 describeMatrix(u32 address, u32 blockBytes) {
  constexpr u64 patternBytes = 1024, permuted128 = 1;
  return (address / describedBytes & 0x3fff) | u64(blockBytes / describedBytes) << 16 |
         patternBytes / describedBytes << 32 | permuted128 << 62;
}

/// Zeros in registers of their own, now: constants would only get theirs behind the fence, where products would have to
/// wait for that.
template <int count> NNF_DEVICE inline void clearSums(float (&sums)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i)
    asm volatile("mov.f32 %0, %1;" : "=f"(sums[i]) : "f"(0.0f));
}

/// Before products read registers that others have written.
NNF_DEVICE inline void beginProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
/// What the group has begun since the last time belongs together.
NNF_DEVICE inline void commitProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Waits for all but the last `pending`.
template <int pending> NNF_DEVICE inline void waitForProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}
/// Sums are there only now: products are asynchronous, but compilers take what an instruction has as its result for
/// ready. No instruction of a GPU; the emulator gives the sums back here.
template <int first, int number, int count> NNF_DEVICE inline void takeSumsFrom(float (&sums)[count]) {
  if constexpr (number > 1) {
    takeSumsFrom<first, number / 2>(sums);
    takeSumsFrom<first + number / 2, number - number / 2>(sums);
  } else {
    asm volatile("//wgmma.sum %1" : "+f"(sums[first]) : "n"(first));
  }
}
template <int count> NNF_DEVICE inline void takeSums(float (&sums)[count]) { takeSumsFrom<0, count>(sums); }

#define NNF_TEN(tens)                                                                                                  \
  "%" #tens "0, %" #tens "1, %" #tens "2, %" #tens "3, %" #tens "4, %" #tens "5, %" #tens "6, %" #tens "7, %" #tens    \
  "8, %" #tens "9, "
#define NNF_SUMS_32 NNF_TEN() NNF_TEN(1) NNF_TEN(2) "%30, %31"
#define NNF_SUMS_64 NNF_TEN() NNF_TEN(1) NNF_TEN(2) NNF_TEN(3) NNF_TEN(4) NNF_TEN(5) "%60, %61, %62, %63"
#define NNF_SUMS_128                                                                                                   \
  NNF_TEN()                                                                                                            \
  NNF_TEN(1)                                                                                                           \
  NNF_TEN(2)                                                                                                           \
  NNF_TEN(3)                                                                                                           \
  NNF_TEN(4)                                                                                                           \
  NNF_TEN(5)                                                                                                           \
  NNF_TEN(6) NNF_TEN(7) NNF_TEN(8) NNF_TEN(9) NNF_TEN(10) NNF_TEN(11) "%120, %121, %122, %123, %124, %125, %126, %127"

#define NNF_AT_4(i) "+f"(s[i]), "+f"(s[i + 1]), "+f"(s[i + 2]), "+f"(s[i + 3])
#define NNF_AT_16(i) NNF_AT_4(i), NNF_AT_4(i + 4), NNF_AT_4(i + 8), NNF_AT_4(i + 12)
#define NNF_AT_32(i) NNF_AT_16(i), NNF_AT_16(i + 16)
#define NNF_AT_64(i) NNF_AT_32(i), NNF_AT_32(i + 32)
#define NNF_AT_128(i) NNF_AT_64(i), NNF_AT_64(i + 64)

#define NNF_PRODUCT(columns, count, a, b, type, across)                                                                \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32." type "." type " {" NNF_SUMS_##count             \
               "}, %" #a ", %" #b ", 1, 1, 1, " across ";"                                                             \
               : NNF_AT_##count(0)                                                                                     \
               : "l"(left), "l"(right), "n"(across[0] - '0'), "n"(across[3] - '0'))
#define NNF_PRODUCTS(columns, count, a, b, type)                                                                       \
  if (leftAcross && rightAcross)                                                                                       \
    NNF_PRODUCT(columns, count, a, b, type, "1, 1");                                                                   \
  else if (leftAcross)                                                                                                 \
    NNF_PRODUCT(columns, count, a, b, type, "1, 0");                                                                   \
  else if (rightAcross)                                                                                                \
    NNF_PRODUCT(columns, count, a, b, type, "0, 1");                                                                   \
  else                                                                                                                 \
    NNF_PRODUCT(columns, count, a, b, type, "0, 0")

/// s (64 x columns) += left (64 x 16) * right (16 x columns), by a warpgroup. An operand lies across where its lines
/// run along rows (columns). Thread 4 i + j of warp w has columns 8 n + 2 j and the next of rows 16 w + i and 8 below.
#define NNF_MULTIPLY(columns, count, a, b)                                                                             \
  NNF_DEVICE inline void multiplyTiles(bool isBfloat, float (&s)[count], u64 left, bool leftAcross, u64 right,         \
                                       bool rightAcross) {                                                             \
    if (isBfloat) {                                                                                                    \
      NNF_PRODUCTS(columns, count, a, b, "bf16");                                                                      \
    } else {                                                                                                           \
      NNF_PRODUCTS(columns, count, a, b, "f16");                                                                       \
    }                                                                                                                  \
  }
NNF_MULTIPLY(64, 32, 32, 33)
NNF_MULTIPLY(128, 64, 64, 65)
NNF_MULTIPLY(256, 128, 128, 129)
#undef NNF_MULTIPLY
#undef NNF_PRODUCTS
#undef NNF_PRODUCT
