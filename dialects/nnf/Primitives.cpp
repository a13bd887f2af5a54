// What primitives require of their operands. A broken one is a fault of a pass, not of a user's model.
#include "dialects/nnf/Nnf.h"

using namespace mlir;
namespace nnf {

static Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

static LogicalResult expectShape(Operation *op, ArrayRef<Dim> expected, Value result) {
  if (sameShape(expected, shapeOf(result)))
    return success();
  return op->emitOpError() << "has shape " << toString(shapeOf(result)) << ", expected " << toString(expected)
                           << " [NNFC-E0135]";
}

/// Every entry of `dims` names a dimension below `rank`, none twice.
static LogicalResult expectDims(Operation *op, ArrayRef<int64_t> dims, int64_t rank, bool increasing) {
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (dim < 0 || dim >= rank)
      return op->emitOpError() << "names dimension " << dim << " of a rank " << rank << " tensor [NNFC-E0135]";
    if (llvm::is_contained(dims.take_front(i), dim) || (increasing && i && dims[i - 1] > dim))
      return op->emitOpError() << "needs dimensions in increasing order [NNFC-E0135]";
  }
  return success();
}

static LogicalResult expectEntries(Operation *op, StringRef what, size_t found, size_t expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << what << " has " << found << " entries, expected " << expected << " [NNFC-E0135]";
}

LogicalResult PrimCompareOp::verify() {
  if (!elementOf(getOutput()).isInteger(1))
    return emitOpError() << "gives bool [NNFC-E0135]";
  return expectShape(*this, shapeOf(getLhs()), getOutput());
}

LogicalResult PrimSelectOp::verify() {
  if (!elementOf(getCondition()).isInteger(1))
    return emitOpError() << "needs a bool condition [NNFC-E0135]";
  return expectShape(*this, shapeOf(getCondition()), getOutput());
}

LogicalResult PrimConvertOp::verify() { return expectShape(*this, shapeOf(getInput()), getOutput()); }

LogicalResult PrimRngBitsOp::verify() {
  auto key = cast<RankedTensorType>(getKey().getType()), bits = cast<RankedTensorType>(getOutput().getType());
  if (key.getShape() != ArrayRef<int64_t>{3} || !key.getElementType().isSignlessInteger(64))
    return emitOpError("takes a key of type ") << key << ", expected tensor<3xi64> [NNFC-E0135]";
  if (!bits.getElementType().isUnsignedInteger(32))
    return emitOpError("gives elements of type ") << bits.getElementType() << ", expected ui32 [NNFC-E0135]";
  return success();
}

LogicalResult PrimReshapeOp::verify() {
  if (elementOf(getInput()) != elementOf(getOutput()))
    return emitOpError() << "keeps the element type [NNFC-E0135]";
  Shape in = shapeOf(getInput()), out = shapeOf(getOutput());
  if (auto a = constantsOf(in), b = constantsOf(out); a && b) {
    auto product = [](ArrayRef<int64_t> sizes) { return llvm::product_of(sizes); };
    if (product(*a) != product(*b))
      return emitOpError() << "changes the number of elements: " << toString(in) << " to " << toString(out)
                           << " [NNFC-E0135]";
  }
  return success();
}

OpFoldResult PrimReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<PrimReshapeOp>()) {
    getInputMutable().assign(inner.getInput());
    return getOutput();
  }
  return {};
}

LogicalResult PrimTransposeOp::verify() {
  Shape in = shapeOf(getInput()), out;
  if (failed(expectEntries(*this, "perm", getPerm().size(), in.size())) ||
      failed(expectDims(*this, getPerm(), in.size(), /*increasing=*/false)))
    return failure();
  for (int64_t dim : getPerm())
    out.push_back(in[dim]);
  return expectShape(*this, out, getOutput());
}

OpFoldResult PrimTransposeOp::fold(FoldAdaptor) {
  if (llvm::equal(getPerm(), llvm::seq<int64_t>(0, getPerm().size())) && getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<PrimTransposeOp>()) {
    SmallVector<int64_t> perm;
    for (int64_t dim : getPerm())
      perm.push_back(inner.getPerm()[dim]);
    getInputMutable().assign(inner.getInput());
    setPerm(perm);
    return getOutput();
  }
  return {};
}

LogicalResult PrimBroadcastOp::verify() {
  Shape in = shapeOf(getInput()), out = shapeOf(getOutput());
  if (failed(expectEntries(*this, "dims", getDims().size(), in.size())) ||
      failed(expectDims(*this, getDims(), out.size(), /*increasing=*/true)))
    return failure();
  for (auto [i, dim] : llvm::enumerate(getDims()))
    if (!isConstant(in[i], 1) && !sameDim(in[i], out[dim]))
      return emitOpError() << "size " << toString(in[i]) << " does not broadcast to " << toString(out[dim])
                           << " [NNFC-E0135]";
  return success();
}

