// Constants, weights, control flow, kernels and launches.
#include "dialects/nnf/Nnf.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
namespace nnf {

static bool isInt64Scalar(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() == 0 && tensor.getElementType().isInteger(64);
}

LogicalResult RequireOp::verify() {
  if (getSizes().getDims().size() != 2)
    return emitOpError() << "has " << getSizes().getDims().size()
                         << " sizes, expected 2: value and tested [NNFC-E0135]";
  return success();
}

LogicalResult SizeOp::verify() {
  if (!isInt64Scalar(getScalar().getType()))
    return emitOpError() << "has a scalar of type " << getScalar().getType() << ", expected tensor<i64> [NNFC-E0135]";
  return success();
}

// ---- control flow

namespace {
/// The function that a control flow op runs; null after an error.
FunctionOpInterface bodyOf(Operation *op, FlatSymbolRefAttr name, SymbolTableCollection &symbols) {
  auto body = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(op, name);
  if (!body || body.isExternal() || isa<KernelOp>(body)) {
    op->emitOpError() << "names no function with a body: " << name << " [NNFC-E0135]";
    return {};
  }
  if (body->isAncestor(op)) {
    op->emitOpError() << "runs the function it is in: " << name << " [NNFC-E0135]";
    return {};
  }
  return body;
}
} // namespace

SmallVector<FlatSymbolRefAttr, 2> bodiesOf(Operation *op) {
  if (auto loop = dyn_cast<LoopOp>(op))
    return {loop.getBodyAttr()};
  if (auto branch = dyn_cast<IfOp>(op))
    return {branch.getThenBodyAttr(), branch.getElseBodyAttr()};
  return {};
}

Dim LoopOp::steps() { return getNumber() ? sizeOfData(getContext(), *getNumber()) : getTrips().getDims().front(); }

SmallVector<int64_t> LoopOp::openSizes(unsigned carried) {
  size_t first = 0, rank = shapeOf(getOutputs()[carried]).size();
  if (!getSizes())
    return SmallVector<int64_t>(rank, -1);
  for (Value before : getOutputs().take_front(carried))
    first += shapeOf(before).size();
  return SmallVector<int64_t>(getSizes()->slice(first, rank));
}

bool LoopOp::isOpen(unsigned carried) {
  return llvm::any_of(openSizes(carried), [](int64_t number) { return number >= 0; });
}

static SmallVector<int64_t> numbersIn(ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> numbers;
  llvm::copy_if(sizes, std::back_inserter(numbers), [](int64_t number) { return number >= 0; });
  return numbers;
}

SmallVector<int64_t> LoopOp::definedSizes() {
  SmallVector<int64_t> numbers = numbersIn(getSizes().value_or(ArrayRef<int64_t>()));
  if (getNumber())
    numbers.push_back(*getNumber());
  return numbers;
}

Type LoopOp::asCarried(unsigned carried, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  SmallVector<int64_t> numbers = openSizes(carried);
  if (!tensor || tensor.getRank() != static_cast<int64_t>(numbers.size()))
    return type;
  Shape shape = shapeOf(tensor);
  for (auto [size, number] : llvm::zip(shape, numbers))
    if (number >= 0)
      size = sizeOfData(getContext(), number);
  return tensorOf(shape, tensor.getElementType());
}

SmallVector<int64_t> IfOp::definedSizes() { return numbersIn(getSizes()); }

LogicalResult LoopOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FunctionOpInterface body = bodyOf(*this, getBodyAttr(), symbols);
  if (!body)
    return failure();
  if (getTrips().getDims().size() > 1 || (getTrips().getDims().empty() && !getNumber()))
    return emitOpError() << "has " << getTrips().getDims().size() << " numbers of steps, expected one [NNFC-E0135]";
  if (getOutputs().size() < numCarried() || (getNumber() && !numCarried()))
    return emitOpError() << "carries " << numCarried() << " tensors and has " << getOutputs().size()
                         << " results [NNFC-E0135]";
  size_t dims = 0;
  for (Value output : getOutputs().take_front(numCarried()))
    dims += shapeOf(output).size();
  if (getSizes() && getSizes()->size() != dims)
    return emitOpError() << "has " << getSizes()->size() << " sizes, expected " << dims
                         << ", one for each dimension of what it carries [NNFC-E0135]";
  SmallVector<Type> arguments{RankedTensorType::get({}, IntegerType::get(getContext(), 64))}, results;
  llvm::append_range(arguments, getOutputs().take_front(numCarried()).getTypes());
  llvm::append_range(arguments, getCaptures().getTypes());
  for (auto [i, output] : llvm::enumerate(getOutputs())) {
    Shape shape = shapeOf(output);
    Type element = cast<RankedTensorType>(output.getType()).getElementType();
    if (i < numCarried()) {
      if (asCarried(i, getInits()[i].getType()) != output.getType())
        return emitOpError() << "carries " << getInits()[i].getType() << " and gives " << output.getType()
                             << " [NNFC-E0135]";
    } else if (shape.empty() || !sameDim(shape.front(), steps())) {
      return emitOpError() << "stacks to " << output.getType() << ", expected a first size of " << toString(steps())
                           << " [NNFC-E0135]";
    } else {
      shape.erase(shape.begin());
    }
    results.push_back(tensorOf(shape, element));
  }
  if (getNumber() && !isInt64Scalar(getInits().front().getType()))
    return emitOpError() << "goes on by " << getInits().front().getType() << ", expected tensor<i64> [NNFC-E0135]";
  SmallVector<Type> returned(body.getResultTypes());
  for (unsigned i = 0; i < numCarried() && i < returned.size(); ++i)
    returned[i] = asCarried(i, returned[i]);
  if (!llvm::equal(body.getArgumentTypes(), arguments) || returned != results)
    return emitOpError() << "does not fit the signature of " << getBodyAttr() << " [NNFC-E0135]";
  return success();
}

