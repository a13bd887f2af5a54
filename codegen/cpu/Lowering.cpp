#include "codegen/cpu/Lowering.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "passes/Passes.h"

void nnf::addCpuLowering(mlir::OpPassManager &passes, const TargetInfo &target) {
  // Before the loops go: the expansions make scf.if and scf.while.
  ExpandMathOptions math;
  math.hasFma = target.hasFma;
  math.hasF16c = target.hasF16c;
  math.hasAvx512 = target.hasAvx512;
  passes.addPass(createExpandMath(math));
  passes.addPass(mlir::createSCFToControlFlowPass());
  passes.addPass(mlir::createConvertVectorToLLVMPass());
  // ceildiv, floordiv, maximumf and the like have no LLVM instruction.
  passes.addPass(mlir::arith::createArithExpandOpsPass());
  passes.addPass(mlir::createArithToLLVMConversionPass());
  passes.addPass(mlir::createConvertMathToLLVMPass());
  passes.addPass(mlir::createConvertControlFlowToLLVMPass());
  passes.addPass(mlir::createConvertFuncToLLVMPass());
  passes.addPass(mlir::createReconcileUnrealizedCastsPass());
}
