// Channels-last convolutions; the transposes this takes sink until they cancel.
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"
#include "passes/decompose/Primitives.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_ASSIGNLAYOUT
#include "passes/Passes.h.inc"
namespace {

using Perm = SmallVector<int64_t>;

Perm inverse(ArrayRef<int64_t> perm) {
  Perm result(perm.size());
  for (auto [i, p] : llvm::enumerate(perm))
    result[p] = i;
  return result;
}

template <typename Range> auto permuted(ArrayRef<int64_t> perm, const Range &values) {
  SmallVector<std::decay_t<decltype(values[0])>> result;
  for (int64_t p : perm)
    result.push_back(values[p]);
  return result;
}

/// conv in N,C,* -> transpose, conv in N,*,C, transpose back.
struct ConvToChannelsLast : OpRewritePattern<PrimConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimConvOp op, PatternRewriter &rewriter) const override {
    if (op.getLayout() != 0)
      return rewriter.notifyMatchFailure(op, "is channels-last already");
    Primitives p(rewriter, op.getLoc());
    unsigned rank = shapeOf(op.getInput()).size();
    Perm toLast{0}, weightPerm;
    for (unsigned i = 2; i < rank; ++i) {
      toLast.push_back(i);
      weightPerm.push_back(i);
    }
    toLast.push_back(1);
    weightPerm.append({1, 0});
    Value input = p.transpose(op.getInput(), toLast);
    Value weight = p.transpose(op.getWeight(), weightPerm);
    Shape out = permuted(toLast, shapeOf(op.getOutput()));
    Value conv = PrimConvOp::create(rewriter, op.getLoc(), tensorOf(out, Primitives::elementOf(op.getOutput())), input,
                                    weight, op.getStride(), op.getLow(), op.getHigh(), op.getInputDilation(),
                                    op.getKernelDilation(), op.getGroups(), /*layout=*/uint64_t(1));
    rewriter.replaceOp(op, p.transpose(conv, inverse(toLast)));
    return success();
  }
};

// ---- convolutions that stay in N,C,*

/// What transposes sink through, so that it has the layout of the convolutions around it.
bool keepsLayout(Operation *op) {
  return op->hasTrait<Elementwise>() || isa<PrimReduceOp, PrimReduceWindowOp, PrimConcatOp, PrimPadOp, PrimSliceOp>(op);
}

/// Every value that has the layout of a convolution's result or input, and the convolutions among which it stands.
SmallVector<PrimConvOp> convsOfOneLayout(PrimConvOp first) {
  SetVector<Operation *> found;
  found.insert(first);
  for (unsigned i = 0; i < found.size(); ++i) {
    Operation *op = found[i];
    auto add = [&](Operation *other) {
      if (other && (isa<PrimConvOp>(other) || keepsLayout(other)))
        found.insert(other);
    };
    // A convolution's weight has no part in it; nor has what is the same for all pixels.
    for (Value operand : isa<PrimConvOp>(op) ? op->getOperands().take_front() : op->getOperands())
      add(operand.getDefiningOp());
    for (Operation *user : op->getUsers())
      if (!isa<PrimConvOp>(user) || cast<PrimConvOp>(user).getInput().getDefiningOp() == op)
        add(user);
  }
  SmallVector<PrimConvOp> convs;
  for (Operation *op : found)
    if (auto conv = dyn_cast<PrimConvOp>(op))
      convs.push_back(conv);
  return convs;
}

/// Of one image, where they are fixed; there may be images without any, of any size.
std::optional<int64_t> pixelsOf(PrimConvOp op) {
  int64_t pixels = 1;
  for (int64_t size : cast<RankedTensorType>(op.getInput().getType()).getShape().drop_front(2))
    if (ShapedType::isDynamic(size) || llvm::MulOverflow(pixels, size, pixels))
      return std::nullopt;
  return pixels;
}

