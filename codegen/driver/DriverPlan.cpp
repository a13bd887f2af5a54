#include "codegen/driver/DriverPlan.h"
#include "codegen/ReplaceSymbols.h"
#include "codegen/driver/KernelEntry.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
namespace nnf {
namespace {

using DataNumbers = SmallVector<int64_t>;

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
  Reader(ModuleOp module, DriverPlan &plan) : module(module), plan(plan) {}

  /// `sizes` are what the data have decided around the function.
  LogicalResult read(func::FuncOp function, BlockPlan &block, const DataNumbers &sizes);

private:
  ModuleOp module;
  DriverPlan &plan;
  llvm::DenseMap<Operation *, unsigned> kernelIndex;

  /// Reads the ops of one function.
  struct Block {
    Reader &reader;
    ModuleOp module;
    DriverPlan &plan;
    BlockPlan &block;
    DataNumbers known; // sizes that the data have decided so far
    llvm::DenseMap<Value, Place> places;

    LogicalResult read(Operation *op);
    LogicalResult readWeight(Operation *op);
    LogicalResult readKey(RandomKeyOp key);
    LogicalResult readLaunch(LaunchOp launch);
    LogicalResult readConcat(PrimConcatOp concat);
    LogicalResult readSize(SizeOp size);
    LogicalResult readLoop(LoopOp loop);
    LogicalResult readIf(IfOp branch);
    LogicalResult checkArguments(LaunchOp launch, func::FuncOp kernel, const LaunchPlan &plan);
    LogicalResult checkSizes(Operation *op);
    /// `own`: the sizes that the body is given, beside those known here.
    std::unique_ptr<BlockPlan> readBody(FlatSymbolRefAttr name, ArrayRef<int64_t> own = {});

