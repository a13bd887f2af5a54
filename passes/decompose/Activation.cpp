// Activations as primitives. Kinks are compare and select: NaN passes, and the derivative is torch's.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Random.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Activation.h.inc"

using namespace mlir;
namespace nnf {
namespace {

/// min(max(x, low), high); low > high gives high, a bound that is NaN gives NaN. Compared so that each side is one
/// instruction on x86, whose second operand is what comes out where one is NaN or both are equal.
Value clip(Primitives &p, Value x, double low, double high) {
  if (std::isnan(low) || std::isnan(high))
    return p.full(shapeOf(x), std::numeric_limits<double>::quiet_NaN(), p.elementOf(x));
  Value raised = p.select(p.lt(x, low), low, x);
  return p.select(p.gt(raised, high), high, raised);
}

Value leak(Primitives &p, Value x, Operand slope) { return p.select(p.gt(x, 0), x, p.mul(slope, x)); }

Value threshold(ThresholdOp op, ThresholdOp::Adaptor x, Primitives &p) {
  Value input = x.getInput();
  // Not x > t ? x : value, which would replace NaN.
  return p.select(p.le(input, op.getThreshold()), op.getValue(), input);
}

Value elu(Primitives &p, Value x, double alpha) { return p.select(p.gt(x, 0), x, p.mul(alpha, p.expm1(x))); }

Value selu(SeluOp, SeluOp::Adaptor x, Primitives &p) {
  return p.mul(1.0507009873554804934193349852946, elu(p, x.getInput(), 1.6732632423543772848170429916717));
}

Value celu(CeluOp op, CeluOp::Adaptor x, Primitives &p) {
  double alpha = op.getAlpha();
  Value input = x.getInput();
  return p.select(p.gt(input, 0), input, p.mul(alpha, p.expm1(p.div(input, alpha))));
}

Value prelu(PreluOp op, PreluOp::Adaptor x, Primitives &p) {
  Value input = x.getInput(), weight = x.getWeight();
  Shape shape = p.shapeOf(input);
  if (p.rankOf(weight) == 1 && isConstant(p.shapeOf(weight)[0], 1))
    weight = p.reshape(weight, {});
  if (p.rankOf(weight) == 1)
    weight = p.broadcastAlong(weight, shape, 1);
  return leak(p, input, weight);
}

Value rrelu(RreluOp op, RreluOp::Adaptor x, Primitives &p) {
  if (op.getTraining()) {
    Value input = x.getInput();
    Value slope = p.add(p.mul(uniform(p, op, shapeOf(input)), op.getUpper() - op.getLower()), op.getLower());
    return leak(p, input, p.convert(slope, p.elementOf(input)));
  }
  return leak(p, x.getInput(), (op.getLower() + op.getUpper()) / 2);
}

Value gelu(GeluOp op, GeluOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  Value cdf;
  if (op.getApproximate() == "tanh") {
    Value cubic = p.add(x, p.mul(0.044715, p.mul(p.square(x), x)));
    cdf = p.tanh(p.mul(std::sqrt(2 / M_PI), cubic));
  } else {
    cdf = p.erf(p.mul(M_SQRT1_2, x));
  }
  return p.mul(p.mul(0.5, x), p.add(1.0, cdf));
}

Value logsigmoid(LogsigmoidOp, LogsigmoidOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  return p.sub(p.select(p.lt(x, 0), x, 0), p.log1p(p.exp(p.neg(p.abs(x)))));
}

Value hardshrink(HardshrinkOp op, HardshrinkOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  return p.select(p.bitAnd(p.ge(x, -op.getLambd()), p.le(x, op.getLambd())), 0, x);
}

Value softshrink(SoftshrinkOp op, SoftshrinkOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  double lambd = op.getLambd();
  // x + x*0 would be dearer: a NaN fails both outer comparisons and must not meet the constant 0.
  Value inside = p.select(p.isNan(x), x, 0);
  return p.select(p.gt(x, lambd), p.sub(x, lambd), p.select(p.lt(x, -lambd), p.add(x, lambd), inside));
}

Value softplus(SoftplusOp op, SoftplusOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput(), scaled = p.mul(x, op.getBeta());
  return p.select(p.gt(scaled, op.getThreshold()), x, p.div(p.log1p(p.exp(scaled)), op.getBeta()));
}

Value glu(GluOp op, GluOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  int64_t dim = *wrapDim(op.getLoc(), "dim", op.getDim(), p.rankOf(x));
  Dim half = shapeOf(op.getOutput())[dim];
  Value a = p.sliceDim(x, dim, dimOf(p.context(), 0), half), b = p.sliceDim(x, dim, half, half);
  return p.mul(a, p.sigmoid(b));
}

} // namespace

void addActivations(Decompositions &table) {
  table.add<ThresholdOp>(threshold);
  table.add<ReluOp>([](auto, auto x, auto &p) { return p.select(p.lt(x.getInput(), 0), 0, x.getInput()); });
  table.add<HardtanhOp>([](auto op, auto x, auto &p) { return clip(p, x.getInput(), op.getMinVal(), op.getMaxVal()); });
  table.add<Relu6Op>([](auto, auto x, auto &p) { return clip(p, x.getInput(), 0, 6); });
  table.add<EluOp>([](auto op, auto x, auto &p) { return elu(p, x.getInput(), op.getAlpha()); });
  table.add<SeluOp>(selu);
  table.add<CeluOp>(celu);
  table.add<LeakyReluOp>([](auto op, auto x, auto &p) { return leak(p, x.getInput(), op.getNegativeSlope()); });
  table.add<PreluOp>(prelu);
  table.add<RreluOp>(rrelu);
  table.add<GeluOp>(gelu);
  table.add<LogsigmoidOp>(logsigmoid);
  table.add<HardshrinkOp>(hardshrink);
  table.add<SoftshrinkOp>(softshrink);
  table.add<TanhshrinkOp>([](auto, auto x, auto &p) {
    Value input = p.toFloat(x.getInput());
    return p.sub(input, p.tanh(input));
  });
  table.add<SoftsignOp>([](auto, auto x, auto &p) {
    Value divisor = p.add(1, p.abs(x.getInput())); // integers wrap
    return p.div(p.toFloat(x.getInput()), p.toFloat(divisor));
  });
  table.add<SoftplusOp>(softplus);
  table.add<TanhOp>([](auto, auto x, auto &p) { return p.tanh(p.toFloat(x.getInput())); });
  table.add<SigmoidOp>([](auto, auto x, auto &p) { return p.sigmoid(p.toFloat(x.getInput())); });
  table.add<SiluOp>([](auto, auto x, auto &p) { return p.div(x.getInput(), p.add(1, p.exp(p.neg(x.getInput())))); });
  table.add<MishOp>([](auto, auto x, auto &p) { return p.mul(x.getInput(), p.tanh(p.log1p(p.exp(x.getInput())))); });
  table.add<HardswishOp>(
      [](auto, auto x, auto &p) { return p.div(p.mul(x.getInput(), clip(p, p.add(x.getInput(), 3), 0, 6)), 6); });
  table.add<HardsigmoidOp>([](auto, auto x, auto &p) { return p.div(clip(p, p.add(x.getInput(), 3), 0, 6), 6); });
  table.add<GluOp>(glu);
}

} // namespace nnf
