// The weights of a program as one run sees them. Where a program sets weights, each set is a version of its own, which
// lives as long as a run that has begun with it.
#ifndef NNF_RUNTIME_WEIGHTSVERSION_H
#define NNF_RUNTIME_WEIGHTSVERSION_H
#include <atomic>
#include <cstdint>

struct nnf_program;

namespace nnf::rt::cuda {
struct DeviceWeights;
}

namespace nnf::rt {

/// One set of weights. Where a program has set them, the bytes lie behind it in the same piece of memory.
struct WeightsVersion {
  std::atomic<uint32_t> references{1};
  const uint8_t *bytes = nullptr;
  std::atomic<cuda::DeviceWeights *> onDevices{nullptr}; // copies, one on each GPU that has the program
};

WeightsVersion *retain(WeightsVersion *version);
void release(WeightsVersion *version);
/// The weights that the model came with as a version, which is made now unless there is one: on GPUs they have copies
/// that go when others take their place. False: out of memory.
bool ownWeights(nnf_program &program);

/// Holds what are the weights now for the length of a run, or of a call of several runs.
class WeightsHold {
public:
  explicit WeightsHold(nnf_program &program);
  ~WeightsHold();
  WeightsHold(const WeightsHold &) = delete;

  const uint8_t *data() const { return bytes; }   // on the CPU
  WeightsVersion *get() const { return version; } // NULL: those that the model came with

private:
  WeightsVersion *version = nullptr;
  const uint8_t *bytes;
};

/// Of a program that nobody uses any more.
void releaseWeights(nnf_program &program);

} // namespace nnf::rt
#endif
