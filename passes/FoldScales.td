#ifndef NNF_PASSES_FOLDSCALES
#define NNF_PASSES_FOLDSCALES
include "mlir/Pass/PassBase.td"

def FoldScales : Pass<"nnf-fold-scales", "::mlir::func::FuncOp"> {
  let summary = "A constant scale of a convolution's output channels goes into its weight";
  let description = [{
    conv(x, w) * s[channel] becomes conv(x, w * s) when w and s are constants: batch normalisation after a convolution
    costs nothing but its shift, which joins the bias. (x + a) + b with constants a and b becomes x + (a + b).
  }];
}
#endif
