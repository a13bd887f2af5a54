#ifndef NNF_PASSES_LOWERKERNELSTOGPU
#define NNF_PASSES_LOWERKERNELSTOGPU
include "mlir/Pass/PassBase.td"

def LowerKernelsToGpu : Pass<"nnf-lower-kernels-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Emit each nnf.kernel as the code of one GPU thread";
  let description = [{
    The GPU's counterpart of nnf-lower-kernels, with the same arguments of the functions it leaves: a task of `nnf.grid`
    is a block of `nnf.block` threads; first, last and scratch are unread. Shared memory is a global in address space 3
    whose `nnf.shared_of` names its kernel; `nnf.dynamic_shared` on a kernel are the bytes that a launch is to add, for
    one such global of no elements. docs/design/0004.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::func::FuncDialect"];
}
#endif
