#ifndef NNF_PASSES_ASSIGNLAYOUT
#define NNF_PASSES_ASSIGNLAYOUT
include "mlir/Pass/PassBase.td"

def AssignLayout : Pass<"nnf-assign-layout", "::mlir::func::FuncOp"> {
  let summary = "Convolutions work on channels-last tensors, and so does what stands between them";
  let description = [{
    Convolutions of one pixel between tensors of N,C,* become products of the weight and each image as it lies. Every
    other one gets layout 1 between two transposes; then transposes sink through elementwise ops, windows,
    reductions, concatenations, pads and slices, meet, and cancel. What is left stands at the rim of the graph.
    Zeros around what a convolution reads become its padding.
  }];
  let options = [
    Option<"ordersPixels", "orders-pixels", "bool", "true",
           "What orders a graph's input for a strided convolution of one pixel takes the pixels that it reads alone">,
  ];
}
#endif
