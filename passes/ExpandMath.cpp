// What is expanded into what is the table at the foot; the formulas are in math/.
#include "passes/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "passes/Passes.h"
#include "passes/math/FloatConversions.h"
#include "passes/math/Functions.h"

using namespace mlir;

namespace nnf {
#define GEN_PASS_DEF_EXPANDMATH
#include "passes/Passes.h.inc"

namespace {

bool isSupportedFloat(Type type) {
  Type element = getElementTypeOrSelf(type);
  return (element.isF32() || element.isF64()) && (isa<FloatType>(type) || isa<VectorType>(type));
}

bool isHalf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return (element.isF16() || element.isBF16()) && (isa<FloatType>(type) || isa<VectorType>(type));
}

template <typename Op> struct Expansion : OpRewritePattern<Op> {
  Expansion(MLIRContext *context, const MathExpansionOptions &options)
      : OpRewritePattern<Op>(context), options(options) {}
  ExpansionSite siteOf(Op op, OpBuilder &builder) const { return {builder, op.getLoc(), options}; }
  MathExpansionOptions options;
};

/// f(x) of f32 or f64.
template <typename Op, Term (*function)(Term)> struct ExpandUnary : Expansion<Op> {
  using Expansion<Op>::Expansion;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isSupportedFloat(op.getType()))
      return rewriter.notifyMatchFailure(op, "not f32 or f64");
    ExpansionSite site = this->siteOf(op, rewriter);
    rewriter.replaceOp(op, Value(function(Term(site, op->getOperand(0)))));
    return success();
  }
};

/// f(x, y) of f32 or f64.
template <typename Op, Term (*function)(Term, Term)> struct ExpandBinary : Expansion<Op> {
  using Expansion<Op>::Expansion;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isSupportedFloat(op.getType()))
      return rewriter.notifyMatchFailure(op, "not f32 or f64");
    ExpansionSite site = this->siteOf(op, rewriter);
    rewriter.replaceOp(op, Value(function(Term(site, op.getLhs()), Term(site, op.getRhs()))));
    return success();
  }
};

/// The number that all elements are.
std::optional<double> constantOfAll(Value value) {
  while (auto broadcast = value.getDefiningOp<vector::BroadcastOp>())
    value = broadcast.getSource();
  FloatAttr number;
  DenseElementsAttr numbers;
  if (matchPattern(value, m_Constant(&numbers)) && numbers.isSplat())
    return numbers.getSplatValue<APFloat>().convertToDouble();
  if (matchPattern(value, m_Constant(&number)))
    return number.getValueAsDouble();
  return std::nullopt;
}

/// Of an exponential that only goes into sums with numbers of at least 1, found before anything is expanded.
constexpr StringLiteral feedsSum = "nnf.feeds_sum";

/// A sum of an exponential and a constant of at least 1.
bool isAboveOne(Value value) {
  auto sum = value.getDefiningOp<arith::AddFOp>();
  if (!sum)
    return false;
  auto is = [](Value exponential, Value number) {
    std::optional<double> constant = constantOfAll(number);
    return exponential.getDefiningOp<math::ExpOp>() && constant && *constant >= 1;
  };
  return is(sum.getLhs(), sum.getRhs()) || is(sum.getRhs(), sum.getLhs());
}

void markRanges(Operation *root) {
  root->walk([](Operation *op) {
    if (isa<math::ExpOp>(op) && llvm::all_of(op->getUsers(), [](Operation *user) {
          return isa<arith::AddFOp>(user) && isAboveOne(user->getResult(0));
        }))
      op->setAttr(feedsSum, UnitAttr::get(op->getContext()));
  });
}

/// The op of op(x) + 1, if nothing else reads it.
template <typename Op> Op inSumWithOne(Operation *value) {
  auto sum = dyn_cast_or_null<arith::AddFOp>(value);
  if (!sum || !getElementTypeOrSelf(sum.getType()).isF32() || !isSupportedFloat(sum.getType()))
    return nullptr;
  for (auto [operand, other] : {std::pair(sum.getLhs(), sum.getRhs()), std::pair(sum.getRhs(), sum.getLhs())})
    if (auto op = operand.getDefiningOp<Op>(); op && op->hasOneUse() && constantOfAll(other) == 1)
      return op;
  return nullptr;
}

