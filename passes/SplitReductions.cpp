// Reductions with few results become two, so that there is work for several threads.
#include "passes/CostModel.h"
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/decompose/Primitives.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_SPLITREDUCTIONS
#include "passes/Passes.h.inc"
namespace {

using IntList = SmallVector<int64_t>;

/// A size as a number to choose blocks by: where only the run knows it, a middling one.
int64_t likely(Dim dim) { return LikelySizes::of(dim, figures::guessedRow); }

/// What is reduced: `dims` of a tensor.
struct Frame {
  Shape full;
  IntList dims;

  Frame(Value input, ArrayRef<int64_t> dims) : full(shapeOf(input)), dims(dims) {}

  bool operator==(const Frame &other) const { return sameShape(full, other.full) && dims == other.dims; }
  bool isReduced(int64_t dim) const { return llvm::is_contained(dims, dim); }
  bool hasFixedSizes() const { return constantsOf(full).has_value(); }
  int64_t innermost() const {
    int64_t last = static_cast<int64_t>(full.size()) - 1;
    while (last > 0 && isConstant(full[last], 1))
      --last;
    return last;
  }
};

/// A reduction in two: the first reduces `inner`, of inner[0] only blocks.
struct Split {
  IntList inner;
  int64_t block;
};

std::optional<Split> splitOf(const Frame &frame) {
  int64_t elements = 1, tasks = 1, width = 1, last = frame.innermost();
  bool isAcross = !frame.isReduced(last);
  for (auto [i, dim] : llvm::enumerate(frame.full)) {
    elements *= likely(dim);
    if (isAcross && static_cast<int64_t>(i) == last)
      tasks *= llvm::divideCeil(width = likely(dim), figures::taskColumns);
    else if (!frame.isReduced(i))
      tasks *= LikelySizes::of(dim, figures::enoughTasks);
  }
  if (tasks >= figures::enoughTasks || (frame.hasFixedSizes() && elements < figures::smallestSplit))
    return std::nullopt;
  int64_t wanted = isAcross ? std::max(figures::fewestRowsAcross, figures::blockAcross / width) : figures::taskElements;
  // The innermost dimension that is long enough with what is behind it; else one that may turn out to be.
  int64_t inside = 1; // elements of a row behind the dimension that is cut
  std::optional<size_t> cut;
  int64_t insideCut = 1;
  for (size_t i = frame.dims.size(); i-- > 0;) {
    Dim size = frame.full[frame.dims[i]];
    bool isLong = inside * likely(size) >= 2 * wanted;
    if (isLong || !constantOf(size)) {
      cut = i;
      insideCut = inside;
    }
    if (isLong)
      break;
    inside *= likely(size);
  }
  if (!cut)
    return std::nullopt;
  IntList inner(ArrayRef(frame.dims).drop_front(*cut));
  int64_t block = std::max<int64_t>(1, wanted / insideCut);
  // Blocks of one element: the dimension is a kept one.
  if (block == 1 && inner.size() > 1)
    return Split{IntList(ArrayRef(inner).drop_front()), 0};
  return Split{inner, block};
}

/// The result comes back to elements of the row, or the elements come from something that took longer than to add them
/// up: not worth two kernels where there may be few.
bool isBestWhole(Value input, Value output) {
  Shape full = shapeOf(input);
  SmallPtrSet<Operation *, 16> seen;
  SmallVector<Value> work{output};
  while (!work.empty())
    for (Operation *user : work.pop_back_val().getUsers()) {
      if (user->getNumResults() != 1 || !seen.insert(user).second)
        continue;
      Shape shape = shapeOf(user->getResult(0));
      if (isa<PrimBroadcastOp>(user) && sameShape(shape, full))
        return true;
      if (user->hasTrait<Elementwise>() || isa<PrimReshapeOp, PrimBroadcastOp>(user))
        work.push_back(user->getResult(0));
    }
  work.push_back(input);
  while (!work.empty()) {
    Operation *producer = work.pop_back_val().getDefiningOp();
    if (!producer || !seen.insert(producer).second)
      continue;
    if (isa<PrimReduceOp, PrimArgReduceOp, PrimDotOp, PrimConvOp, PrimGatherOp, PrimSortOp, PrimCumulateOp>(producer))
      return true;
    if (producer->hasTrait<Elementwise>() || isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp>(producer))
      llvm::append_range(work, producer->getOperands());
  }
  return false;
}

void apply(const Split &split, const Frame &frame, PrimReduceOp op) {
  OpBuilder builder(op);
  Primitives p(builder, op.getLoc());
  Value blocks = split.block ? p.reduceBlocks(op.getKind(), op.getInput(), split.inner, split.block)
                             : p.reduce(op.getKind(), op.getInput(), split.inner);
  // What is left to reduce, in the shape of the blocks' results.
  IntList rest;
  int64_t next = 0;
  for (int64_t dim = 0, rank = frame.full.size(); dim < rank; ++dim) {
    bool isCut = split.block && dim == split.inner.front();
    if (llvm::is_contained(split.inner, dim) && !isCut)
      continue;
    if (frame.isReduced(dim))
      rest.push_back(next);
    ++next;
  }
  op.getOutput().replaceAllUsesWith(p.reduce(op.getKind(), blocks, rest));
  op.erase();
}

void apply(const Split &split, PrimArgReduceOp op) {
  int64_t dim = op.getDim();
  OpBuilder builder(op);
  Primitives p(builder, op.getLoc());
  Type i64 = builder.getI64Type();
  /// x[…, positions, …] along `dim`, at positions of a shape with or without it.
  auto at = [&](Value x, Value positions) {
    bool isKept = p.rankOf(positions) == p.rankOf(x);
    SmallVector<Value> indices;
    for (int64_t d = 0, rank = p.rankOf(x); d < rank; ++d)
      indices.push_back(d == dim ? positions : p.iota(shapeOf(positions), !isKept && d > dim ? d - 1 : d, i64));
    return p.gather(x, indices, llvm::to_vector(llvm::seq<int64_t>(0, p.rankOf(x))), BoundsKind::Clamp);
  };
  Value positions = p.argReduceBlocks(op.getKind(), op.getInput(), dim, split.block);
  Value block = p.argReduce(op.getKind(), at(op.getInput(), positions), dim);
  op.getOutput().replaceAllUsesWith(at(positions, block));
  op.erase();
}

struct SplitReductions : impl::SplitReductionsBase<SplitReductions> {
  struct Candidate {
    Operation *op;
    Frame frame;
    Split split;
  };

