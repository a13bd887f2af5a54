// Weights on GPUs that a program sets: each version has a copy on each GPU that has the program.
#ifndef NNF_RUNTIME_CUDA_DEVICEWEIGHTS_H
#define NNF_RUNTIME_CUDA_DEVICEWEIGHTS_H
#include "../WeightsVersion.h"
#include "Device.h"

namespace nnf::rt::cuda {

/// A copy of a version. It lives as long as the version.
struct DeviceWeights {
  DeviceWeights *next = nullptr;
  const LoadedProgram *program = nullptr;
  Memory memory;
};

/// Copies a version to a GPU; whoever calls has the lock of devices. Errors: no memory there, a failed copy.
int32_t copyToDevice(const nnf_model &model, WeightsVersion &version, const LoadedProgram &loaded, Message &message);
/// To all that have the program.
int32_t copyToDevices(const nnf_program &program, WeightsVersion &version, Message &message);
/// Where a GPU that has the program has the version, or (NULL) the weights that the model came with.
const uint8_t *weightsOn(const LoadedProgram &loaded, const WeightsVersion *version);
/// Of a version that nobody uses any more.
void releaseCopies(WeightsVersion &version);

} // namespace nnf::rt::cuda
#endif
