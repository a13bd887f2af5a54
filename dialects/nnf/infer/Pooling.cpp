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
      return argumentError(loc, "divisor_override") << "0, expected any other number";
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
    return argumentError(loc, "norm_type") << "0, expected any other number";
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
