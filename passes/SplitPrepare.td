#ifndef NNF_PASSES_SPLITPREPARE
#define NNF_PASSES_SPLITPREPARE
include "mlir/Pass/PassBase.td"

def SplitPrepare : Pass<"nnf-split-prepare", "::mlir::ModuleOp"> {
  let summary = "Move what depends on weights alone into a function of its own";
  let description = [{
    Leaves: where @main computed something from weights, a function @prepare that returns it, and in @main weights
    named `prepared.<n>` in its place, in the order of the results. The compiler runs @prepare once, compiled like
    everything else, and puts its results into the weight store. Views of a weight and repeated numbers stay in @main.
  }];
  let options = [
    Option<"keepNarrow", "keep-narrow", "bool", "false",
           "Conversions of 16-bit floats to float32 stay in @main, too: kernels read what is narrow">,
  ];
}
#endif
