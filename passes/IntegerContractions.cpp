// Quantised models say it in floats: integers are scaled, multiplied and quantised again. The scales can wait.
#include "dialects/nnf/Constness.h"
#include "passes/NarrowIntegers.h"
#include "passes/Passes.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_INTEGERCONTRACTIONS
#include "passes/Passes.h.inc"
namespace {

/// Floats that are integers times a scale.
struct Scaled {
  Value integers;   // 32 bits, narrow
  Value scale;      // rank 0, or rank 1 along dimension `dim`; null: 1
  int64_t dim = -1; // -1: one scale

  static std::optional<Scaled> of(Primitives &p, Value floats);
};

constexpr int64_t most = (1 << 15) - 1; // of narrow integers

/// A whole number in every place, as integers; or null.
Value wholeNumber(Primitives &p, ConstantOp constant) {
  auto numbers = dyn_cast<DenseFPElementsAttr>(constant.getValue());
  if (!numbers || !numbers.isSplat())
    return {};
  APFloat value = numbers.getSplatValue<APFloat>();
  double number = value.isInteger() ? value.convertToDouble() : most + 1.0;
  return std::abs(number) <= most ? p.full(shapeOf(constant.getOutput()), number, IntegerType::get(p.context(), 32))
                                  : Value();
}

/// The integers that floats are, of narrow ones: convert(integers), or a difference of two such; or null.
Value integersOf(Primitives &p, Value floats) {
  Type i32 = IntegerType::get(p.context(), 32);
  Operation *op = floats.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op))
    return wholeNumber(p, constant);
  if (auto sub = dyn_cast_or_null<PrimSubOp>(op)) {
    Value x = integersOf(p, sub.getLhs()), y = x ? integersOf(p, sub.getRhs()) : Value();
    return y ? p.sub(x, y) : Value();
  }
  if (auto broadcast = dyn_cast_or_null<PrimBroadcastOp>(op)) {
    Value x = integersOf(p, broadcast.getInput());
    return x ? p.broadcast(x, shapeOf(floats), broadcast.getDims()) : Value();
  }
  if (auto reshape = dyn_cast_or_null<PrimReshapeOp>(op)) {
    Value x = integersOf(p, reshape.getInput());
    return x ? p.reshape(x, shapeOf(floats)) : Value();
  }
  auto convert = dyn_cast_or_null<PrimConvertOp>(op);
  if (!convert || !isa<IntegerType>(Primitives::elementOf(convert.getInput())))
    return {};
  Value integers = p.convert(convert.getInput(), i32);
  auto magnitude = magnitudeOf(integers);
  return magnitude && *magnitude <= most ? integers : Value();
}

/// A vector that is repeated along all dimensions but one, as rank 1, and that dimension.
std::optional<std::pair<Value, int64_t>> vectorOf(Primitives &p, Value repeated) {
  auto broadcast = repeated.getDefiningOp<PrimBroadcastOp>();
  if (!broadcast)
    return std::nullopt;
  std::optional<int64_t> dim;
  for (auto [to, size] : llvm::zip(broadcast.getDims(), shapeOf(broadcast.getInput()))) {
    if (isConstant(size, 1))
      continue;
    if (dim)
      return std::nullopt;
    dim = to;
  }
  if (!dim)
    return std::nullopt;
  return std::pair(p.reshape(broadcast.getInput(), {shapeOf(repeated)[*dim]}), *dim);
}

std::optional<Scaled> Scaled::of(Primitives &p, Value floats) {
  Operation *op = floats.getDefiningOp();
  // Below a transpose, as that of Gemm's weight.
  if (auto transpose = dyn_cast_or_null<PrimTransposeOp>(op)) {
    std::optional<Scaled> inner = of(p, transpose.getInput());
    if (!inner)
      return std::nullopt;
    inner->integers = p.transpose(inner->integers, transpose.getPerm());
    if (inner->dim >= 0)
      inner->dim = llvm::find(transpose.getPerm(), inner->dim) - transpose.getPerm().begin();
    return inner;
  }
  if (Value integers = integersOf(p, floats))
    return Scaled{integers, {}, -1};
  auto mul = dyn_cast_or_null<PrimMulOp>(op);
  if (!mul)
    return std::nullopt;
  for (auto [x, scale] : {std::pair{mul.getLhs(), mul.getRhs()}, std::pair{mul.getRhs(), mul.getLhs()}}) {
    Value integers = integersOf(p, x);
    if (!integers)
      continue;
    if (Value one = repeatedNumber(p, scale))
      return Scaled{integers, one, -1};
    if (auto vector = vectorOf(p, scale))
      return Scaled{integers, vector->first, vector->second};
  }
  return std::nullopt;
}

