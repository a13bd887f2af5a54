// Result types of reductions.
#include "dialects/nnf/infer/Reduction.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Reduction.h.inc"

using namespace mlir;
namespace nnf {

Shape reducedShape(ArrayRef<Dim> shape, Ints dims, bool keep) {
  Shape result;
  for (auto [i, dim] : llvm::enumerate(shape)) {
    if (!llvm::is_contained(dims, static_cast<int64_t>(i)))
      result.push_back(dim);
    else if (keep)
      result.push_back(dimOf(dim.getContext(), 1));
  }
  return result;
}

static LogicalResult reduced(Location loc, Value input, std::optional<Ints> dim, bool keep, Type element,
                             SmallVectorImpl<Type> &types) {
  FailureOr<IntList> dims = wrapDims(loc, "dim", dim.value_or(Ints()), rankOf(input));
  if (failed(dims))
    return failure();
  types.push_back(tensorOf(reducedShape(shapeOf(input), *dims, keep), element));
  return success();
}

/// A single dimension as a list; none is all.
static std::optional<Ints> asList(const std::optional<int64_t> &dim) {
  return dim ? std::optional<Ints>(Ints(&*dim, 1)) : std::nullopt;
}

/// int64 for integers and bool.
static Type wideInteger(Type element) {
  return isFloat(element) ? element : IntegerType::get(element.getContext(), 64);
}

template <typename Adaptor> static LogicalResult summed(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  return reduced(loc, op.getInput(), op.getDim(), op.getKeepdim(),
                 op.getDtype().value_or(wideInteger(elementOf(op.getInput()))), types);
}
NNF_INFER_BY(SumOp, summed)

NNF_INFER(ProdOp) {
  std::optional<int64_t> dim = op.getDim();
  return reduced(loc, op.getInput(), asList(dim), op.getKeepdim(),
                 op.getDtype().value_or(wideInteger(elementOf(op.getInput()))), types);
}

NNF_INFER(MeanOp) {
  Type element = op.getDtype().value_or(elementOf(op.getInput()));
  if (!isFloat(element))
    return argumentError(loc, op.getDtype() ? "dtype" : "input")
           << "dtype " << dtypeName(element) << ", expected a float [NNFC-E0206]";
  return reduced(loc, op.getInput(), op.getDim(), op.getKeepdim(), element, types);
}

/// A size 0 among the reduced dimensions leaves nothing to choose from.
static LogicalResult expectNotEmpty(Location loc, Value input, std::optional<Ints> dim) {
  FailureOr<IntList> dims = wrapDims(loc, "dim", dim.value_or(Ints()), rankOf(input));
  if (failed(dims))
    return failure();
  for (int64_t d : *dims)
    if (Dim size = shapeOf(input)[d]; failed(requireSize(loc, "input", size, size - 1,
                                                         "size {value} at dimension " + Twine(d) +
                                                             ", expected at least 1 element to reduce [NNFC-E0217]")))
      return failure();
  return success();
}

template <typename Adaptor> static LogicalResult extreme(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  if (failed(expectNotEmpty(loc, op.getInput(), op.getDim())))
    return failure();
  return reduced(loc, op.getInput(), op.getDim(), op.getKeepdim(), elementOf(op.getInput()), types);
}
NNF_INFER_BY(AmaxOp, extreme)
NNF_INFER_BY(AminOp, extreme)

template <typename Adaptor> static LogicalResult position(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  if (isBool(elementOf(op.getInput())))
    return argumentError(loc, "input") << "dtype bool, expected a number [NNFC-E0206]";
  std::optional<int64_t> dim = op.getDim();
  if (failed(expectNotEmpty(loc, op.getInput(), asList(dim))))
    return failure();
  return reduced(loc, op.getInput(), asList(dim), op.getKeepdim(), IntegerType::get(loc.getContext(), 64), types);
}
NNF_INFER_BY(ArgmaxOp, position)
NNF_INFER_BY(ArgminOp, position)

template <typename Adaptor> static LogicalResult spread(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  if (failed(expectFloat(loc, "input", op.getInput())))
    return failure();
  return reduced(loc, op.getInput(), op.getDim(), op.getKeepdim(), elementOf(op.getInput()), types);
}
NNF_INFER_BY(VarOp, spread)
NNF_INFER_BY(StdOp, spread)
NNF_INFER_BY(NormOp, spread)

NNF_INFER(LogsumexpOp) {
  Type element = elementOf(op.getInput());
  return reduced(loc, op.getInput(), op.getDim(), op.getKeepdim(),
                 isFloat(element) ? element : Float32Type::get(loc.getContext()), types);
}

/// A bool; of uint8, torch's bool of old, a uint8.
template <typename Adaptor> static LogicalResult judged(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  Type element = elementOf(op.getInput());
  if (!element.isUnsignedInteger(8))
    element = IntegerType::get(loc.getContext(), 1);
  return reduced(loc, op.getInput(), op.getDim(), op.getKeepdim(), element, types);
}
NNF_INFER_BY(AllOp, judged)
NNF_INFER_BY(AnyOp, judged)

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Reduction.cpp.inc"

void nnf::addReductionOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Reduction.cpp.inc"
      >();
}
