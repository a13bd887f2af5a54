#include "passes/groups/SizePhases.h"

using namespace mlir;
namespace nnf {
namespace {

/// The numbers of the sizes that data decide in what an op gives and holds, and those it defines.
struct DataSizes {
  SmallVector<int64_t> used, defined;
};

void collectDims(ArrayRef<Dim> dims, DataSizes &sizes) {
  for (Dim dim : dims)
    collectDataSizes(dim, sizes.used);
}

void collect(Operation *op, SymbolTableCollection &symbols, DataSizes &sizes) {
  if (auto size = dyn_cast<SizeOp>(op))
    sizes.defined.push_back(size.getNumber());
  if (auto loop = dyn_cast<LoopOp>(op))
    llvm::append_range(sizes.defined, loop.definedSizes());
  if (auto branch = dyn_cast<IfOp>(op))
    llvm::append_range(sizes.defined, branch.definedSizes());
  for (Value result : op->getResults())
    collectDims(shapeOf(result), sizes);
  for (NamedAttribute attribute : op->getAttrs())
    if (auto dims = dyn_cast<DimsAttr>(attribute.getValue()))
      collectDims(dims.getDims(), sizes);
  for (Region &region : op->getRegions())
    for (Operation &inner : region.getOps())
      collect(&inner, symbols, sizes);
  // What a body needs from outside its op waits for.
  for (FlatSymbolRefAttr name : bodiesOf(op)) {
    DataSizes inside;
    auto body = symbols.lookupNearestSymbolFrom<func::FuncOp>(op, name);
    for (Operation &inner : body.getBody().front())
      collect(&inner, symbols, inside);
    llvm::copy_if(inside.used, std::back_inserter(sizes.used),
                  [&](int64_t number) { return !llvm::is_contained(inside.defined, number); });
  }
}

} // namespace

FailureOr<SizePhases> SizePhases::of(func::FuncOp function) {
  SizePhases phases;
  SymbolTableCollection symbols;
  std::map<int64_t, unsigned> known; // when the size can be used
  for (Operation &op : function.getBody().front()) {
    unsigned phase = 0;
    for (Value operand : op.getOperands())
      if (Operation *producer = operand.getDefiningOp())
        phase = std::max(phase, phases.of(producer));
    DataSizes sizes;
    collect(&op, symbols, sizes);
    for (int64_t number : sizes.used) {
      auto found = known.find(number);
      if (found != known.end())
        phase = std::max(phase, found->second);
      else if (function.getName() == "main" && !llvm::is_contained(sizes.defined, number))
        return op.emitError() << "size(" << number << ") is used, but no nnf.size before defines it [NNFC-E0136]";
      // In a body it is known from outside.
    }
    phases.phaseOf[&op] = phase;
    for (int64_t number : sizes.defined)
      if (!known.try_emplace(number, phase + 1).second)
        return op.emitError() << "size(" << number << ") is defined twice [NNFC-E0136]";
  }
  return phases;
}

} // namespace nnf
