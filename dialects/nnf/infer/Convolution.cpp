// Result types of convolutions.
#include "dialects/nnf/infer/Windows.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Convolution.h.inc"

using namespace mlir;
namespace nnf {

template <typename Adaptor>
static LogicalResult inferConv(Location loc, Adaptor op, SmallVectorImpl<Type> &types, int64_t spatial) {
  Value input = op.getInput();
  FailureOr<Window> window = convWindow(loc, input, op.getWeight(), op.getBias(), op.getStride(), op.getPadding(),
                                        op.getDilation(), op.getGroups(), spatial);
  if (failed(window))
    return failure();
  FailureOr<Shape> shape = windowedShape(loc, input, *window);
  if (failed(shape))
    return failure();
  (*shape)[window->batched] = shapeOf(op.getWeight())[0];
  types.push_back(tensorOf(*shape, elementOf(input)));
  return success();
}
NNF_INFER_BY(Conv1dOp, inferConv, 1)
NNF_INFER_BY(Conv2dOp, inferConv, 2)
NNF_INFER_BY(Conv3dOp, inferConv, 3)

template <typename Adaptor>
static LogicalResult inferConvTranspose(Location loc, Adaptor op, SmallVectorImpl<Type> &types, int64_t spatial) {
  Value input = op.getInput();
  FailureOr<Window> window =
      convTransposeWindow(loc, input, op.getWeight(), op.getBias(), op.getStride(), op.getPadding(),
                          op.getOutputPadding(), op.getGroups(), op.getDilation(), spatial);
  if (failed(window))
    return failure();
  Shape shape = shapeOf(input);
  shape[window->batched] = simplify(shapeOf(op.getWeight())[1] * op.getGroups());
  for (int64_t i = 0; i < spatial; ++i) {
    Dim &dim = shape[window->batched + 1 + i];
    int64_t span = window->dilation[i] * (window->size[i] - 1);
    dim = simplify((dim - 1) * window->stride[i] + (window->low[i] + window->high[i] - span + 1));
    if (failed(
            requireSize(loc, "padding", dim, dim - 1, "leaves a length of {value}, expected at least 1 [NNFC-E0217]")))
      return failure();
  }
  types.push_back(tensorOf(shape, elementOf(input)));
  return success();
}
NNF_INFER_BY(ConvTranspose1dOp, inferConvTranspose, 1)
NNF_INFER_BY(ConvTranspose2dOp, inferConvTranspose, 2)
NNF_INFER_BY(ConvTranspose3dOp, inferConvTranspose, 3)

NNF_INFER(ConvTbcOp) {
  Value input = op.getInput(), weight = op.getWeight();
  if (failed(expectFloat(loc, "input", input)) || failed(expectRank(loc, "input", input, {3}, "[T, B, in]")) ||
      failed(expectRank(loc, "weight", weight, {3}, "[k, in, out]")) ||
      failed(expectElement(loc, "weight", weight, elementOf(input))) ||
      failed(expectElement(loc, "bias", op.getBias(), elementOf(input))))
    return failure();
  Shape in = shapeOf(input), kernel = shapeOf(weight);
  if (!agrees(loc, "weight", kernel[1], in[2], 1))
    return argumentError(loc, "weight") << "shape " << toString(kernel) << ", expected " << toString(in[2])
                                        << " at dimension 1, the channels of 'input' [NNFC-E0208]";
  if (failed(expectShape(loc, "bias", op.getBias(), {kernel[2]}, "[out]")))
    return failure();
  if (static_cast<int64_t>(op.getPad()) < 0)
    return argumentError(loc, "pad") << op.getPad() << ", expected at least 0 [NNFC-E0213]";
  Dim length = simplify(in[0] + 2 * op.getPad() - kernel[0] + 1);
  if (failed(requireSize(loc, "weight", in[0] + 2 * op.getPad(), length - 1,
                         "a kernel of " + toString(kernel[0]) +
                             ", expected at most {value}, the padded input [NNFC-E0217]")))
    return failure();
  types.push_back(tensorOf({length, in[1], kernel[2]}, elementOf(input)));
  return success();
}

NNF_INFER(UnfoldOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  FailureOr<bool> batched = expectSpatial(loc, input, 2);
  FailureOr<IntList> sizes = perDim(loc, "kernel_size", op.getKernelSize(), 2, 1);
  FailureOr<IntList> dilations = perDim(loc, "dilation", op.getDilation(), 2, 1);
  FailureOr<IntList> pads = perDim(loc, "padding", op.getPadding(), 2, 0);
  FailureOr<IntList> strides = perDim(loc, "stride", op.getStride(), 2, 1);
  if (failed(batched) || failed(sizes) || failed(dilations) || failed(pads) || failed(strides))
    return failure();
  FailureOr<Shape> blocks = windowedShape(loc, input, {*batched, *sizes, *strides, *pads, *pads, *dilations});
  if (failed(blocks))
    return failure();
  Shape shape;
  if (*batched)
    shape.push_back((*blocks)[0]);
  shape.push_back((*blocks)[*batched] * ((*sizes)[0] * (*sizes)[1]));
  shape.push_back((*blocks)[*batched + 1] * (*blocks)[*batched + 2]);
  types.push_back(tensorOf(shape, elementOf(input)));
  return success();
}

NNF_INFER(FoldOp) {
  Value input = op.getInput();
  if (failed(expectFloat(loc, "input", input)) ||
      failed(expectRank(loc, "input", input, {3, 2}, "[N, C*kH*kW, blocks] or [C*kH*kW, blocks]")))
    return failure();
  FailureOr<IntList> image = perDim(loc, "output_size", op.getOutputSize(), 2, 1);
  FailureOr<IntList> sizes = perDim(loc, "kernel_size", op.getKernelSize(), 2, 1);
  FailureOr<IntList> dilations = perDim(loc, "dilation", op.getDilation(), 2, 1);
  FailureOr<IntList> pads = perDim(loc, "padding", op.getPadding(), 2, 0);
  FailureOr<IntList> strides = perDim(loc, "stride", op.getStride(), 2, 1);
  if (failed(image) || failed(sizes) || failed(dilations) || failed(pads) || failed(strides))
    return failure();
  MLIRContext *context = loc.getContext();
  Shape shape = shapeOf(input);
  int64_t rows = rankOf(input) - 2, volume = (*sizes)[0] * (*sizes)[1], blocks = 1;
  FailureOr<Dim> channels = requireQuotient(loc, "input", shape[rows], dimOf(context, volume),
                                            "size {value} at dimension " + Twine(rows) + ", expected a multiple of " +
                                                Twine(volume) + ", the elements of a block [NNFC-E0216]");
  if (failed(channels))
    return failure();
  for (int i : {0, 1}) {
    int64_t span = (*image)[i] + 2 * (*pads)[i] - (*dilations)[i] * ((*sizes)[i] - 1) - 1;
    if (span < 0)
      return argumentError(loc, "output_size")
             << (*image)[i] << ", expected one that holds a block with padding [NNFC-E0213]";
    blocks *= span / (*strides)[i] + 1;
  }
  if (!agrees(loc, "input", shape[rows + 1], dimOf(context, blocks), rows + 1))
    return argumentError(loc, "input") << "size " << toString(shape[rows + 1]) << " at dimension " << rows + 1
                                       << ", expected " << blocks << ", the number of blocks [NNFC-E0208]";
  shape[rows] = *channels;
  shape[rows + 1] = dimOf(context, (*image)[0]);
  shape.push_back(dimOf(context, (*image)[1]));
  types.push_back(tensorOf(shape, elementOf(input)));
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Convolution.cpp.inc"

void nnf::addConvolutionOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Convolution.cpp.inc"
      >();
}
