// Attentions with little to do at once are cut along their keys.
#include "mlir/IR/IRMapping.h"
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/decompose/Primitives.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Widening.h"
#include "passes/kernels/gpu/GpuAttention.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_SPLITATTENTION
#include "passes/Passes.h.inc"
namespace {

using IntList = SmallVector<int64_t>;

/// More parts than these would be added longer than they are computed.
constexpr int64_t mostParts = 64;
/// Keys of a part, at least: a block of the larger tiles.
constexpr int64_t fewestKeys = 64;
/// What is gained is more than the model errs.
constexpr double worthwhile = 0.8;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// `dims` where one more dimension is in front of them.
IntList behindParts(ArrayRef<int64_t> dims) {
  IntList result;
  for (int64_t dim : dims)
    result.push_back(dim + 1);
  return result;
}

bool changesBatchOnly(PrimReshapeOp reshape) {
  Shape in = shapeOf(reshape.getInput()), out = shapeOf(reshape.getOutput());
  return in.size() >= 2 && out.size() >= 2 && sameDim(in.back(), out.back()) &&
         sameDim(in.rbegin()[1], out.rbegin()[1]);
}

/// Writes an attention of parts beside the one that there is.
class Parts {
public:
  Parts(OpBuilder &b, Primitives &p, Attention &attention, int64_t parts)
      : b(b), p(p), a(attention), parts(dimOf(p.context(), parts)), share(simplify(a.keys().floorDiv(parts))),
        isMember(attention.members.begin(), attention.members.end()) {}

  /// What takes the mix's place.
  Value mix();
  /// What has been written is an attention that a kernel takes.
  bool isOneKernel() {
    std::optional<Attention> made = Attention::of(ofParts);
    return made && made->logSum && GpuAttention::of(*made);
  }

private:
  OpBuilder &b;
  Primitives &p;
  Attention &a;
  const Dim parts, share;
  DenseSet<Operation *> isMember;
  DenseMap<Value, Value> done; // of the logits
  PrimDotOp ofParts;           // their mixes

  Shape inFront(Shape shape) {
    shape.insert(shape.begin(), parts);
    return shape;
  }
  Value cut(Value value, int64_t dim);
  Value repeated(Value value);
  Value ofOperand(Value operand, llvm::function_ref<Value(Value)> change);
  Value ofRows(Value value);
  Value together(Value mixes, Value logSums);
};

/// Parts first, then the dimensions of `value`, of which `dim` is that of a part's elements.
Value Parts::cut(Value value, int64_t dim) {
  Shape shape = shapeOf(value);
  shape[dim] = share;
  shape.insert(shape.begin() + dim, parts);
  IntList order = llvm::to_vector(llvm::seq<int64_t>(0, shape.size()));
  order.erase(order.begin() + dim);
  order.insert(order.begin(), dim);
  return p.transpose(p.reshape(value, shape), order);
}

Value Parts::repeated(Value value) {
  return p.broadcast(value, inFront(shapeOf(value)),
                     llvm::to_vector(llvm::seq<int64_t>(1, Primitives::rankOf(value) + 1)));
}

/// Of a product's operand, before it is widened and before its batch is reshaped: what kernels look through.
Value Parts::ofOperand(Value operand, llvm::function_ref<Value(Value)> change) {
  Value narrow = beforeWidening(operand);
  if (narrow != operand)
    return p.convert(ofOperand(narrow, change), elementOf(operand));
  if (auto reshape = operand.getDefiningOp<PrimReshapeOp>();
      reshape && !stridedViewOf(operand) && changesBatchOnly(reshape)) {
    Value inside = ofOperand(reshape.getInput(), change);
    Shape shape = shapeOf(operand), changed = shapeOf(inside);
    llvm::copy(ArrayRef<Dim>(changed).take_back(2), shape.end() - 2);
    return p.reshape(inside, inFront(shape));
  }
  return change(operand);
}

/// What the logits are made of: [parts, batch, queries, keys of a part].
Value Parts::ofRows(Value value) {
  if (Value known = done.lookup(value))
    return known;
  Operation *op = value.getDefiningOp();
  Shape shape = shapeOf(value);
  shape.back() = share;
  Value result;
  if (auto reshape = dyn_cast_or_null<PrimReshapeOp>(op); reshape && isMember.contains(op)) {
    result = p.reshape(ofRows(reshape.getInput()), inFront(shape));
  } else if (op && isMember.contains(op)) {
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, ofRows(operand));
    Operation *made = b.clone(*op, mapping);
    made->getResult(0).setType(tensorOf(inFront(shape), elementOf(value)));
    result = made->getResult(0);
  } else if (auto broadcast = dyn_cast_or_null<PrimBroadcastOp>(op);
             broadcast && !llvm::is_contained(broadcast.getDims(), int64_t(shape.size()) - 1)) {
    // The same for all keys.
    result = p.broadcast(broadcast.getInput(), inFront(shape), behindParts(broadcast.getDims()));
  } else {
    result = cut(value, shape.size() - 1);
  }
  return done[value] = result;
}