OpFoldResult PrimBroadcastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  return {};
}

LogicalResult PrimSliceOp::verify() {
  size_t rank = shapeOf(getInput()).size();
  if (failed(expectEntries(*this, "start", getStart().getDims().size(), rank)) ||
      failed(expectEntries(*this, "step", getStep().size(), rank)) ||
      failed(expectEntries(*this, "shape", shapeOf(getOutput()).size(), rank)))
    return failure();
  return success();
}

LogicalResult PrimConcatOp::verify() {
  if (getInputs().empty())
    return emitOpError() << "needs operands [NNFC-E0135]";
  Shape out = shapeOf(getInputs()[0]);
  uint64_t dim = getDim();
  if (dim >= out.size())
    return emitOpError() << "names dimension " << dim << " of a rank " << out.size() << " tensor [NNFC-E0135]";
  for (Value input : getInputs().drop_front())
    out[dim] = out[dim] + shapeOf(input)[dim];
  return expectShape(*this, out, getOutput());
}

LogicalResult PrimPadOp::verify() {
  Shape in = shapeOf(getInput()), out;
  if (failed(expectEntries(*this, "low", getLow().size(), in.size())) ||
      failed(expectEntries(*this, "high", getHigh().size(), in.size())) ||
      failed(expectEntries(*this, "interior", getInterior().size(), in.size())))
    return failure();
  for (auto [i, dim] : llvm::enumerate(in)) {
    Dim spread = getInterior()[i] ? (dim - 1) * (getInterior()[i] + 1) + 1 : dim;
    out.push_back(spread + (getLow()[i] + getHigh()[i]));
  }
  return expectShape(*this, out, getOutput());
}

LogicalResult PrimReduceOp::verify() {
  Shape in = shapeOf(getInput()), out;
  if (failed(expectDims(*this, getDims(), in.size(), /*increasing=*/true)))
    return failure();
  if (getBlock() && getDims().empty())
    return emitOpError() << "has blocks of nothing [NNFC-E0135]";
  for (auto [i, dim] : llvm::enumerate(in))
    if (!llvm::is_contained(getDims(), static_cast<int64_t>(i)))
      out.push_back(dim);
    else if (getBlock() && static_cast<int64_t>(i) == getDims().front())
      out.push_back(dim.ceilDiv(getBlock()));
  return expectShape(*this, out, getOutput());
}

LogicalResult PrimArgReduceOp::verify() {
  Shape out = shapeOf(getInput());
  if (getDim() >= out.size())
    return emitOpError() << "names dimension " << getDim() << " of a rank " << out.size() << " tensor [NNFC-E0135]";
  if (getBlock())
    out[getDim()] = out[getDim()].ceilDiv(getBlock());
  else
    out.erase(out.begin() + getDim());
  return expectShape(*this, out, getOutput());
}

LogicalResult PrimReduceWindowOp::verify() {
  Shape in = shapeOf(getInput()), out;
  for (ArrayRef<int64_t> list : {getSize(), getStride(), getDilation(), getLow(), getHigh()})
    if (failed(expectEntries(*this, "a window list", list.size(), in.size())))
      return failure();
  for (auto [i, dim] : llvm::enumerate(in)) {
    Dim span = dim + (getLow()[i] + getHigh()[i] - getDilation()[i] * (getSize()[i] - 1) - 1);
    out.push_back(span.floorDiv(getStride()[i]) + 1);
  }
  return expectShape(*this, out, getOutput());
}

LogicalResult PrimDotOp::verify() {
  Shape lhs = shapeOf(getLhs()), rhs = shapeOf(getRhs()), out;
  if (getLhsBatch().size() != getRhsBatch().size() || getLhsContract().size() != getRhsContract().size())
    return emitOpError() << "pairs every batch and contracted dimension [NNFC-E0135]";
  for (auto [l, r] : llvm::zip(getLhsBatch(), getRhsBatch())) {
    if (!sameDim(lhs[l], rhs[r]))
      return emitOpError() << "batch sizes differ: " << toString(lhs[l]) << " and " << toString(rhs[r])
                           << " [NNFC-E0135]";
    out.push_back(lhs[l]);
  }
  for (auto [l, r] : llvm::zip(getLhsContract(), getRhsContract()))
    if (!sameDim(lhs[l], rhs[r]))
      return emitOpError() << "contracted sizes differ: " << toString(lhs[l]) << " and " << toString(rhs[r])
                           << " [NNFC-E0135]";
  auto rest = [&](ArrayRef<Dim> shape, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
    for (int64_t i = 0, e = shape.size(); i < e; ++i)
      if (!llvm::is_contained(batch, i) && !llvm::is_contained(contract, i))
        out.push_back(shape[i]);
  };
  rest(lhs, getLhsBatch(), getLhsContract());
  rest(rhs, getRhsBatch(), getRhsContract());
  return expectShape(*this, out, getOutput());
}

