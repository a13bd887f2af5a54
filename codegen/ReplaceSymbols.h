// Sizes with other sizes in place of their symbols.
#ifndef NNF_CODEGEN_REPLACESYMBOLS_H
#define NNF_CODEGEN_REPLACESYMBOLS_H

#include "dialects/nnf/Dims.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace nnf {
/// The size with `value(symbol)` for each of its symbols (by the dialect's number), simplified.
Dim replaceSymbols(Dim dim, llvm::function_ref<Dim(unsigned)> value);
} // namespace nnf
#endif
