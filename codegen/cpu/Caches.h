// Caches of CPUs by name, for code that is made on another machine.
#ifndef NNF_CODEGEN_CPU_CACHES_H
#define NNF_CODEGEN_CPU_CACHES_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace nnf {

/// Of one core, in bytes: first-level data cache, second-level cache (a core's share where cores share it).
struct CacheSizes {
  int64_t l1, l2;
};

/// Of a CPU as LLVM calls it; none where its makers build it with several sizes, as levels like x86-64-v3 stand for.
std::optional<CacheSizes> cachesOf(llvm::StringRef cpu);

} // namespace nnf
#endif
