#include "codegen/driver/Launches.h"
#include "codegen/ReplaceSymbols.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
namespace nnf {
namespace {

InFlightDiagnostic internalError(Operation *op) { return emitError(op->getLoc()) << "internal: "; }

/// The number of tasks of one launch: the kernel's grid, with the launch's sizes for the kernel's symbols.
FailureOr<Dim> tasksOf(func::FuncOp kernel, const Shape &sizes) {
  MLIRContext *context = kernel.getContext();
  auto grid = kernel->getAttrOfType<DimsAttr>("nnf.grid");
  if (!grid)
    return failure();
  auto &dialect = *context->getLoadedDialect<NnfDialect>();
  llvm::DenseMap<unsigned, Dim> bound;
  if (auto names = kernel->getAttrOfType<ArrayAttr>("nnf.symbols")) {
    if (names.size() != sizes.size())
      return failure();
    for (auto [name, size] : llvm::zip(names.getAsRange<StringAttr>(), sizes))
      bound[dialect.symbolId(name.getValue())] = size;
  }
  bool complete = true;
  Dim tasks = productOf(context, grid.getDims());
  tasks = replaceSymbols(tasks, [&](unsigned symbol) {
    Dim size = bound.lookup(symbol);
    complete &= bool(size);
    return size ? size : getAffineSymbolExpr(symbol, context);
  });
  if (!complete)
    return failure();
  return tasks;
}

class Reader {
public:
  Reader(ModuleOp module, func::FuncOp main, DriverPlan &plan) : module(module), main(main), plan(plan) {}

  LogicalResult read() {
    if (auto arena = main->getAttrOfType<ArrayAttr>("nnf.arena"))
      for (auto region : arena.getAsRange<DimsAttr>())
        plan.arena.push_back(SmallVector<Dim>(region.getDims()));
    for (BlockArgument input : main.getArguments())
      places[input] = {Place::Input, input.getArgNumber(), zero()};
    for (Operation &op : main.front().without_terminator()) {
      LogicalResult status = llvm::TypeSwitch<Operation *, LogicalResult>(&op)
                                 .Case<WeightOp, ConstantOp>([&](auto) { return readWeight(&op); })
                                 .Case([&](RandomKeyOp key) { return readKey(key); })
                                 .Case([&](RequireOp require) {
                                   plan.requirements.push_back(
                                       {require.value(), require.tested(), static_cast<int64_t>(plan.checks.size())});
                                   plan.checks.push_back(require.getMessage().str());
                                   return success();
                                 })
                                 .Case([&](LaunchOp launch) { return readLaunch(launch); })
                                 .Case([&](SizeOp size) { return readSize(size); })
                                 .Case([&](PrimReshapeOp) { return success(); })
                                 .Default([](Operation *other) {
                                   return internalError(other) << "'" << other->getName()
                                                               << "' is no launch; every op should be in a kernel";
                                 });
      if (failed(status))
        return failure();
    }
    return success();
  }

private:
  ModuleOp module;
  func::FuncOp main;
  DriverPlan &plan;
  llvm::DenseMap<Value, Place> places;
  llvm::DenseMap<Operation *, unsigned> kernelIndex;

  Dim zero() { return dimOf(module.getContext(), 0); }

  LogicalResult readWeight(Operation *op) {
    auto offset = op->getAttrOfType<IntegerAttr>("nnf.offset");
    if (!offset)
      return internalError(op) << "no 'nnf.offset'; nnf-pack-weights has not run";
    places[op->getResult(0)] = {Place::Weight, 0, dimOf(module.getContext(), offset.getInt())};
    return success();
  }

  /// Where nnf-plan-memory has put the results of an op.
  LogicalResult readPlaces(Operation *op, SmallVectorImpl<Place> &found) {
    auto regions = op->getAttrOfType<DenseI64ArrayAttr>("nnf.regions");
    auto offsets = op->getAttrOfType<DimsAttr>("nnf.offsets");
    if (!regions || !offsets || regions.size() != op->getNumResults() ||
        offsets.getDims().size() != op->getNumResults())
      return internalError(op) << "no 'nnf.regions' and 'nnf.offsets' that fit; nnf-plan-memory has not run";
    for (auto [value, region, offset] : llvm::zip(op->getResults(), regions.asArrayRef(), offsets.getDims())) {
      found.push_back(region < 0 ? Place{Place::Output, -1 - region, offset} : Place{Place::Arena, region, offset});
      places[value] = found.back();
    }
    return success();
  }