/// Quotients of f32 by 1 + exp(-x) (sigmoid and its kin) are functions of x: made before the exponential is expanded.
/// So is 1 + tanh(x), 2 / (1 + exp(-2x)), of the approximate GELU.
void expandLogistics(Operation *root, const MathExpansionOptions &options) {
  SmallVector<std::pair<arith::DivFOp, math::ExpOp>> quotients;
  SmallVector<std::pair<arith::AddFOp, math::TanhOp>> sums;
  root->walk([&](Operation *op) {
    if (auto division = dyn_cast<arith::DivFOp>(op); division && division.getRhs().hasOneUse())
      if (auto exponential = inSumWithOne<math::ExpOp>(division.getRhs().getDefiningOp()))
        quotients.push_back({division, exponential});
    if (auto tanh = inSumWithOne<math::TanhOp>(op))
      sums.push_back({cast<arith::AddFOp>(op), tanh});
  });
  for (auto [division, exponential] : quotients) {
    OpBuilder builder(division);
    ExpansionSite site{builder, division.getLoc(), options};
    auto negation = exponential.getOperand().getDefiningOp<arith::NegFOp>();
    Term x = negation ? Term(site, negation.getOperand()) : -Term(site, exponential.getOperand());
    Operation *divisor = division.getRhs().getDefiningOp();
    division.replaceAllUsesWith(Value(logisticQuotient(Term(site, division.getLhs()), x)));
    division.erase();
    divisor->erase();
    exponential.erase();
  }
  for (auto [sum, tanh] : sums) {
    OpBuilder builder(sum);
    ExpansionSite site{builder, sum.getLoc(), options};
    Term x(site, tanh.getOperand());
    sum.replaceAllUsesWith(Value(logisticQuotient(x.constant(2), x * 2.0)));
    sum.erase();
    tanh.erase();
  }
}

struct ExpandExp : Expansion<math::ExpOp> {
  using Expansion::Expansion;
  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    if (!isSupportedFloat(op.getType()))
      return rewriter.notifyMatchFailure(op, "not f32 or f64");
    ExpansionSite site = siteOf(op, rewriter);
    Term x(site, op.getOperand());
    rewriter.replaceOp(op, Value(op->hasAttr(ofNegative) ? exponentialOfNegative(x)
                                 : op->hasAttr(feedsSum) ? exponentialForSum(x)
                                                         : exponential(x)));
    return success();
  }
};

/// Of a division that is the instruction.
constexpr StringLiteral isInstruction = "nnf.instruction";

/// x / y for a vector x and one number y: its reciprocal is taken once, outside the loop that y does not change in.
/// Where it is no normal number, by the instruction.
Value dividedByScalar(Term x, Value y, PatternRewriter &rewriter, const ExpansionSite &site) {
  auto instruction = [&](Value a, Value b) {
    auto division = arith::DivFOp::create(rewriter, site.loc, a, b);
    division->setAttr(isInstruction, rewriter.getUnitAttr());
    return division.getResult();
  };
  OpBuilder::InsertionGuard guard(rewriter);
  Term scalar(site, y), one = scalar.constant(1), reciprocal(site, instruction(one, y));
  bool isF64 = scalar.isF64();
  double smallest = isF64 ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  Term size = abs(scalar);
  Value isNormal = (size >= smallest) & (size <= 1 / smallest);
  auto spread = [&](Value v) { return Value(vector::BroadcastOp::create(rewriter, site.loc, x.type(), v)); };
  auto branch = scf::IfOp::create(rewriter, site.loc, x.type(), isNormal, /*withElseRegion=*/true);
  rewriter.setInsertionPointToStart(branch.thenBlock());
  Value quick = dividedBy(x, Term(site, spread(y)), Term(site, spread(reciprocal)));
  scf::YieldOp::create(rewriter, site.loc, quick);
  rewriter.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(rewriter, site.loc, instruction(x, spread(y)));
  return branch.getResult(0);
}

/// x / y where both lie near 1: the reciprocal of a y that a loop does not change is taken outside of it.
Value timesReciprocal(Term x, Value y, PatternRewriter &rewriter, const ExpansionSite &site) {
  auto broadcast = y.getDefiningOp<vector::BroadcastOp>();
  Term divisor(site, broadcast ? broadcast.getSource() : y);
  auto reciprocal = arith::DivFOp::create(rewriter, site.loc, Value(divisor.constant(1)), Value(divisor));
  reciprocal->setAttr(isInstruction, rewriter.getUnitAttr());
  Value factor = reciprocal;
  if (broadcast)
    factor = vector::BroadcastOp::create(rewriter, site.loc, y.getType(), factor);
  return x * Term(site, factor);
}

