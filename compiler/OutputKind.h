// What a compilation writes.
#ifndef NNF_COMPILER_OUTPUTKIND_H
#define NNF_COMPILER_OUTPUTKIND_H

#include "llvm/ADT/StringRef.h"
#include <optional>

namespace nnf {

enum class Emit { Shared, Object, Static, Assembly, LlvmIr, Cuda, Ptx, Cubin, Mlir };

/// By an extension, or what --emit= says; none: it is no kind of output.
std::optional<Emit> emitOf(llvm::StringRef text);

} // namespace nnf
#endif
