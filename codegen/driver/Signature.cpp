#include "codegen/driver/Signature.h"
#include "runtime/abi.h"

using namespace mlir;
namespace nnf {

std::optional<unsigned> Signature::indexOf(unsigned symbol) const {
  auto found = llvm::find(symbols, symbol);
  if (found == symbols.end())
    return std::nullopt;
  return found - symbols.begin();
}

uint32_t abiDType(Type element) {
  if (element.isF32())
    return NNF_FLOAT32;
  if (element.isF64())
    return NNF_FLOAT64;
  if (element.isF16())
    return NNF_FLOAT16;
  if (element.isBF16())
    return NNF_BFLOAT16;
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return 0;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1: return NNF_BOOL;
  case 8: return isUnsigned ? NNF_UINT8 : NNF_INT8;
  case 16: return isUnsigned ? NNF_UINT16 : NNF_INT16;
  case 32: return isUnsigned ? NNF_UINT32 : NNF_INT32;
  case 64: return isUnsigned ? NNF_UINT64 : NNF_INT64;
  default: return 0;
  }
}

Value storageOf(Value value) {
  while (auto reshape = value.getDefiningOp<PrimReshapeOp>())
    value = reshape.getInput();
  return value;
}

static std::string nameOr(Attribute name, StringRef kind, unsigned index) {
  if (auto text = dyn_cast_or_null<StringAttr>(name))
    return text.str();
  return (kind + Twine(index)).str();
}

FailureOr<Signature> readSignature(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal()) {
    emitError(module.getLoc()) << "the module has no function @main [NNFC-E0132]";
    return failure();
  }
  Signature signature;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    TensorSignature input;
    input.name = nameOr(main.getArgAttr(i, "nnf.name"), "input", i);
    input.type = dyn_cast<RankedTensorType>(main.getArgumentTypes()[i]);
    if (!input.type || !abiDType(input.type.getElementType())) {
      emitError(main.getLoc()) << "input '" << input.name << "': type " << main.getArgumentTypes()[i]
                               << ", expected a tensor of a known element type [NNFC-E0133]";
      return failure();
    }
    for (Dim dim : shapeOf(input.type)) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && !derivationOf(dim)) {
        if (!signature.indexOf(symbol.getPosition()))
          signature.symbols.push_back(symbol.getPosition());
      } else if (!constantOf(dim)) {
        emitError(main.getLoc()) << "input '" << input.name << "': size " << toString(dim)
                                 << ", expected a number or one symbol [NNFC-E0133]";
        return failure();
      }
    }
    if (auto tied = main.getArgAttrOfType<IntegerAttr>(i, "nnf.inout"))
      input.tied = tied.getInt();
    signature.inputs.push_back(std::move(input));
  }
  for (unsigned j = 0; j < main.getNumResults(); ++j) {
    TensorSignature output;
    output.name = nameOr(main.getResultAttr(j, "nnf.name"), "output", j);
    output.type = dyn_cast<RankedTensorType>(main.getResultTypes()[j]);
    if (!output.type || !abiDType(output.type.getElementType())) {
      emitError(main.getLoc()) << "output '" << output.name << "': type " << main.getResultTypes()[j]
                               << ", expected a tensor of a known element type [NNFC-E0133]";
      return failure();
    }
    for (Dim dim : shapeOf(output.type)) {
      SmallVector<unsigned> symbols;
      collectInputSymbols(dim, symbols);
      for (unsigned symbol : symbols)
        if (!signature.indexOf(symbol)) {
          emitError(main.getLoc()) << "output '" << output.name << "': size " << toString(dim)
                                   << " has a symbol that no input binds [NNFC-E0136]";
          return failure();
        }
    }
    signature.outputs.push_back(std::move(output));
  }
  for (auto [i, input] : llvm::enumerate(signature.inputs)) {
    if (input.tied < 0)
      continue;
    if (input.tied >= static_cast<int32_t>(signature.outputs.size()) ||
        signature.outputs[input.tied].type != input.type || signature.outputs[input.tied].tied >= 0) {
      emitError(main.getLoc()) << "in-out input '" << input.name << "': output " << input.tied
                               << " is no output of its type, or another input's [NNFC-E0133]";
      return failure();
    }
    signature.outputs[input.tied].tied = i;
  }
  return signature;
}

} // namespace nnf
