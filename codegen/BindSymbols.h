// Putting sizes in place of the symbols that tensor types are written with.
#ifndef NNF_CODEGEN_BINDSYMBOLS_H
#define NNF_CODEGEN_BINDSYMBOLS_H

#include "dialects/nnf/Dims.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir {
class Operation;
}

namespace nnf {
/// The size with `value(symbol)` for each of its symbols (by the dialect's number), simplified.
Dim replaceSymbols(Dim dim, llvm::function_ref<Dim(unsigned)> value);

/// Fixes symbols everywhere in the types and attributes below `root`.
void bindSymbols(mlir::Operation *root, const llvm::DenseMap<unsigned, int64_t> &sizes);
} // namespace nnf
#endif
