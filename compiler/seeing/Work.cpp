#include "compiler/seeing/Work.h"
#include "dialects/nnf/Nnf.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
namespace nnf {
namespace {

/// Products of sizes; nothing where one is unknown, or the product too large for 63 bits.
using Count = std::optional<int64_t>;

Count operator*(Count a, Count b) {
  int64_t product;
  if (!a || !b || llvm::MulOverflow(*a, *b, product))
    return std::nullopt;
  return product;
}
Count operator+(Count a, Count b) {
  int64_t sum;
  if (!a || !b || llvm::AddOverflow(*a, *b, sum))
    return std::nullopt;
  return sum;
}

Count elements(Type type) {
  Count count = 1;
  for (Dim dim : shapeOf(type))
    count = count * constantOf(dim);
  return count;
}
Count bytesOf(Type type) { return elements(type) * elementBytes(cast<RankedTensorType>(type).getElementType()); }

Count contractedBy(PrimDotOp dot) {
  Shape lhs = shapeOf(dot.getLhs());
  Count terms = 1;
  for (int64_t d : dot.getLhsContract())
    terms = terms * constantOf(lhs[d]);
  return terms;
}
Count contractedBy(PrimConvOp conv) {
  Count terms = constantOf(conv.channelsPerGroup());
  for (Dim size : conv.kernelSizes())
    terms = terms * constantOf(size);
  return terms;
}

Count operationsOf(Operation &op) {
  auto ofResult = [&](Count each) { return each * elements(op.getResult(0).getType()); };
  return llvm::TypeSwitch<Operation *, Count>(&op)
      .Case<PrimDotOp>([&](auto dot) { return ofResult(Count(2) * contractedBy(dot)); })
      .Case<PrimConvOp>([&](auto conv) { return ofResult(Count(2) * contractedBy(conv)); })
      .Case<PrimReduceOp, PrimArgReduceOp, PrimCumulateOp>(
          [](auto reduce) { return elements(reduce.getInput().getType()); })
      .Case<PrimReduceWindowOp>([&](auto window) {
        Count taps = 1;
        for (int64_t size : window.getSize())
          taps = taps * size;
        return ofResult(taps);
      })
      .Case<PrimScatterOp>([](auto scatter) { return elements(scatter.getUpdates().getType()); })
      .Case<PrimLoopOp>([](PrimLoopOp loop) {
        Count step = 0;
        for (Operation &inner : loop.getBody().front())
          step = step + operationsOf(inner);
        Count steps = 1;
        for (Dim dim : loop.getTrips().getDims())
          steps = steps * constantOf(dim);
        return steps * step;
      })
      // A select chooses and a convert rewrites what another op has computed.
      .Case<PrimSelectOp, PrimConvertOp>([](auto) { return 0; })
      .Default([&](Operation *other) -> Count { return other->hasTrait<OpTrait::Elementwise>() ? ofResult(1) : 0; });
}

/// What has to be read of an argument.
Count bytesRead(Value argument) {
  Count gathered = 0;
  for (OpOperand &use : argument.getUses()) {
    auto gather = dyn_cast<PrimGatherOp>(use.getOwner());
    auto slice = dyn_cast<PrimSliceOp>(use.getOwner());
    if (!slice && !(gather && use.getOperandNumber() == 0))
      return bytesOf(argument.getType());
    gathered = gathered + bytesOf(use.getOwner()->getResult(0).getType());
  }
  Count all = bytesOf(argument.getType());
  return gathered && all ? Count(std::min(*gathered, *all)) : std::nullopt;
}

struct Work {
  Count flops = 0, bytes = 0;
};

Work workOf(KernelOp kernel) {
  Work work;
  Block &body = kernel.getBody().front();
  for (Operation &op : body)
    work.flops = work.flops + operationsOf(op);
  for (Value argument : body.getArguments())
    work.bytes = work.bytes + bytesRead(argument);
  for (Value result : body.getTerminator()->getOperands())
    work.bytes = work.bytes + bytesOf(result.getType());
  return work;
}

} // namespace

void recordWork(ModuleOp module) {
  Builder b(module.getContext());
  llvm::DenseMap<StringAttr, Work> known;
  for (KernelOp kernel : module.getOps<KernelOp>())
    known[kernel.getSymNameAttr()] = workOf(kernel);
  module.walk([&](LaunchOp launch) {
    Work work = known.lookup(launch.getKernelAttr().getAttr());
    if (work.flops)
      launch->setAttr("nnf.flops", b.getI64IntegerAttr(*work.flops));
    if (work.bytes)
      launch->setAttr("nnf.bytes", b.getI64IntegerAttr(*work.bytes));
  });
}

} // namespace nnf
