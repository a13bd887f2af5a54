#include "passes/kernels/MapPlan.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Cost.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {
namespace {

/// Emitting a body several times to look at it is not worth the time beyond this many ops.
constexpr int64_t maxOps = 300;
/// Of simple instructions: what is repeated for each row or column of a block, rather than a loop over them.
constexpr int64_t maxRepeated = 8;
/// Pieces of a row that have code of their own.
constexpr int64_t maxPieces = 32;

class Planner {
public:
  Planner(KernelEmitter &emitter, MapPlan &plan) : emitter(emitter), plan(plan) {
    for (unsigned i = 0; i < emitter.numResults(); ++i)
      results.push_back(emitter.yielded(i));
    for (PrimCheckOp check : emitter.kernel.getBody().getOps<PrimCheckOp>())
      results.append({check.getCondition(), check.getValue()});
  }

  void joinDimensions();
  void chooseKind();
  /// Narrow elements fill a register where nothing but them is in the lanes.
  void widenLanes();
  void cutRows();
  void chooseRepeated();

private:
  /// Lanes for blocks: narrow elements, where there are no others, fill the 16 bytes that move at once on any target.
  int64_t lanesOfBlocks();
  /// Elements that lie side by side in every result where axis `i` and the next one are walked as one.
  bool staysContiguous(unsigned i) {
    for (unsigned r = 0; r < emitter.numResults(); ++r)
      for (unsigned dim = plan.axes[i + 1].first; dim < plan.axes[i + 1].end; ++dim)
        if (!sameDim(emitter.resultMemory(r)[dim], plan.shape[dim]))
          return false;
    return true;
  }
  bool isSmall() { return emitter.kernel.getBody().front().getOperations().size() <= maxOps; }
  /// Emits `tensors` with lanes along an axis into a block that is thrown away; the block's arguments are the axes'
  /// positions.
  void emitInto(Block &scratch, ArrayRef<Value> tensors, unsigned axis);
  /// Instructions on vectors, roughly, of which the position along `axis` is no part.
  int64_t workWithout(unsigned axis);
  /// What is slow about `tensor` with lanes along an axis.
  int64_t slowAccesses(Value tensor, unsigned axis);
  int64_t slowAccesses(ArrayRef<Value> tensors, unsigned axis) {
    int64_t sum = 0;
    for (Value tensor : tensors)
      sum += slowAccesses(tensor, axis);
    return sum;
  }
  /// Finds what is worth turning so that lanes lie along `across`; returns what stays slow all the same.
  int64_t collectTurned(Value tensor, unsigned across, llvm::SetVector<Value> &turned, DenseSet<Value> &seen);
  /// Instructions, roughly, that `tensors` take beyond those of `known`.
  int64_t weight(ArrayRef<Value> tensors, ArrayRef<Value> known);