  void runOnOperation() override {
    LikelySizes likelySizes(getOperation()->getParentOfType<ModuleOp>());
    SmallVector<Candidate> candidates;
    SmallVector<Frame> whole;
    auto consider = [&](Operation *op, ArrayRef<int64_t> dims) {
      Value input = op->getOperand(0);
      Frame frame(input, dims);
      std::optional<Split> split = splitOf(frame);
      if (!split)
        return;
      candidates.push_back({op, frame, *split});
      if (!frame.hasFixedSizes() && isBestWhole(input, op->getResult(0)))
        whole.push_back(frame);
    };
    for (Operation &op : getOperation().getBody().front())
      if (auto reduce = dyn_cast<PrimReduceOp>(op); reduce && !reduce.getBlock())
        consider(reduce, reduce.getDims());
      else if (auto position = dyn_cast<PrimArgReduceOp>(op); position && !position.getBlock())
        consider(position, static_cast<int64_t>(position.getDim()));
    for (const Candidate &candidate : candidates) {
      // Reductions of one frame are split alike: they may share a kernel.
      if (llvm::is_contained(whole, candidate.frame))
        continue;
      if (auto reduce = dyn_cast<PrimReduceOp>(candidate.op))
        apply(candidate.split, candidate.frame, reduce);
      else
        apply(candidate.split, cast<PrimArgReduceOp>(candidate.op));
    }
  }
};

} // namespace
} // namespace nnf