/// Whether a convolution is a product of its weight and each image as it lies, and the faster for it: with fewer pixels
/// than input channels the weight is the larger operand, and it is better the one that is packed beforehand.
bool isPlainProduct(PrimConvOp op) {
  auto isOne = [](int64_t size) { return size == 1; };
  auto isZero = [](int64_t size) { return size == 0; };
  auto input = cast<RankedTensorType>(op.getInput().getType()),
       weight = cast<RankedTensorType>(op.getWeight().getType());
  if (op.getLayout() != 0 || op.getGroups() != 1 || !input.hasStaticShape() || !weight.hasStaticShape() ||
      !llvm::all_of(weight.getShape().drop_front(2), isOne) || !llvm::all_of(op.getStride(), isOne) ||
      !llvm::all_of(op.getLow(), isZero) || !llvm::all_of(op.getHigh(), isZero) ||
      !llvm::all_of(op.getInputDilation(), isOne))
    return false;
  std::optional<int64_t> pixels = pixelsOf(op);
  return pixels && *pixels >= input.getDimSize(1);
}

/// f(split(x), y) -> split(f(x, join(y))) for all that is elementwise after a product, where split gives the pixels
/// their dimensions back: what follows a product of matrices has its shape then.
void splitPixelsLast(PrimReshapeOp split, IRRewriter &rewriter) {
  Shape joined = shapeOf(split.getInput()), pixels = shapeOf(split.getOutput());
  auto join = [&](Primitives &p, Value value) -> Value {
    if (auto reshape = value.getDefiningOp<PrimReshapeOp>(); reshape && sameShape(shapeOf(reshape.getInput()), joined))
      return reshape.getInput();
    auto repeated = value.getDefiningOp<PrimBroadcastOp>();
    if (repeated && llvm::all_of(repeated.getDims(), [](int64_t dim) { return dim < 2; }))
      return p.broadcast(repeated.getInput(), joined, repeated.getDims());
    return p.reshape(value, joined);
  };
  SetVector<Operation *> open;
  auto addReaders = [&](Value value) {
    for (Operation *user : value.getUsers())
      if (user->hasTrait<Elementwise>() && user->getNumResults() == 1 &&
          llvm::all_of(user->getOperands(), [&](Value v) { return sameShape(shapeOf(v), pixels); }))
        open.insert(user);
  };
  addReaders(split.getOutput());
  while (!open.empty()) {
    Operation *op = open.pop_back_val();
    rewriter.setInsertionPoint(op);
    Primitives p(rewriter, op->getLoc());
    OperationState state(op->getLoc(), op->getName().getStringRef());
    for (Value operand : op->getOperands())
      state.addOperands(join(p, operand));
    state.addTypes(tensorOf(joined, Primitives::elementOf(op->getResult(0))));
    state.addAttributes(op->getAttrs());
    Value result = p.reshape(rewriter.create(state)->getResult(0), pixels);
    rewriter.replaceOp(op, result);
    addReaders(result);
  }
}

/// conv of one pixel with a stride, of a graph's input -> conv of the pixels that it reads: the copy that orders them,
/// and the product, take these alone. What a graph computes lies in a convolution's order already.
void readStridedPixelsOfInputs(func::FuncOp function) {
  auto isOne = [](int64_t size) { return size == 1; };
  auto isZero = [](int64_t size) { return size == 0; };
  function.walk([&](PrimConvOp op) {
    auto weight = cast<RankedTensorType>(op.getWeight().getType()).getShape();
    if (op.getLayout() != 0 || !isa<BlockArgument>(op.getInput()) || !llvm::all_of(weight.drop_front(2), isOne) ||
        llvm::all_of(op.getStride(), isOne) || !llvm::all_of(op.getLow(), isZero) ||
        !llvm::all_of(op.getHigh(), isZero) || !llvm::all_of(op.getInputDilation(), isOne))
      return;
    Shape read = shapeOf(op.getInput());
    Perm step{1, 1};
    for (unsigned i = 0, e = op.spatialRank(); i < e; ++i) {
      read[2 + i] = shapeOf(op.getOutput())[2 + i];
      step.push_back(op.getStride()[i]);
    }
    OpBuilder b(op);
    Primitives p(b, op.getLoc());
    Shape start(read.size(), dimOf(op.getContext(), 0));
    op.getInputMutable().assign(p.slice(op.getInput(), start, step, read));
    op.setStride(SmallVector<int64_t>(op.spatialRank(), 1));
  });
}