  LogicalResult readKey(RandomKeyOp key) {
    SmallVector<Place> place;
    if (failed(readPlaces(key, place)))
      return failure();
    plan.keys.push_back({static_cast<int64_t>(key.getNumber()), place.front()});
    return success();
  }

  LogicalResult readSize(SizeOp size) {
    auto place = places.find(storageOf(size.getScalar()));
    if (place == places.end())
      return internalError(size) << "the scalar has no place in memory";
    plan.dataSizes.push_back({static_cast<int64_t>(size.getNumber()), place->second, plan.launches.size(),
                              static_cast<int64_t>(plan.checks.size()), size.getLoc()});
    plan.checks.push_back(
        nodeMessage(size.getLoc(), "the data ask for a size of {value}, for which no memory is large enough"));
    return success();
  }

  LogicalResult readLaunch(LaunchOp launch) {
    auto kernel = module.lookupSymbol<func::FuncOp>(launch.getKernel());
    if (!kernel || kernel.isExternal() || !kernel->hasAttr("nnf.kernel"))
      return internalError(launch) << "@" << launch.getKernel() << " is no emitted kernel";
    auto [known, isNew] = kernelIndex.try_emplace(kernel, plan.kernels.size());
    if (isNew)
      plan.kernels.push_back(kernel);
    LaunchPlan result;
    result.op = launch;
    result.kernel = known->second;
    for (Value operand : launch.getInputs()) {
      auto place = places.find(storageOf(operand));
      if (place == places.end())
        return internalError(launch) << "an operand has no place in memory";
      result.addresses.push_back(place->second);
    }
    if (failed(readPlaces(launch, result.addresses)))
      return failure();
    result.symbols = Shape(launch.getSymbols().getDims());
    FailureOr<Dim> tasks = tasksOf(kernel, result.symbols);
    if (failed(tasks))
      return internalError(kernel) << "@" << kernel.getSymName() << ": its 'nnf.grid' is missing, or uses symbols that "
                                   << "'nnf.symbols' does not name, one per size of the launch";
    result.tasks = *tasks;
    auto checks = kernel->getAttrOfType<IntegerAttr>("nnf.checks");
    result.firstCheck = plan.checks.size();
    result.numChecks = checks ? checks.getInt() : 0;
    if (result.numChecks != launch.getChecks().size())
      return internalError(launch) << "names " << launch.getChecks().size() << " checks, @" << kernel.getSymName()
                                   << " has " << result.numChecks;
    for (auto message : launch.getChecks().getAsRange<StringAttr>())
      plan.checks.push_back(message.str());
    if (failed(checkArguments(launch, kernel, result)))
      return failure();
    plan.launches.push_back(std::move(result));
    return success();
  }

  /// The kernel's function takes an address for each address, an i64 for each size, and so on.
  LogicalResult checkArguments(LaunchOp launch, func::FuncOp kernel, const LaunchPlan &plan) {
    SmallVector<Type> expected;
    Type pointer = LLVM::LLVMPointerType::get(module.getContext());
    Type i64 = IntegerType::get(module.getContext(), 64);
    expected.append(plan.addresses.size(), pointer);
    expected.append(plan.symbols.size(), i64);
    if (plan.hasChecks())
      expected.append({pointer, i64});
    expected.append({i64, i64, pointer});
    if (kernel.getArgumentTypes() != ArrayRef<Type>(expected) || kernel.getNumResults() != 0)
      return internalError(launch) << "@" << kernel.getSymName() << " has type " << kernel.getFunctionType()
                                   << ", but this launch has " << plan.addresses.size() << " addresses, "
                                   << plan.symbols.size() << " sizes and " << plan.numChecks << " checks";
    return success();
  }
};

} // namespace

FailureOr<DriverPlan> readDriverPlan(ModuleOp module) {
  FailureOr<Signature> signature = readSignature(module);
  if (failed(signature))
    return failure();
  DriverPlan plan;
  plan.signature = std::move(*signature);
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (failed(Reader(module, main, plan).read()))
    return failure();
  return plan;
}

} // namespace nnf
