#include "compiler/import/FunctionCall.h"

using namespace mlir;
namespace nnf {

const Function *functionOf(Operation *op) {
  StringRef name = op->getName().getStringRef();
  if (!name.consume_front("nnf."))
    return nullptr;
  bool isTwin;
  const Function *function = findFunction(std::string_view(name.data(), name.size()), &isTwin);
  return isTwin ? nullptr : function;
}

/// Sizes of groups of which only required ones are surely 1: from the op's segment attribute, or by what is left over.
static SmallVector<int32_t> segmentsOf(Operation *op, StringRef attribute, ArrayRef<bool> isRequired, size_t total) {
  if (auto sizes = op->getAttrOfType<DenseI32ArrayAttr>(attribute))
    return llvm::to_vector(sizes.asArrayRef());
  size_t loose = llvm::count(isRequired, false);
  size_t spare = total - (isRequired.size() - loose);
  SmallVector<int32_t> sizes;
  for (bool required : isRequired)
    sizes.push_back(required ? 1 : spare / loose);
  return sizes;
}

SmallVector<OperandRange> operandsByParameter(Operation *op, const Function &function) {
  SmallVector<bool> isRequired;
  for (const Parameter &parameter : function.parameters)
    if (parameter.isOperand())
      isRequired.push_back(parameter.kind != ParameterKind::Tensors && parameter.presence == Presence::Required);
  SmallVector<int32_t> sizes = segmentsOf(op, "operandSegmentSizes", isRequired, op->getNumOperands());
  SmallVector<OperandRange> ranges;
  unsigned at = 0, group = 0;
  for (const Parameter &parameter : function.parameters) {
    unsigned count = parameter.isOperand() ? sizes[group++] : 0;
    ranges.push_back(op->getOperands().slice(at, count));
    at += count;
  }
  return ranges;
}

unsigned recordResult(Operation *op, const Function &function, unsigned index) {
  SmallVector<bool> isRequired;
  for (const FunctionResult &result : function.results)
    isRequired.push_back(!result.isOptional && !result.isVariadic);
  SmallVector<int32_t> sizes = segmentsOf(op, "resultSegmentSizes", isRequired, op->getNumResults());
  unsigned record = 0;
  for (unsigned end = sizes[0]; index >= end; end += sizes[++record])
    ;
  return record;
}

SmallVector<std::pair<const Parameter *, Attribute>> givenAttributes(Operation *op, const Function &function) {
  // An op made with nothing given holds the defaults.
  Operation *plain = Operation::create(op->getLoc(), op->getName(), {}, {}, NamedAttrList(), OpaqueProperties(nullptr),
                                       BlockRange(), /*numRegions=*/0);
  SmallVector<std::pair<const Parameter *, Attribute>> given;
  for (const Parameter &parameter : function.parameters) {
    if (parameter.isOperand())
      continue;
    Attribute value = op->getAttr(StringRef(parameter.name));
    if (value && value != plain->getAttr(StringRef(parameter.name)))
      given.push_back({&parameter, value});
  }
  plain->destroy();
  return given;
}

} // namespace nnf
