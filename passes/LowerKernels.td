#ifndef NNF_PASSES_LOWERKERNELS
#define NNF_PASSES_LOWERKERNELS
include "mlir/Pass/PassBase.td"

def LowerKernels : Pass<"nnf-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Emit each nnf.kernel as a function of loops on addresses";
  let description = [{
    Needs: a module whose @main launches kernels. Leaves: for each kernel a function with the attributes `nnf.kernel`,
    `nnf.grid`, `nnf.scratch`, `nnf.title` (docs/design/0001) and `nnf.method` (for `nnfc inspect`), and the launches as they were.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register">,
    Option<"vectorRegisters", "vector-registers", "int64_t", "16", "How many vector registers there are">,
    Option<"hasFma", "has-fma", "bool", "true", "The target has fused multiply-add">,
    Option<"hasByteDots", "has-byte-dots", "bool", "false", "The target adds products of bytes to 32 bits">,
    Option<"canStorePastCaches", "can-store-past-caches", "bool", "false", "The target stores past the caches, with a fence">,
    Option<"l1Bytes", "l1-bytes", "int64_t", "32768", "Bytes of first-level data cache">,
    Option<"l2Bytes", "l2-bytes", "int64_t", "524288", "Bytes of second-level cache">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect", "::mlir::func::FuncDialect"];
}
#endif
