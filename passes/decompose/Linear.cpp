// Matrix products as primitives.
#include "dialects/nnf/infer/Promotion.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/MatrixProducts.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Linear.h.inc"

using namespace mlir;
namespace nnf {

Value withBatch(Primitives &p, Value x, ArrayRef<Dim> batch) {
  Shape shape(batch);
  llvm::append_range(shape, ArrayRef<Dim>(shapeOf(x)).take_back(2));
  return p.broadcastTo(x, shape);
}

Value batchedProduct(Primitives &p, Value a, Value b, bool transposed) {
  int64_t leading = p.rankOf(a) - 2;
  IntList batch = llvm::to_vector(llvm::seq<int64_t>(0, leading));
  return p.dot(a, b, batch, batch, {leading + 1}, {leading + (transposed ? 1 : 0)});
}

namespace {

Value linear(LinearOp, LinearOp::Adaptor x, Primitives &p) {
  int64_t last = p.rankOf(x.getInput()) - 1;
  Value y = p.dot(x.getInput(), x.getWeight(), {}, {}, {last}, {p.rankOf(x.getWeight()) - 1});
  return x.getBias() ? p.add(y, p.broadcastTo(x.getBias(), shapeOf(y))) : y;
}

/// t[..., o, j] = sum over i of x1[..., i] W[o, i, j], then each t[..., o, :] times x2[..., :]. With the weight as [i,
/// o j] the first is one product of matrices, whose columns are neighbours.
Value bilinear(BilinearOp, BilinearOp::Adaptor x, Primitives &p) {
  int64_t leading = p.rankOf(x.getInput1()) - 1;
  Shape weight = shapeOf(x.getWeight()), shape = shapeOf(x.getInput1());
  Value columns = p.reshape(p.transpose(x.getWeight(), {1, 0, 2}), {weight[1], simplify(weight[0] * weight[2])});
  Value t = p.dot(x.getInput1(), columns, {}, {}, {leading}, {0});
  shape.back() = weight[0];
  shape.push_back(weight[2]);
  Value y = p.sum(p.mul(p.reshape(t, shape), p.broadcastOver(x.getInput2(), shape, {leading})), {leading + 1});
  return x.getBias() ? p.add(y, p.broadcastTo(x.getBias(), shapeOf(y))) : y;
}

Value matmul(MatmulOp op, MatmulOp::Adaptor x, Primitives &p) {
  Value a = x.getInput(), b = x.getOther();
  int64_t left = p.rankOf(a), right = p.rankOf(b);
  // One matrix or vector on the right: the rows of all batches are the rows of one product.
  if (right <= 2)
    return p.dot(a, b, {}, {}, {left - 1}, {0});
  if (left == 1)
    a = p.unsqueeze(a, 0);
  Shape batch = *broadcastShapes(op.getLoc(), "other", ArrayRef<Dim>(shapeOf(a)).drop_back(2),
                                 ArrayRef<Dim>(shapeOf(b)).drop_back(2));
  Value y = batchedProduct(p, withBatch(p, a, batch), withBatch(p, b, batch));
  return p.reshape(y, shapeOf(op.getOutput()));
}

} // namespace

void addLinear(Decompositions &table) {
  table.add<LinearOp>(linear);
  table.add<BilinearOp>(bilinear);
  table.add<MatmulOp>(matmul);
  table.add<BmmOp>([](auto, auto x, auto &p) { return batchedProduct(p, x.getInput(), x.getMat2()); });
}

} // namespace nnf