    FailureOr<SmallVector<std::optional<Place>>> buffersOf(Operation *op, size_t count);
    LogicalResult placesOf(Operation *op, ValueRange values, SmallVectorImpl<Place> &found);
    int64_t addSizeCheck(Location location) {
      plan.checks.push_back(withPlace(
          nodeMessage(location, "the data ask for a size of {value}, for which no memory is large enough [NNFC-E0506]"),
          location));
      return plan.checks.size() - 1;
    }
    Dim zero() { return dimOf(module.getContext(), 0); }
    Place pointer() { return {Place::Pointer, static_cast<int64_t>(block.numPointers++), zero()}; }
  };
};

LogicalResult Reader::read(func::FuncOp function, BlockPlan &block, const DataNumbers &sizes) {
  block.function = function;
  Block reader{*this, module, plan, block, sizes, llvm::DenseMap<Value, Place>()};
  bool isMain = function.getName() == "main";
  if (auto arena = function->getAttrOfType<ArrayAttr>("nnf.arena"))
    for (auto region : arena.getAsRange<DimsAttr>()) {
      BlockPlan::MemoryRegion &made = block.regions.emplace_back();
      made.sizes.assign(region.getDims().begin(), region.getDims().end());
      // Memory of bodies that has no fixed size is asked for when they are entered.
      bool isInArena =
          llvm::all_of(region.getDims(), [&](Dim dim) { return isMain ? !dependsOnData(dim) : bool(constantOf(dim)); });
      if (!isInArena)
        made.temporary = plan.numTemporaries++;
    }
  for (BlockArgument input : function.getArguments())
    reader.places[input] = {Place::Input, input.getArgNumber(), reader.zero()};
  for (Operation &op : function.front().without_terminator())
    if (failed(reader.checkSizes(&op)) || failed(reader.read(&op)))
      return failure();
  return success();
}

LogicalResult Reader::Block::read(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<WeightOp, ConstantOp>([&](auto) { return readWeight(op); })
      .Case([&](RandomKeyOp key) { return readKey(key); })
      .Case([&](RequireOp require) {
        block.requirements.push_back({require.value(), require.tested(), static_cast<int64_t>(plan.checks.size())});
        plan.checks.push_back(withPlace(require.getMessage(), require.getLoc()));
        return success();
      })
      .Case([&](LaunchOp launch) { return readLaunch(launch); })
      .Case([&](PrimConcatOp concat) { return readConcat(concat); })
      .Case([&](SizeOp size) { return readSize(size); })
      .Case([&](LoopOp loop) { return readLoop(loop); })
      .Case([&](IfOp branch) { return readIf(branch); })
      .Case([&](PrimReshapeOp) { return success(); })
      .Default([](Operation *other) {
        return internalError(other) << "'" << other->getName() << "' is no launch; every op should be in a kernel";
      });
}

/// Sizes that the data decide are known before they are used. (Requirements wait until they are.)
LogicalResult Reader::Block::checkSizes(Operation *op) {
  SmallVector<int64_t> used;
  auto add = [&](ArrayRef<Dim> dims) {
    for (Dim dim : dims)
      collectDataSizes(dim, used);
  };
  if (auto launch = dyn_cast<LaunchOp>(op)) {
    add(launch.getSymbols().getDims());
    for (Value result : launch.getOutputs())
      add(shapeOf(result));
  } else if (auto loop = dyn_cast<LoopOp>(op)) {
    add(loop.getTrips().getDims());
  }
  for (int64_t number : used)
    if (!llvm::is_contained(known, number))
      return op->emitError() << "size(" << number << ") is used, but no nnf.size before defines it [NNFC-E0136]";
  return success();
}

LogicalResult Reader::Block::readWeight(Operation *op) {
  auto offset = op->getAttrOfType<IntegerAttr>("nnf.offset");
  if (!offset)
    return internalError(op) << "no 'nnf.offset'; nnf-pack-weights has not run";
  places[op->getResult(0)] = {Place::Weight, 0, dimOf(module.getContext(), offset.getInt())};
  return success();
}

/// Where nnf-plan-memory has put what an op writes.
FailureOr<SmallVector<std::optional<Place>>> Reader::Block::buffersOf(Operation *op, size_t count) {
  auto regions = op->getAttrOfType<DenseI64ArrayAttr>("nnf.regions");
  auto offsets = op->getAttrOfType<DimsAttr>("nnf.offsets");
  if (!regions || !offsets || static_cast<size_t>(regions.size()) != count || offsets.getDims().size() != count)
    return internalError(op) << "no 'nnf.regions' and 'nnf.offsets' that fit; nnf-plan-memory has not run";
  SmallVector<std::optional<Place>> found;
  for (auto [region, offset] : llvm::zip(regions.asArrayRef(), offsets.getDims())) {
    if (region == noRegion)
      found.push_back(std::nullopt);
    else
      found.push_back(region < 0 ? Place{Place::Output, -1 - region, offset} : Place{Place::Region, region, offset});
  }
  return found;
}

LogicalResult Reader::Block::placesOf(Operation *op, ValueRange values, SmallVectorImpl<Place> &found) {
  for (Value value : values) {
    auto place = places.find(storageOf(value));
    if (place == places.end())
      return internalError(op) << "an operand has no place in memory";
    found.push_back(place->second);
  }
  return success();
}

LogicalResult Reader::Block::readKey(RandomKeyOp key) {
  FailureOr<SmallVector<std::optional<Place>>> buffers = buffersOf(key, 1);
  if (failed(buffers) || !buffers->front())
    return failure();
  places[key.getOutput()] = *buffers->front();
  block.keys.push_back({static_cast<int64_t>(key.getNumber()), *buffers->front()});
  return success();
}

LogicalResult Reader::Block::readSize(SizeOp size) {
  SmallVector<Place> place;
  if (failed(placesOf(size, size.getScalar(), place)))
    return failure();
  int64_t number = size.getNumber();
  block.steps.push_back(DataSize{number, place.front(), addSizeCheck(size.getLoc()), size.getLoc()});
  known.push_back(number);
  return success();
}

std::unique_ptr<BlockPlan> Reader::Block::readBody(FlatSymbolRefAttr name, ArrayRef<int64_t> own) {
  auto function = module.lookupSymbol<func::FuncOp>(name.getValue());
  auto body = std::make_unique<BlockPlan>();
  DataNumbers sizes(known);
  llvm::append_range(sizes, own);
  if (!function || function.isExternal() || failed(reader.read(function, *body, sizes)))
    return nullptr;
  return body;
}

/// The buffer of the region of a body that has a fixed size, or any place where there is none.
static Place fixedRegion(const std::optional<Place> &place, MLIRContext *context) {
  return place.value_or(Place{Place::Region, 0, dimOf(context, 0)});
}

LogicalResult Reader::Block::readLoop(LoopOp loop) {
  LoopPlan result;
  result.op = loop;
  size_t carried = loop.numCarried(), stacked = loop.stacked().size();
  FailureOr<SmallVector<std::optional<Place>>> buffers = buffersOf(loop, 2 + 2 * carried + stacked);
  if (failed(buffers) || failed(placesOf(loop, loop.getInits(), result.inits)) ||
      failed(placesOf(loop, loop.getCaptures(), result.captures)))
    return failure();
  SmallVector<int64_t> open;
  for (unsigned i = 0; i < carried; ++i)
    llvm::copy_if(loop.openSizes(i), std::back_inserter(open), [](int64_t number) { return number >= 0; });
  result.body = readBody(loop.getBodyAttr(), open);
  if (!result.body)
    return failure();
  ArrayRef<std::optional<Place>> next(*buffers);
  auto take = [&] {
    std::optional<Place> place = next.front();
    next = next.drop_front();
    return place;
  };
  result.step = *take();
  result.firstPointer = block.numPointers;
  for (size_t i = 0; i < carried; ++i) {
    std::optional<Place> first = take(), second = take();
    bool isOpen = loop.isOpen(i);
    result.turns.push_back(isOpen ? std::nullopt : std::optional(std::pair(*first, *second)));
    result.body->temporaries.push_back(isOpen ? std::optional(plan.numTemporaries) : std::nullopt);
    plan.numTemporaries += isOpen ? 2 : 0;
    places[loop.getOutputs()[i]] = pointer();
  }
  for (Value value : loop.stacked()) {
    std::optional<Place> place = take();
    if (place) {
      result.stacked.push_back(*place);
      places[value] = *place;
    } else {
      result.growing.push_back(plan.numTemporaries++);
      places[value] = pointer();
    }
  }
  result.fixed = fixedRegion(take(), module.getContext());
  result.check = addSizeCheck(loop.getLoc());
  result.body->temporaries.resize(carried + stacked);
  llvm::append_range(known, loop.definedSizes());
  block.steps.push_back(std::move(result));
  return success();
}

LogicalResult Reader::Block::readIf(IfOp branch) {
  IfPlan result;
  result.op = branch;
  size_t count = branch.getOutputs().size();
  FailureOr<SmallVector<std::optional<Place>>> buffers = buffersOf(branch, count + 2);
  SmallVector<Place> condition;
  if (failed(buffers) || failed(placesOf(branch, branch.getCondition(), condition)) ||
      failed(placesOf(branch, branch.getCaptures(), result.captures)))
    return failure();
  result.condition = condition.front();
  for (auto [i, name] : llvm::enumerate(bodiesOf(branch))) {
    result.branches[i].body = readBody(name);
    if (!result.branches[i].body)
      return failure();
    result.branches[i].fixed = fixedRegion((*buffers)[count + i], module.getContext());
  }
  result.firstPointer = block.numPointers;
  for (auto [i, value] : llvm::enumerate(branch.getOutputs())) {
    std::optional<Place> place = (*buffers)[i];
    result.results.push_back(place);
    places[value] = place ? *place : pointer();
    for (IfPlan::Branch &each : result.branches)
      each.body->temporaries.push_back(place ? std::nullopt : std::optional(plan.numTemporaries++));
  }
  result.check = addSizeCheck(branch.getLoc());
  llvm::append_range(known, branch.definedSizes());
  block.steps.push_back(std::move(result));
  return success();
}

LogicalResult Reader::Block::readLaunch(LaunchOp launch) {
  auto kernel = module.lookupSymbol<func::FuncOp>(launch.getKernel());
  if (!kernel || (kernel.isExternal() && !kernel->hasAttr(entryAttr) && !kernel->hasAttr("nnf.custom")) ||
      !kernel->hasAttr("nnf.kernel"))
    return internalError(launch) << "@" << launch.getKernel() << " is no emitted kernel";
  auto [index, isNew] = reader.kernelIndex.try_emplace(kernel, plan.kernels.size());
  if (isNew)
    plan.kernels.push_back(kernel);
  LaunchPlan result;
  result.op = launch;
  result.kernel = index->second;
  FailureOr<SmallVector<std::optional<Place>>> buffers = buffersOf(launch, launch.getNumResults());
  if (failed(placesOf(launch, launch.getInputs(), result.addresses)) || failed(buffers))
    return failure();
  for (auto [value, place] : llvm::zip(launch.getOutputs(), *buffers)) {
    if (!place)
      return internalError(launch) << "a result has no memory";
    result.addresses.push_back(*place);
    places[value] = *place;
  }
  result.symbols = Shape(launch.getSymbols().getDims());
  FailureOr<Dim> tasks = tasksOf(kernel, result.symbols);
  if (failed(tasks))
    return internalError(kernel) << "@" << kernel.getSymName() << ": its 'nnf.grid' is missing, or uses symbols that "
                                 << "'nnf.symbols' does not name, one per size of the launch";
  result.tasks = *tasks;
  if (auto order = kernel->getAttrOfType<DenseI64ArrayAttr>("nnf.order"))
    result.order = order.asArrayRef();
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
  block.steps.push_back(static_cast<unsigned>(plan.launches.size()));
  plan.launches.push_back(std::move(result));
  return success();
}

/// What launches have stored in its places; there is nothing to do.
LogicalResult Reader::Block::readConcat(PrimConcatOp concat) {
  FailureOr<SmallVector<std::optional<Place>>> buffers = buffersOf(concat, 1);
  if (failed(buffers))
    return failure();
  if (!buffers->front())
    return internalError(concat) << "a concatenation has no memory";
  places[concat.getOutput()] = *buffers->front();
  return success();
}

/// The kernel's function takes an address for each address, an i64 for each size, and so on.
LogicalResult Reader::Block::checkArguments(LaunchOp launch, func::FuncOp kernel, const LaunchPlan &plan) {
  SmallVector<Type> expected;
  Type pointer = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  int64_t addresses = plan.addresses.size();
  if (plan.order.empty()) {
    expected.append(addresses, pointer);
    expected.append(plan.symbols.size(), i64);
  }
  for (int64_t slot : plan.order)
    expected.push_back(slot < addresses ? pointer : i64);
  if (plan.hasChecks())
    expected.append({pointer, i64});
  expected.append({i64, i64, pointer});
  if (kernel.getArgumentTypes() != ArrayRef<Type>(expected) || kernel.getNumResults() != 0)
    return internalError(launch) << "@" << kernel.getSymName() << " has type " << kernel.getFunctionType()
                                 << ", but this launch has " << plan.addresses.size() << " addresses, "
                                 << plan.symbols.size() << " sizes and " << plan.numChecks << " checks";
  return success();
}

} // namespace

bool writesOutput(Value value) {
  auto loop = value.getDefiningOp<LoopOp>();
  if (!loop)
    return isa_and_nonnull<LaunchOp, PrimConcatOp>(value.getDefiningOp());
  return !loop.getNumber() && cast<OpResult>(value).getResultNumber() >= loop.numCarried();
}

SmallVector<func::FuncOp> driverFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function->hasAttr("nnf.kernel") && !function.isExternal())
      functions.push_back(function);
  return functions;
}

FailureOr<DriverPlan> readDriverPlan(ModuleOp module) {
  FailureOr<Signature> signature = readSignature(module);
  if (failed(signature))
    return failure();
  DriverPlan plan;
  plan.signature = std::move(*signature);
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (failed(Reader(module, plan).read(main, plan.main, {})))
    return failure();
  return plan;
}

} // namespace nnf
