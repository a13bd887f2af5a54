// The arena: which bytes each value between two launches lies in.
#include "codegen/Passes.h"
#include "codegen/ReplaceSymbols.h"
#include "codegen/driver/Arena.h"
#include "codegen/driver/DriverPlan.h"
#include "codegen/driver/SizeRanges.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_PLANMEMORY
#include "codegen/Passes.h.inc"

namespace {

/// What an op keeps in the arena: the result of a launch, a buffer of a loop. Its size is bytes * unit; unit is 1 where
/// sizes are fixed.
struct ArenaValue {
  Operation *op;
  unsigned slot; // which of the op's
  Lifetime life; // bytes: what `unit` is multiplied with
  Dim unit;
  int64_t region = 0, offset = 0; // the offset counts in units, too
};

struct Region {
  SmallVector<Dim> sizes;
};

/// Splits the byte size of a type into a constant, of whole cache lines, and a product of symbolic sizes; where the
/// constant is less than a line, into one line and the number of lines.
void sizeOf(RankedTensorType type, int64_t &bytes, Dim &unit) {
  MLIRContext *context = type.getContext();
  bytes = elementBytes(type.getElementType());
  SmallVector<std::pair<std::string, Dim>> factors; // by their text: the order must not depend on addresses
  for (Dim dim : shapeOf(type)) {
    if (std::optional<int64_t> size = constantOf(dim))
      bytes *= *size;
    else
      factors.push_back({toString(dim), dim});
  }
  llvm::sort(factors, [](const auto &a, const auto &b) { return a.first < b.first; });
  unit = dimOf(context, 1);
  // No elements, whatever the other sizes are.
  if (bytes == 0)
    return;
  for (auto &factor : factors)
    unit = unit * factor.second;
  if (bytes < arenaAlignment && !factors.empty()) {
    unit = (unit * bytes).ceilDiv(arenaAlignment);
    bytes = arenaAlignment;
  }
  unit = simplify(unit);
  bytes = alignToArena(bytes);
}

/// Sizes to compare plans by: the most where a symbol has bounds, else with 64 for it.
class Samples {
public:
  explicit Samples(ModuleOp module) : ranges(module), dialect(*module.getContext()->getLoadedDialect<NnfDialect>()) {}

  double of(Dim dim) const {
    Dim sampled = replaceSymbols(dim, [&](unsigned symbol) {
      std::optional<SizeRanges::Range> range = ranges.of(dialect.symbolName(symbol));
      return dimOf(dim.getContext(), range ? std::min(range->most, largest) : 64);
    });
    return constantOf(sampled).value_or(1);
  }
  double of(ArrayRef<Region> regions) const {
    double total = 0;
    for (const Region &region : regions) {
      double most = 0;
      for (Dim size : region.sizes)
        most = std::max(most, of(size));
      total += most;
    }
    return total;
  }

private:
  static constexpr int64_t largest = 1 << 20; // bounds beyond say nothing of a usual size
  SizeRanges ranges;
  NnfDialect &dialect;
};

using Values = MutableArrayRef<ArenaValue>;
using Members = SmallVector<ArenaValue *>;

/// One region for values that share a unit, planned as if the unit were one.
Region planRegion(const Members &members, int64_t region) {
  SmallVector<Lifetime> lives;
  for (ArenaValue *value : members)
    lives.push_back(value->life);
  ArenaPlan plan = planArena(lives);
  for (auto [value, offset] : llvm::zip(members, plan.offsets)) {
    value->region = region;
    value->offset = offset;
  }
  return {{simplify(members.front()->unit * plan.bytes)}};
}

/// Regions that are slots: their members are never alive together, and the largest decides.
SmallVector<Region> planSlotRegions(const Members &members, int64_t firstRegion, const Samples &samples,
                                    SmallVectorImpl<unsigned> &slots) {
  SmallVector<Lifetime> lives;
  for (ArenaValue *value : members) {
    Lifetime life = value->life;
    life.bytes = static_cast<int64_t>(samples.of(value->unit) * double(life.bytes));
    lives.push_back(life);
  }
  slots = planSlots(lives);
  SmallVector<Region> regions;
  for (auto [value, slot] : llvm::zip(members, slots)) {
    if (slot >= regions.size())
      regions.resize(slot + 1);
    Dim size = simplify(value->unit * value->life.bytes);
    if (!llvm::is_contained(regions[slot].sizes, size))
      regions[slot].sizes.push_back(size);
  }
  return regions;
}

/// Values of fixed size share one region. The others: those of one unit (every activation of a model whose batch alone
/// is open) are packed as tightly as fixed ones; where units differ, a region for each unit, or slots that mix them,
/// whichever is smaller for the sizes of `samples`. Units that the data decide come last, each a region of its own:
/// they are known one after the other.
SmallVector<Region> planRegions(Values values, const Samples &samples) {
  SmallVector<Region> regions;
  llvm::MapVector<Dim, Members> units;
  Members open;
  for (ArenaValue &value : values) {
    units[value.unit].push_back(&value);
    if (!constantOf(value.unit) && !dependsOnData(value.unit))
      open.push_back(&value);
  }
  int64_t firstOpen = 0;
  for (auto &[unit, members] : units)
    if (constantOf(unit)) {
      regions.push_back(planRegion(members, firstOpen++));
      break;
    }
  SmallVector<Region> byUnit;
  for (auto &[unit, members] : units)
    if (!constantOf(unit) && !dependsOnData(unit))
      byUnit.push_back(planRegion(members, firstOpen + byUnit.size()));
  if (byUnit.size() > 1) {
    SmallVector<unsigned> slots;
    SmallVector<Region> mixed = planSlotRegions(open, firstOpen, samples, slots);
    if (samples.of(mixed) < samples.of(byUnit)) {
      for (auto [value, slot] : llvm::zip(open, slots)) {
        value->region = firstOpen + slot;
        value->offset = 0;
      }
      byUnit = std::move(mixed);
    }
  }
  regions.append(byUnit.begin(), byUnit.end());
  for (auto &[unit, members] : units)
    if (dependsOnData(unit))
      regions.push_back(planRegion(members, regions.size()));
  return regions;
}

/// Plans one function; bodies of its loops and branches come first.
class FunctionPlan {
public:
  FunctionPlan(func::FuncOp function, SymbolTableCollection &symbols) : function(function), symbols(symbols) {}

