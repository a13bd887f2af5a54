// The constant part of a graph becomes a function that runs at compile time.
#include "dialects/nnf/Constness.h"
#include "dialects/nnf/CustomKernels.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"
#include "passes/kernels/Widening.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_SPLITPREPARE
#include "passes/Passes.h.inc"
namespace {

/// What reads a value as it is stored, not through views.
bool readsStored(Operation *op) {
  return op->hasTrait<OpTrait::IsTerminator>() || isa<SizeOp, LoopOp, IfOp, PrimCustomCudaOp>(op);
}

/// Of @main and of the bodies of its loops and branches.
struct Splitter {
  Splitter(ModuleOp module, bool keepNarrow) : module(module), keepNarrow(keepNarrow) {}

  ModuleOp module;
  const bool keepNarrow;
  Constness constness;
  llvm::SetVector<Value> exported;
  DenseMap<Operation *, bool> readsTable;

  /// The value depends on a weight or a table, not on single numbers alone.
  bool dependsOnTable(Value value) {
    Operation *op = value.getDefiningOp();
    auto known = readsTable.find(op);
    if (known != readsTable.end())
      return known->second;
    bool result = isa<WeightOp>(op);
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      auto values = dyn_cast<DenseElementsAttr>(constant.getValue());
      result = !values || !values.isSplat();
    }
    return readsTable[op] = result || llvm::any_of(op->getOperands(), [&](Value v) { return dependsOnTable(v); });
  }

  void collect(func::FuncOp main) {
    // Memoise in program order, so that the recursion above is never deep.
    for (Operation &op : main.getBody().front())
      if (op.getNumResults() > 0 && constness.isConstant(op.getResult(0)))
        dependsOnTable(op.getResult(0));
    for (Operation &op : main.getBody().front()) {
      if (op.getNumResults() > 0 && constness.isConstant(op.getResult(0)))
        continue;
      for (Value operand : op.getOperands())
        if (operand.getDefiningOp() && constness.isConstant(operand))
          exportValue(operand, readsStored(&op));
    }
  }

  /// Costs nothing where it is read: what it looks at is what is worth storing.
  bool isFree(Operation *op) const {
    auto convert = dyn_cast<PrimConvertOp>(op);
    return isa<PrimReshapeOp, PrimBroadcastOp>(op) || (keepNarrow && convert && isWidening(convert));
  }

  void exportValue(Value value, bool isResult) {
    while (!isResult && isFree(value.getDefiningOp()))
      value = value.getDefiningOp()->getOperand(0);
    if (isa<WeightOp, ConstantOp>(value.getDefiningOp()) || !dependsOnTable(value))
      return;
    exported.insert(value);
  }

  void split() {
    Location loc = module.getLoc();
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    SmallVector<Type> types = llvm::to_vector(llvm::map_range(exported, [](Value v) { return v.getType(); }));
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    auto prepare = func::FuncOp::create(builder, loc, "prepare", builder.getFunctionType({}, types));
    Block *entry = prepare.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    llvm::SetVector<Operation *> needed;
    SmallVector<Operation *> work;
    for (Value value : exported)
      work.push_back(value.getDefiningOp());
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      if (needed.insert(op))
        for (Value operand : op->getOperands())
          work.push_back(operand.getDefiningOp());
    }
    IRMapping mapping;
    for (func::FuncOp function : functions)
      for (Operation &op : function.getBody().front())
        if (needed.contains(&op))
          builder.clone(op, mapping);
    SmallVector<Value> results;
    for (Value value : exported)
      results.push_back(mapping.lookup(value));
    func::ReturnOp::create(builder, loc, results);

    for (auto [i, value] : llvm::enumerate(exported)) {
      builder.setInsertionPointAfterValue(value);
      auto weight = WeightOp::create(builder, value.getLoc(), value.getType(), "prepared." + std::to_string(i));
      Value stored = weight.getOutput();
      Value computed = value;
      computed.replaceAllUsesWith(stored);
    }
    for (func::FuncOp function : functions)
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
        if (isOpTriviallyDead(&op))
          op.erase();
  }
};

struct SplitPrepare : impl::SplitPrepareBase<SplitPrepare> {
  using SplitPrepareBase::SplitPrepareBase;
  void runOnOperation() override {
    if (!getOperation().lookupSymbol<func::FuncOp>("main"))
      return;
    Splitter splitter(getOperation(), keepNarrow);
    for (auto function : getOperation().getOps<func::FuncOp>())
      splitter.collect(function);
    if (!splitter.exported.empty())
      splitter.split();
  }
};

} // namespace
} // namespace nnf
