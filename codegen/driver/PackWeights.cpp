// Weights and constants as one block of bytes.
#include "codegen/Passes.h"
#include "codegen/driver/Arena.h"
#include "codegen/driver/DriverPlan.h"
#include "codegen/driver/WeightsBlock.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "codegen/Passes.h.inc"

namespace {

/// Places handed out so far.
class WeightPlaces {
public:
  /// Of everything that the driver of a module names.
  LogicalResult add(ModuleOp module) {
    Builder builder(module.getContext());
    for (func::FuncOp function : driverFunctions(module))
      for (Operation &op : llvm::make_early_inc_range(function.front())) {
        if (!isa<WeightOp, ConstantOp>(op))
          continue;
        if (op.use_empty()) {
          op.erase();
          continue;
        }
        FailureOr<int64_t> offset = place(&op);
        if (failed(offset))
          return failure();
        op.setAttr("nnf.offset", builder.getI64IntegerAttr(*offset));
      }
    return success();
  }
  int64_t bytes() const { return total; }

private:
  DenseMap<Attribute, int64_t> offsets; // by weight name or constant
  int64_t total = 0;

  FailureOr<int64_t> place(Operation *op) {
    auto weight = dyn_cast<WeightOp>(op);
    Attribute key = weight ? Attribute(weight.getNameAttr()) : Attribute(cast<ConstantOp>(op).getValue());
    auto [known, isNew] = offsets.try_emplace(key, total);
    if (!isNew)
      return known->second;
    int64_t offset = total, bytes;
    if (weight) {
      const Weight *found = op->getContext()->getLoadedDialect<NnfDialect>()->weights().find(weight.getName());
      if (!found || found->type != weight.getType()) {
        nodeError(op->getLoc()) << "weight '" << weight.getName() << "' is not in the weight store"
                                << (found ? " with this type" : "") << " [NNFC-E0134]";
        return failure();
      }
      bytes = found->bytes.size();
    } else {
      auto dense = dyn_cast<DenseElementsAttr>(key);
      if (!dense) {
        nodeError(op->getLoc()) << "a constant that is no dense tensor cannot be packed [NNFC-E0134]";
        return failure();
      }
      bytes = dense.getNumElements() * elementBytes(dense.getElementType());
    }
    total += alignToArena(bytes);
    return offset;
  }
};

struct PackWeights : impl::PackWeightsBase<PackWeights> {
  using PackWeightsBase::PackWeightsBase;

  void runOnOperation() override {
    if (failed(placeWeights(getOperation())))
      signalPassFailure();
  }
};

} // namespace

LogicalResult placeWeights(ArrayRef<ModuleOp> modules) {
  WeightPlaces places;
  for (ModuleOp module : modules)
    if (failed(places.add(module)))
      return failure();
  for (ModuleOp module : modules)
    module->setAttr("nnf.weights_bytes", Builder(module.getContext()).getI64IntegerAttr(places.bytes()));
  return success();
}

} // namespace nnf
