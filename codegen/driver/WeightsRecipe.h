// How a program sets weights: the descriptor's nnf_weights_recipe, and the attributes of the module that it is made of.
#ifndef NNF_CODEGEN_DRIVER_WEIGHTSRECIPE_H
#define NNF_CODEGEN_DRIVER_WEIGHTSRECIPE_H

#include "codegen/driver/Descriptor.h"
#include "dialects/nnf/RawWeights.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace nnf {

/// {inputs, outputs, symbol}: the descriptor of what computes `outputs` weights called prepared.0, prepared.1, … from
/// these constants, by their names in the model file.
constexpr llvm::StringLiteral prepareAttr = "nnf.prepare";
/// Of a module whose descriptor is for another one's: its symbol, which is not exported.
constexpr llvm::StringLiteral descriptorSymbolAttr = "nnf.descriptor_symbol";
/// The bytes of the weights, to be a constant of the object itself.
constexpr llvm::StringLiteral inlineWeightsAttr = "nnf.inline_weights";

/// Makes the recipe of a module that nnf-pack-weights has seen; "" where weights cannot be set. `declare` declares a
/// symbol that another object defines.
std::string emitRecipe(mlir::ModuleOp module, Constants &constants,
                       llvm::function_ref<void(llvm::StringRef symbol)> declare);

} // namespace nnf
#endif
