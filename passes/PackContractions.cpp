// Panels for weights, contiguous columns for everything else.
#include "dialects/nnf/Constness.h"
#include "passes/Passes.h"
#include "passes/Winograd.h"
#include "passes/decompose/Primitives.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Tunable.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_PACKCONTRACTIONS
#include "passes/Passes.h.inc"
namespace {

bool isTileable(Type element) { return isa<FloatType>(element) && elementBytes(element) >= 4; }

struct Packer {
  Constness &constness;
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
                                       "along each of one or two dimensions, at stride 1";
      failed = true;
    }
    return chosen;
  }

  /// *, C/groups, O -> groups, panels, *, C/groups, width; outputs past the last group's end are zeros.
  Value pack(Primitives &p, Value weight, int64_t groups, int64_t width) {
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
    return p.transpose(x, perm);
  }

  void packConv(PrimConvOp op) {
    Type element = Primitives::elementOf(op.getInput());
    auto isOne = [](int64_t d) { return d == 1; };
    Shape weight = shapeOf(op.getWeight()), in = shapeOf(op.getInput());
    if (op.getLayout() != 1 || op.getPacked() || !isTileable(element) || !constness.isConstant(op.getWeight()) ||
        !constantsOf(weight) || !llvm::all_of(op.getInputDilation(), isOne))
      return;
    int64_t groups = op.getGroups(), perGroup = *constantOf(op.channelsPerGroup());
    int64_t outputs = *constantOf(weight.back()) / groups;
    // Few channels in a group: lanes along the channels of all groups (the depthwise and map families) do better than
    // tiles.
    int64_t lanes = target.lanes(elementBytes(element));
    if (hasNarrowGroups(op, lanes) || (groups > 1 && (perGroup < 4 || outputs < 8)))
      return;
    OpBuilder builder(op);
    Primitives p(builder, op.getLoc());
    Value input = op.getInput();
    SmallVector<int64_t> low(op.getLow()), high(op.getHigh());
    // Taps of few channels are short runs: padding in memory joins the last dimension's taps to one run.
    bool shortRuns = perGroup < 16 && !llvm::all_of(constantsOf(op.kernelSizes()).value(), isOne);
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
    int64_t width = groups > 1 && outputs <= lanes ? lanes : 2 * lanes;
    std::string contraction =
        contractionKey({element, shapeOf(input), *constantOf(weight.back()), *constantsOf(op.kernelSizes()),
                        op.getStride(), low, high, op.getKernelDilation(), groups});
    int64_t tileOutputs = methodFor(op, contraction);
    if (failed)
      return;
    Value matrix = op.getWeight();
    if (tileOutputs)
      matrix = Winograd::of(tileOutputs).transformWeight(p, matrix);
    Value packed = pack(p, matrix, groups, width);
    Value conv = PrimConvOp::create(builder, op.getLoc(), op.getType(), input, packed, op.getStride(), low, high,
                                    op.getInputDilation(), op.getKernelDilation(), op.getGroups(), uint64_t(1),
                                    uint64_t(width), uint64_t(tileOutputs));
    op.replaceAllUsesWith(conv);
    op.erase();
  }

  /// A product with a constant matrix is a convolution without spatial extent: rows, then contracted channels.
  bool dotToConv(PrimDotOp op) {
    Type element = Primitives::elementOf(op.getLhs());
    Shape left = shapeOf(op.getLhs()), right = shapeOf(op.getRhs());
    if (!isTileable(element) || !op.getLhsBatch().empty() || op.getLhsContract().size() != 1 || left.size() < 2 ||
        right.size() != 2 || !constness.isConstant(op.getRhs()) || !constantsOf(right))
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
    Packer packer{constness, target, winograd, file ? &*file : nullptr};
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<PrimConvOp, PrimDotOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work) {
      constness.forget();
      if (auto conv = dyn_cast<PrimConvOp>(op))
        packer.packConv(conv);
      else if (!packer.dotToConv(cast<PrimDotOp>(op)))
        packer.straighten(cast<PrimDotOp>(op));
    }
    if (packer.failed)
      signalPassFailure();
  }
};

} // namespace
} // namespace nnf
