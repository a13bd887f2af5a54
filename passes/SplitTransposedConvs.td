#ifndef NNF_PASSES_SPLITTRANSPOSEDCONVS
#define NNF_PASSES_SPLITTRANSPOSEDCONVS
include "mlir/Pass/PassBase.td"

def SplitTransposedConvs : Pass<"nnf-split-transposed-convs", "::mlir::func::FuncOp"> {
  let summary = "A convolution of an input with gaps becomes one plain convolution per phase of its output";
  let description = [{
    With input dilation d, output positions of one remainder modulo d meet the same taps: each remainder (phase) is a
    convolution of the input without gaps by every d-th tap, and the phases interleave. No product with an inserted zero
    is ever made. Taken where strides and kernel dilations of the dilated dimensions are 1.
  }];
}
#endif
