#include "passes/groups/CacheSets.h"
#include "passes/CostModel.h"

using namespace mlir;
namespace nnf {

bool pushesItselfOut(Dim stride, Dim length, int64_t bytes) {
  auto step = constantOf(stride), count = constantOf(length);
  if (!step || !count || *step == 0)
    return false;
  constexpr int64_t mostAtOnce = 512; // deeper rows are run down in chunks
  int64_t distance = std::abs(*step) * bytes, power = distance & -distance;
  int64_t reached = std::clamp<int64_t>(figures::lineBytes * figures::l1Sets / power, 1, figures::l1Sets);
  return distance > figures::lineBytes && std::min(*count, mostAtOnce) > reached * figures::l1Ways;
}

} // namespace nnf
