// Result types of sorting, running sums, and writes to computed places.
#include "dialects/nnf/infer/Windows.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Ordering.h.inc"

using namespace mlir;
namespace nnf {

static Type i64Type(Location loc) { return IntegerType::get(loc.getContext(), 64); }

NNF_INFER(SortOp) {
  Value input = op.getInput();
  if (failed(wrapDim(loc, "dim", op.getDim(), rankOf(input))))
    return failure();
  types.append({input.getType(), tensorOf(shapeOf(input), i64Type(loc))});
  return success();
}

NNF_INFER(ArgsortOp) {
  Value input = op.getInput();
  if (failed(wrapDim(loc, "dim", op.getDim(), rankOf(input))))
    return failure();
  types.push_back(tensorOf(shapeOf(input), i64Type(loc)));
  return success();
}

NNF_INFER(TopkOp) {
  Value input = op.getInput();
  Shape shape = shapeOf(input);
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), shape.size());
  if (failed(dim))
    return failure();
  int64_t k = op.getK();
  Dim size = shape.empty() ? dimOf(loc.getContext(), 1) : shape[*dim];
  if (k < 0)
    return argumentError(loc, "k") << k << ", expected 0 to " << toString(size) << " [NNFC-E0213]";
  if (failed(requireSize(loc, "k", size, size - k, Twine(k) + ", expected 0 to {value} [NNFC-E0213]")))
    return failure();
  if (!shape.empty())
    shape[*dim] = dimOf(loc.getContext(), k);
  types.append({tensorOf(shape, elementOf(input)), tensorOf(shape, i64Type(loc))});
  return success();
}

/// A sum or a product of input[0..i] at each i of `dim`.
template <typename Running> static LogicalResult inferRunning(Running op, Location loc, SmallVectorImpl<Type> &types) {
  Value input = op.getInput();
  Shape shape = shapeOf(input);
  FailureOr<int64_t> dim = wrapDim(loc, "dim", op.getDim(), shape.size());
  if (failed(dim))
    return failure();
  Type element = elementOf(input);
  types.push_back(tensorOf(shape, op.getDtype().value_or(isFloat(element) ? element : i64Type(loc))));
  return success();
}

NNF_INFER(CumsumOp) { return inferRunning(op, loc, types); }

NNF_INFER(CumprodOp) { return inferRunning(op, loc, types); }

/// index of input's rank, int64 or int32, nowhere larger than input but along `dim`, and src at least as large. A
/// scalar counts as a vector of one; an index of no elements may have any rank and dtype.
static LogicalResult expectPlaces(Location loc, Value input, int64_t dim, Value index, Value src) {
  FailureOr<int64_t> at = wrapDim(loc, "dim", dim, rankOf(input));
  if (failed(at))
    return failure();
  if (llvm::any_of(shapeOf(index), [](Dim size) { return isConstant(size, 0); }))
    return src ? expectElement(loc, "src", src, elementOf(input)) : success();
  IntList ranks = rankOf(input) > 1 ? IntList{rankOf(input)} : IntList{0, 1};
  if (failed(expectIndices(loc, "index", index, /*narrow=*/true)) ||
      failed(expectRank(loc, "index", index, ranks, "as 'input' has")))
    return failure();
  auto asVector = [&](Value value) {
    Shape shape = shapeOf(value);
    return shape.empty() ? Shape{dimOf(loc.getContext(), 1)} : shape;
  };
  Shape in = asVector(input), places = asVector(index);
  auto where = [](int64_t d) { return "size {value} at dimension " + std::to_string(d) + ", expected at "; };
  for (int64_t d = 0, rank = in.size(); d < rank; ++d)
    if (d != *at && failed(requireSize(loc, "index", places[d], in[d] - places[d],
                                       where(d) + "most " + toString(in[d]) + " as 'input' has [NNFC-E0208]")))
      return failure();
  if (!src)
    return success();
  if (failed(expectElement(loc, "src", src, elementOf(input))) ||
      failed(expectRank(loc, "src", src, ranks, "as 'input' has")))
    return failure();
  Shape given = asVector(src);
  for (int64_t d = 0, rank = in.size(); d < rank; ++d)
    if (failed(requireSize(loc, "src", given[d], given[d] - places[d],
                           where(d) + "least " + toString(places[d]) + " as 'index' has [NNFC-E0208]")))
      return failure();
  return success();
}

