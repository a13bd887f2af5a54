// Slabs of two matrices on their way through shared memory, of any element type: what all products have.
#pragma once

#include "codegen/cuda/templates/Device.cuh"

constexpr int chunkBytes = 16;

/// A slab of an operand in shared memory: lines of whole chunks, each line's chunks permuted so that the eight rows of
/// a matrix, which lie in eight lines, come from eight different groups of banks.
template <int chunks> struct Slab {
  static_assert(chunks >= 2 && (chunks & (chunks - 1)) == 0);
  static constexpr int lineChunks = chunks, lineBytes = chunks * 16;
  NNF_DEVICE static int offset(int line, int chunk) { return line * lineBytes + (chunk ^ place(line)) * 16; }
  /// Line `line + lines` and chunk `chunk + more`, of which lines are a multiple of 8 and `more` is even, `chunk` 0
  /// or 1. What threads have of their own is a few addresses, from which the rest are known distances: compilers do not
  /// find them, and would keep an address of each fragment in a register.
  NNF_DEVICE static NNF_SHARED char *at(NNF_SHARED char *slab, int line, int chunk, int lines, int more) {
    int own = line * lineBytes + (((more & 6) + chunk) ^ place(line)) * 16;
    return slab + own + (lines * lineBytes + (more & ~7) * 16);
  }

private:
  NNF_DEVICE static int place(int line) {
    constexpr int shift = chunks >= 8 ? 0 : chunks == 4 ? 1 : 2, mask = (chunks >= 8 ? 8 : chunks) - 1;
    return line >> shift & mask;
  }
};

/// A slab of words whose lines lie across the contracted dimension. A warp reads eight words, two chunks, of four
/// lines: neighbours, or every second one of eight (Fragments.cuh). Pairs of chunks are permuted, so that those of
/// either four lines come from different groups of banks.
template <int chunks> struct WordSlab {
  static_assert(chunks >= 4 && (chunks & (chunks - 1)) == 0);
  static constexpr int lineChunks = chunks, lineBytes = chunks * 16;
  NNF_DEVICE static int offset(int line, int chunk) { return line * lineBytes + (chunk ^ pair(line) * 2) * 16; }
  /// As in Slab.
  NNF_DEVICE static NNF_SHARED char *at(NNF_SHARED char *slab, int line, int chunk, int lines, int more) {
    int own = line * lineBytes + ((more & 6) ^ pair(line) * 2) * 16 + chunk * 16;
    return slab + own + (lines * lineBytes + (more & ~7) * 16);
  }

private:
  NNF_DEVICE static int pair(int line) { return chunks >= 8 ? (line & 3) ^ (line >> 2 & 1) : line >> 1 & 1; }
};

/// Where an operand's rows (columns) lie with their `depth` steps along lines, and where with steps across.
template <int depth, int elementBytes> using AlongSlab = Slab<depth * elementBytes / chunkBytes>;
template <int extent, int elementBytes> struct AcrossSlabOf {
  using Type = Slab<extent * elementBytes / chunkBytes>;
};
template <int extent> struct AcrossSlabOf<extent, 4> {
  using Type = WordSlab<extent * 4 / chunkBytes>;
};
template <int extent, int elementBytes> using AcrossSlab = typename AcrossSlabOf<extent, elementBytes>::Type;

/// An operand in global memory. Lines are its rows (A) or columns (B), with the contracted dimension along them, or the
/// other way round.
struct Operand {
  const char *base; // the tile's first element
  i64 pitch;        // elements from one line to the next
  int copyBytes;    // that may be copied at once: 16, 8, 4 or 2
  bool alongDepth;  // lines run along the contracted dimension
  int extent;       // rows or columns that there are from `base` on
};

NNF_DEVICE inline int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

/// One chunk, of which `bytes` exist.
NNF_DEVICE inline void copyChunk(NNF_SHARED char *to, const char *from, int bytes, int copyBytes) {
  if (copyBytes == 16) {
    copyAsync<16>(to, from, bytes);
  } else if (copyBytes == 8) {
#pragma unroll
    for (int i = 0; i < 2; ++i)
      copyAsync<8>(to + 8 * i, from + 8 * i, clamp(bytes - 8 * i, 0, 8));
  } else if (copyBytes == 4) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      copyAsync<4>(to + 4 * i, from + 4 * i, clamp(bytes - 4 * i, 0, 4));
  } else { // through registers: there are no copies of two bytes
    u32 word[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      auto *halves = reinterpret_cast<const u16 *>(from);
      u32 low = 4 * i < bytes ? halves[2 * i] : 0, high = 4 * i + 2 < bytes ? halves[2 * i + 1] : 0;
      word[i] = low | high << 16;
    }
    *reinterpret_cast<NNF_SHARED Vector4 *>(to) = {word[0], word[1], word[2], word[3]};
  }
}

