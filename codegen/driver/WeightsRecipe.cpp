#include "codegen/driver/WeightsRecipe.h"
#include "codegen/driver/DriverPlan.h"
#include "dialects/nnf/Nnf.h"
#include "runtime/abi.h"
#include <cstddef>

using namespace mlir;
namespace nnf {

std::string emitRecipe(ModuleOp module, Constants &constants, llvm::function_ref<void(StringRef)> declare) {
  auto raw = module->getAttrOfType<ArrayAttr>(rawWeightsAttr);
  if (!raw)
    return "";
  llvm::StringMap<int64_t> offsets; // of weights that are read
  for (func::FuncOp function : driverFunctions(module))
    for (WeightOp weight : function.front().getOps<WeightOp>())
      offsets[weight.getName()] = weight->getAttrOfType<IntegerAttr>("nnf.offset").getInt();
  auto offsetOf = [&](StringRef name) {
    auto found = offsets.find(name);
    return found == offsets.end() ? -1 : found->second;
  };
  llvm::StringMap<int64_t> inputs; // of what prepares, by names in the model file
  SmallVector<int64_t> prepared;
  std::string symbol;
  if (auto prepare = module->getAttrOfType<DictionaryAttr>(prepareAttr)) {
    for (auto [i, name] : llvm::enumerate(prepare.getAs<ArrayAttr>("inputs").getAsRange<StringAttr>()))
      inputs[name.getValue()] = i;
    for (int64_t i = 0, e = prepare.getAs<IntegerAttr>("outputs").getInt(); i < e; ++i)
      prepared.push_back(offsetOf("prepared." + std::to_string(i)));
    symbol = prepare.getAs<StringAttr>("symbol").str();
    declare(symbol);
  }
  SmallVector<Record> rows;
  for (auto weight : raw.getAsRange<DictionaryAttr>()) {
    StringRef name = weight.getAs<StringAttr>("name").getValue();
    auto type = cast<RankedTensorType>(weight.getAs<TypeAttr>("type").getValue());
    auto input = inputs.find(name);
    Record row(sizeof(nnf_raw_weight));
    row.address(offsetof(nnf_raw_weight, name), constants.text(name))
        .i32(offsetof(nnf_raw_weight, dtype), abiDType(type.getElementType()))
        .i32(offsetof(nnf_raw_weight, rank), type.getRank())
        .address(offsetof(nnf_raw_weight, dims), constants.list(type.getShape()))
        .i64(offsetof(nnf_raw_weight, offset), offsetOf(weight.getAs<StringAttr>("weight").getValue()))
        .i64(offsetof(nnf_raw_weight, prepare_input), input == inputs.end() ? -1 : input->second);
    rows.push_back(row);
  }
  Record recipe(sizeof(nnf_weights_recipe));
  recipe.i32(offsetof(nnf_weights_recipe, struct_size), sizeof(nnf_weights_recipe))
      .i32(offsetof(nnf_weights_recipe, num_raw), rows.size())
      .address(offsetof(nnf_weights_recipe, raw), constants.table("nnf.raw_weights", rows))
      .address(offsetof(nnf_weights_recipe, prepare), symbol)
      .address(offsetof(nnf_weights_recipe, prepared), constants.list(prepared));
  return constants.table("nnf.recipe", ArrayRef(recipe));
}

} // namespace nnf