  KernelEmitter &emitter;
  MapPlan &plan;
  SmallVector<Value> results;
};

void Planner::emitInto(Block &scratch, ArrayRef<Value> tensors, unsigned axis) {
  KernelBuilder &k = emitter.k;
  // What is emitted goes nowhere. Positions are arguments, so that none is known to be 0.
  OpBuilder::InsertionGuard restore(k.b);
  k.b.setInsertionPointToStart(&scratch);
  KernelEmitter::LanesScope lanes(k, plan.lanes);
  ElementEmitter::Scope scope(emitter.e);
  SmallVector<Index> at;
  for (unsigned i = 0; i < plan.axes.size(); ++i)
    at.push_back(k.index(scratch.addArgument(k.b.getI64Type(), k.loc), i == axis ? 1 : 0));
  if (auto size = constantOf(plan.axes[axis].size))
    at[axis].range = {0, *size};
  for (Value tensor : tensors)
    emitter.e.at(tensor, plan.expand(emitter.e, at));
}

int64_t Planner::slowAccesses(Value tensor, unsigned axis) {
  int64_t before = emitter.k.slowAccesses;
  Block scratch;
  emitInto(scratch, tensor, axis);
  return std::exchange(emitter.k.slowAccesses, before) - before;
}

int64_t Planner::workWithout(unsigned axis) {
  constexpr int64_t gatherWeight = 16, mathWeight = 16;
  Block scratch;
  emitInto(scratch, results, plan.axes.size() - 1);
  DenseSet<Value> depends{scratch.getArgument(axis)};
  int64_t work = 0;
  for (Operation &op : scratch) {
    bool isPart = false;
    op.walk([&](Operation *inner) {
      isPart |= llvm::any_of(inner->getOperands(), [&](Value operand) { return depends.contains(operand); });
    });
    if (isPart) {
      depends.insert(op.result_begin(), op.result_end());
      continue;
    }
    op.walk([&](Operation *inner) {
      bool isVector = llvm::any_of(inner->getResultTypes(), llvm::IsaPred<VectorType>);
      if (!isVector || inner->getNumOperands() == 0 || isa<vector::BroadcastOp>(inner))
        return;
      bool isMath = isa_and_nonnull<math::MathDialect>(inner->getDialect());
      work += isa<LLVM::masked_gather>(inner) ? gatherWeight : isMath ? mathWeight : 1;
    });
  }
  return work;
}

void Planner::joinDimensions() {
  MLIRContext *context = emitter.kernel.getContext();
  for (auto [i, size] : llvm::enumerate(plan.shape))
    plan.axes.push_back({static_cast<unsigned>(i), static_cast<unsigned>(i + 1), size});
  if (plan.axes.empty())
    plan.axes.push_back({0, 0, dimOf(context, 1)});
  if (!isSmall())
    return;
  for (unsigned i = 0; i + 1 < plan.axes.size();) {
    SmallVector<MapPlan::Axis> apart = plan.axes;
    bool isOne = isConstant(apart[i].size, 1) || isConstant(apart[i + 1].size, 1);
    if (!isConstant(apart[i].size, 1) && !staysContiguous(i)) {
      ++i;
      continue;
    }
    int64_t before = isOne ? 0 : slowAccesses(results, i + 1);
    plan.axes[i].end = apart[i + 1].end;
    plan.axes[i].size = simplify(apart[i].size * apart[i + 1].size);
    plan.axes.erase(plan.axes.begin() + i + 1);
    if (!isOne && slowAccesses(results, i) > before) {
      plan.axes = apart;
      ++i;
    }
  }
}

int64_t Planner::weight(ArrayRef<Value> tensors, ArrayRef<Value> known) {
  DenseSet<Value> seen(known.begin(), known.end());
  SmallVector<Value> open(tensors);
  int64_t sum = 0;
  while (!open.empty()) {
    Value tensor = open.pop_back_val();
    Operation *op = tensor.getDefiningOp();
    if (!seen.insert(tensor).second || !op)
      continue;
    bool isMove = isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp, PrimSliceOp, ConstantOp>(op);
    bool isSimple = isa<PrimAddOp, PrimSubOp, PrimMulOp, PrimMinOp, PrimMaxOp, PrimNegOp, PrimAbsOp, PrimConvertOp,
                        PrimCompareOp, PrimSelectOp, PrimAndOp, PrimOrOp, PrimNotOp>(op);
    sum += isMove ? 0 : isSimple ? 1 : maxRepeated;
    open.append(op->operand_begin(), op->operand_end());
  }
  return sum;
}

int64_t Planner::collectTurned(Value tensor, unsigned across, llvm::SetVector<Value> &turned, DenseSet<Value> &seen) {
  if (!seen.insert(tensor).second)
    return 0;
  int64_t slow = slowAccesses(tensor, plan.axes.size() - 1);
  if (slow == 0)
    return 0;
  if (slowAccesses(tensor, across) == 0) {
    turned.insert(tensor);
    return 0;
  }
  Operation *op = tensor.getDefiningOp();
  if (!op || !op->hasTrait<Elementwise>())
    return slow;
  int64_t rest = 0;
  for (Value operand : op->getOperands())
    rest += collectTurned(operand, across, turned, seen);
  return rest;
}

int64_t Planner::lanesOfBlocks() {
  int64_t bytes = 1;
  auto consider = [&](Type type) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      bytes = std::max<int64_t>(bytes, elementBytes(tensor.getElementType()));
  };
  llvm::for_each(emitter.kernel.getArgumentTypes(), consider);
  emitter.kernel.getBody().walk([&](Operation *op) { llvm::for_each(op->getResultTypes(), consider); });
  return std::max(emitter.preferredLanes(), 16 / bytes);
}

void Planner::chooseKind() {
  unsigned last = plan.axes.size() - 1;
  std::optional<int64_t> width = constantOf(plan.width());
  if (last == 0 || width == 1 || isConstant(productOf(emitter.kernel.getContext(), plan.shape), 0) || !isSmall())
    return;
  int64_t slow = slowAccesses(results, last);
  bool isContiguous = staysContiguous(last - 1); // vectors are interleaved over rows
  if (width && *width * 2 <= plan.lanes && isContiguous && slowAccesses(results, last - 1) <= slow) {
    plan.kind = MapPlan::Columns;
    plan.across = last - 1;
    plan.lanes = lanesOfBlocks();
    plan.loopsOverColumns = weight(results, {}) * *width > maxRepeated * plan.lanes;
    return;
  }
  for (unsigned axis = last; axis-- > 0 && slow > 0;) {
    // Fewer elements than that are not worth a block.
    std::optional<int64_t> size = constantOf(plan.axes[axis].size);
    if (size && *size < 3)
      continue;
    llvm::SetVector<Value> turned;
    DenseSet<Value> seen;
    int64_t rest = 0;
    for (Value result : results)
      rest += collectTurned(result, axis, turned, seen);
    if (rest < slow) {
      slow = rest;
      plan.kind = MapPlan::Blocks;
      plan.across = axis;
      plan.turned = turned.takeVector();
    }
  }
  if (plan.kind == MapPlan::Blocks)
    plan.lanes = lanesOfBlocks();
  plan.loopsOverColumns = weight(plan.turned, {}) > maxRepeated;
  plan.loopsOverRows = weight(results, plan.turned) > maxRepeated;
}

