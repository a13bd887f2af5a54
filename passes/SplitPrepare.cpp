// The constant part of a graph becomes a function that runs at compile time.
#include "mlir/IR/IRMapping.h"
#include "passes/Constness.h"
#include "passes/Passes.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_SPLITPREPARE
#include "passes/Passes.h.inc"
namespace {

/// Views that cost nothing where they are read: what they look at is what is worth storing.
bool isFreeView(Operation *op) { return isa<PrimReshapeOp, PrimBroadcastOp>(op); }

struct Splitter {
  explicit Splitter(func::FuncOp main) : main(main) {}

  func::FuncOp main;
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

  void collect() {
    // Memoise in program order, so that the recursion above is never deep.
    for (Operation &op : main.getBody().front())
      if (op.getNumResults() > 0 && constness.isConstant(op.getResult(0)))
        dependsOnTable(op.getResult(0));
    for (Operation &op : main.getBody().front()) {
      if (op.getNumResults() > 0 && constness.isConstant(op.getResult(0)))
        continue;
      for (Value operand : op.getOperands())
        if (operand.getDefiningOp() && constness.isConstant(operand))
          exportValue(operand, op.hasTrait<OpTrait::IsTerminator>());
    }
  }

  void exportValue(Value value, bool isResult) {
    while (!isResult && isFreeView(value.getDefiningOp()))
      value = value.getDefiningOp()->getOperand(0);
    if (isa<WeightOp, ConstantOp>(value.getDefiningOp()) || !dependsOnTable(value))
      return;
    exported.insert(value);
  }

  void split() {
    OpBuilder builder(main);
    SmallVector<Type> types = llvm::to_vector(llvm::map_range(exported, [](Value v) { return v.getType(); }));
    auto prepare = func::FuncOp::create(builder, main.getLoc(), "prepare", builder.getFunctionType({}, types));
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
    for (Operation &op : main.getBody().front())
      if (needed.contains(&op))
        builder.clone(op, mapping);
    SmallVector<Value> results;
    for (Value value : exported)
      results.push_back(mapping.lookup(value));
    func::ReturnOp::create(builder, main.getLoc(), results);

    for (auto [i, value] : llvm::enumerate(exported)) {
      builder.setInsertionPointAfterValue(value);
      auto weight = WeightOp::create(builder, value.getLoc(), value.getType(), "prepared." + std::to_string(i));
      Value stored = weight.getOutput();
      Value computed = value;
      computed.replaceAllUsesWith(stored);
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(main.getBody().front())))
      if (isOpTriviallyDead(&op))
        op.erase();
  }
};

struct SplitPrepare : impl::SplitPrepareBase<SplitPrepare> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main)
      return;
    Splitter splitter(main);
    splitter.collect();
    if (!splitter.exported.empty())
      splitter.split();
  }
};

} // namespace
} // namespace nnf
