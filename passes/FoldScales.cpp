// Batch normalisation disappears into the convolution before it.
#include "dialects/nnf/Constness.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"
#include "passes/decompose/Primitives.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_FOLDSCALES
#include "passes/Passes.h.inc"
namespace {

bool isConstantValue(Value value) { return Constness().isConstant(value); }

/// A constant vector repeated along dimension `dim`, or null.
Value alongDimension(Value value, int64_t dim) {
  auto broadcast = value.getDefiningOp<PrimBroadcastOp>();
  if (!broadcast || broadcast.getDims() != ArrayRef<int64_t>{dim} || !isConstantValue(broadcast.getInput()))
    return {};
  return broadcast.getInput();
}

// conv(x, w) * s[channel] -> conv(x, w * s)
struct ScaleIntoWeight : OpRewritePattern<PrimMulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimMulOp op, PatternRewriter &rewriter) const override {
    for (auto [x, y] : {std::pair{op.getLhs(), op.getRhs()}, std::pair{op.getRhs(), op.getLhs()}}) {
      auto conv = x.getDefiningOp<PrimConvOp>();
      if (!conv || conv.getLayout() != 0 || !conv->hasOneUse() || !isConstantValue(conv.getWeight()))
        continue;
      Value scale = alongDimension(y, 1);
      if (!scale)
        continue;
      Primitives p(rewriter, op.getLoc());
      Shape shape = shapeOf(conv.getWeight());
      // One entry per output channel; a vector of one is repeated by its own broadcast.
      if (!sameDim(shapeOf(scale)[0], shape[0]))
        continue;
      Value weight = p.mul(conv.getWeight(), p.broadcastAlong(scale, shape, 0));
      auto scaled = PrimConvOp::create(rewriter, conv.getLoc(), conv.getType(), conv.getInput(), weight,
                                       conv.getStride(), conv.getLow(), conv.getHigh(), conv.getInputDilation(),
                                       conv.getKernelDilation(), conv.getGroups(), conv.getLayout());
      rewriter.replaceOp(op, scaled.getOutput());
      return success();
    }
    return failure();
  }
};

// (conv(x, w) + b[channel]) * s[channel] -> conv(x, w) * s + (b * s)
struct ScaleThroughBias : OpRewritePattern<PrimMulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimMulOp op, PatternRewriter &rewriter) const override {
    auto add = op.getLhs().getDefiningOp<PrimAddOp>();
    Value scale = alongDimension(op.getRhs(), 1);
    if (!add || !scale || !add->hasOneUse() || !add.getLhs().getDefiningOp<PrimConvOp>())
      return failure();
    Value bias = alongDimension(add.getRhs(), 1);
    if (!bias || bias.getType() != scale.getType())
      return failure();
    Primitives p(rewriter, op.getLoc());
    Value scaled = p.mul(add.getLhs(), op.getRhs());
    Value shift = p.broadcastAlong(p.mul(bias, scale), shapeOf(op.getOutput()), 1);
    rewriter.replaceOp(op, p.add(scaled, shift));
    return success();
  }
};

// (x + a[channel]) + b[channel] -> x + (a + b)
struct JoinShifts : OpRewritePattern<PrimAddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimAddOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getLhs().getDefiningOp<PrimAddOp>();
    if (!inner || !inner->hasOneUse())
      return failure();
    Value a = alongDimension(inner.getRhs(), 1), b = alongDimension(op.getRhs(), 1);
    if (!a || !b || a.getType() != b.getType())
      return failure();
    Primitives p(rewriter, op.getLoc());
    Value both = p.broadcastAlong(p.add(a, b), shapeOf(op.getOutput()), 1);
    rewriter.replaceOp(op, p.add(inner.getLhs(), both));
    return success();
  }
};

struct FoldScales : impl::FoldScalesBase<FoldScales> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ScaleIntoWeight, ScaleThroughBias, JoinShifts>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace nnf
