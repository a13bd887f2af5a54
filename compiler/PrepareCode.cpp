#include "compiler/PrepareCode.h"
#include "codegen/Passes.h"
#include "codegen/cpu/Emit.h"
#include "codegen/driver/WeightsBlock.h"
#include "codegen/driver/WeightsRecipe.h"
#include "compiler/kernels/KernelObjects.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
namespace nnf {
namespace {

/// Weights that the program sets become inputs, under the names of the model file. Returns these.
SmallVector<Attribute> takeRawAsInputs(ModuleOp standalone, ArrayAttr raw) {
  auto main = standalone.lookupSymbol<func::FuncOp>("main");
  llvm::StringMap<StringAttr> rawNames; // by those in the store
  for (auto weight : raw.getAsRange<DictionaryAttr>())
    rawNames[weight.getAs<StringAttr>("weight").getValue()] = weight.getAs<StringAttr>("name");
  llvm::StringMap<Value> arguments;
  SmallVector<Type> types;
  SmallVector<Attribute> names;
  for (WeightOp weight : llvm::make_early_inc_range(main.front().getOps<WeightOp>())) {
    StringAttr name = rawNames.lookup(weight.getName());
    if (!name)
      continue;
    Value &argument = arguments[weight.getName()];
    if (!argument) {
      argument = main.front().addArgument(weight.getType(), weight.getLoc());
      types.push_back(argument.getType());
      names.push_back(name);
    }
    weight.getOutput().replaceAllUsesWith(argument);
    weight.erase();
  }
  main.setType(FunctionType::get(standalone.getContext(), types, main.getResultTypes()));
  for (auto [i, name] : llvm::enumerate(names))
    main.setArgAttr(i, "nnf.name", name);
  return names;
}

template <typename Add> LogicalResult runPasses(ModuleOp module, const PipelineOptions &options, Add add) {
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  passes.enableVerifier(options.verifyEach);
  add(passes);
  return passes.run(module);
}

/// For one CPU; what it takes and gives.
FailureOr<DictionaryAttr> compileFor(ModuleOp module, func::FuncOp prepare, const PrepareFor &cpu,
                                     const PipelineOptions &pipeline) {
  Builder builder(module.getContext());
  PipelineOptions options = pipeline;
  options.target = cpu.target;
  options.kernels = cpu.kernels;
  options.gpuKernels = options.emulateGpu = false;
  std::string symbol = ("nnf.prepare." + module->getAttrOfType<StringAttr>("nnf.name").getValue()).str();
  if (options.prepareFor.size() > 1)
    symbol += "." + cpu.kernels->cpu().getCpu();
  OwningOpRef<ModuleOp> standalone = ModuleOp::create(module.getLoc());
  (*standalone)->setAttr("nnf.name", builder.getStringAttr("prepare"));
  (*standalone)->setAttr(descriptorSymbolAttr, builder.getStringAttr(symbol));
  func::FuncOp copy = prepare.clone();
  standalone->push_back(copy);
  copy.setSymName("main");
  if (failed(runPasses(*standalone, options, [&](PassManager &p) { addGroups(p, options); })) ||
      failed(options.kernels->compile(*standalone, options)))
    return failure();
  SmallVector<Attribute> inputs = takeRawAsInputs(*standalone, module->getAttrOfType<ArrayAttr>(rawWeightsAttr));
  if (failed(runPasses(*standalone, options, [](PassManager &p) { addMemory(p); })))
    return failure();
  // What the program does not set is a part of the code.
  std::string tables;
  llvm::raw_string_ostream os(tables);
  WeightsBlock(*standalone).write(os);
  (*standalone)->setAttr(inlineWeightsAttr, builder.getStringAttr(tables));
  if (failed(options.kernels->compile(*standalone, options)) ||
      failed(runPasses(*standalone, options, [&](PassManager &p) {
        addDriver(p);
        addCode(p, options);
      })))
    return failure();
  FailureOr<llvm::SmallVector<char, 0>> object = emitDriver(*standalone, options.kernels->cpu());
  if (failed(object))
    return failure();
  *cpu.driver = std::move(*object);
  return builder.getDictionaryAttr({builder.getNamedAttr("inputs", builder.getArrayAttr(inputs)),
                                    builder.getNamedAttr("outputs", builder.getI64IntegerAttr(prepare.getNumResults())),
                                    builder.getNamedAttr("symbol", builder.getStringAttr(symbol))});
}

} // namespace

LogicalResult compilePrepare(ModuleOp module, func::FuncOp prepare, const PipelineOptions &options) {
  SmallVector<Attribute> all;
  for (const PrepareFor &cpu : options.prepareFor) {
    FailureOr<DictionaryAttr> one = compileFor(module, prepare, cpu, options);
    if (failed(one))
      return failure();
    all.push_back(*one);
  }
  if (!all.empty())
    module->setAttr(prepareAttr, all.size() == 1 ? all.front() : ArrayAttr::get(module.getContext(), all));
  return success();
}

void takePrepareOf(ModuleOp module, size_t index) {
  if (auto all = module->getAttrOfType<ArrayAttr>(prepareAttr))
    module->setAttr(prepareAttr, all[index]);
}

} // namespace nnf