  void run() {
    for (auto [k, value] : llvm::enumerate(function.front().getTerminator()->getOperands()))
      outputOf.try_emplace(storageOf(value), k);
    collect();
    SmallVector<Region> regions = planRegions(values, Samples(function->getParentOfType<ModuleOp>()));
    record(regions);
  }

private:
  func::FuncOp function;
  SymbolTableCollection &symbols;
  DenseMap<Value, int64_t> outputOf;
  SmallVector<ArenaValue> values;
  DenseMap<Value, SmallVector<size_t, 2>> buffersOf; // of a result: the numbers of its values
  llvm::MapVector<Operation *, unsigned> slots;      // of each op: how many it has
  DenseMap<std::pair<Operation *, unsigned>, int64_t> outputSlots;

  size_t add(Operation *op, unsigned slot, unsigned at, int64_t bytes, Dim unit) {
    values.push_back({op, slot, {bytes, at, at}, unit});
    return values.size() - 1;
  }
  /// The concatenation that a launch's result is stored in, and the bytes before it there; null: none.
  struct Part {
    PrimConcatOp whole;
    Dim offset;
  };
  DenseMap<Value, Part> parts;
  DenseMap<std::pair<Operation *, unsigned>, Part> partSlots;

  void findParts() {
    for (auto whole : function.front().getOps<PrimConcatOp>()) {
      slots[whole] = 1;
      Shape shape = shapeOf(whole.getOutput());
      int64_t dim = whole.getDim();
      Dim offset = dimOf(whole.getContext(), 0);
      Dim bytes = productOf(whole.getContext(), ArrayRef(shape).drop_front(dim + 1)) *
                  elementBytes(cast<RankedTensorType>(whole.getType()).getElementType());
      for (Value part : whole.getInputs()) {
        parts[part] = {whole, simplify(offset * bytes)};
        offset = offset + shapeOf(part)[dim];
      }
    }
  }

  void add(Operation *op, unsigned slot, unsigned at, Value result) {
    if (auto part = parts.find(result); part != parts.end()) {
      Value whole = part->second.whole.getOutput();
      partSlots[{op, slot}] = part->second;
      if (!buffersOf.contains(whole)) // the first part
        add(part->second.whole, 0, at, whole);
      buffersOf[result] = SmallVector<size_t, 2>(buffersOf.lookup(whole));
      use(result, at);
      return;
    }
    if (auto output = outputOf.find(result); output != outputOf.end() && writesOutput(result)) {
      outputSlots[{op, slot}] = output->second; // the caller's buffer
      buffersOf[result] = {};
      return;
    }
    int64_t bytes;
    Dim unit;
    sizeOf(cast<RankedTensorType>(result.getType()), bytes, unit);
    buffersOf[result].push_back(add(op, slot, at, bytes, unit));
  }
  /// The region of a body that has a fixed size; the others are memory of their own.
  void addBody(Operation *op, FlatSymbolRefAttr name, unsigned slot, unsigned at) {
    auto body = symbols.lookupNearestSymbolFrom<func::FuncOp>(function, name);
    FunctionPlan(body, symbols).run();
    for (auto region : body->getAttrOfType<ArrayAttr>("nnf.arena").getAsRange<DimsAttr>())
      if (std::optional<int64_t> bytes = constantOf(region.getDims().front()); bytes && region.getDims().size() == 1)
        add(op, slot, at, *bytes, dimOf(op->getContext(), 1));
  }

