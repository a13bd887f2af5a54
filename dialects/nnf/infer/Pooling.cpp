// Result types of pooling.
#include "dialects/nnf/infer/Windows.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Pooling.h.inc"

using namespace mlir;
namespace nnf {

static LogicalResult pooled(Location loc, Value input, const FailureOr<Window> &window, bool withIndices,
                            SmallVectorImpl<Type> &types) {
  if (failed(window))
    return failure();
  FailureOr<Shape> shape = windowedShape(loc, input, *window);
  if (failed(shape))
    return failure();
  types.push_back(tensorOf(*shape, elementOf(input)));
  if (withIndices)
    types.push_back(tensorOf(*shape, IntegerType::get(loc.getContext(), 64)));
  return success();
}

template <typename Adaptor>
static LogicalResult inferAvgPool(Location loc, Adaptor op, SmallVectorImpl<Type> &types, int64_t spatial) {
  if constexpr (requires { op.getDivisorOverride(); })
    if (op.getDivisorOverride() == 0)
      return argumentError(loc, "divisor_override") << "0, expected any other number [NNFC-E0213]";
  FailureOr<Window> window = poolWindow(loc, op.getInput(), op.getKernelSize(), op.getStride(), op.getPadding(), {1},
                                        op.getCeilMode(), spatial);
  return pooled(loc, op.getInput(), window, false, types);
}
NNF_INFER_BY(AvgPool1dOp, inferAvgPool, 1)
NNF_INFER_BY(AvgPool2dOp, inferAvgPool, 2)
NNF_INFER_BY(AvgPool3dOp, inferAvgPool, 3)

template <typename Adaptor>
static LogicalResult inferMaxPool(Location loc, Adaptor op, SmallVectorImpl<Type> &types, int64_t spatial) {
  FailureOr<Window> window = poolWindow(loc, op.getInput(), op.getKernelSize(), op.getStride(), op.getPadding(),
                                        op.getDilation(), op.getCeilMode(), spatial);
  return pooled(loc, op.getInput(), window, op.getReturnIndices(), types);
}
NNF_INFER_BY(MaxPool1dOp, inferMaxPool, 1)
NNF_INFER_BY(MaxPool2dOp, inferMaxPool, 2)
NNF_INFER_BY(MaxPool3dOp, inferMaxPool, 3)

template <typename Adaptor>
static LogicalResult inferLpPool(Location loc, Adaptor op, SmallVectorImpl<Type> &types, int64_t spatial) {
  if (op.getNormType() == 0)
    return argumentError(loc, "norm_type") << "0, expected any other number [NNFC-E0213]";
  FailureOr<Window> window =
      poolWindow(loc, op.getInput(), op.getKernelSize(), op.getStride(), {0}, {1}, op.getCeilMode(), spatial);
  return pooled(loc, op.getInput(), window, false, types);
}
NNF_INFER_BY(LpPool1dOp, inferLpPool, 1)
NNF_INFER_BY(LpPool2dOp, inferLpPool, 2)
NNF_INFER_BY(LpPool3dOp, inferLpPool, 3)

static LogicalResult adaptivePooled(Location loc, Value input, Ints outputSize, int64_t spatial, bool withIndices,
                                    SmallVectorImpl<Type> &types) {
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  FailureOr<bool> batched = expectSpatial(loc, input, spatial);
  FailureOr<IntList> sizes = perDim(loc, "output_size", outputSize, spatial, spatial == 1 ? 0 : -1);
  if (failed(batched) || failed(sizes))
    return failure();
  Shape shape = shapeOf(input);
  for (int64_t i = 0; i < spatial; ++i)
    if ((*sizes)[i] >= 0)
      shape[*batched + 1 + i] = dimOf(loc.getContext(), (*sizes)[i]);
  types.push_back(tensorOf(shape, elementOf(input)));
  if (withIndices)
    types.push_back(tensorOf(shape, IntegerType::get(loc.getContext(), 64)));
  return success();
}

/// Output sizes as they were given, or as a share of the input's, rounded down.
static FailureOr<Shape> fractionalSizes(Location loc, ArrayRef<Dim> in, std::optional<Ints> sizes,
                                        std::optional<ArrayRef<double>> ratios) {
  int64_t spatial = in.size();
  if (sizes.has_value() == ratios.has_value())
    return argumentError(loc, "output_size") << (sizes ? "given beside 'output_ratio'" : "missing like 'output_ratio'")
                                             << ", expected one of the two [NNFC-E0215]";
  Shape out;
  if (sizes) {
    FailureOr<IntList> each = perDim(loc, "output_size", *sizes, spatial, 1);
    if (failed(each))
      return failure();
    for (int64_t size : *each)
      out.push_back(dimOf(loc.getContext(), size));
    return out;
  }
  if (ratios->size() != 1 && static_cast<int64_t>(ratios->size()) != spatial)
    return argumentError(loc, "output_ratio")
           << ratios->size() << " entries, expected 1 or " << spatial << " [NNFC-E0212]";
  for (auto [i, size] : llvm::enumerate(in)) {
    double ratio = (*ratios)[ratios->size() == 1 ? 0 : i];
    if (!(ratio > 0 && ratio < 1))
      return argumentError(loc, "output_ratio")
             << toString(ratio) << ", expected more than 0 and less than 1 [NNFC-E0213]";
    out.push_back(scaledBy(size, ratio));
    if (failed(requireSize(loc, "output_ratio", size, out.back() - 1,
                           toString(ratio) + " makes nothing of size {value}, expected at least 1 [NNFC-E0217]")))
      return failure();
  }
  return out;
}

template <typename Adaptor>
static LogicalResult fractionalPooled(Location loc, Adaptor op, SmallVectorImpl<Type> &types, int64_t spatial) {
  Value input = op.getInput(), samples = op.get_randomSamples();
  if (failed(expectFloat(loc, "input", input)))
    return failure();
  FailureOr<bool> batched = expectSpatial(loc, input, spatial);
  FailureOr<IntList> kernel = perDim(loc, "kernel_size", op.getKernelSize(), spatial, 1);
  if (failed(batched) || failed(kernel))
    return failure();
  MLIRContext *context = loc.getContext();
  Shape shape = shapeOf(input);
  FailureOr<Shape> sizes =
      fractionalSizes(loc, ArrayRef<Dim>(shape).take_back(spatial), op.getOutputSize(), op.getOutputRatio());
  if (failed(sizes))
    return failure();
  Shape expected{*batched ? shape[0] : dimOf(context, 1), shape[*batched], dimOf(context, spatial)};
  if (failed(expectElement(loc, "_random_samples", samples, elementOf(input))) ||
      failed(expectShape(loc, "_random_samples", samples, expected, "[N, C, " + std::to_string(spatial) + "]")))
    return failure();
  for (auto [i, out] : llvm::enumerate(*sizes)) {
    Dim &size = shape[*batched + 1 + i];
    // In three dimensions torch wants room to move.
    int64_t room = spatial == 3 ? 1 : 0;
    if (failed(requireSize(loc, "kernel_size", size, size - out - ((*kernel)[i] - 1 + room),
                           Twine((*kernel)[i]) + " with an output of " + toString(out) +
                               " from size {value}, expected a smaller one [NNFC-E0208]")))
      return failure();
    size = out;
  }
  types.push_back(tensorOf(shape, elementOf(input)));
  if (op.getReturnIndices())
    types.push_back(tensorOf(shape, IntegerType::get(context, 64)));
  return success();
}
NNF_INFER_BY(FractionalMaxPool2dOp, fractionalPooled, 2)
NNF_INFER_BY(FractionalMaxPool3dOp, fractionalPooled, 3)

#define NNF_INFER_ADAPTIVE(S)                                                                                          \
  NNF_INFER(AdaptiveAvgPool##S##dOp) {                                                                                 \
    return adaptivePooled(loc, op.getInput(), op.getOutputSize(), S, false, types);                                    \
  }                                                                                                                    \
  NNF_INFER(AdaptiveMaxPool##S##dOp) {                                                                                 \
    return adaptivePooled(loc, op.getInput(), op.getOutputSize(), S, op.getReturnIndices(), types);                    \
  }
NNF_INFER_ADAPTIVE(1)
NNF_INFER_ADAPTIVE(2)
NNF_INFER_ADAPTIVE(3)

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Pooling.cpp.inc"

void nnf::addPoolingOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Pooling.cpp.inc"
      >();
}
