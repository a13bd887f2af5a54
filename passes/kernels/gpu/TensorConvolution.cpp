// Convolutions as products of matrices: rows are positions of the result, columns output channels of a group.
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Widening.h"
#include "passes/kernels/gpu/TensorProduct.h"

using namespace mlir;
namespace nnf {
namespace {

/// Output channels of a group from which on a tile, of which the others are empty, is faster than a map, which reads
/// both factors of each product: it gets some 8 products a cycle of a multiprocessor, the smallest tile 1 a column of
/// exact float32, 12 of 16-bit floats and 6 of tf32.
constexpr int64_t fewestFmaColumns = 9, fewestTensorColumns = 4;

/// The transpose that ends the computation of a kernel's result, behind reshapes; null: there is none.
PrimTransposeOp turnOf(Value result) {
  while (auto reshape = result.getDefiningOp<PrimReshapeOp>())
    result = reshape.getInput();
  return result.getDefiningOp<PrimTransposeOp>();
}

/// Whether all results are of the convolution's shape, or all of them transposes of it; none: neither.
std::optional<bool> isTurned(KernelOp kernel, PrimConvOp conv) {
  auto isTransposed = [&](Value result) {
    PrimTransposeOp turn = turnOf(result);
    return turn && sameShape(shapeOf(turn.getInput()), shapeOf(conv.getOutput()));
  };
  // First: a transpose may have the convolution's sizes.
  if (llvm::all_of(kernel.yielded(), isTransposed))
    return true;
  return KernelEmitter::yieldsShapeOf(kernel, conv.getOutput()) ? std::optional(false) : std::nullopt;
}

Dim columnsOf(PrimConvOp conv) {
  return simplify(shapeOf(conv.getOutput()).back().floorDiv(static_cast<int64_t>(conv.getGroups())));
}

/// Its kernel is a tile's, if its operands lie so.
bool isProduct(PrimConvOp conv, Type element) {
  return conv.getLayout() == 1 &&
         KernelEmitter::guess(columnsOf(conv)) >=
             (multiplierOf(element, conv) == Multiplier::Fma ? fewestFmaColumns : fewestTensorColumns);
}

StridedView compactViewOf(Value tensor) {
  Shape shape = shapeOf(tensor), strides(shape.size());
  Dim stride = dimOf(tensor.getContext(), 1);
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = simplify(stride);
    stride = stride * shape[d];
  }
  return {tensor, dimOf(tensor.getContext(), 0), strides};
}

/// The weight as columns: taps and channels are the contracted dimension.
std::optional<TensorOperand> weightOf(PrimConvOp conv, const StridedView &view) {
  Shape shape = shapeOf(conv.getWeight());
  Dim columns = columnsOf(conv);
  OperandDimensions dims;
  dims.free = {columns};
  dims.freeStrides = {view.strides.back()};
  dims.contracted = Shape(ArrayRef(shape).drop_back());
  dims.contractedStrides = Shape(ArrayRef(view.strides).drop_back());
  if (conv.getGroups() > 1)
    dims.batchStrides = {simplify(columns * view.strides.back())};
  return TensorOperand::of(view, dims);
}

} // namespace

std::optional<TensorProduct> TensorProduct::ofConvolution(KernelOp kernel) {
  PrimConvOp conv = soleOf<PrimConvOp>(kernel);
  std::optional<bool> turned = conv ? isTurned(kernel, conv) : std::nullopt;
  std::optional<TensorProduct> product = turned ? of(conv) : std::nullopt;
  if (!product || !isa<BlockArgument>(product->a.view.buffer) || !isa<BlockArgument>(product->b.view.buffer))
    return std::nullopt;
  product->turned = *turned;
  return product;
}

std::optional<TensorProduct> TensorProduct::of(PrimConvOp conv) {
  Value image = beforeWidening(conv.getInput()), columnsOfTaps = beforeWidening(conv.getWeight());
  std::optional<StridedView> input = stridedViewOf(image), weight = stridedViewOf(columnsOfTaps);
  // What does not lie so is stored in the order that it is read in.
  if (memoryOf(conv, conv.getInput()) == image)
    input = compactViewOf(image);
  if (!weight || !weightOf(conv, *weight))
    weight = compactViewOf(columnsOfTaps);
  if (elementOf(input->buffer) != elementOf(weight->buffer) || !elementOf(conv.getOutput()).isF32())
    return std::nullopt;
  Type element = elementOf(input->buffer);
  std::optional<ConvolutionRows> rows = ConvolutionRows::of(conv, *input);
  if (!rows || !isProduct(conv, element))
    return std::nullopt;
  MLIRContext *context = conv.getContext();
  Shape out = shapeOf(conv.getOutput());
  int64_t groups = conv.getGroups();
  std::optional<TensorOperand> b = weightOf(conv, *weight);
  if (!b)
    return std::nullopt;
  TensorOperand a{*input, {}, dimOf(context, 0), /*alongDepth=*/true, rows->copyBytes(*input)};
  Dim depth = simplify(productOf(context, conv.kernelSizes()) * rows->channels);
  TensorProduct product{conv.getOutput(),
                        element,
                        multiplierOf(element, conv),
                        a,
                        *b,
                        {},
                        Shape(ArrayRef(out).drop_back()),
                        {columnsOf(conv)},
                        depth,
                        rows};
  if (groups > 1) {
    product.batch = {dimOf(context, groups)};
    product.a.batchStrides = {simplify(rows->channels * rows->channelPitch)};
  }
  if (!product.hasDepthOfTiles())
    return std::nullopt;
  return product;
}

Value TensorProduct::memoryOf(PrimConvOp conv, Value operand) {
  Value narrow = beforeWidening(operand);
  std::optional<StridedView> view = stridedViewOf(narrow);
  if (!view)
    return narrow;
  Type element = elementOf(narrow);
  bool isTaken = true;
  if (!isProduct(conv, element))
    return view->buffer; // a map reads any view
  if (operand == conv.getWeight())
    isTaken = weightOf(conv, *view).has_value();
  else // of 4 bytes copies are as good as it takes, and there are none of 2
    isTaken = elementBytes(element) >= 4 || isConstant(view->strides.back(), 1) ||
              conv.channelsPerGroup().getLargestKnownDivisor() % 2 != 0;
  return isTaken ? view->buffer : narrow;
}

} // namespace nnf
