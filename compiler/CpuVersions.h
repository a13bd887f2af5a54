// The CPUs that one library has code for.
#ifndef NNF_COMPILER_CPUVERSIONS_H
#define NNF_COMPILER_CPUVERSIONS_H

#include "codegen/cpu/Target.h"
#include <vector>

namespace nnf {

struct CodeRequest;

/// The targets of --cpu, a name or several with commas, the best first: wider vectors, then more features, then the
/// later in the list. Errors: those of each target; a name that is missing or given twice; two CPUs that a program
/// cannot tell apart.
llvm::Expected<std::vector<CpuTarget>> cpuTargets(const CodeRequest &code);

/// By what target the part of the graph that weights decide is compiled, once for all: weights have one layout. It is
/// the best one's, but that integers are bytes only where each version multiplies those.
TargetInfo sharedLayout(llvm::ArrayRef<CpuTarget> targets);

} // namespace nnf
#endif