/// conv of one pixel -> weight x image, where all that shares its layout agrees: nothing is transposed then.
void makePlainProducts(func::FuncOp function) {
  SmallVector<PrimConvOp> chosen;
  DenseSet<Operation *> judged;
  function.walk([&](PrimConvOp op) {
    if (judged.contains(op))
      return;
    SmallVector<PrimConvOp> convs = convsOfOneLayout(op);
    judged.insert(convs.begin(), convs.end());
    if (llvm::all_of(convs, isPlainProduct))
      chosen.append(convs);
  });
  IRRewriter rewriter(function.getContext());
  for (PrimConvOp op : chosen) {
    rewriter.setInsertionPoint(op);
    Primitives p(rewriter, op.getLoc());
    // Pixels in one dimension, as columns are.
    Shape image = shapeOf(op.getInput()), matrix = shapeOf(op.getWeight()), out = shapeOf(op.getOutput());
    image.resize(2);
    image.push_back(dimOf(op.getContext(), *pixelsOf(op)));
    matrix.resize(2);
    Value weight = p.reshape(op.getWeight(), matrix);
    matrix.insert(matrix.begin(), image.front());
    Value product = p.dot(p.broadcast(weight, matrix, {1, 2}), p.reshape(op.getInput(), image), {0}, {0}, {2}, {1});
    Value split = p.reshape(product, out);
    rewriter.replaceOp(op, split);
    if (auto reshape = split.getDefiningOp<PrimReshapeOp>())
      splitPixelsLast(reshape, rewriter);
  }
}

bool isZero(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto values = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  return values && values.isSplat() && isa<FloatType>(values.getElementType()) &&
         values.getSplatValue<APFloat>().isZero();
}

/// conv(pad(x, 0)) -> conv(x) with that much more padding: as a model says what differs from one side to the other.
struct PadIntoConv : OpRewritePattern<PrimConvOp> {
  PadIntoConv(MLIRContext *context) : OpRewritePattern(context, /*benefit=*/2) {}
  LogicalResult matchAndRewrite(PrimConvOp op, PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<PrimPadOp>();
    auto isOne = [](int64_t d) { return d == 1; };
    if (!pad || !isZero(pad.getValue()) || !llvm::all_of(op.getInputDilation(), isOne))
      return rewriter.notifyMatchFailure(op, "reads no zeros around its input");
    unsigned firstSpatial = op.getLayout() == 0 ? 2 : 1, endSpatial = firstSpatial + op.spatialRank();
    SmallVector<int64_t> low(op.getLow()), high(op.getHigh());
    for (unsigned i = 0, e = pad.getLow().size(); i < e; ++i) {
      bool isSpatial = i >= firstSpatial && i < endSpatial;
      if (pad.getInterior()[i] != 0 || pad.getLow()[i] < 0 || pad.getHigh()[i] < 0 ||
          (!isSpatial && (pad.getLow()[i] != 0 || pad.getHigh()[i] != 0)))
        return rewriter.notifyMatchFailure(op,
                                           "its input is padded between elements, cropped, or along other dimensions");
      if (isSpatial) {
        low[i - firstSpatial] += pad.getLow()[i];
        high[i - firstSpatial] += pad.getHigh()[i];
      }
    }
    rewriter.replaceOpWithNewOp<PrimConvOp>(op, op.getType(), pad.getInput(), op.getWeight(), op.getStride(), low, high,
                                            op.getInputDilation(), op.getKernelDilation(), op.getGroups(),
                                            op.getLayout());
    return success();
  }
};

