// Inside of data_parallel over processes: what this rank has, and how it talks to the others.
#ifndef NNF_RUNTIME_RANKS_H
#define NNF_RUNTIME_RANKS_H
#include "Replicas.h"

namespace nnf::rt {

/// Messages between ranks, over what the caller gave. A message that did not get through ends everything: nobody knows
/// any more what the next one is about.
class RanksLink {
public:
  nnf_communicator link = {};
  char host[64] = "";
  Message message;
  bool isBroken = false;

  bool isRoot() const { return link.rank == 0; }
  int32_t size() const { return link.size; }

  int32_t send(int32_t to, const void *data, uint64_t bytes);
  int32_t receive(int32_t from, void *data, uint64_t bytes);
  /// Where the caller has no such sends, they are over when beginSend returns. finishSends is to follow whatever came
  /// of them: until then the data is read.
  int32_t beginSend(int32_t to, const void *data, uint64_t bytes);
  int32_t finishSends();
  /// Rank 0's bytes, to all.
  int32_t broadcast(void *data, uint64_t bytes);
  /// All call it with what has come of a step at theirs; `message` says what went wrong. All get what the first rank
  /// that failed has said, with its number.
  int32_t agree(int32_t own);

private:
  bool hasBegun = false; // sends that are not finished

  int32_t broken(const char *what, int32_t other, int32_t status);
};

/// What an output comes to, on rank 0.
struct Joined {
  Buffer own;
  DLTensor *tensor = nullptr; ///< the caller's; NULL: nobody wants it
  int64_t *dims = nullptr;    ///< room for one more than the model's rank: scalars become a vector
  uint32_t rank = 0, dim = 0;
  uint64_t bytes = 0;
  uint8_t *given = nullptr;  ///< the caller's memory; NULL: own is used
  bool filledBefore = false; ///< the tensor of this call holds what an earlier run has put into `own`
  bool isNewOfInput = false; ///< the caller gave the in-out input's own buffer: it gets the value with the input
};

} // namespace nnf::rt

struct nnf_ranks {
  nnf::rt::RanksLink link;
  nnf::rt::Allocator allocator;
  nnf_context *context = nullptr;
  int64_t dim = 0;
  uint64_t seed = 0, run = 0;
  std::atomic<bool> inUse{false};

  nnf::rt::Buffer tables, staging;
  uint8_t *isWhole = nullptr;           // [input] the options' `replicated`
  nnf::rt::Scattered *inputs = nullptr; // of rank 0
  nnf::rt::Joined *outputs = nullptr;   // of rank 0
  nnf::rt::Buffer *copies = nullptr;    // [input] this rank's part
  DLTensor *tensors = nullptr;          // this rank's parts: inputs, then outputs
  DLTensor **pointers = nullptr;
  int64_t *dims = nullptr;    // of inputs' parts, one after the other
  int64_t *outDims = nullptr; // [rank] of outputs' parts, one after the other
  // What rank 0 says before a run: how many ranks have a part, the seed, the run's number, which inputs are whole and
  // which outputs wanted.
  int64_t *plan = nullptr;

  const nnf_model &model() const { return context->model(); }
  uint32_t totalInRank() const {
    uint32_t total = 0;
    for (uint32_t i = 0; i < model().num_inputs; ++i)
      total += model().inputs[i].rank;
    return total;
  }
  uint32_t totalOutRank() const { return context->program->totalRank; }
};

#endif
