// Panels for weights, contiguous columns for everything else.
#include "dialects/nnf/Constness.h"
#include "passes/IntegerOperands.h"
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/Winograd.h"
#include "passes/decompose/Primitives.h"
#include "passes/kernels/Contraction.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Tunable.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_PACKCONTRACTIONS
#include "passes/Passes.h.inc"
namespace {

bool isFloat(Value tensor) { return isa<FloatType>(Primitives::elementOf(tensor)); }

/// Floats of 4 bytes or more, or integers that tiles multiply.
bool isTileable(Value lhs, Value rhs) {
  return isFloat(lhs) ? elementBytes(Primitives::elementOf(lhs)) >= 4 : isNarrowProduct(lhs, rhs);
}

/// The 16-bit floats that a tensor is in float32, below reshapes and transposes, which are repeated on them; or null.
Value sixteenBits(Primitives &p, Value tensor) {
  SmallVector<Operation *> views;
  Operation *op = tensor.getDefiningOp();
  for (; isa_and_nonnull<PrimReshapeOp, PrimTransposeOp>(op); op = op->getOperand(0).getDefiningOp())
    views.push_back(op);
  auto convert = dyn_cast_or_null<PrimConvertOp>(op);
  if (!convert || !Primitives::elementOf(tensor).isF32())
    return {};
  Value narrow = convert.getInput();
  if (Type type = Primitives::elementOf(narrow); !type.isF16() && !type.isBF16())
    return {};
  for (Operation *view : llvm::reverse(views))
    if (auto transpose = dyn_cast<PrimTransposeOp>(view))
      narrow = p.transpose(narrow, transpose.getPerm());
    else
      narrow = p.reshape(narrow, shapeOf(view->getResult(0)));
  return narrow;
}

struct Packer {
  Constness &constness;
  IntegerOperandMaker integers;
  TargetInfo target;
  int64_t winograd;               // outputs of a tile; 0: never
  const Tuning *tuning = nullptr; // what a file says; null: none
  bool failed = false;            // ... and what cannot be done, which has been reported

  /// Outputs of a tile of Winograd's algorithm for a convolution; 0: direct sums.
  int64_t methodFor(PrimConvOp op, const std::string &contraction) {
    const Tuning::Line *line = tuning ? tuning->methodOf(contraction) : nullptr;
    if (!line)
      return winograd && Winograd::of(winograd).pays(op, target) ? winograd : 0;
    int64_t chosen = *line->choice.winograd;
    if (chosen && !Winograd::applies(op)) {
      op.emitError("tuning, line ") << line->number << ": " << line->choice.text()
                                    << " found, expected direct: Winograd's algorithm is for convolutions of 3 taps "
                                       "along each of one or two dimensions, at stride 1 [NNFC-E0406]";
      failed = true;
    }
    return chosen;
  }

  /// *, C/groups, O -> groups, panels, *, C/groups, width; outputs past the last group's end are zeros. Within a panel
  /// `step` channels of one output lie beside each other.
  Value pack(Primitives &p, Value weight, int64_t groups, int64_t width, int64_t step) {
    Shape shape = shapeOf(weight);
    int64_t rank = shape.size(), outputs = *constantOf(shape.back()), perGroup = outputs / groups;
    int64_t panels = llvm::divideCeilSigned(perGroup, width);
    MLIRContext *context = weight.getContext();
    // Split O into groups and panels.
    Shape split(shape.begin(), shape.end() - 1);
    split.append({dimOf(context, groups), dimOf(context, perGroup)});
    Value x = p.reshape(weight, split);
    SmallVector<int64_t> zero(rank + 1, 0), high(rank + 1, 0);
    high.back() = panels * width - perGroup;
    x = p.pad(x, 0.0, zero, high);
    split.pop_back();
    split.append({dimOf(context, panels), dimOf(context, width)});
    x = p.reshape(x, split);
    // *, C, groups, panels, width -> groups, panels, *, C, width
    SmallVector<int64_t> perm{rank - 1, rank};
    for (int64_t i = 0; i < rank - 1; ++i)
      perm.push_back(i);
    perm.push_back(rank + 1);
    x = p.transpose(x, perm);
    if (step == 1)
      return x;
    Shape panel = shapeOf(x), steps(panel);
    steps[rank] = dimOf(context, *constantOf(panel[rank]) / step);
    steps.insert(steps.end() - 1, dimOf(context, step));
    SmallVector<int64_t> interleaved = llvm::to_vector(llvm::seq<int64_t>(0, rank + 3));
    std::swap(interleaved[rank + 1], interleaved[rank + 2]);
    return p.reshape(p.transpose(p.reshape(x, steps), interleaved), panel);
  }

