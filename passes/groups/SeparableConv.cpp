#include "passes/groups/SeparableConv.h"
#include "passes/kernels/Contraction.h"
#include "passes/kernels/KernelEmitter.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {
namespace {

/// Ops between two convolutions; a search that is longer finds something else.
constexpr size_t mostBetween = 24;

using MayTake = llvm::function_ref<bool(Operation *)>;

/// An image of fixed sizes, none of them 0.
bool isFixedImage(Value value) {
  Shape shape = shapeOf(value);
  return shape.size() == 4 && llvm::all_of(ArrayRef<Dim>(shape).drop_front(), [](Dim dim) {
           std::optional<int64_t> size = constantOf(dim);
           return size && *size > 0;
         });
}

/// A product of each pixel with the same matrix, all of one type, from an image of the same sizes.
bool isPixelwise(PrimConvOp conv, Type element) {
  auto isOne = [](int64_t stride) { return stride == 1; };
  bool isOfThat = llvm::all_of(ValueRange{conv.getInput(), conv.getWeight(), conv.getOutput()},
                               [&](Value value) { return elementOf(value) == element; });
  return isOfThat && conv.getPacked() && !conv.getWinograd() && isPointwise(conv) &&
         llvm::all_of(conv.getStride(), isOne) && isFixedImage(conv.getInput());
}

/// What makes, element by element, the value that `to` reads of what `from` gives, if nobody else reads anything of it.
std::optional<SmallVector<Operation *>> between(PrimConvOp from, PrimConvOp to, MayTake mayTake) {
  llvm::SetVector<Operation *> found;
  SmallVector<Value> work{from.getOutput()};
  while (!work.empty())
    for (OpOperand &use : work.pop_back_val().getUses()) {
      Operation *user = use.getOwner();
      if (user == to && use.getOperandNumber() == 0)
        continue;
      if (!user->hasTrait<Elementwise>() || user->getNumResults() != 1 || !mayTake(user))
        return std::nullopt;
      if (found.insert(user))
        work.push_back(user->getResult(0));
      if (found.size() > mostBetween)
        return std::nullopt;
    }
  // The walk ends where `to` reads; what it reads has to be the last of it.
  Value read = to.getInput();
  if (read != from.getOutput() && !found.contains(read.getDefiningOp()))
    return std::nullopt;
  SmallVector<Operation *> ops = found.takeVector();
  llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return ops;
}

/// The pixelwise convolution that `depthwise` reads element by element.
PrimConvOp findExpand(PrimConvOp depthwise, MayTake mayTake) {
  llvm::SetVector<Operation *> behind;
  if (Operation *op = depthwise.getInput().getDefiningOp())
    behind.insert(op);
  for (size_t i = 0; i < behind.size() && behind.size() <= mostBetween; ++i) {
    Operation *op = behind[i];
    if (auto conv = dyn_cast<PrimConvOp>(op)) {
      if (mayTake(conv) && isPixelwise(conv, elementOf(depthwise.getOutput())) && between(conv, depthwise, mayTake))
        return conv;
    } else if (op->hasTrait<Elementwise>()) {
      for (Value operand : op->getOperands())
        if (Operation *producer = operand.getDefiningOp())
          behind.insert(producer);
    }
  }
  return {};
}

/// The pixelwise convolution that alone reads what comes of `depthwise` element by element.
PrimConvOp findProject(PrimConvOp depthwise, MayTake mayTake) {
  Value value = depthwise.getOutput();
  for (size_t steps = 0; steps <= mostBetween && !value.use_empty(); ++steps) {
    // The last of the readers: the value that others make of this one as well is read by it, too.
    Operation *last = nullptr;
    for (Operation *user : value.getUsers())
      if (user->getBlock() == depthwise->getBlock() && (!last || last->isBeforeInBlock(user)))
        last = user;
    if (auto conv = dyn_cast_or_null<PrimConvOp>(last))
      return mayTake(conv) && isPixelwise(conv, elementOf(depthwise.getOutput())) && between(depthwise, conv, mayTake)
                 ? conv
                 : PrimConvOp();
    if (!last || !last->hasTrait<Elementwise>() || last->getNumResults() != 1)
      return {};
    value = last->getResult(0);
  }
  return {};
}

SeparableConv join(PrimConvOp expand, PrimConvOp depthwise, PrimConvOp project, MayTake mayTake) {
  SeparableConv found{expand, depthwise, project, {}};
  if (expand) {
    found.members.push_back(expand);
    llvm::append_range(found.members, *between(expand, depthwise, mayTake));
  }
  found.members.push_back(depthwise);
  if (project) {
    llvm::append_range(found.members, *between(depthwise, project, mayTake));
    found.members.push_back(project);
  }
  return found;
}

bool takesAll(Operation *) { return true; }

} // namespace

std::optional<SeparableConv> SeparableConv::of(PrimConvOp depthwise, MayTake mayTake) {
  auto element = dyn_cast<FloatType>(elementOf(depthwise.getOutput()));
  if (!element || element.getWidth() < 32 || !mayTake(depthwise) || !isDepthwise(depthwise) ||
      !isFixedImage(depthwise.getInput()) || !isFixedImage(depthwise.getOutput()))
    return std::nullopt;
  PrimConvOp expand = findExpand(depthwise, mayTake), project = findProject(depthwise, mayTake);
  if (!expand && !project)
    return std::nullopt;
  return join(expand, depthwise, project, mayTake);
}

bool SeparableConv::canRead(const StridedView &view) {
  return isConstant(view.strides[3], 1) &&
         (!expand || sameDim(view.strides[1], simplify(shapeOf(input())[2] * view.strides[2])));
}

std::optional<SeparableConv> SeparableConv::withoutExpand() {
  if (!expand || !project)
    return std::nullopt;
  return join({}, depthwise, project, takesAll);
}

std::optional<SeparableConv> SeparableConv::withoutProject() {
  if (!expand || !project)
    return std::nullopt;
  return join(expand, depthwise, {}, takesAll);
}

} // namespace nnf
