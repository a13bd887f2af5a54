// Kernels become loops: each family tries in turn.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Passes.h"
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_LOWERKERNELS
#include "passes/Passes.h.inc"
namespace {

struct LowerKernels : impl::LowerKernelsBase<LowerKernels> {
  using LowerKernelsBase::LowerKernelsBase;
  void runOnOperation() override {
    TargetInfo target;
    target.vectorBytes = vectorBytes;
    target.vectorRegisters = vectorRegisters;
    target.hasFma = hasFma;
    target.hasByteDots = hasByteDots;
    target.l1Bytes = l1Bytes;
    target.l2Bytes = l2Bytes;
    for (KernelOp kernel : llvm::to_vector(getOperation().getOps<KernelOp>())) {
      if (!emitAttentionKernel(kernel, target) && !emitContractKernel(kernel, target) &&
          !emitWinogradKernel(kernel, target) && !emitSeparableKernel(kernel, target) &&
          !emitDepthwiseKernel(kernel, target) && !emitOrderedKernel(kernel, target)) {
        // Only tiles read panels.
        for (auto conv : kernel.getBody().getOps<PrimConvOp>())
          if (conv.getPacked()) {
            conv.emitError("internal error: packed weights in a kernel that is no contraction on tiles");
            return signalPassFailure();
          }
        if (!emitRowKernel(kernel, target))
          emitMapKernel(kernel, target);
      }
      kernel.erase();
    }
  }
};

} // namespace
} // namespace nnf
