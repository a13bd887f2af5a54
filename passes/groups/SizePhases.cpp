#include "passes/groups/SizePhases.h"

using namespace mlir;
namespace nnf {

/// The numbers of the sizes that data decide in what an op reads, gives and holds.
static SmallVector<int64_t> dataSizesOf(Operation *op) {
  SmallVector<int64_t> numbers;
  auto collect = [&](ArrayRef<Dim> dims) {
    for (Dim dim : dims)
      collectDataSizes(dim, numbers);
  };
  for (Value result : op->getResults())
    collect(shapeOf(result));
  for (NamedAttribute attribute : op->getAttrs())
    if (auto dims = dyn_cast<DimsAttr>(attribute.getValue()))
      collect(dims.getDims());
  for (Region &region : op->getRegions())
    for (Operation &inner : region.getOps())
      numbers.append(dataSizesOf(&inner));
  return numbers;
}

FailureOr<SizePhases> SizePhases::of(func::FuncOp function) {
  SizePhases phases;
  DenseMap<int64_t, unsigned> known; // when the size can be used
  for (Operation &op : function.getBody().front()) {
    unsigned phase = 0;
    for (Value operand : op.getOperands())
      if (Operation *producer = operand.getDefiningOp())
        phase = std::max(phase, phases.of(producer));
    for (int64_t number : dataSizesOf(&op)) {
      auto found = known.find(number);
      if (found == known.end())
        return op.emitError() << "size(" << number << ") is used, but no nnf.size before defines it";
      phase = std::max(phase, found->second);
    }
    phases.phaseOf[&op] = phase;
    if (auto size = dyn_cast<SizeOp>(op); size && !known.try_emplace(size.getNumber(), phase + 1).second)
      return op.emitError() << "size(" << size.getNumber() << ") is defined twice";
  }
  return phases;
}

} // namespace nnf
