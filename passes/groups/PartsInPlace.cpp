#include "passes/groups/PartsInPlace.h"
#include "passes/Cost.h"
#include "passes/kernels/Placement.h"

using namespace mlir;
namespace nnf {
namespace {

/// Shorter runs of neighbouring elements are written faster by a kernel that has all of a row.
constexpr int64_t fewestRunBytes = 64;
/// Operands that are stored by a kernel of their own: one takes the place of the kernel that copies.
constexpr unsigned mostCopies = 1;
/// Of one kernel. Compiling takes some 7 ms for each, and an element asks in turn which of them it is of.
constexpr unsigned mostOperands = 16;

bool runsAreLong(Value part, int64_t dim) {
  int64_t elements = 1;
  for (Dim size : ArrayRef(shapeOf(part)).drop_front(dim))
    elements *= constantOf(size).value_or(fewestRunBytes);
  return elements * elementBytes(cast<RankedTensorType>(part.getType()).getElementType()) >= fewestRunBytes;
}

/// The driver, which reads and gives whole tensors.
bool isDriver(Operation *op) { return op->hasTrait<OpTrait::IsTerminator>() || isa<SizeOp, LoopOp, IfOp>(op); }

/// Whoever reads the value, through views, takes it with other strides.
bool readersTakeStrides(Value value) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    // Sizes are joined where elements lie side by side; in order means back and forth in memory.
    if (isDriver(user) || isa<PrimReshapeOp, PrimSortOp, PrimCumulateOp, PrimScatterOp, PrimLoopOp>(user))
      return false;
    return !isView(user) || readersTakeStrides(user->getResult(0));
  });
}

/// The group writes its results at any strides: not those that read them back, nor attention, whose heads are joined.
bool storesAtStrides(const Group &group, Value part) {
  unsigned contractions = llvm::count_if(group.members, [](Operation *op) { return isa<PrimDotOp, PrimConvOp>(op); });
  return contractions <= 1 && !isView(part.getDefiningOp()) &&
         !isa<PrimSortOp, PrimCumulateOp, PrimScatterOp, PrimLoopOp>(group.anchor);
}

} // namespace

bool canStoreParts(PrimConcatOp whole, const GroupMap &groups, const SizePhases &phases) {
  int64_t dim = whole.getDim();
  bool isWhole = isOnePiece(shapeOf(whole.getOutput()), dim);
  unsigned copies = 0;
  llvm::SmallDenseSet<Value> seen;
  for (Value part : whole.getInputs()) {
    Operation *producer = part.getDefiningOp();
    if (!producer || isa<WeightOp, ConstantOp, RandomKeyOp, LoopOp, IfOp>(producer) || !seen.insert(part).second ||
        groups.wholeOf(part) || groups.isInPlace(producer) || phases.of(producer) != phases.of(whole))
      return false;
    if (llvm::any_of(part.getUsers(), isDriver) || !runsAreLong(part, dim))
      return false;
    Group *group = groups.of(producer);
    copies += !group;
    if (isWhole)
      continue;
    // A view that nobody has stored yet becomes a kernel that copies it, and has no other readers for whom to do so.
    if (group ? !storesAtStrides(*group, part) : isView(producer) && !part.hasOneUse())
      return false;
    if (!readersTakeStrides(part))
      return false;
  }
  return copies <= mostCopies && copies < whole.getInputs().size();
}

bool hasManyOperands(PrimConcatOp whole) { return whole.getInputs().size() > size_t(2) * mostOperands; }

SmallVector<PrimConcatOp> cutConcat(PrimConcatOp whole) {
  unsigned count = whole.getInputs().size();
  OpBuilder builder(whole);
  SmallVector<PrimConcatOp> cuts;
  SmallVector<Value> parts;
  for (unsigned first = 0; first < count; first += mostOperands) {
    SmallVector<Value> operands(whole.getInputs().slice(first, std::min(mostOperands, count - first)));
    Shape shape = shapeOf(whole.getOutput());
    Dim size = dimOf(whole.getContext(), 0);
    for (Value operand : operands)
      size = size + shapeOf(operand)[whole.getDim()];
    shape[whole.getDim()] = simplify(size);
    auto element = cast<RankedTensorType>(whole.getType()).getElementType();
    cuts.push_back(PrimConcatOp::create(builder, whole.getLoc(), tensorOf(shape, element), operands, whole.getDim()));
    parts.push_back(cuts.back().getOutput());
  }
  whole.getInputsMutable().assign(parts);
  return cuts;
}

} // namespace nnf
