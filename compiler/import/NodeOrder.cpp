#include "compiler/import/NodeOrder.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include <functional>
#include <queue>

namespace nnf {

/// Follows producers among the nodes that could not be ordered until one comes twice.
static llvm::SmallVector<unsigned> findCycle(const std::vector<llvm::SmallVector<unsigned, 4>> &producers,
                                             const std::vector<unsigned> &waitsFor) {
  std::vector<int> position(producers.size(), -1);
  llvm::SmallVector<unsigned> path;
  unsigned at = llvm::find_if(waitsFor, [](unsigned n) { return n != 0; }) - waitsFor.begin();
  while (position[at] < 0) {
    position[at] = path.size();
    path.push_back(at);
    // A node that waits has a producer that waits.
    at = *llvm::find_if(producers[at], [&](unsigned p) { return waitsFor[p] != 0; });
  }
  path.erase(path.begin(), path.begin() + position[at]);
  return path;
}

NodeOrder orderNodes(const message::Graph &graph) {
  llvm::StringMap<unsigned> madeBy;
  for (auto [i, node] : llvm::enumerate(graph.nodes))
    for (const std::string &output : node.outputs)
      madeBy.try_emplace(output, i);

  NodeOrder order;
  unsigned count = graph.nodes.size();
  std::vector<llvm::SmallVector<unsigned, 4>> producers(count), consumers(count);
  std::vector<unsigned> waitsFor(count, 0);
  for (auto [i, node] : llvm::enumerate(graph.nodes)) {
    forEachTensorName(node, [&, i = unsigned(i)](const message::Argument &, const std::string &name) {
      auto made = madeBy.find(name);
      if (made == madeBy.end() || llvm::is_contained(producers[i], made->second))
        return;
      producers[i].push_back(made->second);
      consumers[made->second].push_back(i);
      ++waitsFor[i];
      if (made->second >= i && !order.firstOutOfOrder)
        order.firstOutOfOrder = i;
    });
  }

  // The ready node that comes first in the file goes first.
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
  for (unsigned i = 0; i < count; ++i)
    if (waitsFor[i] == 0)
      ready.push(i);
  while (!ready.empty()) {
    unsigned node = ready.top();
    ready.pop();
    order.nodes.push_back(node);
    for (unsigned consumer : consumers[node])
      if (--waitsFor[consumer] == 0)
        ready.push(consumer);
  }
  if (order.nodes.size() != count)
    order.cycle = findCycle(producers, waitsFor);
  return order;
}

} // namespace nnf
