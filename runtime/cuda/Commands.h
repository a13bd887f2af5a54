// What a run asks of the device, as a list of words that is compared, launched, and kept as a graph.
#ifndef NNF_RUNTIME_CUDA_COMMANDS_H
#define NNF_RUNTIME_CUDA_COMMANDS_H
#include "../Memory.h"
#include "Device.h"

namespace nnf::rt::cuda {

enum class CommandKind : uint32_t { Launch, Upload, Download, Copy };

/// Commands in order, each a few words: kind and launch, then blocks and arguments, or where to, where from, how many
/// bytes. Equal lists do the same work on the same memory, whatever the memory holds.
class CommandList {
public:
  /// False: out of memory.
  bool addLaunch(const Allocator &allocator, uint32_t launch, int64_t blocks, const void *const *slots, uint32_t count);
  bool addTransfer(const Allocator &allocator, CommandKind kind, uint64_t to, uint64_t from, uint64_t bytes);
  void clear() { used = commands = 0; }
  void release(const Allocator &allocator) { words.release(allocator); }

  const uint64_t *begin() const { return reinterpret_cast<const uint64_t *>(words.data); }
  uint64_t *back() { return reinterpret_cast<uint64_t *>(words.data) + lastWord; }
  uint64_t size() const { return used; } // in words
  uint32_t count() const { return commands; }

private:
  Buffer words;
  uint64_t used = 0, lastWord = 0;
  uint32_t commands = 0;

  uint64_t *take(const Allocator &allocator, uint64_t count);
};

/// A list that has come twice, captured: graphs are worth their making only for what comes again.
struct CapturedGraph {
  uint64_t hash = 0, size = 0, lastUse = 0;
  uint64_t *words = nullptr;
  GraphExec exec = nullptr;
};

class GraphCache {
public:
  /// The graph of an equal list, or NULL.
  CapturedGraph *find(uint64_t hash, const CommandList &list);
  /// Whether a list with this hash has come before; from now on it has.
  bool sawBefore(uint64_t hash);
  /// Keeps a graph, in the place of the one not used for longest. False, and `exec` is the caller's: out of memory.
  bool keep(const Allocator &allocator, const Driver &driver, uint64_t hash, const CommandList &list, GraphExec exec);
  void release(const Allocator &allocator, const Driver &driver);

private:
  static constexpr uint32_t most = 16;
  CapturedGraph graphs[most];
  uint64_t seen[4 * most] = {}; // hashes, by turns
  uint32_t nextSeen = 0;
  uint64_t uses = 0;
};

} // namespace nnf::rt::cuda
#endif