  void pack(PrimConvOp op) {
    if (packConv(op) || isFloat(op.getInput()))
      return;
    if (PrimConvOp floats = convOfFloats(op)) {
      constness.forget();
      packConv(floats);
    }
  }

  void pack(PrimDotOp op) {
    if (dotToConv(op))
      return;
    if (!isFloat(op.getLhs()))
      if (PrimDotOp floats = dotOfFloats(op))
        op = floats;
    straighten(op);
  }

  bool packConv(PrimConvOp op) {
    Type element = Primitives::elementOf(op.getInput());
    auto isOne = [](int64_t d) { return d == 1; };
    Shape weight = shapeOf(op.getWeight()), in = shapeOf(op.getInput());
    if (op.getLayout() != 1 || op.getPacked() || !isTileable(op.getInput(), op.getWeight()) ||
        !constness.isConstant(op.getWeight()) || !constantsOf(weight) || !llvm::all_of(op.getInputDilation(), isOne))
      return false;
    int64_t groups = op.getGroups(), perGroup = *constantOf(op.channelsPerGroup());
    int64_t outputs = *constantOf(weight.back()) / groups;
    // Few channels in a group: lanes along the channels of all groups (the depthwise and map families) do better than
    // tiles.
    int64_t lanes = target.lanes(elementBytes(element));
    if (hasNarrowGroups(op, lanes) || (groups > 1 && (perGroup < 4 || outputs < 8)))
      return false;
    OpBuilder builder(op);
    Primitives p(builder, op.getLoc());
    Value input = op.getInput(), matrix = op.getWeight(), correction;
    SmallVector<int64_t> low(op.getLow()), high(op.getHigh());
    if (!isFloat(input)) {
      IntegerOperands operands = integers.make(p, op);
      input = operands.input;
      matrix = operands.weight;
      low = operands.low;
      high = operands.high;
      correction = operands.correction;
    }
    // Taps of few channels are short runs: padding in memory joins the last dimension's taps to one run.
    bool shortRuns = perGroup < fewestOfRun && !llvm::all_of(constantsOf(op.kernelSizes()).value(), isOne);
    auto positive = [](int64_t n) { return n > 0; };
    if (shortRuns && (llvm::any_of(low, positive) || llvm::any_of(high, positive))) {
      SmallVector<int64_t> padLow{0}, padHigh{0};
      padLow.append(low);
      padHigh.append(high);
      padLow.push_back(0);
      padHigh.push_back(0);
      input = p.pad(input, 0.0, padLow, padHigh);
      low.assign(low.size(), 0);
      high.assign(high.size(), 0);
    }
    int64_t width = groups > 1 && outputs <= lanes ? lanes : 2 * lanes, tileOutputs = 0;
    if (isFloat(matrix)) {
      std::string contraction =
          contractionKey({element, shapeOf(input), *constantOf(weight.back()), *constantsOf(op.kernelSizes()),
                          op.getStride(), low, high, op.getKernelDilation(), groups});
      tileOutputs = methodFor(op, contraction);
      if (failed)
        return true; // of no use any more
    }
    if (tileOutputs) {
      matrix = Winograd::of(tileOutputs).transformWeight(p, matrix);
    } else if (Value narrow = staysNarrow(weight) ? sixteenBits(p, matrix) : Value();
               narrow && isWidenedFast(Primitives::elementOf(narrow))) {
      matrix = narrow;
    }
    Type stored = Primitives::elementOf(matrix);
    Value packed = pack(p, matrix, groups, width, OperandTypes::of(stored, stored, element).step);
    Value conv = PrimConvOp::create(builder, op.getLoc(), op.getType(), input, packed, op.getStride(), low, high,
                                    op.getInputDilation(), op.getKernelDilation(), op.getGroups(), uint64_t(1),
                                    uint64_t(width), uint64_t(tileOutputs));
    if (correction)
      conv = p.sub(conv, p.broadcastAlong(correction, shapeOf(conv), shapeOf(conv).size() - 1));
    op.replaceAllUsesWith(conv);
    op.erase();
    return true;
  }

