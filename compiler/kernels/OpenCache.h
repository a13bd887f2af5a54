// The kernel cache that a request is to use.
#ifndef NNF_COMPILER_KERNELS_OPENCACHE_H
#define NNF_COMPILER_KERNELS_OPENCACHE_H

#include "compiler/Compile.h"
#include "compiler/kernels/KernelCache.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace nnf {

/// Leaves `cache` null where there is to be none. A cache that cannot be used is no error, `say` is told: everything
/// works without, as slowly as the first time.
Outcome openKernelCache(const CompileRequest &request, std::unique_ptr<KernelCache> &cache,
                        llvm::function_ref<void(const std::string &)> say);

} // namespace nnf
#endif
