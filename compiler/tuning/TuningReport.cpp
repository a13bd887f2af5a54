#include "compiler/tuning/TuningReport.h"
#include "codegen/driver/DriverPlan.h"

using namespace mlir;
namespace nnf {

const TunableKernel *TuningReport::find(llvm::StringRef key) const {
  auto found = llvm::find_if(kernels, [&](const TunableKernel &kernel) { return kernel.key == key; });
  return found == kernels.end() ? nullptr : &*found;
}

void TuningReport::addKernels(ModuleOp module, const TargetInfo &target) {
  for (KernelOp kernel : module.getOps<KernelOp>())
    if (std::optional<TunableKernel> tunable = TunableKernel::of(kernel, target)) {
      // Kernels that differ in what a key leaves out (the value of a constant) are tuned as one.
      auto known = llvm::find_if(kernels, [&](const TunableKernel &other) { return other.key == tunable->key; });
      byName[kernel.getSymName().str()] = static_cast<int>(known - kernels.begin());
      if (known == kernels.end())
        kernels.push_back(std::move(*tunable));
    }
}

LogicalResult TuningReport::addLaunches(ModuleOp module) {
  FailureOr<DriverPlan> plan = readDriverPlan(module);
  if (failed(plan))
    return failure();
  for (LaunchPlan &launch : plan->launches) {
    auto found = byName.find(plan->kernels[launch.kernel].getSymName().str());
    launches.push_back(found == byName.end() ? -1 : found->second);
  }
  for (const unsigned symbol : plan->signature.symbols)
    symbols.push_back(module.getContext()->getLoadedDialect<NnfDialect>()->symbolName(symbol));
  return success();
}

} // namespace nnf
