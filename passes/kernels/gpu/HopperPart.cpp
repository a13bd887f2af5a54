#include "passes/kernels/gpu/HopperPart.h"
#include "passes/kernels/gpu/Multiplier.h"

using namespace mlir;
namespace nnf {

HopperPart hopperPartOf(KernelOp kernel) {
  auto asked = kernel->getParentOfType<ModuleOp>()->getAttrOfType<StringAttr>(hopperCode);
  return !asked ? HopperPart::None : asked.getValue() == "alone" ? HopperPart::Whole : HopperPart::Beside;
}

int64_t multiprocessorsOf(Operation *op) {
  auto said = op->getParentOfType<ModuleOp>()->getAttrOfType<IntegerAttr>(multiprocessorsAttr);
  return said ? said.getInt() : multiprocessorsOfH100;
}

void dropRequest(ModuleOp module) {
  for (StringRef name : {StringRef(allowTf32), StringRef(hopperCode), StringRef(multiprocessorsAttr)})
    module->removeAttr(name);
}

void emitHopperPart(GpuEmitter &emitter, HopperPart part, llvm::function_ref<void()> emit) {
  if (part == HopperPart::Beside) {
    emitter.function.setSymName((emitter.kernel.getSymName() + "_sm_90a").str());
    emitter.function->setAttr("nnf.variant_of", FlatSymbolRefAttr::get(emitter.kernel.getSymNameAttr()));
  }
  emit();
  if (part != HopperPart::Beside)
    return;
  // The driver counts the blocks of the kernel that it knows.
  MLIRContext *context = emitter.function.getContext();
  Shape grid(emitter.function->getAttrOfType<DimsAttr>("nnf.grid").getDims());
  emitter.function->setAttr("nnf.blocks", Builder(context).getI64IntegerAttr(*constantOf(productOf(context, grid))));
}

} // namespace nnf
