// Kernels become the code of GPU threads: each family tries in turn.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/kernels/gpu/GpuEmitter.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_LOWERKERNELSTOGPU
#include "passes/Passes.h.inc"
namespace {

struct LowerKernelsToGpu : impl::LowerKernelsToGpuBase<LowerKernelsToGpu> {
  void runOnOperation() override {
    TargetInfo target = gpuTargetInfo();
    for (KernelOp kernel : llvm::to_vector(getOperation().getOps<KernelOp>())) {
      LikelySizes likelySizes(kernel);
      if (!emitGpuCustom(kernel, target) && !emitGpuLoop(kernel, target) && !emitGpuAttention(kernel, target) &&
          !emitGpuTensorProduct(kernel, target) && !emitGpuContract(kernel, target) && !emitGpuRow(kernel, target))
        emitGpuMap(kernel, target);
      kernel.erase();
    }
  }
};

} // namespace
} // namespace nnf
