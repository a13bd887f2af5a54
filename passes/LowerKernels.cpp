// Kernels become loops: each family tries in turn.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Tunable.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_LOWERKERNELS
#include "passes/Passes.h.inc"
namespace {

/// The most special first.
struct Family {
  StringLiteral name;
  bool (*emit)(KernelOp, const TargetInfo &);
};
constexpr Family families[] = {{"attention", emitAttentionKernel}, {"direct", emitContractKernel},
                               {"winograd", emitWinogradKernel},   {"separable", emitSeparableKernel},
                               {"depthwise", emitDepthwiseKernel}, {"ordered", emitOrderedKernel}};

struct LowerKernels : impl::LowerKernelsBase<LowerKernels> {
  using LowerKernelsBase::LowerKernelsBase;
  void runOnOperation() override {
    TargetInfo target;
    target.vectorBytes = vectorBytes;
    target.vectorRegisters = vectorRegisters;
    target.hasFma = hasFma;
    target.hasByteDots = hasByteDots;
    target.canStorePastCaches = canStorePastCaches;
    target.l1Bytes = l1Bytes;
    target.l2Bytes = l2Bytes;
    for (KernelOp kernel : llvm::to_vector(getOperation().getOps<KernelOp>())) {
      LikelySizes likelySizes(kernel);
      std::optional<TunableKernel> tunable = TunableKernel::of(kernel, target);
      StringRef family = emit(kernel, target);
      if (family.empty())
        return signalPassFailure();
      std::string method = tunable ? tunable->choice.text() : family.str();
      auto function = cast<func::FuncOp>(kernel->getPrevNode());
      function->setAttr("nnf.method", StringAttr::get(&getContext(), method));
      kernel.erase();
    }
  }

private:
  /// Returns the name of the family that has taken the kernel; "" where none may, which is reported.
  StringRef emit(KernelOp kernel, const TargetInfo &target) {
    for (const Family &family : families)
      if (family.emit(kernel, target))
        return family.name;
    // Only tiles read panels.
    for (auto conv : kernel.getBody().getOps<PrimConvOp>())
      if (conv.getPacked()) {
        conv.emitError("internal error: packed weights in a kernel that is no contraction on tiles");
        return "";
      }
    if (emitRowKernel(kernel, target))
      return "row";
    emitMapKernel(kernel, target);
    return "map";
  }
};

} // namespace
} // namespace nnf