NNF_INFER(ScatterOp) {
  Value src = op.getSrc();
  if (static_cast<bool>(src) == static_cast<bool>(op.getValue()))
    return argumentError(loc, "src") << (src ? "given beside 'value'" : "missing like 'value'")
                                     << ", expected one of the two [NNFC-E0215]";
  types.push_back(op.getInput().getType());
  double number = numberAsDouble(src ? src : op.getValue()).value_or(0);
  if (failed(expectHeld(loc, src ? "src" : "value", number, elementOf(op.getInput()))))
    return failure();
  // A number may stand for src, as torch has it.
  return expectPlaces(loc, op.getInput(), op.getDim(), op.getIndex(), numberOf(src) ? Value() : src);
}

NNF_INFER(ScatterAddOp) {
  types.push_back(op.getInput().getType());
  return expectPlaces(loc, op.getInput(), op.getDim(), op.getIndex(), op.getSrc());
}

template <typename Adaptor>
static LogicalResult unpooled(Location loc, Adaptor op, SmallVectorImpl<Type> &types, int64_t spatial) {
  Value input = op.getInput();
  if (failed(expectIndices(loc, "indices", op.getIndices(), /*narrow=*/false)) ||
      failed(expectShape(loc, "indices", op.getIndices(), shapeOf(input), "the shape of 'input'")))
    return failure();
  FailureOr<Window> window =
      poolWindow(loc, input, op.getKernelSize(), op.getStride(), op.getPadding(), {1}, false, spatial);
  if (failed(window))
    return failure();
  Shape shape = shapeOf(input);
  int64_t first = shape.size() - spatial;
  Ints given = op.getOutputSize().value_or(Ints());
  if (!given.empty() && static_cast<int64_t>(given.size()) != spatial &&
      static_cast<int64_t>(given.size()) != spatial + 2)
    return argumentError(loc, "output_size")
           << given.size() << " entries, expected " << spatial << " or " << spatial + 2 << " [NNFC-E0212]";
  given = given.take_back(given.empty() ? 0 : spatial);
  for (int64_t i = 0; i < spatial; ++i) {
    Dim &dim = shape[first + i];
    int64_t stride = window->stride[i];
    dim = simplify((dim - 1) * stride + (window->size[i] - 2 * window->low[i]));
    if (given.empty()) {
      if (failed(requireSize(loc, "padding", dim, dim - 1,
                             "leaves a length of {value}, expected at least 1 [NNFC-E0217]")))
        return failure();
      continue;
    }
    Dim asked = dimOf(loc.getContext(), given[i]);
    std::string text =
        std::to_string(given[i]) + ", expected less than " + std::to_string(stride) + " away from {value}";
    if (failed(requireSize(loc, "output_size", dim, asked - dim + (stride - 1), text + " [NNFC-E0213]")) ||
        failed(requireSize(loc, "output_size", dim, dim - asked + (stride - 1), text + " [NNFC-E0213]")))
      return failure();
    dim = asked;
  }
  types.push_back(tensorOf(shape, elementOf(input)));
  return success();
}
NNF_INFER_BY(MaxUnpool1dOp, unpooled, 1)
NNF_INFER_BY(MaxUnpool2dOp, unpooled, 2)
NNF_INFER_BY(MaxUnpool3dOp, unpooled, 3)

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Ordering.cpp.inc"

void nnf::addOrderingOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Ordering.cpp.inc"
      >();
}
