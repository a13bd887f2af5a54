#include "codegen/ReplaceSymbols.h"

using namespace mlir;
namespace nnf {

Dim replaceSymbols(Dim dim, llvm::function_ref<Dim(unsigned)> value) {
  SmallVector<unsigned> symbols;
  collectSymbols(dim, symbols);
  if (symbols.empty())
    return dim;
  SmallVector<AffineExpr> values;
  for (unsigned i = 0, e = *llvm::max_element(symbols) + 1; i < e; ++i)
    values.push_back(getAffineSymbolExpr(i, dim.getContext()));
  for (unsigned symbol : symbols)
    values[symbol] = value(symbol);
  return simplify(dim.replaceSymbols(values));
}

} // namespace nnf
