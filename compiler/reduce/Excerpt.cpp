#include "compiler/reduce/Excerpt.h"
#include "compiler/builder/GraphBuilder.h"
#include "dialects/nnf/Diagnostics.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
namespace nnf {
namespace {

/// What has no operands and costs nothing to keep.
bool isData(Operation *op) { return isa<WeightOp, ConstantOp, NumberOp, RandomKeyOp>(op); }

/// Takes away what loops and branches ran that are gone, and what that ran.
void eraseUnusedBodies(ModuleOp module, func::FuncOp main) {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (function != main && SymbolTable::symbolKnownUseEmpty(function, module)) {
        function.erase();
        changed = true;
      }
  }
}

SmallVector<Operation *> nodesIn(func::FuncOp function) {
  SmallVector<Operation *> nodes;
  for (Operation &op : function.front().without_terminator())
    if (!isData(&op))
      nodes.push_back(&op);
  return nodes;
}

/// Turns a copy of a module into a part of it.
class Cutter {
public:
  Cutter(ModuleOp module, const Excerpt &excerpt)
      : module(module), excerpt(excerpt), main(module.lookupSymbol<func::FuncOp>("main")),
        terminator(main.front().getTerminator()) {
    for (auto [i, node] : llvm::enumerate(nodesOf(module)))
      if (excerpt.nodes.test(i))
        kept.insert(node);
      else
        cut.push_back(node);
    if (excerpt.weightsAreInputs)
      cut.append(main.front().getOps<WeightOp>().begin(), main.front().getOps<WeightOp>().end());
    for (unsigned i = 0; i < main.getNumArguments(); ++i) {
      main.removeArgAttr(i, "nnf.inout"); // its output may be gone
      if (auto name = main.getArgAttrOfType<StringAttr>(i, "nnf.name"))
        taken.insert(name.getValue());
    }
  }

  /// Whether outputs are left.
  bool run() {
    findOutputs();
    if (outputs.empty())
      return false;
    for (Operation *op : cut)
      for (OpResult result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) { return kept.contains(user); }))
          becomeInput(result);
    setOutputs();
    erase();
    return true;
  }

private:
  ModuleOp module;
  const Excerpt &excerpt;
  func::FuncOp main;
  Operation *terminator;
  llvm::SmallPtrSet<Operation *, 32> kept;
  SmallVector<Operation *> cut;
  SmallVector<std::pair<Value, std::string>> outputs;
  llvm::StringSet<> taken; // names

  std::string nameOf(OpResult result) {
    SmallVector<StringRef> known = outputNames(result.getLoc());
    unsigned i = result.getResultNumber();
    std::string base = i < known.size() ? known[i].str() : "";
    if (base.empty())
      base = nodeName(result.getLoc());
    if (base.empty())
      base = "value";
    std::string name = base;
    for (unsigned again = 1; !taken.insert(name).second; ++again)
      name = base + "." + std::to_string(again);
    return name;
  }

  void findOutputs() {
    for (auto [j, value] : llvm::enumerate(terminator->getOperands()))
      if (auto name = main.getResultAttrOfType<StringAttr>(j, "nnf.name");
          name && isOfKept(value) && (excerpt.keepsOutputs || !isRead(value)) && taken.insert(name.getValue()).second)
        outputs.emplace_back(value, name.str());
    for (Operation &op : main.front())
      if (kept.contains(&op))
        for (OpResult result : op.getResults())
          if (isa<RankedTensorType>(result.getType()) && !isRead(result) &&
              !llvm::is_contained(llvm::make_first_range(outputs), result))
            outputs.emplace_back(result, nameOf(result));
  }
  bool isOfKept(Value value) const { return value.getDefiningOp() && kept.contains(value.getDefiningOp()); }
  bool isRead(Value value) const {
    return llvm::any_of(value.getUsers(), [&](Operation *user) { return kept.contains(user); });
  }

  void becomeInput(OpResult result) {
    unsigned i = main.getNumArguments();
    (void)main.insertArgument(i, result.getType(), DictionaryAttr(), result.getLoc());
    main.setArgAttr(i, "nnf.name", StringAttr::get(main.getContext(), nameOf(result)));
    result.replaceUsesWithIf(main.getArgument(i), [&](OpOperand &use) { return kept.contains(use.getOwner()); });
  }

  void setOutputs() {
    terminator->setOperands(llvm::to_vector(llvm::make_first_range(outputs)));
    main.removeResAttrsAttr();
    Builder b(main.getContext());
    main.setType(b.getFunctionType(main.getArgumentTypes(), llvm::to_vector(terminator->getOperandTypes())));
    for (auto [j, output] : llvm::enumerate(outputs))
      main.setResultAttr(j, "nnf.name", b.getStringAttr(output.second));
  }

  void erase() {
    for (Operation *op : llvm::reverse(cut)) {
      op->dropAllUses(); // by what is cut, too
      op->erase();
    }
    for (Operation &op : llvm::make_early_inc_range(main.front()))
      if (isData(&op) && op.use_empty())
        op.erase();
    llvm::BitVector unused(main.getNumArguments());
    for (BlockArgument argument : main.getArguments())
      if (argument.use_empty())
        unused.set(argument.getArgNumber());
    (void)main.eraseArguments(unused);
    eraseUnusedBodies(module, main);
  }
};

} // namespace

SmallVector<Operation *> nodesOf(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  return main ? nodesIn(main) : SmallVector<Operation *>();
}

unsigned countNodes(ModuleOp module) {
  unsigned count = 0;
  for (auto function : module.getOps<func::FuncOp>())
    count += nodesIn(function).size();
  return count;
}

SmallVector<OwningOpRef<ModuleOp>> bodiesOf(ModuleOp module) {
  SmallVector<OwningOpRef<ModuleOp>> models;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.getSymName() == "main")
      continue;
    OwningOpRef<ModuleOp> model = module.clone();
    model->lookupSymbol<func::FuncOp>("main").erase();
    auto main = model->lookupSymbol<func::FuncOp>(function.getSymName());
    main.setSymName("main");
    main.setPublic();
    Builder b(main.getContext());
    for (unsigned i = 0; i < main.getNumArguments(); ++i)
      main.setArgAttr(i, "nnf.name", b.getStringAttr("in" + Twine(i)));
    for (unsigned j = 0; j < main.getNumResults(); ++j)
      main.setResultAttr(j, "nnf.name", b.getStringAttr("out" + Twine(j)));
    eraseUnusedBodies(*model, main);
    models.push_back(std::move(model));
  }
  return models;
}

OwningOpRef<ModuleOp> excerptOf(ModuleOp module, const Excerpt &excerpt) {
  OwningOpRef<ModuleOp> part = module.clone();
  return Cutter(*part, excerpt).run() ? std::move(part) : OwningOpRef<ModuleOp>();
}

} // namespace nnf
