#include "passes/NarrowIntegers.h"
#include "dialects/nnf/RawWeights.h"
#include "dialects/nnf/WeightStore.h"

using namespace mlir;
namespace nnf {

static bool isMoved(Operation *op) { return isa_and_nonnull<PrimBroadcastOp, PrimReshapeOp, PrimTransposeOp>(op); }

static std::optional<int64_t> uniformOf(ConstantOp constant) {
  auto values = dyn_cast<DenseIntElementsAttr>(constant.getValue());
  if (!values || values.empty() || !llvm::all_equal(values.getValues<APInt>()))
    return std::nullopt;
  APInt value = *values.getValues<APInt>().begin();
  return Primitives::elementOf(constant.getOutput()).isUnsignedInteger() ? static_cast<int64_t>(value.getZExtValue())
                                                                         : value.getSExtValue();
}

static std::optional<int64_t> uniformOf(WeightOp op) {
  const Weight *weight = op->getContext()->getLoadedDialect<NnfDialect>()->weights().find(op.getName());
  auto type = weight ? dyn_cast<IntegerType>(weight->type.getElementType()) : IntegerType();
  if (!type || type.getWidth() != 8 || weight->bytes.empty() || !llvm::all_equal(weight->bytes) || canBeSet(op))
    return std::nullopt;
  uint8_t byte = weight->bytes.front();
  return type.isUnsigned() ? int64_t(byte) : int64_t(static_cast<int8_t>(byte));
}

std::optional<int64_t> uniformInteger(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  for (; op; op = op->getOperand(0).getDefiningOp()) {
    if (auto constant = dyn_cast<ConstantOp>(op))
      return uniformOf(constant);
    if (auto weight = dyn_cast<WeightOp>(op))
      return uniformOf(weight);
    // Between integers a conversion to more bits keeps the value.
    auto convert = dyn_cast<PrimConvertOp>(op);
    bool keeps = convert && isa<IntegerType>(Primitives::elementOf(convert.getInput())) &&
                 Primitives::elementOf(convert.getInput()).getIntOrFloatBitWidth() <
                     Primitives::elementOf(convert.getOutput()).getIntOrFloatBitWidth();
    if (!keeps && !isMoved(op))
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<int64_t> magnitudeOf(Value tensor) {
  auto type = dyn_cast<IntegerType>(Primitives::elementOf(tensor));
  if (!type)
    return std::nullopt;
  if (auto number = uniformInteger(tensor))
    return std::abs(*number);
  Operation *op = tensor.getDefiningOp();
  while (isMoved(op))
    op = op->getOperand(0).getDefiningOp();
  if (isa_and_nonnull<PrimSubOp, PrimAddOp>(op)) {
    auto x = magnitudeOf(op->getOperand(0)), y = magnitudeOf(op->getOperand(1));
    return x && y ? std::optional<int64_t>(*x + *y) : std::nullopt;
  }
  auto convert = dyn_cast_or_null<PrimConvertOp>(op);
  auto from = convert ? dyn_cast<IntegerType>(Primitives::elementOf(convert.getInput())) : IntegerType();
  if (!from || from.getWidth() >= type.getWidth())
    return std::nullopt;
  if (auto inner = magnitudeOf(convert.getInput()))
    return inner;
  if (from.getWidth() > 16)
    return std::nullopt;
  return from.isUnsigned() || from.getWidth() == 1 ? (int64_t(1) << from.getWidth()) - 1
                                                   : int64_t(1) << (from.getWidth() - 1);
}

std::optional<CentredBytes> CentredBytes::of(Value tensor) {
  CentredBytes found;
  Operation *op = tensor.getDefiningOp();
  for (; isa_and_nonnull<PrimReshapeOp, PrimTransposeOp>(op); op = op->getOperand(0).getDefiningOp())
    found.views.insert(found.views.begin(), op);
  if (auto sub = dyn_cast_or_null<PrimSubOp>(op)) {
    found.zero = sub.getRhs();
    op = sub.getLhs().getDefiningOp();
  }
  auto convert = dyn_cast_or_null<PrimConvertOp>(op);
  auto type = convert ? dyn_cast<IntegerType>(Primitives::elementOf(convert.getInput())) : IntegerType();
  if (!type || type.getWidth() != 8)
    return std::nullopt;
  found.bytes = convert.getInput();
  return found;
}

Value CentredBytes::viewed(Primitives &p, Value tensor) const {
  for (Operation *view : views)
    if (auto transpose = dyn_cast<PrimTransposeOp>(view))
      tensor = p.transpose(tensor, transpose.getPerm());
    else
      tensor = p.reshape(tensor, shapeOf(view->getResult(0)));
  return tensor;
}

Value repeatedNumber(Primitives &p, Value tensor) {
  auto isOne = [](Dim size) { return isConstant(size, 1); };
  if (llvm::all_of(shapeOf(tensor), isOne))
    return p.reshape(tensor, {});
  Operation *op = tensor.getDefiningOp();
  if (isMoved(op))
    return repeatedNumber(p, op->getOperand(0));
  if (auto convert = dyn_cast_or_null<PrimConvertOp>(op)) {
    Value number = repeatedNumber(p, convert.getInput());
    return number ? p.convert(number, Primitives::elementOf(tensor)) : Value();
  }
  if (auto constant = dyn_cast_or_null<ConstantOp>(op))
    if (auto values = dyn_cast<DenseElementsAttr>(constant.getValue()); values && values.isSplat())
      return p.number(values.getSplatValue<Attribute>(), Primitives::elementOf(tensor));
  return {};
}

} // namespace nnf