Shape PrimConvOp::kernelSizes() {
  if (getWinograd())
    return Shape(spatialRank(), dimOf(getContext(), 3));
  Shape weight = shapeOf(getWeight());
  unsigned first = getLayout() == 0 ? 2 : getPacked() ? 2 : 0;
  return Shape(weight.begin() + first, weight.begin() + first + spatialRank());
}

Dim PrimConvOp::channelsPerGroup() {
  Shape weight = shapeOf(getWeight());
  return getLayout() == 0 ? weight[1] : weight[weight.size() - 2];
}

LogicalResult PrimConvOp::verify() {
  Shape in = shapeOf(getInput()), weight = shapeOf(getWeight());
  size_t spatial = in.size() - 2;
  bool last = getLayout() == 1;
  if (in.size() < (last ? 2u : 3u) || weight.size() != in.size() + (getPacked() ? 2 : 0) || (getPacked() && !last))
    return emitOpError() << "has an input of shape " << toString(in) << " and a weight of shape " << toString(weight)
                         << " [NNFC-E0135]";
  for (ArrayRef<int64_t> list : {getStride(), getLow(), getHigh(), getInputDilation(), getKernelDilation()})
    if (failed(expectEntries(*this, "a spatial list", list.size(), spatial)))
      return failure();
  if (int64_t outputs = getWinograd()) {
    auto isOne = [](int64_t n) { return n == 1; };
    ArrayRef<Dim> products = ArrayRef<Dim>(weight).drop_front(2).take_front(spatial);
    if (!getPacked() || getGroups() != 1 || !llvm::all_of(getStride(), isOne) ||
        !llvm::all_of(getInputDilation(), isOne) || !llvm::all_of(getKernelDilation(), isOne) ||
        !llvm::all_of(products, [&](Dim n) { return isConstant(n, outputs + 2); }))
      return emitOpError() << "has winograd " << outputs << ", expected a packed weight of " << outputs + 2
                           << " products along each spatial dimension, one group, no stride and no dilation; found "
                           << toString(weight) << " [NNFC-E0135]";
  }
  size_t first = last ? 1 : 2, channel = last ? in.size() - 1 : 1;
  Shape expected(in), kernel = kernelSizes();
  expected[channel] = getPacked() ? shapeOf(getOutput())[channel] : last ? weight.back() : weight[0];
  for (size_t i = 0; i < spatial; ++i) {
    Dim spread = getInputDilation()[i] == 1 ? in[first + i] : (in[first + i] - 1) * getInputDilation()[i] + 1;
    Dim span = spread + (getLow()[i] + getHigh()[i] - 1) - (kernel[i] - 1) * getKernelDilation()[i];
    expected[first + i] = span.floorDiv(getStride()[i]) + 1;
  }
  return expectShape(*this, expected, getOutput());
}

LogicalResult PrimGatherOp::verify() {
  Shape in = shapeOf(getInput()), out;
  if (getIndices().empty() || getIndices().size() != getGatherDims().size())
    return emitOpError() << "needs one index tensor for each gathered dimension [NNFC-E0135]";
  if (failed(expectDims(*this, getGatherDims(), in.size(), /*increasing=*/true)))
    return failure();
  if ((getBounds() == BoundsKind::Fill) != static_cast<bool>(getFill()))
    return emitOpError() << "has a fill value exactly when bounds are `fill` [NNFC-E0135]";
  out = shapeOf(getIndices()[0]);
  for (auto [i, dim] : llvm::enumerate(in))
    if (!llvm::is_contained(getGatherDims(), static_cast<int64_t>(i)))
      out.push_back(dim);
  return expectShape(*this, out, getOutput());
}

LogicalResult PrimScatterOp::verify() {
  Shape in = shapeOf(getInput());
  if (getIndices().empty() || getIndices().size() != getScatterDims().size())
    return emitOpError() << "needs one index tensor for each dimension that is scattered to [NNFC-E0135]";
  if (failed(expectDims(*this, getScatterDims(), in.size(), /*increasing=*/true)))
    return failure();
  if (getBounds() == BoundsKind::Clamp)
    return emitOpError() << "has bounds clamp, expected error or fill [NNFC-E0135]";
  Shape updates = shapeOf(getIndices()[0]);
  for (Value index : getIndices().drop_front())
    if (failed(expectShape(*this, shapeOf(getIndices()[0]), index)))
      return failure();
  for (auto [i, dim] : llvm::enumerate(in))
    if (!llvm::is_contained(getScatterDims(), static_cast<int64_t>(i)))
      updates.push_back(dim);
  if (failed(expectShape(*this, updates, getUpdates())))
    return failure();
  return expectShape(*this, in, getOutput());
}

