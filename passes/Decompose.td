#ifndef NNF_PASSES_DECOMPOSE
#define NNF_PASSES_DECOMPOSE
include "mlir/Pass/PassBase.td"

def Decompose : Pass<"nnf-decompose", "::mlir::func::FuncOp"> {
  let summary = "Functions become primitives";
  let description = [{
    Rewrites every function of torch by its entry in the table of decompositions (passes/decompose). Functions that
    compute do so in float32 where their tensors have a 16-bit float type: converted once on entry, once at the
    result; functions that move data keep the type. Leaves: primitives, constants and weights only; the location of a
    node is on all of its primitives. A function without an entry is an error.
  }];
}
#endif
