#include "Commands.h"

namespace nnf::rt::cuda {

uint64_t *CommandList::take(const Allocator &allocator, uint64_t count) {
  if (!words.grow(allocator, used * sizeof(uint64_t), (used + count) * sizeof(uint64_t))) {
    clear();
    return nullptr;
  }
  lastWord = used;
  used += count;
  ++commands;
  return back();
}

bool CommandList::addLaunch(const Allocator &allocator, uint32_t launch, int64_t blocks, const void *const *slots,
                            uint32_t count) {
  uint64_t *command = take(allocator, 2 + count);
  if (!command)
    return false;
  command[0] = uint64_t(CommandKind::Launch) << 32 | launch;
  command[1] = uint64_t(blocks);
  if (count)
    memcpy(command + 2, slots, count * sizeof(uint64_t));
  return true;
}

bool CommandList::addTransfer(const Allocator &allocator, CommandKind kind, uint64_t to, uint64_t from,
                              uint64_t bytes) {
  uint64_t *command = take(allocator, 4);
  if (!command)
    return false;
  command[0] = uint64_t(kind) << 32;
  command[1] = to;
  command[2] = from;
  command[3] = bytes;
  return true;
}

CapturedGraph *GraphCache::find(uint64_t hash, const CommandList &list) {
  for (CapturedGraph &graph : graphs)
    if (graph.exec && graph.hash == hash && graph.size == list.size() &&
        memcmp(graph.words, list.begin(), list.size() * sizeof(uint64_t)) == 0) {
      graph.lastUse = ++uses;
      return &graph;
    }
  return nullptr;
}

bool GraphCache::sawBefore(uint64_t hash) {
  for (uint64_t known : seen)
    if (known == hash)
      return true;
  seen[nextSeen++ % (4 * most)] = hash;
  return false;
}

bool GraphCache::keep(const Allocator &allocator, const Driver &driver, uint64_t hash, const CommandList &list,
                      GraphExec exec) {
  uint64_t bytes = list.size() * sizeof(uint64_t);
  auto *words = static_cast<uint64_t *>(allocator.allocate(bytes));
  if (!words)
    return false;
  memcpy(words, list.begin(), bytes);
  CapturedGraph *place = graphs;
  for (CapturedGraph &graph : graphs)
    if (graph.lastUse < place->lastUse)
      place = &graph;
  if (place->exec) {
    driver.cuGraphExecDestroy(place->exec);
    allocator.release(place->words, place->size * sizeof(uint64_t));
  }
  *place = {hash, list.size(), ++uses, words, exec};
  return true;
}

void GraphCache::release(const Allocator &allocator, const Driver &driver) {
  for (CapturedGraph &graph : graphs)
    if (graph.exec) {
      driver.cuGraphExecDestroy(graph.exec);
      allocator.release(graph.words, graph.size * sizeof(uint64_t));
      graph = {};
    }
}

} // namespace nnf::rt::cuda
