// Compiled kernels in a folder, shared by all compiles of a user: docs/design/0006.
#ifndef NNF_COMPILER_KERNELS_KERNELCACHE_H
#define NNF_COMPILER_KERNELS_KERNELCACHE_H

#include "compiler/kernels/KernelCode.h"
#include <atomic>

namespace nnf {

/// Entries are files named by the hash of what they were made from, the compiler included. They appear whole, by
/// rename, and are checked when they are read: one that is damaged is as good as none. Nothing here is an error; safe
/// for any number of threads and processes.
class KernelCache {
public:
  /// Makes the folder where it is missing. Null, with the reason, where it cannot be used: it must be this user's own,
  /// and nobody else may write to it, since its files become code. `compiler` identifies what has made the code.
  static std::unique_ptr<KernelCache> open(llvm::StringRef folder, llvm::StringRef compiler, std::string &whyNot,
                                           uint64_t maxBytes);
  /// Removes the entries that were not used for longest, until the rest fits, where this compile has added any.
  ~KernelCache();

  std::optional<KernelSource::Code> load(const llvm::BLAKE3Result<> &hash);
  void store(const llvm::BLAKE3Result<> &hash, const KernelSource::Code &code);

  unsigned numHits() const { return hits; }
  unsigned numStored() const { return stored; }

private:
  KernelCache(int folder, llvm::StringRef compiler, uint64_t maxBytes)
      : folder(folder), compiler(compiler), maxBytes(maxBytes) {}
  struct Key;
  Key keyOf(const llvm::BLAKE3Result<> &hash) const;

  int folder; // descriptor: whoever moves another in its place is not followed
  std::string compiler;
  uint64_t maxBytes;
  std::atomic<unsigned> hits = 0, stored = 0;
};

/// The folder by the environment: $NNFC_CACHE_DIR, else $XDG_CACHE_HOME/nnfc, else ~/.cache/nnfc; "": none.
std::string cacheFolder();
/// How much may be in it: $NNFC_CACHE_SIZE, a number of bytes or one with K, M or G, else 1G. Nothing where that is no
/// size.
std::optional<uint64_t> cacheBytes();

} // namespace nnf
#endif
