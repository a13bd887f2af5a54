// What data_parallel asks of a batch, whether replicas of this process or ranks of several take its parts.
#ifndef NNF_RUNTIME_BATCH_H
#define NNF_RUNTIME_BATCH_H
#include "Context.h"

namespace nnf::rt {

/// How torch.chunk cuts `size` into at most `chunks` parts: all are as long as the first, but the last; fewer than
/// asked for where they run out. Of nothing there are `chunks` empty ones.
struct Chunks {
  int64_t size, length, count;

  Chunks(int64_t size, int64_t chunks)
      : size(size), length(size / chunks + (size % chunks != 0)), count(length ? (size - 1) / length + 1 : chunks) {}
  int64_t first(int64_t chunk) const { return chunk * length; }
  int64_t lengthOf(int64_t chunk) const { return size - first(chunk) < length ? size - first(chunk) : length; }
};

/// A dense tensor seen from the dimension it is cut along: `outer` times a row of sizes[dim] pieces of `innerBytes`.
struct Rows {
  uint64_t outer = 1, innerBytes = 0;

  Rows(const int64_t *dims, uint32_t rank, uint32_t dim, uint32_t elementBytes);
  /// Copies pieces [first, first + length) of each row between the whole, whose rows have `size`, and a part of its
  /// own.
  void take(const uint8_t *whole, int64_t size, int64_t first, int64_t length, uint8_t *part) const;
  void put(uint8_t *whole, int64_t size, int64_t first, int64_t length, const uint8_t *part) const;
};

/// How one input of the model reaches the replicas.
struct Scattered {
  const DLTensor *tensor = nullptr;
  bool whole = false;   ///< not cut: each replica gets all of it
  bool isInOut = false; ///< replicas work on copies; the caller's buffer changes when all have succeeded
  uint32_t dim = 0;
  uint64_t bytes = 0;
  Chunks chunks{0, 1};
};

/// The given inputs, in the model's order: positional ones are its first, the others come by name; together they are
/// all, each once.
int32_t takeInputs(const nnf_model &model, DLTensor *const in[], uint32_t numIn, const nnf_named_tensor *kwargs,
                   uint32_t numKwargs, Scattered *inputs, Message &message);
/// Parts are cut and joined by the CPU, also those of GPUs.
int32_t expectHostMemory(const DLTensor &tensor, const char *kind, const nnf_tensor_info &info, Message &message);
/// How an input is cut along `dim` (negative: from the last) into at most `parts`; `whole`: it is not.
int32_t cutInput(const nnf_tensor_info &info, int64_t dim, int64_t parts, bool whole, Scattered &input,
                 Message &message);
/// The rank of a joined output, and what it is joined along: scalars become a vector.
int32_t joinAlong(const nnf_tensor_info &info, int64_t dim, uint32_t &rank, uint32_t &joined, Message &message);

} // namespace nnf::rt
#endif