void Planner::widenLanes() {
  int64_t most = emitter.lanesOfWidest();
  if (most <= plan.lanes || !isSmall() || slowAccesses(results, plan.axes.size() - 1) > 0)
    return;
  // What is left at the end of a row is masked: of bytes and words, other targets store each by itself.
  std::optional<int64_t> width = constantOf(plan.width());
  if (emitter.k.target.hasAvx512 || (width && *width % most < plan.lanes))
    plan.lanes = most;
}

void Planner::chooseRepeated() {
  // What is stored, or read, then lies in as many places at a time: little work is not worth that.
  constexpr int64_t fewestTimes = 4, leastWork = 48;
  if (!isSmall())
    return;
  // Positions that a tensor says may be anywhere: all that the loop reads of one is to stay in a cache.
  int64_t gatheredBytes = 0;
  emitter.kernel.getBody().walk([&](PrimGatherOp op) {
    Shape shape = shapeOf(op.getInput());
    gatheredBytes = std::max(gatheredBytes, emitter.guess(shape) * elementBytes(elementOf(op.getInput())));
  });
  int64_t most = leastWork - 1;
  for (unsigned axis = 0; axis + 1 < plan.axes.size(); ++axis) {
    int64_t others = std::max<int64_t>(1, emitter.guess(plan.outerSizes(axis)));
    bool isFar = gatheredBytes / others > figures::bytesOfL2(emitter.k.target, figures::shareOfL2);
    if (!isFar && emitter.guess(plan.axes[axis].size) >= fewestTimes)
      if (int64_t work = workWithout(axis); work > most)
        most = work, plan.repeated = axis;
  }
}

void Planner::cutRows() {
  std::optional<int64_t> width = constantOf(plan.width());
  if (!width || !isSmall())
    return;
  emitter.k.partings.clear();
  Block scratch;
  emitInto(scratch, results, plan.axes.size() - 1);
  std::set<int64_t> cuts;
  for (int64_t parting : emitter.k.partings) {
    if (parting <= 0 || parting >= *width)
      continue;
    // Where all rows begin at a register's alignment, pieces do so too: the lanes of a vector between may part.
    bool isAligned = *width % plan.lanes == 0;
    cuts.insert(isAligned ? llvm::alignDown(parting, plan.lanes) : parting);
    cuts.insert(isAligned ? llvm::alignTo(parting, plan.lanes) : parting);
  }
  cuts.erase(0), cuts.erase(*width);
  int64_t pieces = cuts.size() + 1, arithmetic = 0;
  emitter.kernel.getBody().walk([&](Operation *op) { arithmetic += op->hasTrait<Elementwise>() ? weightOf(op) : 0; });
  if (pieces == 1 || pieces > maxPieces || pieces * arithmetic > maxOps)
    return;
  plan.cuts.push_back(0);
  plan.cuts.append(cuts.begin(), cuts.end());
  plan.cuts.push_back(*width);
}

} // namespace

Dim MapPlan::width() const { return axes.back().size; }

Indices MapPlan::expand(ElementEmitter &e, ArrayRef<Index> at) const {
  Indices indices;
  for (auto [axis, index] : llvm::zip_equal(axes, at))
    indices.append(e.split(ArrayRef(shape).slice(axis.first, axis.end - axis.first), index));
  return indices;
}

Shape MapPlan::outerSizes(std::optional<unsigned> except) const {
  Shape sizes;
  for (unsigned i = 0; i + 1 < axes.size(); ++i)
    if (i != except)
      sizes.push_back(axes[i].size);
  return sizes;
}

MapPlan MapPlan::of(KernelEmitter &emitter) {
  MapPlan plan;
  // The results of a map have one shape; a kernel without results checks a condition of some shape.
  if (emitter.numResults())
    plan.shape = shapeOf(emitter.yielded(0));
  else
    plan.shape = shapeOf((*emitter.kernel.getBody().getOps<PrimCheckOp>().begin()).getCondition());
  plan.lanes = emitter.preferredLanes();
  Planner planner(emitter, plan);
  planner.joinDimensions();
  planner.chooseKind();
  if (isConstant(plan.width(), 1))
    plan.lanes = 1;
  if (plan.kind == MapPlan::Rows && plan.lanes > 1) {
    planner.widenLanes();
    planner.cutRows();
    planner.chooseRepeated();
  }
  return plan;
}

} // namespace nnf