/// The transpose puts windows, gathered along a tensor's last dimension, in the order in which they lie there, and they
/// fill a register: behind what is computed of it, it would be a copy, and each window be read from all over the
/// tensor.
bool restoresOrder(PrimTransposeOp transpose) {
  constexpr int64_t lanes = 16;
  auto gather = transpose.getInput().getDefiningOp<PrimGatherOp>();
  if (!gather || gather.getInput().getDefiningOp<PrimTransposeOp>())
    return false;
  int64_t last = Primitives::rankOf(gather.getInput()) - 1;
  Shape windows = shapeOf(gather.getIndices().front());
  return llvm::equal(gather.getGatherDims(), ArrayRef(last)) && windows.size() == 2 &&
         constantOf(windows.back()).value_or(0) >= lanes && transpose.getPerm().back() == 1;
}

/// The transpose in front of a value, if its only readers would follow it.
PrimTransposeOp transposeOf(Value value) {
  auto transpose = value.getDefiningOp<PrimTransposeOp>();
  return transpose && !restoresOrder(transpose) ? transpose : nullptr;
}

/// op(transpose(a), transpose(b), repeated value) -> transpose(op(a, b, ...)).
struct SinkThroughElementwise : RewritePattern {
  SinkThroughElementwise(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!op->hasTrait<Elementwise>())
      return failure();
    std::optional<Perm> perm;
    for (Value operand : op->getOperands())
      if (auto transpose = transposeOf(operand)) {
        Perm found(transpose.getPerm());
        if (perm && *perm != found)
          return rewriter.notifyMatchFailure(op, "operands are transposed differently");
        perm = found;
      }
    if (!perm)
      return failure();
    // The other operands take the inverse: free for repeated values, a copy of its own else.
    for (Value operand : op->getOperands())
      if (!transposeOf(operand) && !operand.getDefiningOp<PrimBroadcastOp>())
        return rewriter.notifyMatchFailure(op, "an operand would have to be transposed for it");
    Primitives p(rewriter, op->getLoc());
    Perm back = inverse(*perm);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      auto transpose = transposeOf(operand);
      operands.push_back(transpose ? transpose.getInput() : transposeBroadcast(p, operand, back));
    }
    OperationState state(op->getLoc(), op->getName().getStringRef());
    state.addOperands(operands);
    Value result = op->getResult(0);
    state.addTypes(tensorOf(permuted(back, shapeOf(result)), Primitives::elementOf(result)));
    state.addAttributes(op->getAttrs());
    Operation *inner = rewriter.create(state);
    rewriter.replaceOp(op, p.transpose(inner->getResult(0), *perm));
    return success();
  }

  /// transpose(broadcast(x)) as broadcast of x, whose own dimensions are put in order first.
  static Value transposeBroadcast(Primitives &p, Value value, ArrayRef<int64_t> perm) {
    auto broadcast = value.getDefiningOp<PrimBroadcastOp>();
    Shape out = permuted(perm, shapeOf(value));
    // Output dimension i was dimension perm[i]; which dimension of x is that?
    Perm order, dims;
    for (auto [i, from] : llvm::enumerate(perm))
      if (auto found = llvm::find(broadcast.getDims(), from); found != broadcast.getDims().end()) {
        order.push_back(found - broadcast.getDims().begin());
        dims.push_back(i);
      }
    return p.broadcast(p.transpose(broadcast.getInput(), order), out, dims);
  }
};

struct SinkThroughReduce : OpRewritePattern<PrimReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimReduceOp op, PatternRewriter &rewriter) const override {
    auto transpose = transposeOf(op.getInput());
    if (!transpose)
      return failure();
    Primitives p(rewriter, op.getLoc());
    ArrayRef<int64_t> perm = transpose.getPerm();
    Perm dims = llvm::to_vector(llvm::map_range(op.getDims(), [&](int64_t dim) { return perm[dim]; }));
    Value inner = p.reduce(op.getKind(), transpose.getInput(), dims);
    // Kept dimensions in the order the result wants, counted among the kept ones of the inner reduction.
    Perm keptInner, order;
    for (int64_t i = 0, e = perm.size(); i < e; ++i)
      if (!llvm::is_contained(dims, i))
        keptInner.push_back(i);
    for (int64_t i = 0, e = perm.size(); i < e; ++i)
      if (!llvm::is_contained(op.getDims(), i))
        order.push_back(llvm::find(keptInner, perm[i]) - keptInner.begin());
    rewriter.replaceOp(op, p.transpose(inner, order));
    return success();
  }
};

