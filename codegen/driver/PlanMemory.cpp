// The arena: which bytes each value between two launches lies in.
#include "codegen/Passes.h"
#include "codegen/ReplaceSymbols.h"
#include "codegen/driver/Arena.h"
#include "codegen/driver/Signature.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_PLANMEMORY
#include "codegen/Passes.h.inc"

namespace {

/// A launch result that lives in the arena. Its size is bytes * unit; unit is 1 where sizes are fixed.
struct ArenaValue {
  Value value;
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
  for (auto &factor : factors)
    unit = unit * factor.second;
  if (bytes < arenaAlignment && !factors.empty()) {
    unit = (unit * bytes).ceilDiv(arenaAlignment);
    bytes = arenaAlignment;
  }
  unit = simplify(unit);
  bytes = alignToArena(bytes);
}

/// A size with 64 for every symbol, to compare plans by.
double sampleOf(Dim dim) {
  Dim sampled = replaceSymbols(dim, [&](unsigned) { return dimOf(dim.getContext(), 64); });
  return constantOf(sampled).value_or(1);
}

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
SmallVector<Region> planSlotRegions(const Members &members, int64_t firstRegion, SmallVectorImpl<unsigned> &slots) {
  SmallVector<Lifetime> lives;
  for (ArenaValue *value : members) {
    Lifetime life = value->life;
    life.bytes = static_cast<int64_t>(sampleOf(value->unit) * life.bytes);
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

double sampleOf(ArrayRef<Region> regions) {
  double total = 0;
  for (const Region &region : regions) {
    double most = 0;
    for (Dim size : region.sizes)
      most = std::max(most, sampleOf(size));
    total += most;
  }
  return total;
}

/// Values of fixed size share one region. The others: those of one unit (every activation of a model whose batch alone
/// is open) are packed as tightly as fixed ones; where units differ, a region for each unit, or slots that mix them,
/// whichever is smaller for sizes of 64. Units that the data decide come last, each a region of its own: they are known
/// one after the other.
SmallVector<Region> planRegions(Values values) {
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
    SmallVector<Region> mixed = planSlotRegions(open, firstOpen, slots);
    if (sampleOf(ArrayRef<Region>(mixed)) < sampleOf(ArrayRef<Region>(byUnit))) {
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

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || main.isExternal())
      return;
    SmallVector<LaunchOp> launches(main.getOps<LaunchOp>());
    DenseMap<Value, int64_t> outputOf = outputs(main);
    SmallVector<ArenaValue> values = arenaValues(main, outputOf);
    SmallVector<Region> regions = planRegions(values);
    record(main, launches, outputOf, values, regions);
  }

  DenseMap<Value, int64_t> outputs(func::FuncOp main) {
    DenseMap<Value, int64_t> outputOf;
    for (auto [k, value] : llvm::enumerate(main.front().getTerminator()->getOperands()))
      outputOf.try_emplace(storageOf(value), k);
    return outputOf;
  }

  SmallVector<ArenaValue> arenaValues(func::FuncOp main, const DenseMap<Value, int64_t> &outputOf) {
    SmallVector<ArenaValue> values;
    DenseMap<Value, size_t> indexOf;
    auto add = [&](Value result, unsigned at) {
      ArenaValue value{result, {0, at, at}, {}};
      sizeOf(cast<RankedTensorType>(result.getType()), value.life.bytes, value.unit);
      indexOf[result] = values.size();
      values.push_back(value);
    };
    // The driver writes keys before the first launch.
    for (RandomKeyOp key : main.getOps<RandomKeyOp>())
      add(key, 0);
    auto use = [&](Value operand, unsigned at) {
      if (auto found = indexOf.find(storageOf(operand)); found != indexOf.end())
        values[found->second].life.last = std::max(values[found->second].life.last, at);
    };
    unsigned at = 0;
    for (Operation &op : main.front()) {
      // Read after the launch before it.
      if (auto size = dyn_cast<SizeOp>(op); size && at > 0)
        use(size.getScalar(), at - 1);
      auto launch = dyn_cast<LaunchOp>(op);
      if (!launch)
        continue;
      for (Value operand : launch.getInputs())
        use(operand, at);
      for (Value result : launch.getOutputs())
        if (!outputOf.contains(result))
          add(result, at);
      ++at;
    }
    return values;
  }

  void record(func::FuncOp main, ArrayRef<LaunchOp> launches, const DenseMap<Value, int64_t> &outputOf,
              ArrayRef<ArenaValue> values, ArrayRef<Region> regions) {
    Builder builder(&getContext());
    DenseMap<Value, const ArenaValue *> placeOf;
    SmallVector<Lifetime> lives;
    for (const ArenaValue &value : values) {
      placeOf[value.value] = &value;
      lives.push_back(value.life);
    }
    auto place = [&](Operation *op) {
      SmallVector<int64_t> regionOf;
      Shape offsets;
      for (Value result : op->getResults()) {
        const ArenaValue *place = placeOf.lookup(result);
        regionOf.push_back(place ? place->region : -1 - outputOf.lookup(result));
        offsets.push_back(place ? simplify(place->unit * place->offset) : dimOf(&getContext(), 0));
      }
      op->setAttr("nnf.regions", builder.getDenseI64ArrayAttr(regionOf));
      op->setAttr("nnf.offsets", DimsAttr::get(&getContext(), offsets));
    };
    for (RandomKeyOp key : main.getOps<RandomKeyOp>())
      place(key);
    for (LaunchOp launch : launches)
      place(launch);
    SmallVector<Attribute> arena;
    for (const Region &region : regions)
      arena.push_back(DimsAttr::get(&getContext(), region.sizes));
    main->setAttr("nnf.arena", builder.getArrayAttr(arena));
    if (llvm::all_of(values, [](const ArenaValue &value) { return isConstant(value.unit, 1); }))
      main->setAttr("nnf.arena_live", builder.getI64IntegerAttr(liveBytes(lives)));
  }
};

} // namespace
} // namespace nnf