/// Brings `lines` lines from firstLine and their elements from `start`; zeros where there are none: at lineEnd and
/// `length`.
template <typename OfLines, int lines, int threads, int elementBytes>
NNF_DEVICE inline void copyLines(NNF_SHARED char *slab, const Operand &operand, int firstLine, int lineEnd, int start,
                                 int length) {
  constexpr int chunks = OfLines::lineChunks, chunkElements = chunkBytes / elementBytes;
  static_assert(lines * chunks % threads == 0);
#pragma unroll
  for (int p = 0; p < lines * chunks / threads; ++p) {
    int piece = threadInBlock() + p * threads, line = piece / chunks, chunk = piece % chunks;
    int at = start + chunk * chunkElements;
    int elements = firstLine + line < lineEnd ? clamp(length - at, 0, chunkElements) : 0;
    const char *from = operand.base + (elements ? ((firstLine + line) * operand.pitch + at) * elementBytes : 0);
    copyChunk(slab + OfLines::offset(line, chunk), from, elements * elementBytes, operand.copyBytes);
  }
}

/// Rows or columns [first, end) of an operand.
template <int elementBytes> NNF_DEVICE inline Operand partOf(Operand operand, int first, int end) {
  operand.base += first * (operand.alongDepth ? operand.pitch : 1) * elementBytes;
  operand.extent = end - first;
  return operand;
}

/// `extent` rows or columns of an operand, `depth` steps from `step` of `steps`.
template <int extent, int depth, int threads, int elementBytes>
NNF_DEVICE inline void copyOperand(NNF_SHARED char *to, const Operand &operand, int step, int steps) {
  if (operand.alongDepth)
    copyLines<AlongSlab<depth, elementBytes>, extent, threads, elementBytes>(to, operand, 0, operand.extent, step,
                                                                             steps);
  else
    copyLines<AcrossSlab<extent, elementBytes>, depth, threads, elementBytes>(to, operand, step, steps, 0,
                                                                              operand.extent);
}

/// Goes down the contracted dimension with `slabs` slabs of Tile in shared memory, all but one of them under way, and
/// calls multiply(slab) for each. A is an Operand, or what else has a copyOperand; slabs are copied one after the
/// other.
template <typename Tile, typename A, typename Multiply>
NNF_DEVICE inline void forSlabs(A &a, const Operand &b, int steps, NNF_SHARED char *shared, Multiply multiply) {
  auto copySlab = [&] NNF_DEVICE_LAMBDA(NNF_SHARED char *to, int step) {
    copyOperand<Tile::tileRows, Tile::slabDepth, Tile::threads, Tile::elementBytes>(to, a, step, steps);
    copyOperand<Tile::tileColumns, Tile::slabDepth, Tile::threads, Tile::elementBytes>(to + Tile::aBytes, b, step,
                                                                                       steps);
  };
  constexpr int slabs = Tile::slabCount, depth = Tile::slabDepth, slabBytes = Tile::aBytes + Tile::bBytes;
#pragma unroll
  for (int s = 0; s < slabs - 1; ++s) {
    if (s * depth < steps)
      copySlab(shared + s * slabBytes, s * depth);
    commitCopies();
  }
  int current = 0, next = slabs - 1;
  for (int step = 0; step < steps; step += depth) {
    // All but the slabs after this one are here: what this thread has copied now, what others have at the barrier. It
    // also says that all have multiplied the slab before, whose place the next copies take.
    waitForCopies<slabs - 2>();
    meetBlock();
    if (step + (slabs - 1) * depth < steps)
      copySlab(shared + next * slabBytes, step + (slabs - 1) * depth);
    commitCopies();
    multiply(shared + current * slabBytes);
    current = current + 1 == slabs ? 0 : current + 1;
    next = next + 1 == slabs ? 0 : next + 1;
  }
}
