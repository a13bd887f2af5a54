// Inside of data_parallel: a context, threads and copies of the batch's parts for each device.
#ifndef NNF_RUNTIME_REPLICAS_H
#define NNF_RUNTIME_REPLICAS_H
#include "Batch.h"
#include "Context.h"
#include "CoreSets.h"
#include "ThreadPool.h"
#include <pthread.h>

namespace nnf::rt {

/// How one output comes together.
struct Gathered {
  Buffer own;
  int64_t *dims = nullptr;   ///< room for one more than the model's rank: scalars become a vector
  uint32_t rank = 0;         ///< of the joined tensor
  uint32_t dim = 0;          ///< it is joined along this
  uint8_t *given = nullptr;  ///< the caller's memory; NULL: own is used
  uint8_t *data = nullptr;   ///< one of both; NULL: sizes are not known before the run
  bool inPlace = false;      ///< replicas write into it, each its stretch
  bool filledBefore = false; ///< the tensor of this call holds what an earlier run has put into `own`
  bool isNewOfInput = false; ///< the caller gave the in-out input's own buffer: it gets the value with the input
};

struct Replica {
  nnf_replicas *owner = nullptr;
  uint32_t index = 0;
  char device[32] = "";
  CpuMask cpus;
  ThreadPool *pool = nullptr;
  nnf_context *context = nullptr;
  pthread_t leader = {}; ///< the thread that calls nnf_run; it is on the device, as the pool's are
  bool hasLeader = false;
  uint64_t jobsDone = 0;
  int32_t status = NNF_OK;

  Buffer tables;                 // holds the arrays below
  DLTensor *tensors = nullptr;   // inputs, then outputs
  DLTensor **pointers = nullptr; // to them; NULL for outputs that nobody wants
  int64_t *dims = nullptr;       // of all tensors, one after the other
  int64_t *first = nullptr;      // [output] where the part begins along the output's dim
  int64_t *length = nullptr;     // [output] how much of it the part is
  Buffer *copies = nullptr;      // [input]
};

} // namespace nnf::rt

struct nnf_replicas {
  nnf_program *program = nullptr;
  nnf::rt::Allocator allocator;
  int64_t dim = 0;
  uint64_t seed = 0, run = 0;
  int32_t process = 0; // which made it: a child that forks off has none of the threads
  std::atomic<bool> inUse{false};

  uint32_t count = 0;
  nnf::rt::Replica *replicas = nullptr;
  nnf::rt::Buffer tables;
  nnf::rt::Scattered *inputs = nullptr;
  nnf::rt::Gathered *outputs = nullptr;
  uint8_t *isWhole = nullptr; // [input] the options' `replicated`

  // What leaders wait for. `job` counts calls; `used` replicas take part in the latest.
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t started = PTHREAD_COND_INITIALIZER, finished = PTHREAD_COND_INITIALIZER;
  uint64_t job = 0;
  uint32_t used = 0, running = 0;
  bool stopping = false;
  nnf_run_options options = {};

  const nnf_model &model() const { return *program->model; }
};

namespace nnf::rt {
/// Runs a replica's part of the latest call; on its leader.
void runReplica(nnf_replicas &replicas, Replica &replica);
} // namespace nnf::rt
#endif
