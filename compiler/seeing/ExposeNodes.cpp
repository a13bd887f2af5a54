#include "compiler/seeing/ExposeNodes.h"
#include "compiler/builder/GraphBuilder.h"
#include "dialects/nnf/Diagnostics.h"

using namespace mlir;
namespace nnf {
namespace {

class Exposer {
public:
  explicit Exposer(func::FuncOp main) : main(main), terminator(main.front().getTerminator()) {
    for (auto [j, value] : llvm::enumerate(terminator->getOperands())) {
      auto name = main.getResultAttrOfType<StringAttr>(j, "nnf.name");
      taken.insert(name ? name.getValue() : "");
      own.try_emplace(value, name ? name.str() : "");
    }
    for (unsigned i = 0; i < main.getNumArguments(); ++i)
      if (auto name = main.getArgAttrOfType<StringAttr>(i, "nnf.name"))
        taken.insert(name.getValue());
  }

  std::vector<NodeOutput> run() {
    for (Operation &op : main.front())
      if (isa<NnfDialect>(op.getDialect()) && !isa<WeightOp, ConstantOp, NumberOp, RandomKeyOp, RequireOp, SizeOp>(op))
        for (OpResult result : op.getResults())
          expose(result);
    OpBuilder b(main.getContext());
    terminator->setOperands(operands());
    SmallVector<Type> results(terminator->getOperandTypes());
    unsigned first = main.getNumResults();
    main.setType(b.getFunctionType(main.getArgumentTypes(), results));
    for (auto [i, name] : llvm::enumerate(names))
      main.setResultAttr(first + i, "nnf.name", b.getStringAttr(name));
    return std::move(exposed);
  }

private:
  func::FuncOp main;
  Operation *terminator;
  llvm::DenseMap<Value, std::string> own; // the model's outputs
  llvm::StringSet<> taken;
  SmallVector<Value> added;
  std::vector<std::string> names; // of those added
  std::vector<NodeOutput> exposed;

  SmallVector<Value> operands() {
    SmallVector<Value> all(terminator->getOperands());
    all.append(added);
    return all;
  }

  void expose(OpResult result) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type)
      return;
    std::string node = nodeText(result.getLoc());
    if (node.empty())
      node = result.getOwner()->getName().stripDialect().str();
    if (auto found = own.find(result); found != own.end()) {
      exposed.push_back({found->second, node});
      return;
    }
    std::string name = nameOf(result);
    exposed.push_back({name, node});
    added.push_back(result);
    names.push_back(name);
  }

  std::string nameOf(OpResult result) {
    SmallVector<StringRef> known = outputNames(result.getLoc());
    unsigned i = result.getResultNumber();
    std::string base = i < known.size() ? known[i].str() : "";
    if (base.empty()) {
      base = nodeName(result.getLoc());
      base = (base.empty() ? "node" + std::to_string(exposed.size()) : base) + "." + std::to_string(i);
    }
    std::string name = base;
    for (unsigned again = 1; !taken.insert(name).second; ++again)
      name = base + "." + std::to_string(again);
    return name;
  }
};

} // namespace

std::vector<NodeOutput> exposeNodes(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  return main ? Exposer(main).run() : std::vector<NodeOutput>();
}

} // namespace nnf
