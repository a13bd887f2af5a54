#include "compiler/tuning/Moves.h"
#include "llvm/Support/MathExtras.h"

namespace nnf {
namespace {

using Result = std::optional<KernelChoice>;

int64_t scaled(int64_t value, double factor, int64_t most) {
  return std::clamp<int64_t>(llvm::divideCeilSigned(static_cast<int64_t>(double(value) * factor * 2), 2), 1, most);
}

/// More or fewer tiles and panels of a task.
template <int tilesPercent, int panelsPercent> Result scaleBlock(const TunableKernel &kernel) {
  KernelChoice choice = kernel.choice;
  choice.tiles = scaled(*choice.tiles, tilesPercent / 100.0, kernel.tiles);
  choice.panels = scaled(*choice.panels, panelsPercent / 100.0, kernel.panels);
  return choice;
}

Result otherOrder(const TunableKernel &kernel) {
  if (*kernel.choice.winograd || kernel.computesRows)
    return std::nullopt;
  KernelChoice choice; // with the blocks that suit it
  choice.winograd = 0;
  choice.panelsInner = !*kernel.choice.panelsInner;
  return choice;
}

bool canChunk(const TunableKernel &kernel) { return !*kernel.choice.winograd && !*kernel.choice.panelsInner; }

Result noChunks(const TunableKernel &kernel) {
  if (!canChunk(kernel))
    return std::nullopt;
  KernelChoice choice = kernel.choice;
  choice.taps = 0, choice.chunk = 0;
  return choice;
}

Result smallerChunks(const TunableKernel &kernel) {
  if (!canChunk(kernel))
    return std::nullopt;
  KernelChoice choice = kernel.choice;
  constexpr int64_t least = 64;
  if (*choice.taps < kernel.spatial)
    ++*choice.taps;
  else
    choice.chunk = llvm::alignTo(llvm::divideCeilSigned(*choice.chunk ? *choice.chunk : kernel.run, 2), 8);
  return *choice.chunk && *choice.chunk < least ? std::nullopt : Result(choice);
}

Result largerChunks(const TunableKernel &kernel) {
  if (!canChunk(kernel))
    return std::nullopt;
  KernelChoice choice = kernel.choice;
  if (*choice.chunk)
    choice.chunk = 2 * *choice.chunk < kernel.run ? 2 * *choice.chunk : 0;
  else if (*choice.taps)
    --*choice.taps;
  return choice;
}

/// As many rows of a task in smaller register tiles: fewer are empty, and others follow each other.
template <int percent> Result fewerRows(const TunableKernel &kernel) {
  KernelChoice choice = kernel.choice;
  int64_t rows = std::max<int64_t>(1, kernel.mostRows * percent / 100);
  if (!*choice.winograd) // tiles are register tiles
    choice.tiles = std::max<int64_t>(1, llvm::divideCeilSigned(*choice.tiles * *choice.rows, rows));
  choice.rows = rows;
  return choice;
}

constexpr Move moves[] = {
    {"the other order", otherOrder},
    {"half the tiles", scaleBlock<50, 100>},
    {"twice the tiles", scaleBlock<200, 100>},
    {"half the panels", scaleBlock<100, 50>},
    {"twice the panels", scaleBlock<100, 200>},
    {"twice the tiles, half the panels", scaleBlock<200, 50>},
    {"half the tiles, twice the panels", scaleBlock<50, 200>},
    {"no chunks", noChunks},
    {"smaller chunks", smallerChunks},
    {"larger chunks", largerChunks},
    {"two thirds of the rows", fewerRows<67>},
    {"half the rows", fewerRows<50>},
    {"a third of the tiles", scaleBlock<34, 100>},
    {"three times the tiles", scaleBlock<300, 100>},
    {"smaller chunks again", smallerChunks},
};

} // namespace

llvm::ArrayRef<Move> blockMoves() { return moves; }

int64_t tasksOf(const TunableKernel &kernel, const KernelChoice &choice) {
  return llvm::divideCeilSigned(kernel.tiles, choice.tiles.value_or(kernel.tiles)) *
         llvm::divideCeilSigned(kernel.panels, choice.panels.value_or(kernel.panels));
}

} // namespace nnf
