// Result types of reads with computed indices, and of distances.
#include "dialects/nnf/infer/Promotion.h"
#include "dialects/nnf/infer/Reduction.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Indexing.h.inc"

using namespace mlir;
namespace nnf {

NNF_INFER(GatherOp) {
  Value input = op.getInput(), index = op.getIndex();
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), rankOf(input));
  if (failed(dim))
    return failure();
  // An index of no elements may have any rank and dtype.
  if (llvm::any_of(shapeOf(index), [](Dim size) { return isConstant(size, 0); })) {
    types.push_back(tensorOf(shapeOf(index), elementOf(input)));
    return success();
  }
  if (failed(expectIndices(loc, "index", index, /*narrow=*/true)))
    return failure();
  // A scalar counts as a vector of one.
  if (std::max<int64_t>(rankOf(index), 1) != std::max<int64_t>(rankOf(input), 1))
    return argumentError(loc, "index") << "rank " << rankOf(index) << ", expected " << rankOf(input)
                                       << " as 'input' has [NNFC-E0207]";
  Shape in = shapeOf(input), at = shapeOf(index);
  for (int64_t d = 0, rank = in.size(); rank > 1 && d < rank; ++d) {
    if (d != *dim && failed(requireSize(loc, "index", at[d], in[d] - at[d],
                                        "size {value} at dimension " + Twine(d) + ", expected at most " +
                                            toString(in[d]) + " as 'input' has [NNFC-E0208]")))
      return failure();
  }
  types.push_back(tensorOf(at, elementOf(input)));
  return success();
}

NNF_INFER(IndexSelectOp) {
  Shape shape = shapeOf(op.getInput());
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), shape.size());
  if (failed(dim) || failed(expectIndices(loc, "index", op.getIndex(), /*narrow=*/true)) ||
      failed(expectRank(loc, "index", op.getIndex(), {0, 1}, "[count] or []")))
    return failure();
  // An index without dimensions counts as one of one element.
  Shape index = shapeOf(op.getIndex());
  Dim count = index.empty() ? dimOf(loc.getContext(), 1) : index[0];
  if (!shape.empty())
    shape[*dim] = count;
  else if (!isConstant(count, 1))
    return argumentError(loc, "index") << "size " << toString(count)
                                       << ", expected 1 for an input of rank 0 [NNFC-E0207]";
  types.push_back(tensorOf(shape, elementOf(op.getInput())));
  return success();
}

NNF_INFER(NonzeroOp) {
  FailureOr<Dim> count = sizeOfData(loc, op.getAttributes());
  if (failed(count))
    return failure();
  Shape shape{*count, dimOf(loc.getContext(), rankOf(op.getInput()))};
  types.push_back(tensorOf(shape, IntegerType::get(loc.getContext(), 64)));
  return success();
}

template <typename Adaptor> static FailureOr<Shape> joinVectors(Location loc, Adaptor op) {
  if (failed(expectFloat(loc, "x1", op.getX1())) || failed(expectFloat(loc, "x2", op.getX2())))
    return failure();
  return broadcastAll(loc, {"x1", "x2"}, {op.getX1(), op.getX2()});
}

NNF_INFER(PairwiseDistanceOp) {
  FailureOr<Shape> shape = joinVectors(loc, op);
  if (failed(shape))
    return failure();
  // A scalar counts as a vector of one, but has no dimension to keep.
  int64_t last = static_cast<int64_t>(shape->size()) - 1;
  types.push_back(tensorOf(reducedShape(*shape, {last}, op.getKeepdim()), promoteTypes({op.getX1(), op.getX2()})));
  return success();
}

NNF_INFER(CosineSimilarityOp) {
  FailureOr<Shape> shape = joinVectors(loc, op);
  if (failed(shape))
    return failure();
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), shape->size());
  if (failed(dim))
    return failure();
  Shape out = shape->empty() ? Shape() : reducedShape(*shape, {*dim}, false); // a scalar is a vector of one
  types.push_back(tensorOf(out, promoteTypes({op.getX1(), op.getX2()})));
  return success();
}

NNF_INFER(PdistOp) {
  if (failed(expectFloat(loc, "input", op.getInput())) ||
      failed(expectRank(loc, "input", op.getInput(), {2}, "[M, D]")))
    return failure();
  if (op.getP() < 0 || std::isnan(op.getP()))
    return argumentError(loc, "p") << toString(op.getP()) << ", expected at least 0 [NNFC-E0213]";
  Dim rows = shapeOf(op.getInput())[0];
  types.push_back(tensorOf({simplify((rows * (rows - 1)).floorDiv(2))}, elementOf(op.getInput())));
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Indexing.cpp.inc"

void nnf::addIndexingOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Indexing.cpp.inc"
      >();
}
