// The CPUs and GPUs that one library has code for.
#ifndef NNF_COMPILER_TARGETS_H
#define NNF_COMPILER_TARGETS_H

#include "codegen/cpu/Target.h"
#include "codegen/cuda/Target.h"
#include <vector>

namespace nnf {

struct CodeRequest;

/// The targets of --cpu, a name or several with commas, the best first: wider vectors, then more features, then the
/// later in the list. Errors: those of each target; a name that is missing or given twice; two CPUs that a program
/// cannot tell apart.
llvm::Expected<std::vector<CpuTarget>> cpuTargets(const CodeRequest &code);

/// The targets of --cuda-arch. A library has code for the oldest architecture, which runs on every later GPU, and for
/// those that are named. Errors: those of each target; several without a library; a name that is missing or given
/// twice.
llvm::Expected<std::vector<CudaTarget>> cudaTargets(const CodeRequest &code, bool isLibrary);

/// By what target the part of the graph that weights decide is compiled, once for all: weights have one layout. It is
/// the best one's, but that integers are bytes only where each version multiplies those.
TargetInfo sharedLayout(llvm::ArrayRef<CpuTarget> targets);

} // namespace nnf
#endif
