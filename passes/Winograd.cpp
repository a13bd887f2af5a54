#include "passes/Winograd.h"

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

bool Winograd::pays(PrimConvOp op, const TargetInfo &target) const {
  auto isOne = [](int64_t n) { return n == 1; };
  Shape weight = shapeOf(op.getWeight()), kernel = op.kernelSizes(), out = shapeOf(op.getOutput());
  unsigned spatial = op.spatialRank();
  if (op.getLayout() != 1 || op.getPacked() || op.getGroups() != 1 || spatial < 1 || spatial > 2 ||
      !llvm::all_of(kernel, [](Dim n) { return isConstant(n, 3); }) || !llvm::all_of(op.getStride(), isOne) ||
      !llvm::all_of(op.getInputDilation(), isOne) || !llvm::all_of(op.getKernelDilation(), isOne) ||
      !constantsOf(weight))
    return false;
  auto channels = static_cast<double>(*constantOf(weight[spatial]));
  auto columns = static_cast<double>(*constantOf(weight[spatial + 1]));
  // Fewer would leave lanes idle, and make less use of each transformed input.
  constexpr double fewest = 16;
  if (channels < fewest || columns < fewest)
    return false;
  constexpr int64_t guess = 56;
  double batch = double(constantOf(out.front()).value_or(1)), positions = batch, tiles = batch, taps = 1, ofTile = 1;
  for (Dim dim : ArrayRef<Dim>(out).drop_front().drop_back()) {
    int64_t size = constantOf(dim).value_or(guess);
    positions *= double(size);
    tiles *= double(llvm::divideCeilSigned(size, outputs));
    taps *= 3;
    ofTile *= double(products());
  }
  // In multiply-adds. A transform's vectors are loaded, added a few times and stored.
  double lanes = double(target.lanes(4));
  double direct = positions * taps * channels * columns;
  double transforms = tiles * ofTile * (3 * channels + 2 * columns) * 2;
  double products = tiles * ofTile * channels * columns * 1.1 + transforms;
  // What a byte of weights costs that comes from afar.
  double perByte = lanes / 2;
  double directBytes = taps * channels * columns * 4, productBytes = ofTile * channels * columns * 4;
  return std::max(products, productBytes * perByte) < 0.9 * std::max(direct, directBytes * perByte);
}

} // namespace nnf
