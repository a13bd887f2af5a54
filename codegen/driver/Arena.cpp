#include "codegen/driver/Arena.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <numeric>

namespace nnf {
namespace {

using Order = llvm::SmallVector<unsigned>;

/// The start of the smallest gap of at least `bytes` between `taken` ranges (sorted by start), or the end of them all.
int64_t findGap(llvm::ArrayRef<std::pair<int64_t, int64_t>> taken, int64_t bytes) {
  int64_t best = -1, bestGap = INT64_MAX, end = 0;
  for (auto [start, stop] : taken) {
    int64_t gap = start - end;
    if (gap >= bytes && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = std::max(end, stop);
  }
  return best >= 0 ? best : end;
}

ArenaPlan placeInOrder(llvm::ArrayRef<Lifetime> values, const Order &order) {
  ArenaPlan plan;
  plan.offsets.assign(values.size(), 0);
  // Sorted by offset at all times: a value is compared with those placed before it only.
  std::vector<unsigned> placed;
  llvm::SmallVector<std::pair<int64_t, int64_t>> taken;
  for (unsigned value : order) {
    taken.clear();
    for (unsigned other : placed)
      if (values[other].bytes && values[value].overlaps(values[other]))
        taken.push_back({plan.offsets[other], plan.offsets[other] + values[other].bytes});
    int64_t offset = values[value].bytes ? findGap(taken, values[value].bytes) : 0;
    plan.offsets[value] = offset;
    plan.bytes = std::max(plan.bytes, offset + values[value].bytes);
    placed.insert(llvm::upper_bound(placed, offset, [&](int64_t o, unsigned p) { return o < plan.offsets[p]; }), value);
  }
  return plan;
}

Order bySize(llvm::ArrayRef<Lifetime> values) {
  Order order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](unsigned a, unsigned b) { return std::pair(-values[a].bytes, a) < std::pair(-values[b].bytes, b); });
  return order;
}

/// Orders near a good one, while its plan is larger than it has to be: a value that sticks out over the bound goes in
/// front of some that were placed before it, and stays there if the plan is no larger. Which one and where to is drawn
/// from fixed seeds, so that a model always gets the same plan.
void improve(llvm::ArrayRef<Lifetime> values, Order order, int64_t bound, ArenaPlan &best) {
  ArenaPlan current = placeInOrder(values, order);
  // Placing takes the square of their number.
  constexpr double work = 1e8;
  constexpr int mostTries = 4000;
  double perTry = double(values.size()) * double(values.size());
  int tries = static_cast<int>(std::min(double(mostTries), work / std::max(1.0, perTry)));
  uint32_t state = 1;
  auto draw = [&](size_t count) { return (state = state * 1664525 + 1013904223) / 65536 % count; };
  for (int i = 0; i < tries && best.bytes > bound; ++i) {
    llvm::SmallVector<unsigned> outside; // places in the order
    for (auto [place, value] : llvm::enumerate(order))
      if (place > 0 && values[value].bytes && current.offsets[value] + values[value].bytes > bound)
        outside.push_back(place);
    if (outside.empty())
      return; // the first value alone is as large as the bound
    unsigned from = outside[draw(outside.size())], to = draw(from);
    Order next(order);
    std::rotate(next.begin() + to, next.begin() + from, next.begin() + from + 1);
    ArenaPlan plan = placeInOrder(values, next);
    if (plan.bytes > current.bytes)
      continue;
    order = std::move(next);
    current = std::move(plan);
    if (current.bytes < best.bytes)
      best = current;
  }
}

} // namespace

ArenaPlan planArena(llvm::ArrayRef<Lifetime> values) {
  int64_t bound = liveBytes(values);
  Order orders[3] = {bySize(values), bySize(values), Order(values.size())};
  // Large and long-lived first; and in program order, which is right for plain chains.
  std::sort(orders[1].begin(), orders[1].end(), [&](unsigned a, unsigned b) {
    auto area = [&](unsigned i) { return double(values[i].bytes) * (values[i].last - values[i].first + 1); };
    return std::pair(-area(a), a) < std::pair(-area(b), b); // ties in program order
  });
  std::iota(orders[2].begin(), orders[2].end(), 0u);
  ArenaPlan best;
  for (const Order &order : orders) {
    ArenaPlan plan = placeInOrder(values, order);
    if (best.offsets.empty() || plan.bytes < best.bytes)
      best = std::move(plan);
    if (best.bytes == bound)
      return best;
  }
  for (const Order &order : orders)
    improve(values, order, bound, best);
  return best;
}

int64_t liveBytes(llvm::ArrayRef<Lifetime> values) {
  llvm::SmallVector<int64_t> change;
  for (const Lifetime &value : values) {
    if (change.size() < value.last + 2)
      change.resize(value.last + 2, 0);
    change[value.first] += value.bytes;
    change[value.last + 1] -= value.bytes;
  }
  int64_t live = 0, most = 0;
  for (int64_t c : change)
    most = std::max(most, live += c);
  return most;
}

llvm::SmallVector<unsigned> planSlots(llvm::ArrayRef<Lifetime> values) {
  llvm::SmallVector<unsigned> slots(values.size(), 0);
  llvm::SmallVector<llvm::SmallVector<unsigned>> members;
  for (unsigned value : bySize(values)) {
    auto fits = [&](const auto &slot) {
      return llvm::none_of(slot, [&](unsigned other) { return values[other].overlaps(values[value]); });
    };
    auto found = llvm::find_if(members, fits);
    slots[value] = found - members.begin();
    if (found == members.end())
      members.emplace_back();
    members[slots[value]].push_back(value);
  }
  return slots;
}

} // namespace nnf