LogicalResult PrimSortOp::verify() {
  Shape in = shapeOf(getInput()), out = shapeOf(getValues());
  int64_t dim = getDim();
  if (getDim() >= in.size())
    return emitOpError() << "names dimension " << getDim() << " of a rank " << in.size() << " tensor [NNFC-E0135]";
  if (out.size() == in.size() && !sameDim(in[dim], out[dim])) {
    auto size = constantOf(in[dim]), count = constantOf(out[dim]);
    if (size && count && *count > *size)
      return emitOpError() << "gives " << toString(out[dim]) << " of " << toString(in[dim]) << " elements [NNFC-E0135]";
    in[dim] = out[dim];
  }
  if (failed(expectShape(*this, in, getValues())) || failed(expectShape(*this, in, getIndices())))
    return failure();
  return expectShape(*this, sortWorkspace(shapeOf(getInput()), dim, out[dim]), getWorkspace());
}

bool isSelection(Dim size, Dim count) {
  // Each of few is found by comparing a vector with the last of those; among more, the places would move too often.
  constexpr int64_t most = 128, share = 8;
  auto all = constantOf(size), some = constantOf(count);
  return all && some && *some <= most && *some * share <= *all;
}

Shape sortWorkspace(ArrayRef<Dim> shape, int64_t dim, Dim count) {
  MLIRContext *context = shape[dim].getContext();
  Shape rows(shape);
  rows.erase(rows.begin() + dim);
  // Each thread has scratch memory of its own: beyond a core's cache it would only be more.
  constexpr int64_t mostInScratch = 32 << 10;
  auto size = constantOf(shape[dim]);
  bool isInScratch = isSelection(shape[dim], count) || (size && *size <= mostInScratch);
  return {productOf(context, rows), isInScratch ? dimOf(context, 0) : simplify(shape[dim] * 4)};
}

LogicalResult PrimCumulateOp::verify() {
  if (getDim() >= shapeOf(getInput()).size())
    return emitOpError() << "names dimension " << getDim() << " of a rank " << shapeOf(getInput()).size()
                         << " tensor [NNFC-E0135]";
  return expectShape(*this, shapeOf(getInput()), getOutput());
}

LogicalResult PrimLoopOp::verify() {
  Block &body = getBody().front();
  auto sameTypes = [](TypeRange a, TypeRange b) { return llvm::equal(a, b); };
  auto yield = dyn_cast<YieldOp>(body.empty() ? nullptr : &body.back());
  TypeRange carried = getInits().getTypes();
  if (carried.empty() || getTrips().getDims().size() != 1)
    return emitOpError() << "needs a carried tensor and one number of trips [NNFC-E0135]";
  for (Value init : getInits())
    if (failed(expectShape(*this, shapeOf(getInits()[0]), init)))
      return failure();
  if (getRows() >= shapeOf(getInits()[0]).size())
    return emitOpError() << "has rows of " << getRows()
                         << " dimensions, expected fewer than the carried tensors have [NNFC-E0135]";
  SmallVector<Type> arguments{RankedTensorType::get({}, IntegerType::get(getContext(), 64))};
  llvm::append_range(arguments, getOperandTypes());
  if (!sameTypes(TypeRange(arguments), body.getArgumentTypes()))
    return emitOpError()
           << "has a body whose arguments are not the step, the carried and the captured tensors [NNFC-E0135]";
  if (!yield || !sameTypes(yield.getValues().getTypes(), carried) || !sameTypes(getFinals().getTypes(), carried) ||
      !sameTypes(getWorkspaces().getTypes(), carried))
    return emitOpError() << "gives other types than it carries [NNFC-E0135]";
  return success();
}

static void writesErrorState(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  effects.emplace_back(MemoryEffects::Write::get());
}

void PrimGatherOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (getBounds() == BoundsKind::Error)
    writesErrorState(effects);
}

void PrimScatterOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (getBounds() == BoundsKind::Error)
    writesErrorState(effects);
}

void RequireOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) { writesErrorState(effects); }
void SizeOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) { writesErrorState(effects); }
void LoopOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) { writesErrorState(effects); }
void IfOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) { writesErrorState(effects); }
void PrimCheckOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) { writesErrorState(effects); }

bool canFail(Operation *op) {
  if (auto gather = dyn_cast<PrimGatherOp>(op))
    return gather.getBounds() == BoundsKind::Error;
  if (auto scatter = dyn_cast<PrimScatterOp>(op))
    return scatter.getBounds() == BoundsKind::Error;
  return isa<PrimCheckOp>(op);
}

} // namespace nnf
