// Choices of a tuning file go to the kernels they are for.
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/kernels/Tunable.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_APPLYTUNING
#include "passes/Passes.h.inc"
namespace {

struct ApplyTuning : impl::ApplyTuningBase<ApplyTuning> {
  using ApplyTuningBase::ApplyTuningBase;
  void runOnOperation() override {
    llvm::Expected<Tuning> file = Tuning::read(tuning);
    if (!file) {
      getOperation().emitError("tuning: ") << llvm::toString(file.takeError());
      return signalPassFailure();
    }
    TargetInfo target;
    target.vectorBytes = vectorBytes;
    target.vectorRegisters = vectorRegisters;
    target.l1Bytes = l1Bytes;
    target.l2Bytes = l2Bytes;
    unsigned applied = 0;
    for (KernelOp kernel : getOperation().getOps<KernelOp>()) {
      LikelySizes likelySizes(kernel);
      std::optional<TunableKernel> tunable = TunableKernel::of(kernel, target);
      const Tuning::Line *line = tunable ? file->find(tunable->key) : nullptr;
      if (!line)
        continue;
      ++applied;
      if (std::string objection = tunable->objectionTo(line->choice); !objection.empty()) {
        kernel.emitError("tuning: '") << tuning << "', line " << line->number << ": " << objection << " [NNFC-E0406]";
        return signalPassFailure();
      }
      if (!line->choice.isDefault())
        kernel->setAttr(choiceAttr, StringAttr::get(&getContext(), line->choice.text()));
    }
    if (!applied && !file->all().empty())
      getOperation().emitWarning("tuning: none of the kernels that '")
          << tuning << "' has lines for is in this model; sizes that only a run knows have none (--dim fixes them)";
  }
};

} // namespace
} // namespace nnf
