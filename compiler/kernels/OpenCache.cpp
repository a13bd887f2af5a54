#include "compiler/kernels/OpenCache.h"
#include "compiler/kernels/CompilerIdentity.h"
#include <cstdlib>
#include <optional>

namespace nnf {

Outcome openKernelCache(const CompileRequest &request, std::unique_ptr<KernelCache> &cache,
                        llvm::function_ref<void(const std::string &)> say) {
  // Whoever asks to see the passes at work wants them to be run.
  std::string folder = request.verifyEach || !request.mlirFlags.empty() || !request.code.useCache ? "" : cacheFolder();
  if (folder.empty())
    return {};
  std::optional<uint64_t> maxBytes = cacheBytes();
  if (!maxBytes)
    return Outcome::wrongUsage("NNFC_CACHE_SIZE=" + std::string(getenv("NNFC_CACHE_SIZE")) +
                               ": expected a number of bytes above 0, as in 500M [NNFC-E0014]");
  std::string compiler = compilerIdentity(), whyNot = "no kernel cache: this compiler has no build id";
  if (!compiler.empty())
    cache = KernelCache::open(folder, compiler, whyNot, *maxBytes);
  if (!cache)
    say(whyNot);
  return {};
}

} // namespace nnf
