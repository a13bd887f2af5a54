// Result types of images sampled at computed positions.
#include "dialects/nnf/infer/Arguments.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Sampling.h.inc"

using namespace mlir;
namespace nnf {

NNF_INFER(AffineGridOp) {
  Value theta = op.getTheta();
  if (failed(expectFloat(loc, "theta", theta)) ||
      failed(expectRank(loc, "theta", theta, {3}, "[N, 2, 3] or [N, 3, 4]")))
    return failure();
  Ints size = op.getSize();
  if (size.size() != 4 && size.size() != 5)
    return argumentError(loc, "size") << size.size()
                                      << " entries, expected 4 [N, C, H, W] or 5 [N, C, D, H, W] [NNFC-E0212]";
  int64_t spatial = size.size() - 2;
  Shape shape, matrix = shapeOf(theta);
  for (int64_t entry : size) {
    if (entry < 1)
      return argumentError(loc, "size") << entry << ", expected at least 1 [NNFC-E0213]";
    shape.push_back(dimOf(loc.getContext(), entry));
  }
  Shape expected{shape[0], dimOf(loc.getContext(), spatial), dimOf(loc.getContext(), spatial + 1)};
  if (failed(expectShape(loc, "theta", theta, expected, spatial == 2 ? "[N, 2, 3]" : "[N, 3, 4]")))
    return failure();
  shape.erase(shape.begin() + 1);
  shape.push_back(expected[1]);
  types.push_back(tensorOf(shape, elementOf(theta)));
  return success();
}

NNF_INFER(GridSampleOp) {
  Value input = op.getInput(), grid = op.getGrid();
  if (failed(expectFloat(loc, "input", input)) || failed(expectElement(loc, "grid", grid, elementOf(input))) ||
      failed(expectRank(loc, "input", input, {4, 5}, "[N, C, H, W] or [N, C, D, H, W]")) ||
      failed(expectRank(loc, "grid", grid, {rankOf(input)}, "as 'input' has")) ||
      failed(expectSizes(loc, "input", input, 2)) ||
      failed(expectWord(loc, "mode", op.getMode(), {"bilinear", "nearest", "bicubic"})) ||
      failed(expectWord(loc, "padding_mode", op.getPaddingMode(), {"zeros", "border", "reflection"})))
    return failure();
  int64_t spatial = rankOf(input) - 2;
  if (op.getMode() == "bicubic" && spatial != 2)
    return argumentError(loc, "mode") << "'bicubic' with rank " << rankOf(input) << ", expected rank 4 [NNFC-E0207]";
  Shape shape = shapeOf(input), at = shapeOf(grid);
  if (failed(expectSize(loc, "grid", grid, 0, shape[0], "'input'")))
    return failure();
  if (!agrees(loc, "grid", at.back(), dimOf(loc.getContext(), spatial), spatial + 1))
    return argumentError(loc, "grid") << "last size " << toString(at.back()) << ", expected " << spatial
                                      << " [NNFC-E0208]";
  for (int64_t d = 0; d < spatial; ++d)
    shape[2 + d] = at[1 + d];
  types.push_back(tensorOf(shape, elementOf(input)));
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Sampling.cpp.inc"

void nnf::addSamplingOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Sampling.cpp.inc"
      >();
}
