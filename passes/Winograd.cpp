#include "passes/Winograd.h"
#include "passes/CostModel.h"
#include "passes/LikelySizes.h"

using namespace mlir;
namespace nnf {

Winograd Winograd::of(int64_t outputs) {
  if (outputs == 2)
    return {2,
            {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
            {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
            {{1, 1, 1, 0}, {0, 1, -1, -1}}};
  assert(outputs == 4 && "F(2, 3) and F(4, 3)");
  return {4,
          {{4, 0, -5, 0, 1, 0},
           {0, -4, -4, 1, 1, 0},
           {0, 4, -4, -1, 1, 0},
           {0, -2, -1, 2, 1, 0},
           {0, 2, -1, -2, 1, 0},
           {0, 4, 0, -5, 0, 1}},
          {{1.0 / 4, 0, 0},
           {-1.0 / 6, -1.0 / 6, -1.0 / 6},
           {-1.0 / 6, 1.0 / 6, -1.0 / 6},
           {1.0 / 24, 1.0 / 12, 1.0 / 6},
           {1.0 / 24, -1.0 / 12, 1.0 / 6},
           {0, 0, 1}},
          {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}};
}

Value Winograd::transformWeight(Primitives &p, Value weight) const {
  // Dimension by dimension; the products come out in front, so that the last dimension of them goes first.
  int64_t spatial = Primitives::rankOf(weight) - 2;
  Type element = Primitives::elementOf(weight);
  SmallVector<double> entries;
  for (const auto &row : weights)
    llvm::append_range(entries, row);
  Shape shape{dimOf(p.context(), products()), dimOf(p.context(), 3)};
  Value matrix = p.reshape(p.vector(ArrayRef<double>(entries), element), shape);
  for (int64_t i = 0; i < spatial; ++i)
    weight = p.dot(matrix, weight, {}, {}, {1}, {spatial - 1});
  return weight;
}

bool Winograd::applies(PrimConvOp op) {
  auto isOne = [](int64_t n) { return n == 1; };
  Shape kernel = op.kernelSizes();
  return op.getLayout() == 1 && !op.getPacked() && op.getGroups() == 1 && op.spatialRank() >= 1 &&
         op.spatialRank() <= 2 && llvm::all_of(kernel, [](Dim n) { return isConstant(n, 3); }) &&
         llvm::all_of(op.getStride(), isOne) && llvm::all_of(op.getInputDilation(), isOne) &&
         llvm::all_of(op.getKernelDilation(), isOne) && constantsOf(shapeOf(op.getWeight()));
}

bool Winograd::pays(PrimConvOp op, const TargetInfo &target) const {
  if (!applies(op))
    return false;
  Shape weight = shapeOf(op.getWeight()), out = shapeOf(op.getOutput());
  unsigned spatial = op.spatialRank();
  auto channels = static_cast<double>(*constantOf(weight[spatial]));
  auto columns = static_cast<double>(*constantOf(weight[spatial + 1]));
  if (channels < figures::fewestWinogradChannels || columns < figures::fewestWinogradChannels)
    return false;
  double batch = double(std::max<int64_t>(1, LikelySizes::within(out.front(), figures::guessedSize).value_or(1))),
         positions = batch, tiles = batch, taps = 1, ofTile = 1;
  for (Dim dim : ArrayRef<Dim>(out).drop_front().drop_back()) {
    int64_t size = LikelySizes::of(dim, figures::guessedPositions);
    positions *= double(size);
    tiles *= double(llvm::divideCeilSigned(size, outputs));
    taps *= 3;
    ofTile *= double(products());
  }
  double lanes = double(target.lanes(4));
  double direct = positions * taps * channels * columns;
  double transforms = tiles * ofTile * (figures::transformOfInput * channels + figures::transformOfOutput * columns);
  double products = tiles * ofTile * channels * columns * figures::winogradProduct + transforms;
  double perByte = figures::perByteFromAfar(lanes);
  double directBytes = taps * channels * columns * 4, productBytes = ofTile * channels * columns * 4;
  return std::max(products, productBytes * perByte) < figures::winogradMargin * std::max(direct, directBytes * perByte);
}

} // namespace nnf
