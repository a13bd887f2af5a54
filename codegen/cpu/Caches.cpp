#include "codegen/cpu/Caches.h"
#include "llvm/ADT/STLExtras.h"

namespace nnf {
namespace {

constexpr int64_t K = 1 << 10;

struct Row {
  llvm::StringRef cpu;
  CacheSizes caches;
};

/// From the makers' optimisation manuals. Hybrid CPUs: their fast cores.
constexpr Row table[] = {
    // Intel, client
    {"nehalem", {32 * K, 256 * K}},
    {"westmere", {32 * K, 256 * K}},
    {"sandybridge", {32 * K, 256 * K}},
    {"ivybridge", {32 * K, 256 * K}},
    {"haswell", {32 * K, 256 * K}},
    {"broadwell", {32 * K, 256 * K}},
    {"skylake", {32 * K, 256 * K}},
    {"icelake-client", {48 * K, 512 * K}},
    {"rocketlake", {48 * K, 512 * K}},
    {"tigerlake", {48 * K, 1280 * K}},
    {"alderlake", {48 * K, 1280 * K}},
    {"raptorlake", {48 * K, 2048 * K}},
    // Intel, server
    {"skylake-avx512", {32 * K, 1024 * K}},
    {"cascadelake", {32 * K, 1024 * K}},
    {"cooperlake", {32 * K, 1024 * K}},
    {"icelake-server", {48 * K, 1280 * K}},
    {"sapphirerapids", {48 * K, 2048 * K}},
    {"emeraldrapids", {48 * K, 2048 * K}},
    {"graniterapids", {48 * K, 2048 * K}},
    // AMD
    {"znver1", {32 * K, 512 * K}},
    {"znver2", {32 * K, 512 * K}},
    {"znver3", {32 * K, 512 * K}},
    {"znver4", {32 * K, 1024 * K}},
    {"znver5", {48 * K, 1024 * K}},
};

} // namespace

std::optional<CacheSizes> cachesOf(llvm::StringRef cpu) {
  auto found = llvm::find_if(table, [&](const Row &row) { return row.cpu == cpu; });
  return found == std::end(table) ? std::nullopt : std::optional(found->caches);
}

} // namespace nnf
