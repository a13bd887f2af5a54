// The weights of a program as one run sees them. Where a program sets weights, each set is a version of its own, which
// lives as long as a run that has begun with it.
#ifndef NNF_RUNTIME_WEIGHTSVERSION_H
#define NNF_RUNTIME_WEIGHTSVERSION_H
#include <atomic>
#include <cstdint>

struct nnf_program;

namespace nnf::rt {

/// One set of weights; the bytes lie behind it in the same piece of memory.
struct WeightsVersion {
  std::atomic<uint32_t> references{1};
  uint8_t *bytes = nullptr;
};

/// Holds what are the weights now for the length of a run, or of a call of several runs.
class WeightsHold {
public:
  explicit WeightsHold(nnf_program &program);
  ~WeightsHold();
  WeightsHold(const WeightsHold &) = delete;

  const uint8_t *data() const { return bytes; }

private:
  WeightsVersion *version = nullptr; // NULL: those that the model came with
  const uint8_t *bytes;
};

/// Of a program that nobody uses any more.
void releaseWeights(nnf_program &program);

} // namespace nnf::rt
#endif