/// Zeros around the spatial dimensions of a convolution's input that has no padding of its own; or null.
PrimPadOp zerosAround(PrimConvOp op) {
  auto pad = op.getInput().getDefiningOp<PrimPadOp>();
  auto value = pad ? pad.getValue().getDefiningOp<ConstantOp>() : ConstantOp();
  auto numbers = value ? dyn_cast<DenseFPElementsAttr>(value.getValue()) : DenseFPElementsAttr();
  auto isZero = [](int64_t n) { return n == 0; };
  auto isOne = [](int64_t n) { return n == 1; };
  auto isSpatial = [&](ArrayRef<int64_t> list) { return llvm::all_of(list.take_front(2), isZero); };
  bool taken = numbers && numbers.isSplat() && numbers.getSplatValue<APFloat>().isZero() && isSpatial(pad.getLow()) &&
               isSpatial(pad.getHigh()) && llvm::all_of(pad.getInterior(), isZero) &&
               llvm::all_of(op.getLow(), isZero) && llvm::all_of(op.getHigh(), isZero) &&
               llvm::all_of(op.getInputDilation(), isOne);
  return taken ? pad : PrimPadOp();
}

struct Rewriter {
  Constness constness;

  /// Every sum of so many products fits in 32 bits.
  static bool fits(const Scaled &x, const Scaled &y, Dim terms) {
    auto count = constantOf(terms);
    int64_t product = std::max<int64_t>(1, *magnitudeOf(x.integers) * *magnitudeOf(y.integers));
    return count && *count <= std::numeric_limits<int32_t>::max() / product;
  }

  void rewrite(PrimConvOp op) {
    if (op.getLayout() != 0 || !isa<FloatType>(Primitives::elementOf(op.getInput())) ||
        !constness.isConstant(op.getWeight()))
      return;
    OpBuilder builder(op);
    Primitives p(builder, op.getLoc());
    PrimPadOp pad = zerosAround(op);
    auto input = Scaled::of(p, pad ? pad.getInput() : op.getInput()), weight = Scaled::of(p, op.getWeight());
    Dim terms = simplify(productOf(op.getContext(), op.kernelSizes()) * op.channelsPerGroup());
    if (!input || !weight || input->dim >= 0 || weight->dim > 0 || !fits(*input, *weight, terms))
      return;
    Value sums =
        p.conv(input->integers, weight->integers, op.getStride(), pad ? pad.getLow().drop_front(2) : op.getLow(),
               pad ? pad.getHigh().drop_front(2) : op.getHigh(), op.getInputDilation(), op.getKernelDilation(),
               op.getGroups());
    replace(p, op, sums, *input, *weight, /*dim=*/1);
  }

  void rewrite(PrimDotOp op) {
    if (!isa<FloatType>(Primitives::elementOf(op.getLhs())) || !constness.isConstant(op.getRhs()) ||
        !op.getLhsBatch().empty() || op.getLhsContract().size() != 1 || shapeOf(op.getRhs()).size() != 2)
      return;
    OpBuilder builder(op);
    Primitives p(builder, op.getLoc());
    auto lhs = Scaled::of(p, op.getLhs()), rhs = Scaled::of(p, op.getRhs());
    Dim terms = shapeOf(op.getLhs())[op.getLhsContract()[0]];
    if (!lhs || !rhs || lhs->dim >= 0 || rhs->dim == op.getRhsContract()[0] || !fits(*lhs, *rhs, terms))
      return;
    Value sums = p.dot(lhs->integers, rhs->integers, {}, {}, op.getLhsContract(), op.getRhsContract());
    replace(p, op, sums, *lhs, *rhs, Primitives::rankOf(sums) - 1);
  }

  /// `dim`: that of the result along which the right operand's scales lie.
  static void replace(Primitives &p, Operation *op, Value sums, const Scaled &lhs, const Scaled &rhs, int64_t dim) {
    Value result = op->getResult(0);
    if (!lhs.scale && !rhs.scale) {
      // Integers again: no float needs to come between.
      for (Operation *user : llvm::make_early_inc_range(result.getUsers()))
        if (auto convert = dyn_cast<PrimConvertOp>(user)) {
          convert.replaceAllUsesWith(p.convert(sums, Primitives::elementOf(convert.getOutput())));
          convert.erase();
        }
    }
    Type type = Primitives::elementOf(result);
    Value scaled = p.convert(sums, type);
    Value scale = lhs.scale && rhs.scale ? p.mul(rhs.scale, lhs.scale) : lhs.scale ? lhs.scale : rhs.scale;
    if (scale)
      scaled = p.mul(scaled, rhs.dim >= 0 ? p.broadcastAlong(scale, shapeOf(scaled), dim) : scale);
    result.replaceAllUsesWith(scaled);
    op->erase();
  }
};

struct IntegerContractions : impl::IntegerContractionsBase<IntegerContractions> {
  void runOnOperation() override {
    Rewriter rewriter;
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<PrimConvOp, PrimDotOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work) {
      rewriter.constness.forget();
      if (auto conv = dyn_cast<PrimConvOp>(op))
        rewriter.rewrite(conv);
      else
        rewriter.rewrite(cast<PrimDotOp>(op));
    }
  }
};

} // namespace
} // namespace nnf
