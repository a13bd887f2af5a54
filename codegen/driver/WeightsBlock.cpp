#include "codegen/driver/WeightsBlock.h"
#include "codegen/driver/Arena.h"
#include "codegen/driver/ConstantBytes.h"
#include "codegen/driver/DriverPlan.h"
#include "dialects/nnf/MappedBytes.h"
#include "runtime/Hash.h"

using namespace mlir;
namespace nnf {

WeightsBlock::WeightsBlock(ArrayRef<ModuleOp> modules) {
  ModuleOp first = modules.front();
  if (auto total = first->getAttrOfType<IntegerAttr>("nnf.weights_bytes"))
    bytes = total.getInt();
  const WeightStore &store = first.getContext()->getLoadedDialect<NnfDialect>()->weights();
  DenseSet<int64_t> known; // equal constants share a place
  SmallVector<func::FuncOp> functions;
  for (ModuleOp module : modules)
    llvm::append_range(functions, driverFunctions(module));
  for (func::FuncOp function : functions)
    for (Operation &op : function.front()) {
      auto offset = op.getAttrOfType<IntegerAttr>("nnf.offset");
      bool isEmpty = offset && cast<RankedTensorType>(op.getResult(0).getType()).getNumElements() == 0;
      if (!offset || isEmpty || !known.insert(offset.getInt()).second)
        continue;
      if (auto weight = dyn_cast<WeightOp>(op)) {
        const Weight *stored = store.find(weight.getName());
        assert(stored && "nnf-pack-weights has looked");
        pieces.push_back({offset.getInt(), stored->bytes, stored->owner});
      } else if (auto constant = dyn_cast<ConstantOp>(op)) {
        auto owned =
            std::make_shared<const std::vector<uint8_t>>(bytesOf(cast<DenseElementsAttr>(constant.getValue())));
        pieces.push_back({offset.getInt(), *owned, owned});
      }
    }
  llvm::sort(pieces, [](const Piece &a, const Piece &b) { return a.offset < b.offset; });
}

void WeightsBlock::forEachRun(llvm::function_ref<void(StringRef)> use) const {
  constexpr char zeros[arenaAlignment] = {};
  for (const Piece &piece : pieces) {
    use(llvm::toStringRef(piece.data));
    use(StringRef(zeros, alignToArena(piece.data.size()) - piece.data.size()));
    releaseMapped(piece.data);
  }
}

uint64_t WeightsBlock::hash() const {
  Hash64 hash;
  forEachRun([&](StringRef run) { hash.update(run.data(), run.size()); });
  return hash.finish();
}

void WeightsBlock::write(llvm::raw_ostream &os) const {
  SmallVector<char, 0> waiting; // for the end of a large page
  forEachRun([&](StringRef run) {
    while (!run.empty()) {
      size_t room = largePageBytes - (os.tell() + waiting.size()) % largePageBytes;
      bool reachesEnd = run.size() >= room;
      if (waiting.empty() && reachesEnd) {
        size_t whole = run.size() - (run.size() - room) % largePageBytes;
        os << run.take_front(whole);
        run = run.drop_front(whole);
        continue;
      }
      llvm::append_range(waiting, run.take_front(room));
      run = run.drop_front(std::min(run.size(), room));
      if (reachesEnd) {
        os.write(waiting.data(), waiting.size());
        waiting.clear();
      }
    }
  });
  os.write(waiting.data(), waiting.size());
}

} // namespace nnf