Value Parts::mix() {
  int64_t keyDim = *freeDim(a.scores.getRhsBatch(), a.scores.getRhsContract(), Primitives::rankOf(a.scores.getRhs()));
  auto batchOf = [](ArrayRef<int64_t> dims) {
    IntList all = behindParts(dims);
    all.insert(all.begin(), 0);
    return all;
  };
  // Reshapes of the batch keep the last two dimensions.
  auto cutKeys = [&](Value operand, int64_t dim) {
    int64_t fromEnd = Primitives::rankOf(operand) - dim;
    return ofOperand(operand, [&](Value base) { return cut(base, Primitives::rankOf(base) - fromEnd); });
  };
  Value query = ofOperand(a.scores.getLhs(), [&](Value base) { return repeated(base); });
  done[a.scores.getOutput()] =
      p.dot(query, cutKeys(a.scores.getRhs(), keyDim), batchOf(a.scores.getLhsBatch()), batchOf(a.scores.getRhsBatch()),
            behindParts(a.scores.getLhsContract()), behindParts(a.scores.getRhsContract()));
  Value logits = ofRows(a.logits);
  Shape shape = shapeOf(logits);
  int64_t last = shape.size() - 1;
  Type element = elementOf(logits);

  // The softmax of a part. Rows of which it has nothing count nothing.
  Value largest = p.reduce(ReduceKind::Max, logits, {last});
  Value powers = p.exp(p.sub(logits, p.broadcastOver(largest, shape, {last})));
  Value total = p.reduce(ReduceKind::Add, powers, {last});
  Value isNothing = p.eq(largest, p.full(shapeOf(largest), -infinity, element));
  Value weights = p.select(p.broadcastOver(isNothing, shape, {last}), p.full(shape, 0, element),
                           p.div(powers, p.broadcastOver(total, shape, {last})));
  Value logSums = p.select(isNothing, p.full(shapeOf(largest), -infinity, element), p.add(largest, p.log(total)));

  Shape mixed = shapeOf(a.mix.getLhs());
  mixed.back() = share;
  int64_t valueDim = a.mix.getRhsContract()[0];
  Value mixes =
      p.dot(p.reshape(weights, inFront(mixed)), cutKeys(a.mix.getRhs(), valueDim), batchOf(a.mix.getLhsBatch()),
            batchOf(a.mix.getRhsBatch()), behindParts(a.mix.getLhsContract()), behindParts(a.mix.getRhsContract()));
  ofParts = mixes.getDefiningOp<PrimDotOp>();
  Shape rows = shapeOf(mixes);
  rows.pop_back();
  return together(mixes, p.reshape(logSums, rows));
}

/// The mean of the parts' mixes, weighed by their powers. Each element reads the logarithms of its row.
Value Parts::together(Value mixes, Value logSums) {
  Shape shape = shapeOf(mixes);
  int64_t last = shape.size() - 1;
  Type element = elementOf(mixes);
  Value each = p.broadcastOver(logSums, shape, {last});
  Value largest = p.reduce(ReduceKind::Max, each, {0});
  Value weights = p.exp(p.sub(each, p.broadcastOver(largest, shape, {0})));
  Value total = p.reduce(ReduceKind::Add, weights, {0});
  Value mix = p.div(p.reduce(ReduceKind::Add, p.mul(weights, mixes), {0}), total);
  Value zeros = p.full(shapeOf(mix), 0, element);
  switch (a.zeroed) {
  case Attention::Zeroed::None: return mix;
  case Attention::Zeroed::Masked: return p.select(p.eq(largest, p.full(shapeOf(mix), -infinity, element)), zeros, mix);
  case Attention::Zeroed::NotANumber: return p.select(p.isNan(total), zeros, mix);
  }
  llvm_unreachable("rows are zeroed or not");
}

struct SplitAttention : impl::SplitAttentionBase<SplitAttention> {
  void runOnOperation() override {
    LikelySizes likelySizes(getOperation()->getParentOfType<ModuleOp>());
    SmallVector<PrimDotOp> dots;
    getOperation().walk([&](PrimDotOp dot) { dots.push_back(dot); });
    for (PrimDotOp dot : dots)
      if (std::optional<Attention> attention = Attention::of(dot); attention && !attention->logSum)
        if (int64_t parts = bestParts(*attention); parts > 1) {
          OpBuilder b(dot);
          Primitives p(b, dot.getLoc());
          Parts cut(b, p, *attention, parts);
          Value mix = cut.mix();
          if (!cut.isOneKernel())
            continue; // nobody reads it
          dot.getOutput().replaceAllUsesWith(mix);
          erase(*attention);
        }
  }

  static int64_t bestParts(Attention &attention) {
    std::optional<GpuAttention> g = GpuAttention::of(attention);
    std::optional<int64_t> keys = constantOf(attention.keys());
    if (!g || !keys || attention.isCausal)
      return 1;
    int64_t best = 1;
    double least = worthwhile * g->cycles(attention, 1);
    for (int64_t parts = 2; parts <= std::min(mostParts, *keys / fewestKeys); ++parts)
      if (double cycles = *keys % parts == 0 ? g->cycles(attention, parts) : least; cycles < least) {
        least = cycles;
        best = parts;
      }
    return best;
  }

  /// What nobody reads any more: readers first.
  static void erase(Attention &attention) {
    SmallVector<Operation *> members(attention.members.begin(), attention.members.end());
    llvm::sort(members, [](Operation *x, Operation *y) { return y->isBeforeInBlock(x); });
    for (Operation *op : members)
      op->erase();
  }
};

} // namespace
} // namespace nnf
