// Constants, weights, kernels and launches.
#include "dialects/nnf/Nnf.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
namespace nnf {

LogicalResult RequireOp::verify() {
  if (getSizes().getDims().size() != 2)
    return emitOpError() << "has " << getSizes().getDims().size() << " sizes, expected 2: value and tested";
  return success();
}

LogicalResult SizeOp::verify() {
  auto type = cast<RankedTensorType>(getScalar().getType());
  if (type.getRank() != 0 || !type.getElementType().isInteger(64))
    return emitOpError() << "has a scalar of type " << type << ", expected tensor<i64>";
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto build = [](Builder &builder, ArrayRef<Type> inputs, ArrayRef<Type> outputs,
                  function_interface_impl::VariadicFlag,
                  std::string &) { return builder.getFunctionType(inputs, outputs); };
  return function_interface_impl::parseFunctionOp(parser, result, /*allowVariadic=*/false,
                                                  getFunctionTypeAttrName(result.name), build,
                                                  getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
                                           getArgAttrsAttrName(), getResAttrsAttrName());
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *target = symbols.lookupNearestSymbolFrom(*this, getKernelAttr());
  if (!target)
    return emitOpError() << "names no kernel: @" << getKernel();
  if (auto kernel = dyn_cast<KernelOp>(target)) {
    if (kernel.getSymbols().size() != getSymbols().getDims().size())
      return emitOpError() << "binds " << getSymbols().getDims().size() << " sizes, @" << getKernel() << " has "
                           << kernel.getSymbols().size();
    if (kernel.getArgumentTypes().size() != getInputs().size() || kernel.getResultTypes().size() != getOutputs().size())
      return emitOpError() << "does not fit the signature of @" << getKernel();
  }
  return success();
}

} // namespace nnf