LogicalResult IfOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!isInt64Scalar(getCondition().getType()))
    return emitOpError() << "has a condition of type " << getCondition().getType()
                         << ", expected tensor<i64> [NNFC-E0135]";
  size_t dims = 0;
  for (Value output : getOutputs())
    dims += shapeOf(output).size();
  if (getSizes().size() != dims)
    return emitOpError() << "has " << getSizes().size() << " sizes, expected " << dims
                         << ", one for each dimension [NNFC-E0135]";
  for (FlatSymbolRefAttr name : {getThenBodyAttr(), getElseBodyAttr()}) {
    FunctionOpInterface body = bodyOf(*this, name, symbols);
    if (!body)
      return failure();
    bool fits = llvm::equal(body.getArgumentTypes(), getCaptures().getTypes()) &&
                body.getResultTypes().size() == getOutputs().size();
    ArrayRef<int64_t> number = getSizes();
    for (size_t i = 0; fits && i < getOutputs().size(); ++i) {
      auto given = cast<RankedTensorType>(body.getResultTypes()[i]),
           type = cast<RankedTensorType>(getOutputs()[i].getType());
      fits = given.getElementType() == type.getElementType() && given.getRank() == type.getRank();
      if (!fits)
        break;
      for (auto [made, size] : llvm::zip(shapeOf(given), shapeOf(type))) {
        fits &= number.front() < 0 ? sameDim(made, size) : size == sizeOfData(getContext(), number.front());
        number = number.drop_front();
      }
    }
    if (!fits)
      return emitOpError() << "does not fit the signature of " << name << " [NNFC-E0135]";
  }
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
    return emitOpError() << "names no kernel: @" << getKernel() << " [NNFC-E0135]";
  if (auto kernel = dyn_cast<KernelOp>(target)) {
    if (kernel.getSymbols().size() != getSymbols().getDims().size())
      return emitOpError() << "binds " << getSymbols().getDims().size() << " sizes, @" << getKernel() << " has "
                           << kernel.getSymbols().size() << " [NNFC-E0135]";
    if (kernel.getArgumentTypes().size() != getInputs().size() || kernel.getResultTypes().size() != getOutputs().size())
      return emitOpError() << "does not fit the signature of @" << getKernel() << " [NNFC-E0135]";
  }
  return success();
}

} // namespace nnf
