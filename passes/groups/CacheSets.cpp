#include "passes/groups/CacheSets.h"

using namespace mlir;
namespace nnf {

bool pushesItselfOut(Dim stride, Dim length, int64_t bytes) {
  auto step = constantOf(stride), count = constantOf(length);
  if (!step || !count || *step == 0)
    return false;
  constexpr int64_t setBytes = 64, sets = 64, ways = 8, mostAtOnce = 512; // deeper rows are run down in chunks
  int64_t distance = std::abs(*step) * bytes, power = distance & -distance;
  int64_t reached = std::clamp<int64_t>(setBytes * sets / power, 1, sets);
  return distance > setBytes && std::min(*count, mostAtOnce) > reached * ways;
}

} // namespace nnf
