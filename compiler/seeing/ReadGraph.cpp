#include "compiler/seeing/ReadGraph.h"
#include "dialects/nnf/Diagnostics.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
namespace nnf {
namespace {

class Reader {
public:
  ModelGraph read(func::FuncOp main) {
    for (auto [i, argument] : llvm::enumerate(main.getArguments())) {
      auto name = main.getArgAttrOfType<StringAttr>(i, "nnf.name");
      madeBy[argument] = addBox({ModelGraph::Kind::Input, name ? name.str() : "", "input", {typeOf(argument)}});
    }
    for (Operation &op : main.front())
      readOp(op);
    for (auto [j, value] : llvm::enumerate(main.front().getTerminator()->getOperands())) {
      auto name = main.getResultAttrOfType<StringAttr>(j, "nnf.name");
      unsigned box = addBox({ModelGraph::Kind::Output, name ? name.str() : "", "output", {typeOf(value)}});
      connect(value, box);
    }
    return std::move(graph);
  }

private:
  ModelGraph graph;
  llvm::DenseMap<Value, unsigned> madeBy; // the box of each value

  static std::string typeOf(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type ? typeText(type) : "";
  }
  unsigned addBox(ModelGraph::Box box) {
    graph.boxes.push_back(std::move(box));
    return graph.boxes.size() - 1;
  }
  void connect(Value value, unsigned box) {
    if (auto found = madeBy.find(value); found != madeBy.end())
      graph.edges.push_back({found->second, box, typeOf(value)});
  }

  void readOp(Operation &op) {
    // Constants are notes, and sizes that a run must have are no tensors.
    if (isa<WeightOp, ConstantOp, NumberOp, RandomKeyOp, RequireOp>(op) || op.hasTrait<OpTrait::IsTerminator>())
      return;
    ModelGraph::Box box;
    box.kind = ModelGraph::Kind::Node;
    box.name = nodeName(op.getLoc());
    box.op = op.getName().stripDialect().str();
    if (auto launch = dyn_cast<LaunchOp>(op))
      readLaunch(launch, box);
    for (Value operand : op.getOperands())
      if (auto weight = operand.getDefiningOp<WeightOp>())
        box.notes.push_back(weight.getName().str() + ": " + typeOf(operand));
    unsigned index = addBox(std::move(box));
    for (Value operand : op.getOperands())
      connect(operand, index);
    for (Value result : op.getResults())
      madeBy[result] = index;
  }

  static void readLaunch(LaunchOp launch, ModelGraph::Box &box) {
    box.kind = ModelGraph::Kind::Kernel;
    Operation *kernel = SymbolTable::lookupNearestSymbolFrom(launch, launch.getKernelAttr());
    auto text = [&](StringRef attribute) {
      auto value = kernel ? kernel->getAttrOfType<StringAttr>(attribute) : StringAttr();
      return value ? value.str() : std::string();
    };
    box.op = text("nnf.title");
    if (box.op.empty())
      box.op = launch.getKernel().str();
    if (std::string method = text("nnf.method"); !method.empty())
      box.notes.push_back(method);
    if (auto flops = launch->getAttrOfType<IntegerAttr>("nnf.flops"))
      box.flops = flops.getInt();
    if (auto bytes = launch->getAttrOfType<IntegerAttr>("nnf.bytes"))
      box.bytes = bytes.getInt();
  }
};

} // namespace

std::string typeText(RankedTensorType type) {
  return dtypeName(type.getElementType()) + " " + toString(ArrayRef<Dim>(shapeOf(type)));
}

ModelGraph readGraph(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  return main ? Reader().read(main) : ModelGraph();
}

} // namespace nnf