  void use(Value operand, unsigned at) {
    Value storage = storageOf(operand);
    for (size_t buffer : buffersOf.lookup(storage))
      values[buffer].life.last = std::max(values[buffer].life.last, at);
    // What a loop carries is what it was given where no step is made.
    auto loop = storage.getDefiningOp<LoopOp>();
    if (unsigned i = loop ? cast<OpResult>(storage).getResultNumber() : 0; loop && i < loop.numCarried())
      use(loop.getInits()[i], at);
  }

  void collect() {
    findParts();
    // The driver writes keys before the first launch.
    for (RandomKeyOp key : function.getOps<RandomKeyOp>()) {
      slots[key] = 1;
      add(key, 0, 0, key.getOutput());
    }
    unsigned at = 0;
    for (Operation &op : function.front()) {
      // Read after the step before it.
      if (auto size = dyn_cast<SizeOp>(op); size && at > 0)
        use(size.getScalar(), at - 1);
      if (!isa<LaunchOp, LoopOp, IfOp>(op))
        continue;
      for (Value operand : op.getOperands())
        use(operand, at);
      if (isa<LaunchOp>(op)) {
        slots[&op] = op.getNumResults();
        for (OpResult result : op.getResults())
          add(&op, result.getResultNumber(), at, result);
      } else if (auto loop = dyn_cast<LoopOp>(op)) {
        addLoop(loop, at);
      } else {
        addIf(cast<IfOp>(op), at);
      }
      ++at;
    }
  }

  /// The number of the step, two buffers for what each carried tensor becomes, stacked tensors, the body's memory.
  void addLoop(LoopOp loop, unsigned at) {
    unsigned slot = 0;
    add(loop, slot++, at, arenaAlignment, dimOf(loop.getContext(), 1));
    for (unsigned i = 0; i < loop.numCarried(); ++i)
      for (int turn = 0; turn < 2; ++turn, ++slot)
        if (!loop.isOpen(i))
          add(loop, slot, at, loop.getOutputs()[i]);
    for (Value value : loop.stacked()) {
      if (!loop.getNumber())
        add(loop, slot, at, value);
      ++slot;
    }
    addBody(loop, loop.getBodyAttr(), slot++, at);
    slots[loop] = slot;
  }

  /// Results whose sizes both branches have, then the branches' memory.
  void addIf(IfOp branch, unsigned at) {
    unsigned slot = 0;
    ArrayRef<int64_t> numbers = branch.getSizes();
    for (Value value : branch.getOutputs()) {
      size_t rank = shapeOf(value).size();
      if (llvm::all_of(numbers.take_front(rank), [](int64_t number) { return number < 0; }))
        add(branch, slot, at, value);
      numbers = numbers.drop_front(rank);
      ++slot;
    }
    for (FlatSymbolRefAttr name : bodiesOf(branch))
      addBody(branch, name, slot++, at);
    slots[branch] = slot;
  }

  void record(ArrayRef<Region> regions) {
    MLIRContext *context = function.getContext();
    Builder builder(context);
    DenseMap<std::pair<Operation *, unsigned>, const ArenaValue *> placeOf;
    SmallVector<Lifetime> lives;
    for (const ArenaValue &value : values) {
      placeOf[{value.op, value.slot}] = &value;
      lives.push_back(value.life);
    }
    for (auto [op, count] : slots) {
      SmallVector<int64_t> regionOf;
      Shape offsets;
      for (unsigned slot = 0; slot < count; ++slot) {
        // A part is where its whole is, and so much further.
        auto part = partSlots.find({op, slot});
        std::pair<Operation *, unsigned> held(op, slot);
        if (part != partSlots.end())
          held = {part->second.whole, 0};
        const ArenaValue *place = placeOf.lookup(held);
        auto output = outputSlots.find(held);
        regionOf.push_back(place ? place->region : output != outputSlots.end() ? -1 - output->second : noRegion);
        Dim offset = place ? place->unit * place->offset : dimOf(context, 0);
        offsets.push_back(simplify(part == partSlots.end() ? offset : offset + part->second.offset));
      }
      op->setAttr("nnf.regions", builder.getDenseI64ArrayAttr(regionOf));
      op->setAttr("nnf.offsets", DimsAttr::get(context, offsets));
    }
    SmallVector<Attribute> arena;
    for (const Region &region : regions)
      arena.push_back(DimsAttr::get(context, region.sizes));
    function->setAttr("nnf.arena", builder.getArrayAttr(arena));
    if (llvm::all_of(values, [](const ArenaValue &value) { return isConstant(value.unit, 1); }))
      function->setAttr("nnf.arena_live", builder.getI64IntegerAttr(liveBytes(lives)));
  }
};

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || main.isExternal())
      return;
    SymbolTableCollection symbols;
    FunctionPlan(main, symbols).run();
  }
};

} // namespace
} // namespace nnf