struct SinkThroughWindow : OpRewritePattern<PrimReduceWindowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimReduceWindowOp op, PatternRewriter &rewriter) const override {
    auto transpose = transposeOf(op.getInput());
    if (!transpose || op.getIndex())
      return failure();
    Primitives p(rewriter, op.getLoc());
    Perm back = inverse(transpose.getPerm());
    auto reorder = [&](ArrayRef<int64_t> list) { return permuted(back, list); };
    WindowDims window{reorder(op.getSize()), reorder(op.getStride()), reorder(op.getDilation()), reorder(op.getLow()),
                      reorder(op.getHigh())};
    Value inner = p.reduceWindow(op.getKind(), transpose.getInput(), window);
    rewriter.replaceOp(op, p.transpose(inner, transpose.getPerm()));
    return success();
  }
};

struct SinkThroughConcat : OpRewritePattern<PrimConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimConcatOp op, PatternRewriter &rewriter) const override {
    auto first = transposeOf(op.getInputs()[0]);
    if (!first)
      return failure();
    SmallVector<Value> inputs;
    for (Value input : op.getInputs()) {
      auto transpose = transposeOf(input);
      if (!transpose || transpose.getPerm() != first.getPerm())
        return rewriter.notifyMatchFailure(op, "operands are transposed differently");
      inputs.push_back(transpose.getInput());
    }
    Primitives p(rewriter, op.getLoc());
    Value inner = p.concat(inputs, first.getPerm()[op.getDim()]);
    rewriter.replaceOp(op, p.transpose(inner, first.getPerm()));
    return success();
  }
};

struct SinkThroughPad : OpRewritePattern<PrimPadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimPadOp op, PatternRewriter &rewriter) const override {
    auto transpose = transposeOf(op.getInput());
    if (!transpose)
      return failure();
    Primitives p(rewriter, op.getLoc());
    Perm back = inverse(transpose.getPerm());
    Value inner = p.pad(transpose.getInput(), op.getValue(), permuted(back, op.getLow()), permuted(back, op.getHigh()),
                        permuted(back, op.getInterior()));
    rewriter.replaceOp(op, p.transpose(inner, transpose.getPerm()));
    return success();
  }
};

struct SinkThroughSlice : OpRewritePattern<PrimSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimSliceOp op, PatternRewriter &rewriter) const override {
    auto transpose = transposeOf(op.getInput());
    if (!transpose)
      return failure();
    Primitives p(rewriter, op.getLoc());
    Perm back = inverse(transpose.getPerm());
    Shape start = permuted(back, op.getStart().getDims()), shape = permuted(back, shapeOf(op.getOutput()));
    Value inner = p.slice(transpose.getInput(), start, permuted(back, op.getStep()), shape);
    rewriter.replaceOp(op, p.transpose(inner, transpose.getPerm()));
    return success();
  }
};

/// The dimensions that are not gathered come last, in the order of the input's.
struct SinkThroughGather : OpRewritePattern<PrimGatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimGatherOp op, PatternRewriter &rewriter) const override {
    auto transpose = transposeOf(op.getInput());
    if (!transpose)
      return failure();
    ArrayRef<int64_t> perm = transpose.getPerm();
    SmallVector<std::pair<int64_t, Value>> gathered;
    for (auto [dim, index] : llvm::zip(op.getGatherDims(), op.getIndices()))
      gathered.push_back({perm[dim], index});
    llvm::sort(gathered, llvm::less_first());
    SmallVector<int64_t> dims;
    SmallVector<Value> indices;
    for (auto [dim, index] : gathered) {
      dims.push_back(dim);
      indices.push_back(index);
    }
    Primitives p(rewriter, op.getLoc());
    Value inner = p.gather(transpose.getInput(), indices, dims, op.getBounds(), op.getMessage(), op.getFill());
    Perm kept, order = llvm::to_vector(llvm::seq<int64_t>(0, Primitives::rankOf(indices.front())));
    int64_t first = order.size();
    for (int64_t i = 0, e = perm.size(); i < e; ++i)
      if (!llvm::is_contained(dims, i))
        kept.push_back(i);
    for (int64_t i = 0, e = perm.size(); i < e; ++i)
      if (!llvm::is_contained(op.getGatherDims(), i))
        order.push_back(first + (llvm::find(kept, perm[i]) - kept.begin()));
    rewriter.replaceOp(op, p.transpose(inner, order));
    return success();
  }
};