/// Divisions by totals, and of vectors by one number.
struct ExpandDivision : Expansion<arith::DivFOp> {
  using Expansion::Expansion;
  LogicalResult matchAndRewrite(arith::DivFOp op, PatternRewriter &rewriter) const override {
    if (op->hasAttr(isInstruction) || !isSupportedFloat(op.getType()))
      return rewriter.notifyMatchFailure(op, "not of f32 or f64");
    ExpansionSite site = siteOf(op, rewriter);
    if (op->hasAttr(byTotal)) {
      rewriter.replaceOp(op, timesReciprocal(Term(site, op.getLhs()), op.getRhs(), rewriter, site));
      return success();
    }
    if (!isa<VectorType>(op.getType()) || !options.hasFma)
      return rewriter.notifyMatchFailure(op, "not of vectors, or no fused multiply-add");
    Term x(site, op.getLhs()), y(site, op.getRhs());
    if (std::optional<double> c = constantOfAll(op.getRhs()); c && isDivisor(*c, y))
      rewriter.replaceOp(op, Value(dividedBy(x, *c)));
    else if (auto broadcast = op.getRhs().getDefiningOp<vector::BroadcastOp>();
             broadcast && broadcast.getSource().getType() == y.element())
      rewriter.replaceOp(op, dividedByScalar(x, broadcast.getSource(), rewriter, site));
    else
      return rewriter.notifyMatchFailure(op, "nothing is known of the divisor");
    return success();
  }
};

/// Of vectors for which it is faster than the instruction.
struct ExpandSqrt : Expansion<math::SqrtOp> {
  using Expansion::Expansion;
  LogicalResult matchAndRewrite(math::SqrtOp op, PatternRewriter &rewriter) const override {
    ExpansionSite site = siteOf(op, rewriter);
    Term x(site, op.getOperand());
    if (!getElementTypeOrSelf(op.getType()).isF32() || !hasScaling(x))
      return rewriter.notifyMatchFailure(op, "not of f32 in a register of AVX-512");
    rewriter.replaceOp(op, Value(squareRoot(x)));
    return success();
  }
};

struct ExpandSincos : Expansion<math::SincosOp> {
  using Expansion::Expansion;
  LogicalResult matchAndRewrite(math::SincosOp op, PatternRewriter &rewriter) const override {
    if (!isSupportedFloat(op.getOperand().getType()))
      return rewriter.notifyMatchFailure(op, "not f32 or f64");
    ExpansionSite site = siteOf(op, rewriter);
    Term x(site, op.getOperand());
    Value sin = sine(x), cos = cosine(x);
    rewriter.replaceOp(op, {sin, cos});
    return success();
  }
};

/// a*b + c as two ops where the target has no instruction for it.
struct SplitFma : Expansion<math::FmaOp> {
  using Expansion::Expansion;
  LogicalResult matchAndRewrite(math::FmaOp op, PatternRewriter &rewriter) const override {
    if (options.hasFma || !isSupportedFloat(op.getType()))
      return rewriter.notifyMatchFailure(op, "the target has it");
    ExpansionSite site = siteOf(op, rewriter);
    Term a(site, op.getA()), b(site, op.getB()), c(site, op.getC());
    rewriter.replaceOp(op, Value(a * b + c));
    return success();
  }
};

/// f32 or f64 to f16 or bf16, except what the target does itself.
struct ExpandTruncF : Expansion<arith::TruncFOp> {
  using Expansion::Expansion;
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    if (!isHalf(op.getType()) || !isSupportedFloat(op.getIn().getType()))
      return rewriter.notifyMatchFailure(op, "not from f32 or f64 to f16 or bf16");
    if (op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) != arith::RoundingMode::to_nearest_even)
      return rewriter.notifyMatchFailure(op, "rounds in another way than to nearest even");
    Type element = getElementTypeOrSelf(op.getType());
    ExpansionSite site = siteOf(op, rewriter);
    Term x(site, op.getIn());
    if (!x.isF64() && element.isF16() && options.hasF16c)
      return rewriter.notifyMatchFailure(op, "the target has it");
    rewriter.replaceOp(op, Value(toHalf(x, element)));
    return success();
  }
};

/// f16 or bf16 to f32 or f64, except what the target does itself.
struct ExpandExtF : Expansion<arith::ExtFOp> {
  using Expansion::Expansion;
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    if (!isHalf(op.getIn().getType()) || !isSupportedFloat(op.getType()))
      return rewriter.notifyMatchFailure(op, "not from f16 or bf16 to f32 or f64");
    bool toF64 = getElementTypeOrSelf(op.getType()).isF64();
    if (!toF64 && getElementTypeOrSelf(op.getIn().getType()).isF16() && options.hasF16c)
      return rewriter.notifyMatchFailure(op, "the target has it");
    ExpansionSite site = siteOf(op, rewriter);
    Term single = halfToF32(Term(site, op.getIn()));
    rewriter.replaceOp(op, Value(toF64 ? widen(single) : single));
    return success();
  }
};

/// An integer of up to 64 bits to f16 or bf16.
template <typename Op, bool isSigned> struct ExpandIntegerToHalf : Expansion<Op> {
  using Expansion<Op>::Expansion;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isHalf(op.getType()) || getElementTypeOrSelf(op.getIn().getType()).getIntOrFloatBitWidth() > 64)
      return rewriter.notifyMatchFailure(op, "not from an integer of up to 64 bits to f16 or bf16");
    ExpansionSite site = this->siteOf(op, rewriter);
    rewriter.replaceOp(op, Value(integerToHalf(Term(site, op.getIn()), isSigned, getElementTypeOrSelf(op.getType()))));
    return success();
  }
};

