#include "codegen/BindSymbols.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/IR/AttrTypeSubElements.h"

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

void bindSymbols(Operation *root, const llvm::DenseMap<unsigned, int64_t> &sizes) {
  MLIRContext *context = root->getContext();
  auto bind = [&](ArrayRef<Dim> dims) {
    Shape bound;
    for (Dim dim : dims)
      bound.push_back(replaceSymbols(dim, [&](unsigned symbol) {
        auto found = sizes.find(symbol);
        return found == sizes.end() ? getAffineSymbolExpr(symbol, context) : dimOf(context, found->second);
      }));
    return bound;
  };
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](DimsAttr dims) -> Attribute { return DimsAttr::get(context, bind(dims.getDims())); });
  replacer.addReplacement([&](RankedTensorType type) -> std::optional<std::pair<Type, WalkResult>> {
    if (!isa_and_nonnull<DimsAttr>(type.getEncoding()))
      return std::nullopt;
    return std::pair<Type, WalkResult>(tensorOf(bind(shapeOf(type)), type.getElementType()), WalkResult::skip());
  });
  replacer.recursivelyReplaceElementsIn(root, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
}

} // namespace nnf