/// A transpose that moves only dimensions of size 1 is a reshape.
struct TransposeOfOnes : OpRewritePattern<PrimTransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PrimTransposeOp op, PatternRewriter &rewriter) const override {
    Shape in = shapeOf(op.getInput());
    Perm moving;
    for (int64_t dim : op.getPerm())
      if (!isConstant(in[dim], 1))
        moving.push_back(dim);
    if (!llvm::is_sorted(moving))
      return failure();
    rewriter.replaceOpWithNewOp<PrimReshapeOp>(op, op.getType(), op.getInput());
    return success();
  }
};

/// f(reshape(x)) -> reshape(f(x)), for an f of x and numbers, where sizes of 1 are all that the reshape adds or drops:
/// a mean that keeps its dimensions is one op of rows, whatever their layout.
struct OnesAfterElementwise : RewritePattern {
  OnesAfterElementwise(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!op->hasTrait<Elementwise>() || op->getNumResults() != 1)
      return failure();
    PrimReshapeOp reshape;
    for (Value operand : op->getOperands()) {
      auto broadcast = operand.getDefiningOp<PrimBroadcastOp>();
      if (broadcast && shapeOf(broadcast.getInput()).empty())
        continue;
      auto found = operand.getDefiningOp<PrimReshapeOp>();
      if (!found || (reshape && reshape != found))
        return failure();
      reshape = found;
    }
    if (!reshape || !isa_and_nonnull<PrimReduceOp>(reshape.getInput().getDefiningOp()) ||
        !llvm::all_of(reshape->getUsers(), [&](Operation *user) { return user == op; }) ||
        !sameShape(withoutOnes(reshape.getInput()), withoutOnes(reshape.getOutput())))
      return failure();
    Primitives p(rewriter, op->getLoc());
    Shape inner = shapeOf(reshape.getInput());
    OperationState state(op->getLoc(), op->getName().getStringRef());
    for (Value operand : op->getOperands()) {
      auto broadcast = operand.getDefiningOp<PrimBroadcastOp>();
      state.addOperands(broadcast ? p.broadcast(broadcast.getInput(), inner, {}) : reshape.getInput());
    }
    Value result = op->getResult(0);
    state.addTypes(tensorOf(inner, Primitives::elementOf(result)));
    state.addAttributes(op->getAttrs());
    rewriter.replaceOp(op, p.reshape(rewriter.create(state)->getResult(0), shapeOf(result)));
    return success();
  }

  static Shape withoutOnes(Value value) {
    Shape shape = shapeOf(value);
    llvm::erase_if(shape, [](Dim size) { return isConstant(size, 1); });
    return shape;
  }
};

struct AssignLayout : impl::AssignLayoutBase<AssignLayout> {
  using AssignLayoutBase::AssignLayoutBase;
  void runOnOperation() override {
    if (ordersPixels)
      readStridedPixelsOfInputs(getOperation());
    makePlainProducts(getOperation());
    RewritePatternSet sink(&getContext()), ones(&getContext());
    sink.add<PadIntoConv, ConvToChannelsLast, SinkThroughElementwise, SinkThroughReduce, SinkThroughWindow,
             SinkThroughConcat, SinkThroughPad, SinkThroughSlice, SinkThroughGather>(&getContext());
    // Last: a reshape would stay between a convolution of one pixel and what is elementwise after it.
    ones.add<TransposeOfOnes, OnesAfterElementwise>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(sink))) ||
        failed(applyPatternsGreedily(getOperation(), std::move(ones))))
      signalPassFailure();
  }
};

} // namespace
} // namespace nnf