/// f16 or bf16 to an integer: through f32, which holds every value.
template <typename Op> struct ExpandHalfToInteger : Expansion<Op> {
  using Expansion<Op>::Expansion;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isHalf(op.getIn().getType()))
      return rewriter.notifyMatchFailure(op, "not from f16 or bf16");
    ExpansionSite site = this->siteOf(op, rewriter);
    rewriter.replaceOpWithNewOp<Op>(op, op.getType(), Value(halfToF32(Term(site, op.getIn()))));
    return success();
  }
};

/// A comparison of f16 or bf16, as f32. LLVM widens it too, but for a vector of one number through that number's
/// rounding, which is a call.
struct ExpandHalfCompare : Expansion<arith::CmpFOp> {
  using Expansion::Expansion;
  LogicalResult matchAndRewrite(arith::CmpFOp op, PatternRewriter &rewriter) const override {
    if (!isHalf(op.getLhs().getType()))
      return rewriter.notifyMatchFailure(op, "not of f16 or bf16");
    ExpansionSite site = siteOf(op, rewriter);
    Value lhs = halfToF32(Term(site, op.getLhs())), rhs = halfToF32(Term(site, op.getRhs()));
    rewriter.replaceOpWithNewOp<arith::CmpFOp>(op, op.getPredicate(), lhs, rhs);
    return success();
  }
};

/// Does every target have instructions for it? fma: without has-fma none is left.
bool isNative(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp, math::CountLeadingZerosOp,
             math::CountTrailingZerosOp, math::CtPopOp, math::FloorOp, math::FmaOp, math::IsFiniteOp, math::IsInfOp,
             math::IsNaNOp, math::IsNormalOp, math::RoundEvenOp, math::SqrtOp, math::TruncOp>(op);
}

struct ExpandMath : impl::ExpandMathBase<ExpandMath> {
  using ExpandMathBase::ExpandMathBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    MathExpansionOptions options{hasFma, hasF16c, hasAvx512};
    populateExpandMath(patterns, options);
    expandLogistics(getOperation(), options);
    markRanges(getOperation());
    walkAndApplyPatterns(getOperation(), std::move(patterns));

    WalkResult rest = getOperation()->walk([&](Operation *op) {
      bool isFunction = isa<math::MathDialect>(op->getDialect()) || isa<arith::RemFOp>(op);
      if (!isFunction)
        return WalkResult::advance();
      Type type = op->getResult(0).getType();
      if (isNative(op) && (!isHalf(type)))
        return WalkResult::advance();
      op->emitError() << "'" << op->getName() << "' on " << type << " has no expansion, expected "
                      << (isHalf(type) ? "f32 or f64" : "a function listed in passes/ExpandMath.cpp")
                      << " [NNFC-E9001]";
      return WalkResult::interrupt();
    });
    if (rest.wasInterrupted())
      signalPassFailure();
  }
};

Term reciprocalRoot(Term x) { return 1.0 / sqrt(x); }

} // namespace

void populateExpandMath(RewritePatternSet &patterns, const MathExpansionOptions &options) {
  patterns.add<ExpandExp, ExpandDivision, ExpandSqrt, ExpandUnary<math::Exp2Op, exponential2>,
               ExpandUnary<math::ExpM1Op, exponentialMinus1>, ExpandUnary<math::LogOp, logarithm>,
               ExpandUnary<math::Log2Op, logarithm2>, ExpandUnary<math::Log10Op, logarithm10>,
               ExpandUnary<math::Log1pOp, logarithm1p>, ExpandUnary<math::SinOp, sine>,
               ExpandUnary<math::CosOp, cosine>, ExpandUnary<math::TanOp, tangent>,
               ExpandUnary<math::AtanOp, arcTangent>, ExpandUnary<math::TanhOp, hyperbolicTangent>,
               ExpandUnary<math::ErfOp, errorFunction>, ExpandUnary<math::RsqrtOp, reciprocalRoot>,
               ExpandUnary<math::RoundOp, roundHalfAway>, ExpandBinary<math::PowFOp, power>,
               ExpandBinary<arith::RemFOp, remainder>, ExpandSincos, SplitFma, ExpandTruncF, ExpandExtF,
               ExpandIntegerToHalf<arith::SIToFPOp, true>, ExpandIntegerToHalf<arith::UIToFPOp, false>,
               ExpandHalfToInteger<arith::FPToSIOp>, ExpandHalfToInteger<arith::FPToUIOp>, ExpandHalfCompare>(
      patterns.getContext(), options);
}

} // namespace nnf
