#include "dialects/nnf/RawWeights.h"

using namespace mlir;
namespace nnf {

bool canBeSet(WeightOp weight) {
  auto module = weight->getParentOfType<ModuleOp>();
  auto raw = module ? module->getAttrOfType<ArrayAttr>(rawWeightsAttr) : ArrayAttr();
  return raw && llvm::any_of(raw.getAsRange<DictionaryAttr>(), [&](DictionaryAttr one) {
           return one.getAs<StringAttr>("weight").getValue() == weight.getName();
         });
}

} // namespace nnf
