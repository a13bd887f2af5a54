// Where values may lie in one block of memory when their lifetimes are known: plain arithmetic, no IR.
#ifndef NNF_CODEGEN_DRIVER_ARENA_H
#define NNF_CODEGEN_DRIVER_ARENA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace nnf {

/// What every address in the arena is a multiple of: a cache line, and the widest vector register.
constexpr int64_t arenaAlignment = 64;
constexpr int64_t alignToArena(int64_t bytes) { return (bytes + arenaAlignment - 1) / arenaAlignment * arenaAlignment; }

/// A value that is written by launch `first` and read for the last time by launch `last` (both inclusive).
struct Lifetime {
  int64_t bytes; // a multiple of arenaAlignment
  unsigned first, last;
  bool overlaps(const Lifetime &other) const { return first <= other.last && other.first <= last; }
};

struct ArenaPlan {
  llvm::SmallVector<int64_t> offsets; // one per value
  int64_t bytes = 0;
};

/// Places values so that those alive at the same time are apart, each in the smallest gap that holds it: the best of
/// several greedy orders and, where these are larger than liveBytes, of a search around them. Equal values give equal
/// plans.
ArenaPlan planArena(llvm::ArrayRef<Lifetime> values);

/// The most bytes alive at one launch: no plan can be smaller.
int64_t liveBytes(llvm::ArrayRef<Lifetime> values);

/// A slot for each value such that those that share one are never alive at the same time. Large values choose first,
/// so that values of like size meet.
llvm::SmallVector<unsigned> planSlots(llvm::ArrayRef<Lifetime> values);

} // namespace nnf
#endif
