// What the emulator needs of the launches: checks to report by, and memory to run in.
#include "codegen/Passes.h"
#include "codegen/cuda/custom/LinkCustom.h"
#include "codegen/cuda/emulator/Emulator.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_PREPAREEMULATION
#include "codegen/Passes.h.inc"

namespace {

constexpr llvm::StringLiteral messages[] = {NNF_FAULT_MESSAGES};
static_assert(std::size(messages) == NNF_FAULTS);

int64_t sharedBytesOf(ModuleOp module, func::FuncOp kernel) {
  int64_t bytes = 0;
  // What a kernel in CUDA C++ declares is known when it is compiled, after memory has been planned.
  if (kernel->hasAttr("nnf.custom"))
    bytes = mostStaticShared;
  if (auto dynamic = kernel->getAttrOfType<IntegerAttr>("nnf.dynamic_shared"))
    bytes += dynamic.getInt();
  for (auto global : module.getOps<LLVM::GlobalOp>()) {
    auto owner = global->getAttrOfType<FlatSymbolRefAttr>("nnf.shared_of");
    if (!owner || owner.getAttr() != kernel.getSymNameAttr())
      continue;
    auto array = cast<LLVM::LLVMArrayType>(global.getGlobalType());
    bytes = llvm::alignTo(bytes, 16) + array.getNumElements() * array.getElementType().getIntOrFloatBitWidth() / 8;
  }
  return bytes;
}

struct PrepareEmulation : impl::PrepareEmulationBase<PrepareEmulation> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Builder b(module.getContext());
    DenseSet<StringAttr> emulated;
    for (auto kernel : module.getOps<func::FuncOp>()) {
      auto threads = kernel->getAttrOfType<IntegerAttr>("nnf.block");
      if (!threads)
        continue;
      emulated.insert(kernel.getSymNameAttr());
      auto checks = kernel->getAttrOfType<IntegerAttr>("nnf.checks");
      if (!checks) {
        // Before first, last and scratch: the check state, and the number of the first check.
        unsigned at = kernel.getNumArguments() - 3;
        auto pointer = LLVM::LLVMPointerType::get(b.getContext());
        if (kernel.isExternal()) {
          SmallVector<Type> types(kernel.getArgumentTypes());
          types.insert(types.begin() + at, {Type(pointer), Type(b.getI64Type())});
          kernel.setType(b.getFunctionType(types, {}));
        } else {
          LogicalResult inserted =
              success(succeeded(kernel.insertArgument(at, pointer, {}, kernel.getLoc())) &&
                      succeeded(kernel.insertArgument(at + 1, b.getI64Type(), {}, kernel.getLoc())));
          if (failed(inserted))
            return signalPassFailure();
        }
      }
      kernel->setAttr("nnf.checks", b.getI64IntegerAttr((checks ? checks.getInt() : 0) + NNF_FAULTS));
      kernel->setAttr("nnf.scratch",
                      b.getI64IntegerAttr(nnf_emu_scratch_bytes(threads.getInt(), sharedBytesOf(module, kernel))));
    }
    module.walk([&](LaunchOp launch) {
      if (!emulated.contains(launch.getKernelAttr().getAttr()))
        return;
      SmallVector<Attribute> all(launch.getChecks().begin(), launch.getChecks().end());
      for (llvm::StringRef message : messages)
        all.push_back(b.getStringAttr(message));
      launch.setChecksAttr(b.getArrayAttr(all));
    });
  }
};

} // namespace
} // namespace nnf
