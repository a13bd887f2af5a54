// What a context has on a GPU, and how work gets there.
#ifndef NNF_RUNTIME_CUDA_DEVICECONTEXT_H
#define NNF_RUNTIME_CUDA_DEVICECONTEXT_H
#include "../Context.h"
#include "../WeightsVersion.h"
#include "Commands.h"

namespace nnf::rt::cuda {

/// Of one input or output.
struct TensorMemory {
  Memory device, host; ///< where kernels find it; where it is copied from or to: pinned
};

struct DeviceContext {
  LoadedProgram *program = nullptr;
  Stream stream = nullptr;                  // the context's own
  Event done = nullptr;                     // after a run that was not waited for
  Event begin = nullptr, end = nullptr;     // around a launch that is profiled
  bool isPending = false;                   // such a run may still use what it uses
  WeightsVersion *pendingWeights = nullptr; // of such runs
  Memory arena, check;                      // check: nnf_check_state, on the device
  Memory fixed;                             // pinned: Fixed
  TensorMemory *inputs = nullptr, *outputs = nullptr;
  Memory *temporaries = nullptr;
  void **parameters = nullptr; // room for those of any kernel
  Buffer tables;               // holds the arrays above
  CommandList list;
  GraphCache graphs;
  uint64_t launchesSinceWait = 0;
  uint32_t lastLaunch = 0;

  const Device &device() const { return program->device; }
  const Driver &driver() const { return *program->device.driver; }
};

/// All runs have been waited for.
inline void nothingIsPending(DeviceContext &on) {
  on.isPending = false;
  release(on.pendingWeights);
  on.pendingWeights = nullptr;
}

/// Small things in pinned memory.
struct Fixed {
  nnf_check_state none, found; // what a check state begins as, and what it was
  int64_t scalar;
  uint8_t written[1 << 14]; // what the driver has written for kernels
};

} // namespace nnf::rt::cuda
#endif