  /// A vector of such floats becomes float32 in a few instructions: panels may hold them as they are.
  bool isWidenedFast(Type narrow) const { return narrow.isBF16() || target.hasF16c; }
  /// Fewer weights than these stay in cache as float32, and are better widened once.
  static bool staysNarrow(ArrayRef<Dim> weight) {
    constexpr int64_t fewest = 128 << 10;
    return *constantOf(productOf(weight.front().getContext(), weight)) >= fewest;
  }

  /// A product with a constant matrix is a convolution without spatial extent: rows, then contracted channels.
  bool dotToConv(PrimDotOp op) {
    Shape left = shapeOf(op.getLhs()), right = shapeOf(op.getRhs());
    if (!isTileable(op.getLhs(), op.getRhs()) || !op.getLhsBatch().empty() || op.getLhsContract().size() != 1 ||
        left.size() < 2 || right.size() != 2 || !constness.isConstant(op.getRhs()) || !constantsOf(right))
      return false;
    OpBuilder builder(op);
    Primitives p(builder, op.getLoc());
    int64_t rank = left.size(), contracted = op.getLhsContract()[0];
    SmallVector<int64_t> perm;
    for (int64_t i = 0; i < rank; ++i)
      if (i != contracted)
        perm.push_back(i);
    perm.push_back(contracted);
    Value input = p.transpose(op.getLhs(), perm);
    Value weight = op.getRhsContract()[0] == 0 ? op.getRhs() : p.transpose(op.getRhs(), {1, 0});
    unsigned spatial = rank - 2;
    Shape kernel(spatial, dimOf(op.getContext(), 1));
    kernel.append(shapeOf(weight));
    weight = p.reshape(weight, kernel);
    SmallVector<int64_t> ones(spatial, 1), zeros(spatial, 0);
    constness.forget();
    auto conv = PrimConvOp::create(builder, op.getLoc(), op.getType(), input, weight, ones, zeros, zeros, ones, ones,
                                   uint64_t(1), uint64_t(1));
    op.replaceAllUsesWith(conv.getOutput());
    op.erase();
    packConv(conv);
    return true;
  }

  /// Computed right operand: batch, contracted, columns, so that a row of columns is contiguous.
  void straighten(PrimDotOp op) {
    Shape right = shapeOf(op.getRhs());
    int64_t rank = right.size(), batch = op.getRhsBatch().size();
    if (op.getRhsContract().size() != 1 || rank != batch + 2)
      return;
    SmallVector<int64_t> perm(op.getRhsBatch());
    perm.push_back(op.getRhsContract()[0]);
    for (int64_t i = 0; i < rank; ++i)
      if (!llvm::is_contained(perm, i)) {
        perm.push_back(i);
        break;
      }
    if (llvm::is_sorted(perm))
      return;
    OpBuilder builder(op);
    Primitives p(builder, op.getLoc());
    op.getRhsMutable().assign(p.transpose(op.getRhs(), perm));
    op.setRhsBatch(llvm::to_vector(llvm::seq<int64_t>(0, batch)));
    op.setRhsContract(ArrayRef<int64_t>{batch});
  }
};

struct PackContractions : impl::PackContractionsBase<PackContractions> {
  using PackContractionsBase::PackContractionsBase;
  void runOnOperation() override {
    LikelySizes likelySizes(getOperation()->getParentOfType<ModuleOp>());
    Constness constness;
    TargetInfo target;
    target.vectorBytes = vectorBytes;
    std::optional<Tuning> file;
    if (!tuning.empty()) {
      llvm::Expected<Tuning> read = Tuning::read(tuning);
      if (!read) {
        getOperation().emitError("tuning: ") << llvm::toString(read.takeError());
        return signalPassFailure();
      }
      file = std::move(*read);
    }
    target.hasF16c = hasF16c;
    Packer packer{constness, IntegerOperandMaker(constness, byteDots), target, winograd, file ? &*file : nullptr};
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<PrimConvOp, PrimDotOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work) {
      constness.forget();
      if (auto conv = dyn_cast<PrimConvOp>(op))
        packer.pack(conv);
      else
        packer.pack(cast<PrimDotOp>(op));
    }
    if (packer.failed)
      signalPassFailure();
  }
};

} // namespace
} // namespace nnf
